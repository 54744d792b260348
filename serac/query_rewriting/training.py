"""Training of the query rewriter: LoRA on the embedded chat model, on made-up conversations."""

from __future__ import annotations

import json
import logging
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.artifact_files import write_config
from classifiers.lora_training import CHECKPOINTS, check_out, write_adapter
from serac.embedded import load_embedded_base
from serac.lm_training import (
    AdapterSettings,
    Continuation,
    artifact_facts,
    fit_adapter,
    read_beginning,
    share_right,
)
from serac.query_rewriting.examples import RewritingExample, counts, make_rewriting_examples
from serac.query_rewriting.model import ADAPTER, TrainedRewriter, load_rewriter
from serac.query_rewriting.prompt import rewriting_prompt, write_rewritten

DEV_EXAMPLES = 600

Report = Callable[[str, int, int], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSettings(AdapterSettings):
    """How to train; see :class:`serac.lm_training.AdapterSettings`. Few examples come twice."""

    steps: int = 800
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    rank: int = 16
    alpha: int = 32
    first_layer: int = 6
    evaluate_every: int = 200
    patience: int = 3


def train_rewriter(
    folder: Path,
    out: Path,
    *,
    seed: int = 0,
    settings: TrainingSettings = TrainingSettings(),
    dev_examples: int = DEV_EXAMPLES,
    begin_with: Path | None = None,
    device: str | None = None,
    report: Report | None = None,
    show_bar: bool = False,
) -> TrainedRewriter:
    """Train a query rewriter, measure it on dev, and write its artifact.

    Checkpoints go to ``out/checkpoints`` until it is done; where there are some, training goes
    on from the last.

    Args:
        folder: The data folder.
        out: Where the artifact goes.
        seed: Decides the parts and every random choice.
        settings: How to train.
        dev_examples: Examples that training is stopped by and measured on.
        begin_with: An artifact that was trained with the same seed, to go on from with examples
            that are drawn anew; training begins with no adapter when ``None``.
        device: Where to train: ``cuda`` or ``cpu``; by default the best there is.
        report: Told the name of a stage, how much is done, and how much there is.
        show_bar: Whether to show the trainer's progress bar.

    Raises:
        ErrataError: A file of the data is missing, or ``begin_with`` was trained otherwise.
    """
    check_out(out)
    beginning = read_beginning(begin_with, ADAPTER, seed, settings)
    number = settings.steps * settings.batch_size
    fit = make_rewriting_examples(folder, "fit", number, seed, beginning.draw)
    dev = make_rewriting_examples(folder, "dev", dev_examples, seed)
    log.info("%d examples: %s", len(fit), json.dumps(counts(fit)))
    model, best_step = fit_adapter(
        list(map(_continued, fit)),
        list(map(_continued, dev)),
        out,
        seed=seed,
        settings=settings,
        device=device,
        show_bar=show_bar,
        log=log,
        start=beginning.adapter,
    )
    sha256 = write_adapter(model, out)
    facts = artifact_facts(ADAPTER, sha256, seed, settings, best_step, beginning)
    config = {**facts, "examples": counts(fit)}
    write_config(out, config)
    rewriter = load_rewriter(load_embedded_base(device), out)
    config["dev"] = figures(rewriter, dev, report)
    write_config(out, config)
    shutil.rmtree(out / CHECKPOINTS)
    return TrainedRewriter(rewriter.model, config)


def figures(
    rewriter: TrainedRewriter, examples: Sequence[RewritingExample], report: Report | None = None
) -> list[dict[str, Any]]:
    """Return, for each kind of turn, the share of queries that are the very one, case aside."""
    done = 0

    def rewritten(more: int) -> None:
        nonlocal done
        done += more
        if report is not None:
            report("rewriting dev", done, len(examples))

    written = rewriter.rewrite_all([example.turns for example in examples], rewritten)
    same: dict[str, list[bool]] = defaultdict(list)
    for example, query in zip(examples, written, strict=True):
        hit = (query or "").casefold() == (example.query or "").casefold()
        for kind in (example.kind.partition(",")[0], "all"):
            same[kind].append(hit)
    return [{"kind": kind, **share_right(hits)} for kind, hits in sorted(same.items())]


def _continued(example: RewritingExample) -> Continuation:
    return rewriting_prompt(example.turns), write_rewritten(example.query)
