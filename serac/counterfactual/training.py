"""Training of the counterfactual model: LoRA on the embedded chat model, chosen on dev.

Of the checkpoints the one with the lowest dev loss is kept; a longer training than the default
stops early where it no longer falls.

Checkpoints, resuming and the progress bar are those of ``transformers.Trainer``.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from classifiers.artifact_files import write_config
from classifiers.lora_training import (
    CHECKPOINTS,
    begun,
    check_out,
    grouped_by_length,
    logs_to,
    write_adapter,
)
from classifiers.thresholds import exact_interval
from memory_store import Edit
from memory_store.devices import choose_device, has_bfloat16_instructions
from serac.adapters import lora_config
from serac.conversation import Turn
from serac.counterfactual.examples import DEV_EXAMPLES, EXAMPLES, Example, make_examples
from serac.counterfactual.model import ADAPTER, CounterfactualModel
from serac.counterfactual.prompt import counterfactual_prompt
from serac.embedded import FINGERPRINT, converted_folder, load_embedded_base

MAX_TOKENS = 256
"""Longest example, in tokens; of a longer one the beginning is cut off."""

UNTRAINED = -100
"""Label of a token that no loss is taken of."""

Report = Callable[[str, int, int], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSettings:
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

    steps: int = 700
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 60
    rank: int = 8
    alpha: int = 16
    first_layer: int = 10
    evaluate_every: int = 350
    patience: int = 2
    examples: int = EXAMPLES


def train_counterfactual(
    folder: Path,
    out: Path,
    *,
    seed: int = 0,
    settings: TrainingSettings = TrainingSettings(),
    dev_examples: int = DEV_EXAMPLES,
    device: str | None = None,
    report: Report | None = None,
    show_bar: bool = False,
) -> CounterfactualModel:
    """Train a counterfactual model, measure it on dev, and write its artifact.

    Checkpoints go to ``out/checkpoints`` until it is done; where there are some, training goes
    on from the last.

    Args:
        folder: The data folder.
        out: Where the artifact goes.
        seed: Decides the parts and every random choice.
        settings: How to train.
        dev_examples: Examples that training is stopped by and measured on.
        device: Where to train: ``cuda`` or ``cpu``; by default the best there is.
        report: Told the name of a stage, how much is done, and how much there is.
        show_bar: Whether to show the trainer's progress bar.

    Raises:
        ErrataError: A file of the data is missing.
    """
    check_out(out)
    examples = make_examples(folder, seed, settings.examples, dev_examples)
    log.info("%d examples: %s", len(examples.fit), json.dumps(examples.counts()))
    model, best_step = _fit(examples.fit, examples.dev, out, seed, settings, device, show_bar)
    config: dict[str, Any] = {
        "kind": ADAPTER,
        "body": FINGERPRINT,
        "lora": {
            "rank": settings.rank,
            "alpha": settings.alpha,
            "first_layer": settings.first_layer,
        },
        "model_sha256": write_adapter(model, out),
        "seed": seed,
        "settings": asdict(settings),
        "best_step": best_step,
        "examples": examples.counts(),
    }
    del model
    write_config(out, config)
    trained = CounterfactualModel.load(load_embedded_base(device), out)
    config["dev"] = figures(trained, examples.dev, report)
    write_config(out, config)
    shutil.rmtree(out / CHECKPOINTS)
    return CounterfactualModel(trained.model, config)


def figures(
    model: CounterfactualModel, examples: Sequence[Example], report: Report | None = None
) -> list[dict[str, Any]]:
    """Return, for each kind of example, the share whose answer is right.

    A fact's answer is right if it has the object as a whole word or words; that to an edit which
    is no triple if it is the expected one, case and punctuation aside.
    """
    right: dict[str, list[bool]] = defaultdict(list)
    for n, example in enumerate(examples):
        edits = [Edit(str(place), text) for place, text in enumerate(example.edits)]
        answer = model.answer([Turn("user", example.query)], edits)
        right[example.kind].append(_has(answer, example.expected))
        if report is not None:
            report("answering dev", n + 1, len(examples))
    rows = []
    for kind, found in sorted([*right.items(), ("all", list(chain(*right.values())))]):
        low, high = exact_interval(sum(found), len(found))
        share = sum(found) / len(found)
        rows.append({"kind": kind, "right": share, "low": low, "high": high, "n": len(found)})
    return rows


def _has(answer: str, expected: str) -> bool:
    """Say whether an answer has the words expected, case and punctuation aside."""
    plain = ["".join(c if c.isalnum() else " " for c in t.casefold()) for t in (answer, expected)]
    said, wanted = (" ".join(text.split()) for text in plain)
    return f" {wanted} " in f" {said} "


def _fit(
    fit: Sequence[Example],
    dev: Sequence[Example],
    out: Path,
    seed: int,
    settings: TrainingSettings,
    device: str | None,
    show_bar: bool,
) -> tuple[Any, int | None]:
    """Fit an adapter; return the best model, and the step that it was reached at."""
    import torch
    from peft import get_peft_model
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        EarlyStoppingCallback,
        PrinterCallback,
        Trainer,
        TrainingArguments,
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
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup_steps,
        lr_scheduler_type="linear",
        use_cpu=not on_gpu,
        train_sampling_strategy="sequential",
        eval_strategy="steps",
        eval_steps=settings.evaluate_every,
        save_steps=settings.evaluate_every,
        save_total_limit=2,
        restore_callback_states_from_checkpoint=True,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        greater_is_better=False,
        prediction_loss_only=True,
        logging_steps=25,
        seed=seed,
        report_to=[],
        disable_tqdm=not show_bar,
        remove_unused_columns=False,
        label_names=["labels"],
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

    lengths = {id(e): len(tokenized(tokenizer, e)["input_ids"]) for e in (*fit, *dev)}
    grouped = grouped_by_length(fit, lambda e: lengths[id(e)], settings.batch_size, seed)
    trainer = AnswerTrainer(
        model=get_peft_model(model, lora),
        args=arguments,
        train_dataset=_Tokenized(tokenizer, grouped),
        eval_dataset=_Tokenized(tokenizer, sorted(dev, key=lambda e: lengths[id(e)])),
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

    def __init__(self, tokenizer: Any, examples: Sequence[Example]) -> None:
        self.tokenizer, self.examples = tokenizer, examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> dict[str, list[int]]:
        return tokenized(self.tokenizer, self.examples[place])


def tokenized(tokenizer: Any, example: Example) -> dict[str, list[int]]:
    """Return the tokens of prompt, answer and end; the prompt's are labelled as untrained."""
    prompt = tokenizer(counterfactual_prompt(example.query, example.edits))["input_ids"]
    answer = tokenizer(f" {example.answer}", add_special_tokens=False)["input_ids"]
    answer = [*answer, tokenizer.eos_token_id]
    tokens, labels = [*prompt, *answer], [*[UNTRAINED] * len(prompt), *answer]
    tokens, labels = tokens[-MAX_TOKENS:], labels[-MAX_TOKENS:]
    return {"input_ids": tokens, "attention_mask": [1] * len(tokens), "labels": labels}
