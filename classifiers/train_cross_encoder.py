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
    CrossEncoderScorer,
    calibrated,
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
    CHECKPOINTS,
    check_out,
    write_adapter,
)
from classifiers.pair_training import (
    PairSettings,
    begun_config,
    fit_pairs,
    fitted_calibration,
    fitted_scorer,
)
from classifiers.scope import Probabilities
from classifiers.thresholds import STATED_RATES, by_rate, choose_threshold
from classifiers.training_pairs import Pair, Report, make_training_pairs, silent
from classifiers.training_queries import WRITTEN_FACTS
from memory_store.encoder import Encoder

DEFAULT_FALSE_FIRE = 0.01
SHOWN_AT = 0.005
"""The false-fire rate on neighbours at which a look at dev says how much fires rightly."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSettings(PairSettings):
    """How to train; see :class:`classifiers.pair_training.PairSettings`.

    Attributes:
        dev_queries: Dev queries of a look at dev.
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
    report = report or silent
    check_out(out)
    pairs = make_training_pairs(folder, encoder, seed, report, settings.written_facts)
    dev = read_dev_set(folder, encoder, seed, report)
    log.info("%d pairs: %s", len(pairs.pairs), json.dumps(pairs.counts()))
    fitted, best_step = _fit(pairs.pairs, dev, out, seed, settings, device, show_bar)
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
    config = begun_config(sha256, settings, DEFAULT_FALSE_FIRE, device)
    config["recall_floor"] = recall_floor(dev)
    raw = judge(dev, fitted_scorer(out, config, settings, device).logits)
    half = np.arange(len(dev.queries)) % 2 == 0
    chosen = half[raw.query_of]
    config["calibration"] = fitted_calibration(raw.scores[chosen], raw.labels[chosen])
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
    pairs: Sequence[Pair],
    dev: DevSet,
    out: Path,
    seed: int,
    settings: TrainingSettings,
    device: str | None,
    show_bar: bool,
) -> tuple[Any, int | None]:
    """Fit an adapter; return the best model, and the step that it was reached at."""
    looked_at = dev.sample(settings.dev_queries, seed)
    labels, query_of = looked_at.labels(), looked_at.query_of()
    in_scope = np.array([bool(right) for right in looked_at.right])
    kinds = np.array([kind_of(query) for query in looked_at.queries])

    def measured(scores: Probabilities) -> dict[str, float]:
        return _progress(Judged(scores, labels, query_of, kinds), in_scope)

    return fit_pairs(
        pairs,
        looked_at.pairs(),
        labels.tolist(),
        measured,
        out,
        seed=seed,
        settings=settings,
        device=device,
        show_bar=show_bar,
        log=log,
    )


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
