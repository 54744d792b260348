"""Training of the scope cross-encoder: LoRA on the embedded body, stopped early on dev.

It learns from pairs of data sets, of written facts, and of the turns of written conversations.
Checkpoints, resuming and the progress bar are those of ``transformers.Trainer``.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifiers.artifact_files import as_records, write_config
from classifiers.cross_encoder import CrossEncoderScorer, calibrated
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
    mix_adapter,
    write_adapter,
)
from classifiers.pair_training import (
    PairSettings,
    begun_config,
    fit_pairs,
    fitted_calibration,
    fitted_scorer,
    read_beginning,
)
from classifiers.scope import Probabilities
from classifiers.thresholds import STATED_RATES, best_balanced, by_rate, choose_threshold
from classifiers.training_pairs import Pair, Report, make_training_pairs, silent
from classifiers.training_queries import WRITTEN_FACTS
from classifiers.turn_figures import TURN_FALSE_FIRE, fact_figures, turn_thresholds
from classifiers.turn_pairs import JudgedTurn, judged_turns, training_pairs
from classifiers.written_facts import written_fact_pairs
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
        draws: How often names are drawn for each written conversation; with 0 none is used.
        fact_draws: How often they are, and a wording of the edit is, for each written fact; with 0
            none is used.
        ordinary: How many of the data sets' pairs are taken; all when ``None``.
        mixing: Share of the way from what it began with that its weights keep; see
            :func:`classifiers.lora_training.mix_adapter`.
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
    draws: int = 2
    fact_draws: int = 4
    ordinary: int | None = None
    mixing: float = 1.0


GOING_ON = TrainingSettings(
    steps=1500,
    learning_rate=4e-4,
    warmup_steps=100,
    evaluate_every=500,
    ordinary=30_000,
    mixing=0.85,
)
"""How to go on from a classifier of data sets' pairs, with written facts and conversations."""


def train_cross_encoder(
    folder: Path,
    encoder: Encoder,
    out: Path,
    *,
    seed: int = 0,
    settings: TrainingSettings = TrainingSettings(),
    begin_with: Path | None = None,
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
        begin_with: Folder of an artifact of the same form, whose adapter is gone on with.
        device: Where to train: ``cuda`` or ``cpu``; by default the best there is.
        report: Told the name of a stage, how much is done, and how much there is.
        show_bar: Whether to show the trainer's progress bar.

    Raises:
        ErrataError: A file of the data is missing, or what to begin with is.
    """
    report = report or silent
    check_out(out)
    start, begun_with = read_beginning(begin_with, seed, settings)
    made = make_training_pairs(folder, encoder, seed, report, settings.written_facts)
    pairs = with_written(made.pairs, seed, settings)
    counts = replace(made, pairs=tuple(pairs)).counts()
    dev = read_dev_set(folder, encoder, seed, report)
    log.info("%d pairs: %s", len(pairs), json.dumps(counts))
    fitted, best_step = _fit(pairs, dev, out, seed, settings, device, show_bar, start)
    facts = {
        "seed": seed,
        "settings": asdict(settings),
        "begun_with": begun_with,
        "best_step": best_step,
        "pairs": counts,
        "left_out": made.left_out,
        "edits_in_memory": len(dev.edits),
    }
    sha256 = write_adapter(fitted, out)
    if start is not None:
        sha256 = mix_adapter(out, start, settings.mixing)
    scorer = finish(out, sha256, dev, encoder, settings, facts, seed=seed, device=device)
    shutil.rmtree(out / CHECKPOINTS)
    return scorer


def with_written(pairs: Sequence[Pair], seed: int, settings: TrainingSettings) -> list[Pair]:
    """Return data sets' pairs among those of written facts and conversations, in a fixed order."""
    found = [
        *training_pairs(judged_turns("fit", seed, settings.draws), seed),
        *written_fact_pairs("fit", seed, settings.fact_draws),
        *pairs[: settings.ordinary],
    ]
    random.Random(seed).shuffle(found)  # noqa: S311
    return found


def finish(
    out: Path,
    sha256: str,
    dev: DevSet,
    encoder: Encoder,
    settings: TrainingSettings,
    facts: dict[str, Any],
    *,
    seed: int = 0,
    device: str | None = None,
) -> CrossEncoderScorer:
    """Calibrate an adapter on one half of dev, measure it, and write its config.

    At the default rate and stricter ones thresholds have floors, for what is asked near a written
    fact: to a small memory that is harder than the data sets' queries.

    Args:
        out: Folder of the adapter.
        sha256: Hash of its file.
        dev: Dev's queries.
        encoder: Finds the edits that are near a turn of dev's conversations.
        settings: How it was trained.
        facts: What else the config says.
        seed: Decides the queries of what was written.
        device: Where it is measured; by default the best there is.
    """
    config = begun_config(sha256, settings, DEFAULT_FALSE_FIRE, device)
    config["recall_floor"] = recall_floor(dev)
    fitted = fitted_scorer(out, config, settings, device)
    raw = judge(dev, fitted.logits)
    half = np.arange(len(dev.queries)) % 2 == 0
    chosen = half[raw.query_of]
    config["calibration"] = fitted_calibration(raw.scores[chosen], raw.labels[chosen])
    probabilities = calibrated(raw.scores, **config["calibration"])
    judged = Judged(probabilities, raw.labels, raw.query_of, raw.kinds)
    other = ~half[judged.query_of]

    def score(pairs: Sequence[tuple[str, str]]) -> Probabilities:
        return calibrated(fitted.logits(pairs), **config["calibration"])

    turns, written = _written_dev(seed, settings)
    of_turns = turn_thresholds(turns, score, encoder) if turns else []
    of_facts = score([(pair.query, pair.edit) for pair in written])
    floors = fact_floors(of_facts, np.array([pair.label for pair in written])) if written else {}
    choices = thresholds_by_size(dev, probabilities, STATED_RATES, floors)
    config |= {
        "thresholds": as_records(choices),
        "turn_threshold": next(
            (row["threshold"] for row in of_turns if row["false_fire"] == TURN_FALSE_FIRE), None
        ),
        **facts,
        "expected_calibration_error": expected_calibration_error(
            probabilities[other], judged.labels[other]
        ),
        "expected_calibration_error_of_likeliest": expected_calibration_error(
            *judged.likeliest(~half)
        ),
        "reliability": reliability(probabilities[other], judged.labels[other]),
        "dev": figures(judged, by_rate(choices), dev.in_memory),
        "dev_turns": of_turns,
        "dev_facts": [
            {
                "false_fire": one.false_fire,
                "threshold": one.at(1),
                **fact_figures(written, of_facts, one.at(1)),
            }
            for one in (by_rate(choices) if written else ())
        ],
    }
    write_config(out, config)
    return CrossEncoderScorer.load(out)


def fact_floors(scores: Probabilities, answered: npt.NDArray[np.bool_]) -> dict[float, float]:
    """Return for the default rate and stricter ones what thresholds are not below.

    For the default it tells best which queries a fact answers (balanced accuracy). For a stricter
    one as much less may fire of those that it doesn't.

    Args:
        scores: (n,) probabilities of queries near a written fact.
        answered: (n,) whether it answers each.
    """
    best = best_balanced(scores, answered)
    others = scores[~answered]
    fires = float((others >= best).mean())
    stricter = [rate for rate in STATED_RATES if rate < DEFAULT_FALSE_FIRE]
    if not fires:
        return dict.fromkeys([*stricter, DEFAULT_FALSE_FIRE], best)
    floors = {
        rate: choose_threshold(others, fires * rate / DEFAULT_FALSE_FIRE).threshold
        for rate in stricter
    }
    return {**floors, DEFAULT_FALSE_FIRE: best}


def _fit(
    pairs: Sequence[Pair],
    dev: DevSet,
    out: Path,
    seed: int,
    settings: TrainingSettings,
    device: str | None,
    show_bar: bool,
    start: bytes | None = None,
) -> tuple[Any, int | None]:
    """Fit an adapter; return the best model, and the step that it was reached at."""
    looked_at = dev.sample(settings.dev_queries, seed)
    labels, query_of = looked_at.labels(), looked_at.query_of()
    in_scope = np.array([bool(right) for right in looked_at.right])
    kinds = np.array([kind_of(query) for query in looked_at.queries])

    turns, of_facts = _written_dev(seed, settings)
    written = [*(pair for turn in turns for pair in turn.pairs()), *of_facts]

    def measured(scores: Probabilities) -> dict[str, float]:
        asked, others = scores[: len(labels)], scores[len(labels) :]
        judged = Judged(asked, labels, query_of, kinds)
        shown = _written_progress(others, written) if written else {}
        return {**_progress(judged, in_scope), **shown}

    return fit_pairs(
        pairs,
        [*looked_at.pairs(), *((pair.query, pair.edit) for pair in written)],
        [*labels.tolist(), *(pair.label for pair in written)],
        measured,
        out,
        seed=seed,
        settings=settings,
        device=device,
        show_bar=show_bar,
        log=log,
        start=start,
    )


def _written_dev(seed: int, settings: TrainingSettings) -> tuple[list[JudgedTurn], list[Pair]]:
    """Return the turns and the pairs of facts that dev has of what was written."""
    turns = judged_turns("dev", seed) if settings.draws else []
    return turns, written_fact_pairs("dev", seed) if settings.fact_draws else []


def _written_progress(scores: Probabilities, pairs: Sequence[Pair]) -> dict[str, float]:
    """Return the share of written pairs that reach one half, of those in scope and the others."""
    fires, labels = scores >= 0.5, np.array([pair.label for pair in pairs])
    return {
        "written_right": float(fires[labels].mean()),
        "written_wrong": float(fires[~labels].mean()),
    }


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
