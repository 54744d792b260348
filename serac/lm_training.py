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

from classifiers.lora_training import (
    CHECKPOINTS,
    begun,
    grouped_by_length,
    logs_to,
    training_arguments,
)
from memory_store.devices import choose_device, has_bfloat16_instructions
from serac.adapters import lora_config
from serac.embedded import converted_folder

MAX_TOKENS = 256
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
        examples: Examples made; those of the steps are taken in order.
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
    examples: int

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
        attn_implementation="eager",  # backwards it is the faster one on a CPU
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

    lengths = {one: len(tokenized(tokenizer, *one)["input_ids"]) for one in {*fit, *dev}}
    grouped = grouped_by_length(fit, lengths.__getitem__, settings.batch_size, seed)
    adapted = get_peft_model(model, lora)
    if start is not None:
        set_peft_model_state_dict(adapted, load(start))
    trainer = AnswerTrainer(
        model=adapted,
        args=arguments,
        train_dataset=_Tokenized(tokenizer, grouped),
        eval_dataset=_Tokenized(tokenizer, sorted(dev, key=lengths.__getitem__)),
        data_collator=lambda items: padded(items, tokenizer.pad_token_id),
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=settings.patience),
            logs_to(log),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # results alone go to stdout
    wanted = {**asdict(settings), "seed": seed}
    trainer.train(resume_from_checkpoint=begun(checkpoints, wanted, fit))
    return trainer.model, trainer.state.best_global_step


def tokenized(tokenizer: Any, prompt: str, continuation: str) -> dict[str, list[int]]:
    """Return the tokens of prompt, continuation and end; the prompt's are labelled untrained."""
    read = tokenizer(prompt)["input_ids"]
    written = tokenizer(continuation, add_special_tokens=False)["input_ids"]
    written = [*written, tokenizer.eos_token_id]
    tokens, labels = [*read, *written], [*[UNTRAINED] * len(read), *written]
    tokens, labels = tokens[-MAX_TOKENS:], labels[-MAX_TOKENS:]
    return {"input_ids": tokens, "attention_mask": [1] * len(tokens), "labels": labels}


def padded(items: Sequence[dict[str, list[int]]], padding: int) -> dict[str, Any]:
    """Return a batch: (n, t) tensors, filled up on the right."""
    import torch

    longest = max(len(item["input_ids"]) for item in items)
    filling = {"input_ids": padding, "attention_mask": 0, "labels": UNTRAINED}
    return {
        name: torch.tensor([i[name] + [fill] * (longest - len(i[name])) for i in items])
        for name, fill in filling.items()
    }


class _Tokenized:
    """Examples as a data set: tokens are made when an item is asked for."""

    def __init__(self, tokenizer: Any, examples: Sequence[Continuation]) -> None:
        self.tokenizer, self.examples = tokenizer, examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> dict[str, list[int]]:
        return tokenized(self.tokenizer, *self.examples[place])
