"""Training of the follow-up classifier: the scope cross-encoder, gone on with on conversations."""

from __future__ import annotations

import json
import logging
import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.artifact_files import as_records, read_config, read_hashed, write_config
from classifiers.cross_encoder import KIND, CrossEncoderScorer
from classifiers.follow_up_examples import FACTS, make_follow_up_pairs
from classifiers.lora_training import ADAPTER_FILE, CHECKPOINTS, check_out, write_adapter
from classifiers.pair_training import PairSettings, begun_config, fit_pairs, fitted_scorer
from classifiers.scope import Probabilities
from classifiers.thresholds import STATED_RATES, choose_threshold, exact_interval
from classifiers.training_pairs import Pair, Report, TrainingPairs
from memory_store.errors import ErrataError

DEFAULT_FALSE_FIRE = 0.01

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FollowUpSettings(PairSettings):
    """How to train; see :class:`classifiers.pair_training.PairSettings`.

    Attributes:
        facts: Edits that conversations are made up about.
        dev_facts: The same, to stop, calibrate and choose thresholds by.
    """

    steps: int = 4000
    batch_size: int = 64
    learning_rate: float = 5e-4
    warmup_steps: int = 100
    rank: int = 64
    alpha: int = 64
    dropout: float = 0.0
    evaluate_every: int = 500
    patience: int = 3
    facts: int = FACTS
    dev_facts: int = 2_000


def train_follow_ups(
    folder: Path,
    out: Path,
    begin_with: Path,
    *,
    seed: int = 0,
    settings: FollowUpSettings = FollowUpSettings(),
    device: str | None = None,
    report: Report | None = None,
    show_bar: bool = False,
) -> CrossEncoderScorer:
    """Train a follow-up classifier, and write its artifact.

    Checkpoints go to ``out/checkpoints`` until it is done; where there are some, training goes
    on from the last.

    Args:
        folder: The data folder.
        out: Where the artifact goes.
        begin_with: Artifact of a scope cross-encoder of the same form.
        seed: Decides the parts and every random choice.
        settings: How to train.
        device: Where to train: ``cuda`` or ``cpu``; by default the best there is.
        report: Told the name of a stage, how much is done, and how much there is.
        show_bar: Whether to show the trainer's progress bar.

    Raises:
        ErrataError: A file of the data, or of ``begin_with``, is missing.
    """
    report = report or (lambda stage, done, total: None)
    check_out(out)
    begun = read_config(begin_with)
    form = {"rank": settings.rank, "alpha": settings.alpha}
    if begun["kind"] != KIND or begun.get("lora") != form:
        raise ErrataError(
            f"{begin_with} holds no scope cross-encoder of rank {settings.rank}; begin with the "
            "shipped one, or with one of: errata train scope"
        )
    start = read_hashed(begin_with / ADAPTER_FILE, begun["model_sha256"])
    report("making up conversations", 0, 2)
    pairs = make_follow_up_pairs(folder, "fit", seed, settings.facts)
    report("making up conversations", 1, 2)
    dev = make_follow_up_pairs(folder, "dev", seed, settings.dev_facts)
    report("making up conversations", 2, 2)
    counts = TrainingPairs(pairs, {}).counts()
    log.info("%d pairs: %s", len(pairs), json.dumps(counts))
    labels = np.array([pair.label for pair in dev])
    model, best_step = fit_pairs(
        pairs,
        _texts(dev),
        labels.tolist(),
        lambda scores: {"right": float(((scores >= 0.5) == labels).mean())},
        out,
        seed=seed,
        settings=settings,
        device=device,
        show_bar=show_bar,
        log=log,
        start=start,
    )
    facts = {
        "seed": seed,
        "settings": asdict(settings),
        "best_step": best_step,
        "begun_with": begun["model_sha256"],
        "pairs": counts,
    }
    scorer = finish(out, write_adapter(model, out), dev, settings, facts, device)
    shutil.rmtree(out / CHECKPOINTS)
    return scorer


def finish(
    out: Path,
    sha256: str,
    dev: Sequence[Pair],
    settings: FollowUpSettings,
    facts: dict[str, Any],
    device: str | None = None,
) -> CrossEncoderScorer:
    """Choose an adapter's thresholds on one half of dev, measure it on the other."""
    config = begun_config(sha256, settings, DEFAULT_FALSE_FIRE, device)
    scores = fitted_scorer(out, config, settings, device).score(_texts(dev))
    labels = np.array([pair.label for pair in dev])
    half = np.arange(len(dev)) % 2 == 0
    choices = [choose_threshold(scores[half & ~labels], rate) for rate in STATED_RATES]
    at_default = next(one for one in choices if one.false_fire == DEFAULT_FALSE_FIRE)
    other = [pair for pair, chosen in zip(dev, half, strict=True) if not chosen]
    config |= {
        "thresholds": as_records(choices),
        **facts,
        "dev": _fired(other, scores[~half], at_default.threshold),
    }
    write_config(out, config)
    return CrossEncoderScorer.load(out, device)


def _fired(pairs: Sequence[Pair], scores: Probabilities, threshold: float) -> list[dict[str, Any]]:
    """Return, for each kind of conversation, how often it fires at a threshold."""
    fired: dict[tuple[bool, str], list[bool]] = defaultdict(list)
    for pair, score in zip(pairs, scores, strict=True):
        for kind in (pair.kind, "all"):
            fired[not pair.label, kind].append(bool(score >= threshold))
    rows = []
    for (outside, kind), hits in sorted(fired.items()):
        low, high = exact_interval(sum(hits), len(hits))
        rows.append(
            {
                "kind": kind,
                "in_scope": not outside,
                "fires": sum(hits) / len(hits),
                "low": low,
                "high": high,
                "n": len(hits),
            }
        )
    return rows


def _texts(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    return [(pair.query, pair.edit) for pair in pairs]
