"""Training of the classifier of rewritten turns: the scope classifier, gone on with.

It begins with the shipped scope classifier's adapter, and sees turns of conversations and written
facts beside the pairs that that one was trained on. Turns are as their queries are written, not as
a rewriter would.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from classifiers import SHIPPED
from classifiers.artifact_files import as_records, read_config, read_hashed, write_config
from classifiers.cross_encoder import CrossEncoderScorer, calibrated
from classifiers.lora_training import ADAPTER_FILE, CHECKPOINTS, check_out, write_adapter
from classifiers.pair_training import (
    PairSettings,
    begun_config,
    fit_pairs,
    fitted_calibration,
    fitted_scorer,
)
from classifiers.scope import Probabilities
from classifiers.thresholds import choose_threshold
from classifiers.training_pairs import Pair, Report, make_training_pairs, shortlists, silent
from memory_store.encoder import Encoder
from serac.lm_training import share_right
from serac.query_rewriting.scope_pairs import (
    JudgedTurn,
    judged_turns,
    training_pairs,
    written_fact_pairs,
)

STATED_RATES = (0.01, 0.02, 0.03, 0.05)
DEFAULT_FALSE_FIRE = 0.03
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSettings(PairSettings):
    """How to train; see :class:`classifiers.pair_training.PairSettings`.

    Attributes:
        draws: How often names are drawn for each conversation.
        fact_draws: How often they are, and a wording of the edit is, for each written fact.
        ordinary: How many of the scope classifier's own pairs are among the others.
        dev_turns: Turns of dev that are taken, at most; all when ``None``.
    """

    steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 4e-4
    warmup_steps: int = 100
    rank: int = 64
    alpha: int = 64
    dropout: float = 0.0
    evaluate_every: int = 500
    patience: int = 3
    draws: int = 2
    fact_draws: int = 4
    ordinary: int = 30_000
    dev_turns: int | None = None


def train_rewritten_scope(
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
    """Train a classifier of rewritten turns, and write its artifact.

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
    check_out(out)
    pairs = training_pairs(judged_turns("fit", seed, settings.draws), seed)
    pairs += written_fact_pairs("fit", seed, settings.fact_draws)
    if settings.ordinary:
        pairs += make_training_pairs(folder, encoder, seed, report).pairs[: settings.ordinary]
    random.Random(seed).shuffle(pairs)  # noqa: S311
    counts = dict(Counter(pair.kind for pair in pairs).most_common())
    log.info("%d pairs: %s", len(pairs), json.dumps(counts))
    dev = judged_turns("dev", seed)[: settings.dev_turns]
    looked_at = [pair for turn in dev for pair in turn.pairs()]
    body = read_config(SHIPPED)
    fitted, best_step = fit_pairs(
        pairs,
        [(pair.query, pair.edit) for pair in looked_at],
        [pair.label for pair in looked_at],
        lambda scores: _progress(scores, looked_at),
        out,
        seed=seed,
        settings=settings,
        device=device,
        show_bar=show_bar,
        log=log,
        start=read_hashed(SHIPPED / ADAPTER_FILE, body["model_sha256"]),
    )
    config = begun_config(write_adapter(fitted, out), settings, DEFAULT_FALSE_FIRE, device)
    config |= {"seed": seed, "settings": asdict(settings), "best_step": best_step, "pairs": counts}
    config["begun_with"] = body["model_sha256"]
    scorer = finish(out, config, dev, encoder, settings, device)
    shutil.rmtree(out / CHECKPOINTS)
    return scorer


def finish(
    out: Path,
    config: dict[str, Any],
    turns: Sequence[JudgedTurn],
    encoder: Encoder,
    settings: TrainingSettings,
    device: str | None = None,
) -> CrossEncoderScorer:
    """Calibrate an adapter, choose its thresholds, measure it, and write its config.

    Turns that had to be rewritten are judged with the edits of all of dev in memory. Those of one
    half of the conversations decide, the others tell what comes of it.
    """
    halved = sorted(turns, key=lambda turn: turn.conversation % 2)
    dev = in_memory([turn for turn in halved if turn.rewritten], encoder)
    pairs = [pair for turn in dev for pair in turn.pairs()]
    fitted = fitted_scorer(out, config, settings, device)
    raw = fitted.logits([(pair.query, pair.edit) for pair in pairs])
    half = sum(turn.conversation % 2 == 0 for turn in dev)
    ends = np.cumsum([len(turn.edits) for turn in dev])
    decided = slice(0, ends[half - 1])
    labels = np.array([pair.label for pair in pairs])
    config["calibration"] = fitted_calibration(raw[decided], labels[decided])
    judged = np.split(calibrated(raw, **config["calibration"]), ends[:-1])
    others = [
        _highest(own)
        for own, turn in zip(judged[:half], dev[:half], strict=True)
        if not any(turn.right)
    ]
    choices = [choose_threshold(others, rate) for rate in STATED_RATES]
    config["thresholds"] = as_records(choices)
    config["dev"] = [
        {"false_fire": one.false_fire, **figures(dev[half:], judged[half:], one.threshold)}
        for one in choices
    ]
    facts = written_fact_pairs("dev", config["seed"])
    said = fitted.logits([(pair.query, pair.edit) for pair in facts])
    said = calibrated(said, **config["calibration"])
    config["written_facts"] = [
        {"threshold": one.threshold, **fact_figures(facts, said, one.threshold)} for one in choices
    ]
    write_config(out, config)
    return CrossEncoderScorer.load(out, device)


def in_memory(turns: Sequence[JudgedTurn], encoder: Encoder) -> list[JudgedTurn]:
    """Return turns with the edits that the router would judge, were all of them in memory."""
    edits = list(dict.fromkeys(edit for turn in turns for edit in turn.edits))
    queries = [turn.query for turn in turns]
    found = []
    for turn, near in zip(turns, shortlists(queries, edits, encoder, silent), strict=True):
        needed = {edit for edit, right in zip(turn.edits, turn.right, strict=True) if right}
        listed = tuple(edits[one.place] for one in near)
        # One that isn't found can't fire, and is still missed.
        listed += tuple(needed.difference(listed)) if not needed.intersection(listed) else ()
        right = tuple(edit in needed for edit in listed)
        found.append(replace(turn, edits=listed, right=right, near=(True,) * len(listed)))
    return found


def figures(
    turns: Sequence[JudgedTurn], judged: Sequence[Probabilities], threshold: float
) -> dict[str, Any]:
    """Return the share of turns whose edit fires, none higher, and of the others that fire.

    Args:
        turns: The turns.
        judged: The probabilities of each one's edits.
        threshold: From which on an edit fires.
    """
    right, others = [], []
    for turn, own in zip(turns, judged, strict=True):
        fires = _highest(own) >= threshold
        if any(turn.right):
            right.append(bool(fires and turn.right[int(own.argmax())]))
        else:
            others.append(bool(fires))
    return {"right edit fires": share_right(right), "another turn fires": share_right(others)}


def fact_figures(pairs: Sequence[Pair], judged: Probabilities, threshold: float) -> dict[str, Any]:
    """Return the share of queries that fire on the edit that answers them, and of near ones.

    Args:
        pairs: Pairs of written facts, each by itself.
        judged: Their (n,) probabilities.
        threshold: From which on an edit fires.
    """
    fires: dict[bool, list[bool]] = {True: [], False: []}
    for pair, probability in zip(pairs, judged, strict=True):
        fires[pair.label].append(bool(probability >= threshold))
    return {"answered": share_right(fires[True]), "something near": share_right(fires[False])}


def _highest(probabilities: Probabilities) -> float:
    return float(max(probabilities, default=0.0))


def _progress(scores: Probabilities, pairs: Sequence[Pair]) -> dict[str, float]:
    """Return what a look at dev shows: the share of pairs of each kind that reach one half."""
    fires = np.asarray(scores) >= 0.5
    labels = np.array([pair.label for pair in pairs])
    return {"needed": float(fires[labels].mean()), "others": float(fires[~labels].mean())}
