"""Training of a LoRA adapter on the embedded chat model, of the checkpoints the best on dev kept.

Examples are a prompt and what shall continue it; loss is taken of the latter alone. Checkpoints,
resuming and the progress bar are those of ``transformers.Trainer``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.artifact_files import read_hashed
from classifiers.lora_training import (
    ADAPTER_FILE,
    CHECKPOINTS,
    begun,
    grouped_by_length,
    logs_to,
    training_arguments,
)
from classifiers.thresholds import exact_interval
from memory_store.devices import choose_device, has_bfloat16_instructions
from memory_store.errors import ErrataError
from serac.adapter_files import read_adapter_config
from serac.adapters import lora_config
from serac.embedded import FINGERPRINT, converted_folder

MAX_TOKENS = 320
"""Longest example, in tokens; of a longer one the beginning is cut off."""

UNTRAINED = -100
"""Label of a token that no loss is taken of."""


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """How to train.

    Attributes:
        steps: Optimizer steps at most.
        batch_size: Examples in a step.
        learning_rate: Its peak; it rises over the first steps and falls to 0.
        warmup_steps: Over how many steps it rises.
        rank: Rank of LoRA's factors.
        alpha: LoRA's scale is alpha / rank.
        first_layer: The block that the adapter begins at: those before have little to learn, and
            need no gradients.
        evaluate_every: Steps between two looks at dev, each with a checkpoint.
        patience: Looks without progress after which training stops.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    rank: int
    alpha: int
    first_layer: int
    evaluate_every: int
    patience: int

    def lora(self) -> dict[str, int]:
        """Return what is needed to put the adapter on its body again."""
        return {"rank": self.rank, "alpha": self.alpha, "first_layer": self.first_layer}


Continuation = tuple[str, str]
"""A prompt, and the text that shall continue it."""


def fit_adapter(
    fit: Sequence[Continuation],
    dev: Sequence[Continuation],
    out: Path,
    *,
    seed: int,
    settings: AdapterSettings,
    device: str | None,
    show_bar: bool,
    log: logging.Logger,
    start: bytes | None = None,
) -> tuple[Any, int | None]:
    """Fit an adapter; return the best model, and the step that it was reached at.

    Args:
        fit: What to train on, in order.
        dev: What to stop by.
        out: Folder whose ``checkpoints`` are written, and gone on from.
        seed: Decides every random choice.
        settings: How to train.
        device: Where to train; by default the best there is.
        show_bar: Whether to show the trainer's progress bar.
        log: Is told what the trainer would print.
        start: The file of an adapter of the same form to begin with.

    Raises:
        ErrataError: There are checkpoints of another training.
    """
    import torch
    from peft import get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        EarlyStoppingCallback,
        PrinterCallback,
        Trainer,
        set_seed,
    )

    set_seed(seed)
    on_gpu = choose_device(device).startswith("cuda")
    quick = on_gpu or has_bfloat16_instructions()
    body = converted_folder()
    tokenizer = AutoTokenizer.from_pretrained(body)
    model = AutoModelForCausalLM.from_pretrained(
        body,
        dtype=torch.bfloat16 if quick else torch.float32,
        attn_implementation="sdpa" if on_gpu else "eager",  # the faster one backwards
    )
    lora = lora_config(model, settings.rank, settings.alpha, settings.first_layer)
    checkpoints = out / CHECKPOINTS
    arguments = training_arguments(
        checkpoints,
        settings,
        seed,
        on_gpu=on_gpu,
        show_bar=show_bar,
        prediction_loss_only=True,
        logging_steps=25,
    )

    class AnswerTrainer(Trainer):
        """Takes the loss of the answers' tokens, and makes logits for them alone."""

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any
        ) -> Any:
            causal = model.get_base_model()
            labels = inputs["labels"][:, 1:]
            answered = labels != UNTRAINED
            with torch.autocast(labels.device.type, torch.bfloat16, enabled=quick):
                hidden = causal.model(
                    input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]
                ).last_hidden_state[:, :-1]
                logits = causal.lm_head(hidden[answered]).float()
            loss = torch.nn.functional.cross_entropy(logits, labels[answered])
            return (loss, {"loss": loss}) if return_outputs else loss

    train_rows, dev_rows = tokenized(tokenizer, fit), tokenized(tokenizer, dev)
    adapted = get_peft_model(model, lora)
    if start is not None:
        set_peft_model_state_dict(adapted, load(start))
    trainer = AnswerTrainer(
        model=adapted,
        args=arguments,
        train_dataset=grouped_by_length(train_rows, len, settings.batch_size, seed),
        eval_dataset=sorted(dev_rows, key=len),
        data_collator=lambda items: padded(items, tokenizer.pad_token_id),
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=settings.patience),
            logs_to(log),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # results alone go to stdout
    wanted = {**asdict(settings), "seed": seed}
    trainer.train(resume_from_checkpoint=begun(checkpoints, wanted, fit, start))
    return trainer.model, trainer.state.best_global_step


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a training goes on from.

    Attributes:
        adapter: The file of an adapter; nothing where training begins with none.
        sha256: Its hash.
        draw: How often examples had been drawn before: they are drawn anew.
    """

    adapter: bytes | None = None
    sha256: str | None = None
    draw: int = 0


def read_beginning(
    folder: Path | None, kind: str, seed: int, settings: AdapterSettings
) -> Beginning:
    """Return what a training goes on from.

    Args:
        folder: Where an artifact lies; ``None`` to begin with none.
        kind: What sort of adapter it has to be.
        seed: Seed of the training that goes on.
        settings: How that trains.

    Raises:
        ErrataError: The artifact was trained with another seed, or its adapter has another form.
    """
    if folder is None:
        return Beginning()
    facts = read_adapter_config(folder, kind)
    if facts["lora"] != settings.lora() or facts.get("seed") != seed:
        raise ErrataError(
            f"the {kind} in {folder} was trained with another seed, or has another form; "
            "begin with one that this command made"
        )
    sha256 = str(facts["model_sha256"])
    return Beginning(read_hashed(folder / ADAPTER_FILE, sha256), sha256, facts.get("draw", 0) + 1)


def artifact_facts(
    kind: str,
    sha256: str,
    seed: int,
    settings: AdapterSettings,
    best_step: int | None,
    beginning: Beginning = Beginning(),
) -> dict[str, Any]:
    """Return what every adapter's artifact says of itself.

    Args:
        kind: What sort of adapter it is.
        sha256: Hash of its file.
        seed: What every random choice was decided by.
        settings: How it was trained.
        best_step: The step that it was reached at.
        beginning: What training went on from.
    """
    return {
        "kind": kind,
        "body": FINGERPRINT,
        "lora": settings.lora(),
        "model_sha256": sha256,
        "seed": seed,
        "best_step": best_step,
        "settings": asdict(settings),
        "begun_with": beginning.sha256,
        "draw": beginning.draw,
    }


def share_right(hits: Sequence[bool]) -> dict[str, Any]:
    """Return the share of what is right, at least one, with its exact 95% interval and n."""
    low, high = exact_interval(sum(hits), len(hits))
    return {"right": sum(hits) / len(hits), "low": low, "high": high, "n": len(hits)}


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An example as tokens.

    Attributes:
        tokens: Those of prompt, continuation and end, (t,) int32.
        untrained: How many of them are the prompt's: no loss is taken of those.
    """

    tokens: np.ndarray
    untrained: int

    def __len__(self) -> int:
        return len(self.tokens)


def tokenized(tokenizer: Any, examples: Sequence[Continuation]) -> list[TokenRow]:
    """Return the tokens of examples; of a long one the last :data:`MAX_TOKENS`."""
    if not examples:
        return []
    prompts, continuations = map(list, zip(*examples, strict=True))
    read = tokenizer(prompts)["input_ids"]
    written = tokenizer(continuations, add_special_tokens=False)["input_ids"]
    rows = []
    for prompt, continuation in zip(read, written, strict=True):
        trained = [*continuation, tokenizer.eos_token_id]
        tokens = np.array([*prompt, *trained][-MAX_TOKENS:], np.int32)
        rows.append(TokenRow(tokens, max(0, len(tokens) - len(trained))))
    return rows


def padded(rows: Sequence[TokenRow], padding: int) -> dict[str, Any]:
    """Return a batch: (n, t) tensors, filled up on the right."""
    import torch

    shape = (len(rows), max(map(len, rows)))
    tokens = torch.full(shape, padding)
    mask = torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, UNTRAINED)
    for place, row in enumerate(rows):
        ids = torch.from_numpy(row.tokens)
        tokens[place, : len(row)] = ids
        mask[place, : len(row)] = 1
        labels[place, row.untrained : len(row)] = ids[row.untrained :]
    return {"input_ids": tokens, "attention_mask": mask, "labels": labels}
