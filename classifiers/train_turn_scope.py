"""Training of the turn classifier: it goes on from the scope classifier, on written conversations.

It reads a later turn after those before it (:mod:`classifiers.conversation_view`), and says whether
that needs an edit. Checkpoints, resuming and the progress bar are those of
``transformers.Trainer``.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.artifact_files import TURNS, as_records, write_config
from classifiers.context_pairs import context_training_pairs, context_turns
from classifiers.conversation_view import searched_views
from classifiers.cross_encoder import CrossEncoderScorer, calibrated
from classifiers.lora_training import CHECKPOINTS, check_out, write_adapter
from classifiers.pair_training import (
    PairSettings,
    begun_config,
    fit_pairs,
    fitted_calibration,
    fitted_scorer,
    read_beginning,
)
from classifiers.scope import Probabilities
from classifiers.training_pairs import Pair
from classifiers.turn_figures import (
    TURN_FALSE_FIRE,
    halves_in_memory,
    judged,
    turn_choices,
    turn_rows,
)
from classifiers.turn_pairs import JudgedTurn
from memory_store.encoder import Encoder

SHOWN_AT = (0.01, 0.02, 0.05)
"""Shares of the dev pairs out of scope at which a look says how many of the others fire."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TurnSettings(PairSettings):
    """How to train; see :class:`classifiers.pair_training.PairSettings`.

    Attributes:
        dev_pairs: Dev pairs of a look at dev.
        dev_conversations: Dev conversations that it is calibrated and measured on.
    """

    steps: int = 600
    batch_size: int = 64
    learning_rate: float = 7e-4
    warmup_steps: int = 40
    rank: int = 64
    alpha: int = 64
    dropout: float = 0.0
    evaluate_every: int = 150
    patience: int = 3
    dev_pairs: int = 1200
    dev_conversations: int = 60


def train_turn_scope(
    encoder: Encoder,
    begin_with: Path,
    out: Path,
    *,
    seed: int = 0,
    settings: TurnSettings = TurnSettings(),
    device: str | None = None,
    show_bar: bool = False,
) -> CrossEncoderScorer:
    """Train a turn classifier, and write its artifact.

    Checkpoints go to ``out/checkpoints`` until it is done; where there are some, training goes
    on from the last.

    Args:
        encoder: Finds near edits, as in use.
        begin_with: Folder of a scope classifier of the same form, whose adapter is gone on with.
        out: Where the artifact goes.
        seed: Decides every random choice.
        settings: How to train.
        device: Where to train: ``cuda`` or ``cpu``; by default the best there is.
        show_bar: Whether to show the trainer's progress bar.

    Raises:
        ErrataError: What to begin with is missing, or has another form.
    """
    check_out(out)
    start, begun_with = read_beginning(begin_with, seed, settings)
    pairs = context_training_pairs(seed)
    counts = dict(Counter(pair.kind for pair in pairs).most_common())
    log.info("%d pairs: %s", len(pairs), json.dumps(counts))
    turns = context_turns("dev", seed)
    looked_at = [pair for turn in turns for pair in turn.pairs()]
    chance = random.Random(seed)  # noqa: S311
    looked_at = chance.sample(looked_at, min(settings.dev_pairs, len(looked_at)))
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
        start=start,
    )
    facts = {
        "seed": seed,
        "settings": asdict(settings),
        "begun_with": begun_with,
        "best_step": best_step,
        "pairs": counts,
    }
    measured = [turn for turn in turns if turn.conversation < settings.dev_conversations]
    scorer = finish(out, write_adapter(fitted, out), measured, encoder, settings, facts, device)
    shutil.rmtree(out / CHECKPOINTS)
    return scorer


def finish(
    out: Path,
    sha256: str,
    turns: Sequence[JudgedTurn],
    encoder: Encoder,
    settings: PairSettings,
    facts: dict[str, Any],
    device: str | None = None,
) -> CrossEncoderScorer:
    """Calibrate an adapter on one half of dev, choose its thresholds there, and write its config.

    Args:
        out: Folder of the adapter.
        sha256: Hash of its file.
        turns: The later turns of dev's conversations; the other half tells what comes of it.
        encoder: Finds the edits that are near a turn.
        settings: How it was trained.
        facts: What else the config says.
        device: Where it is measured; by default the best there is.
    """
    config = begun_config(sha256, settings, TURN_FALSE_FIRE, device)
    fitted = fitted_scorer(out, config, settings, device)
    deciding, telling = halves_in_memory(turns, encoder, searched_views)
    logits = judged(deciding, fitted.logits)
    labels = [right for turn in deciding for right in turn.right]
    config["calibration"] = calibration = fitted_calibration(np.concatenate(logits), labels)

    def score(pairs: Sequence[tuple[str, str]]) -> Probabilities:
        return calibrated(fitted.logits(pairs), **calibration)

    choices = turn_choices(deciding, [calibrated(own, **calibration) for own in logits])
    config |= {
        "reads": TURNS,
        "thresholds": as_records(choices),
        **facts,
        "dev_turns": turn_rows(telling, judged(telling, score), choices),
    }
    write_config(out, config)
    return CrossEncoderScorer.load(out)


def _progress(scores: Probabilities, pairs: Sequence[Pair]) -> dict[str, float]:
    """Return the share of the pairs in scope that score above all but a few of the others."""
    labels = np.array([pair.label for pair in pairs])
    others = np.sort(scores[~labels])[::-1]
    return {
        f"right_at_{rate:g}": float((scores[labels] >= others[int(rate * len(others))]).mean())
        for rate in SHOWN_AT
    }
