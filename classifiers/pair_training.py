"""Fitting of a LoRA adapter on (text, edit) pairs, on the embedded body, stopped early on dev.

Checkpoints, resuming and the progress bar are those of ``transformers.Trainer``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.artifact_files import read_config, read_hashed
from classifiers.cross_encoder import (
    KIND,
    CrossEncoderScorer,
    calibrated,
    chosen_precision,
    encode_pairs,
    load_body,
    merge,
    runtime_of,
)
from classifiers.lora_training import (
    ADAPTER_FILE,
    CHECKPOINTS,
    begun,
    grouped_by_length,
    logs_to,
    training_arguments,
)
from classifiers.scope import Probabilities
from classifiers.training_pairs import Pair
from memory_store.devices import choose_device, has_bfloat16_instructions
from memory_store.encoder import EMBEDDED_FINGERPRINT
from memory_store.errors import ErrataError


@dataclass(frozen=True, slots=True)
class PairSettings:
    """How to train.

    Attributes:
        steps: Optimizer steps at most.
        batch_size: Pairs in a step.
        learning_rate: Its peak; it rises over the first steps and falls to 0.
        warmup_steps: Over how many steps it rises.
        rank: Rank of LoRA's factors.
        alpha: LoRA's scale, alpha / rank.
        dropout: LoRA's dropout.
        evaluate_every: Steps between two looks at dev, each with a checkpoint.
        patience: Looks without progress after which training stops.
    """

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int
    rank: int
    alpha: int
    dropout: float
    evaluate_every: int
    patience: int


def fit_pairs(
    pairs: Sequence[Pair],
    judged: Sequence[tuple[str, str]],
    labels: Sequence[bool],
    measured: Callable[[Probabilities], dict[str, float]],
    out: Path,
    *,
    seed: int,
    settings: PairSettings,
    device: str | None,
    show_bar: bool,
    log: logging.Logger,
    start: bytes | None = None,
) -> tuple[Any, int | None]:
    """Fit an adapter; return the best model, and the step that it was reached at.

    Args:
        pairs: What to train on.
        judged: The pairs of a look at dev.
        labels: Whether each is in scope.
        measured: From their (n,) probabilities to the figures that are logged.
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
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load
    from transformers import (
        DataCollatorWithPadding,
        EarlyStoppingCallback,
        PrinterCallback,
        Trainer,
        set_seed,
    )

    set_seed(seed)
    on_gpu = choose_device(device).startswith("cuda")
    lora = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=r".*\.layer\.\d+\..*(query|key|value|dense)",
        modules_to_save=["classifier", "pooler"],
    )
    model, tokenizer = load_body()
    adapted = get_peft_model(model, lora)
    if start is not None:
        set_peft_model_state_dict(adapted, load(start))
    checkpoints = out / CHECKPOINTS
    arguments = training_arguments(
        checkpoints,
        settings,
        seed,
        on_gpu=on_gpu,
        show_bar=show_bar,
        weight_decay=0.01,
        bf16=on_gpu or has_bfloat16_instructions(),
        logging_steps=50,
    )

    by_length = sorted(range(len(judged)), key=lambda n: sum(map(len, judged[n])))

    def figures(predicted: Any) -> dict[str, float]:
        scores = np.empty(len(judged))
        scores[by_length] = np.asarray(predicted.predictions, dtype=np.float64).reshape(-1)
        return measured(calibrated(scores, slope=1.0, offset=0.0))

    grouped = grouped_by_length(
        pairs, lambda pair: len(pair.query) + len(pair.edit), settings.batch_size, seed
    )
    trainer = Trainer(
        model=adapted,
        args=arguments,
        train_dataset=_Tokenized(
            tokenizer, [(pair.query, pair.edit) for pair in grouped], [p.label for p in grouped]
        ),
        eval_dataset=_Tokenized(
            tokenizer, [judged[n] for n in by_length], [labels[n] for n in by_length]
        ),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=figures,
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=settings.patience),
            logs_to(log),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # results alone go to stdout
    wanted = {**asdict(settings), "seed": seed}
    trainer.train(resume_from_checkpoint=begun(checkpoints, wanted, pairs, start))
    return trainer.model, trainer.state.best_global_step


def read_beginning(
    folder: Path | None, seed: int, settings: PairSettings
) -> tuple[bytes | None, str | None]:
    """Return the adapter's file that a training goes on from, and its hash.

    Args:
        folder: Where an artifact lies; ``None`` to begin with none.
        seed: Seed of the training that goes on: with another one dev has what this was trained on.
        settings: How that trains.

    Raises:
        ErrataError: There is none, or it was trained with another seed, or has another form.
    """
    if folder is None:
        return None, None
    facts = read_config(folder)
    form = {"rank": settings.rank, "alpha": settings.alpha}
    wanted = {"kind": KIND, "body": EMBEDDED_FINGERPRINT, "lora": form, "seed": seed}
    if any(facts.get(name) != value for name, value in wanted.items()):
        raise ErrataError(
            f"the classifier in {folder} was trained with another seed, or has another form; begin "
            "with a cross-encoder that this command made"
        )
    sha256 = str(facts["model_sha256"])
    return read_hashed(folder / ADAPTER_FILE, sha256), sha256


def begun_config(
    sha256: str, settings: PairSettings, false_fire: float, device: str | None
) -> dict[str, Any]:
    """Return an artifact's config before anything is measured: without thresholds.

    Args:
        sha256: Hash of the adapter's file.
        settings: How it was trained.
        false_fire: The stated rate that is used unless another is asked for.
        device: Where it is measured; by default the best there is.
    """
    return {
        "kind": KIND,
        "body": EMBEDDED_FINGERPRINT,
        "precision": chosen_precision("auto", choose_device(device)),
        "model_sha256": sha256,
        "lora": {"rank": settings.rank, "alpha": settings.alpha},
        "calibration": {"slope": 1.0, "offset": 0.0},
        "default_false_fire": false_fire,
        "thresholds": [],
    }


def fitted_scorer(
    out: Path, config: dict[str, Any], settings: PairSettings, device: str | None
) -> CrossEncoderScorer:
    """Return what scores with the adapter in ``out``, whose config isn't written yet."""
    model, tokenizer = load_body()
    merge(model, (out / ADAPTER_FILE).read_bytes(), settings.alpha / settings.rank)
    runtime = runtime_of(model, device, config["precision"])
    return CrossEncoderScorer(lambda: (runtime, tokenizer), config)


def fitted_calibration(logits: Probabilities, labels: Any) -> dict[str, float]:
    """Return slope and offset of Platt's sigmoid for (n,) logits and whether each is in scope."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6).fit(np.asarray(logits)[:, None], labels)
    return {"slope": float(fitted.coef_[0, 0]), "offset": float(fitted.intercept_[0])}


class _Tokenized:
    """Pairs as a data set: tokens are made when an item is asked for."""

    def __init__(
        self, tokenizer: Any, pairs: Sequence[tuple[str, str]], labels: Sequence[bool]
    ) -> None:
        self.tokenizer, self.pairs, self.labels = tokenizer, pairs, labels

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place: int) -> dict[str, Any]:
        tokens = encode_pairs(self.tokenizer, [self.pairs[place]])
        item = {name: values[0] for name, values in tokens.items()}
        return {**item, "labels": [float(self.labels[place])]}
