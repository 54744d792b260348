"""Training of the scope cross-encoder: LoRA on the embedded body, stopped early on dev.

Checkpoints, resuming and the progress bar are those of ``transformers.Trainer``.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.artifact_files import as_records, write_config
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
from classifiers.dev_figures import (
    HARD_KIND,
    DevSet,
    Judged,
    expected_calibration_error,
    figures,
    judge,
    kind_of,
    read_dev_set,
    recall_floor,
    reliability,
)
from classifiers.dev_thresholds import thresholds_by_size
from classifiers.lora_training import (
    ADAPTER_FILE,
    CHECKPOINTS,
    begun,
    check_out,
    grouped_by_length,
    logs_to,
    write_adapter,
)
from classifiers.thresholds import STATED_RATES, by_rate, choose_threshold
from classifiers.training_pairs import Pair, Report, make_training_pairs
from classifiers.training_queries import WRITTEN_FACTS
from memory_store.devices import choose_device, has_bfloat16_instructions
from memory_store.encoder import EMBEDDED_FINGERPRINT, Encoder

DEFAULT_FALSE_FIRE = 0.01
SHOWN_AT = 0.005
"""The false-fire rate on neighbours at which a look at dev says how much fires rightly."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSettings:
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
        dev_queries: Dev queries of such a look.
        written_facts: Facts made up from our own wordings.
    """

    steps: int = 5000
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup_steps: int = 150
    rank: int = 64
    alpha: int = 64
    dropout: float = 0.0
    evaluate_every: int = 1000
    patience: int = 3
    dev_queries: int = 1600
    written_facts: int = WRITTEN_FACTS


def train_cross_encoder(
    folder: Path,
    encoder: Encoder,
    out: Path,
    *,
    seed: int = 0,
    settings: TrainingSettings = TrainingSettings(),
    device: str | None = None,
    report: Report | None = None,
    show_bar: bool = False,
) -> CrossEncoderScorer:
    """Train a cross-encoder, and write its artifact.

    Checkpoints go to ``out/checkpoints`` until it is done; where there are some, training goes
    on from the last.

    Args:
        folder: The data folder.
        encoder: Finds near edits, as in use.
        out: Where the artifact goes.
        seed: Decides the parts and every random choice.
        settings: How to train.
        device: Where to train: ``cuda`` or ``cpu``; by default the best there is.
        report: Told the name of a stage, how much is done, and how much there is.
        show_bar: Whether to show the trainer's progress bar.

    Raises:
        ErrataError: A file of the data is missing.
    """
    report = report or (lambda stage, done, total: None)
    check_out(out)
    pairs = make_training_pairs(folder, encoder, seed, report, settings.written_facts)
    dev = read_dev_set(folder, encoder, seed, report)
    log.info("%d pairs: %s", len(pairs.pairs), json.dumps(pairs.counts()))
    model, tokenizer = load_body()
    fitted, best_step = _fit(
        model, tokenizer, pairs.pairs, dev, out, seed, settings, device, show_bar
    )
    facts = {
        "seed": seed,
        "settings": asdict(settings),
        "best_step": best_step,
        "pairs": pairs.counts(),
        "left_out": pairs.left_out,
        "edits_in_memory": len(dev.edits),
    }
    scorer = finish(out, write_adapter(fitted, out), dev, settings, facts, device)
    shutil.rmtree(out / CHECKPOINTS)
    return scorer


def finish(
    out: Path,
    sha256: str,
    dev: DevSet,
    settings: TrainingSettings,
    facts: dict[str, Any],
    device: str | None = None,
) -> CrossEncoderScorer:
    """Calibrate an adapter on one half of dev, measure it, and write its config."""
    config: dict[str, Any] = {
        "kind": KIND,
        "body": EMBEDDED_FINGERPRINT,
        "precision": chosen_precision("auto", choose_device(device)),
        "model_sha256": sha256,
        "lora": {"rank": settings.rank, "alpha": settings.alpha},
        "calibration": {"slope": 1.0, "offset": 0.0},
        "recall_floor": recall_floor(dev),
        "default_false_fire": DEFAULT_FALSE_FIRE,
        "thresholds": [],
    }
    model, tokenizer = load_body()
    merge(model, (out / ADAPTER_FILE).read_bytes(), settings.alpha / settings.rank)
    runtime = runtime_of(model, device, config["precision"])
    raw = judge(dev, CrossEncoderScorer(lambda: (runtime, tokenizer), config).logits)
    half = np.arange(len(dev.queries)) % 2 == 0
    config["calibration"] = _calibration(raw, half)
    probabilities = calibrated(raw.scores, **config["calibration"])
    judged = Judged(probabilities, raw.labels, raw.query_of, raw.kinds)
    choices = thresholds_by_size(dev, probabilities, STATED_RATES)
    other = ~half[judged.query_of]
    config |= {
        "thresholds": as_records(choices),
        **facts,
        "expected_calibration_error": expected_calibration_error(
            probabilities[other], judged.labels[other]
        ),
        "expected_calibration_error_of_likeliest": expected_calibration_error(
            *judged.likeliest(~half)
        ),
        "reliability": reliability(probabilities[other], judged.labels[other]),
        "dev": figures(judged, by_rate(choices), dev.in_memory),
    }
    write_config(out, config)
    return CrossEncoderScorer.load(out)


def _fit(
    model: Any,
    tokenizer: Any,
    pairs: Sequence[Pair],
    dev: DevSet,
    out: Path,
    seed: int,
    settings: TrainingSettings,
    device: str | None,
    show_bar: bool,
) -> tuple[Any, int | None]:
    """Fit an adapter; return the best model, and the step that it was reached at."""
    from peft import LoraConfig, get_peft_model
    from transformers import (
        DataCollatorWithPadding,
        EarlyStoppingCallback,
        PrinterCallback,
        Trainer,
        TrainingArguments,
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
    adapted = get_peft_model(model, lora)
    looked_at = dev.sample(settings.dev_queries, seed)
    checkpoints = out / CHECKPOINTS
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup_steps,
        lr_scheduler_type="linear",
        weight_decay=0.01,
        bf16=on_gpu or has_bfloat16_instructions(),
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
        logging_steps=50,
        seed=seed,
        report_to=[],
        disable_tqdm=not show_bar,
        remove_unused_columns=False,
        label_names=["labels"],
    )

    judged, labels = looked_at.pairs(), looked_at.labels()
    by_length = sorted(range(len(judged)), key=lambda n: sum(map(len, judged[n])))
    kinds = np.array([kind_of(query) for query in looked_at.queries])

    def measured(predicted: Any) -> dict[str, float]:
        scores = np.empty(len(judged))
        scores[by_length] = np.asarray(predicted.predictions, dtype=np.float64).reshape(-1)
        scores = calibrated(scores, slope=1.0, offset=0.0)
        judged_now = Judged(scores, labels, looked_at.query_of(), kinds)
        return _progress(judged_now, np.array([bool(right) for right in looked_at.right]))

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
        compute_metrics=measured,
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=settings.patience),
            logs_to(log),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # results alone go to stdout
    wanted = {**asdict(settings), "seed": seed}
    trainer.train(resume_from_checkpoint=begun(checkpoints, wanted, pairs))
    return trainer.model, trainer.state.best_global_step


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


def _progress(judged: Judged, in_scope: Any) -> dict[str, float]:
    """Return what a look at dev shows: right fires at a fixed false-fire rate on neighbours.

    Args:
        judged: The probabilities.
        in_scope: (q,) whether each query is in the scope of an edit.
    """
    hard = np.maximum(judged.highest()[judged.kinds == HARD_KIND], 0.0)
    threshold = choose_threshold(hard, SHOWN_AT).threshold if len(hard) else 0.0
    right, fired = judged.highest_right() >= threshold, judged.highest() >= threshold
    found = {
        f"fires_{kind.replace(' ', '_')}": float(fired[judged.kinds == kind].mean())
        for kind in np.unique(judged.kinds)
    }
    return {
        "right": float(right[in_scope].mean()),
        "wrong": float(fired[~in_scope].mean()),
        **found,
    }


def _calibration(raw: Judged, half: Any) -> dict[str, float]:
    """Fit Platt's sigmoid on the pairs of half the queries."""
    from sklearn.linear_model import LogisticRegression

    chosen = half[raw.query_of]
    fitted = LogisticRegression(C=1e6).fit(raw.scores[chosen, None], raw.labels[chosen])
    return {"slope": float(fitted.coef_[0, 0]), "offset": float(fitted.intercept_[0])}
