"""Training of the decomposer: LoRA on the embedded chat model, and the gate before it."""

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
from mello.gate_training import train_gate
from mello.plan_examples import (
    DEV_EXAMPLES,
    EXAMPLES,
    PlanExample,
    PlanExamples,
    make_plan_examples,
)
from mello.plans import Plan, plan_prompt, read_plan, write_plan
from serac.decomposer.model import ADAPTER, TrainedPlans, load_plans
from serac.embedded import load_embedded_base
from serac.lm_training import (
    AdapterSettings,
    Continuation,
    artifact_facts,
    fit_adapter,
    read_beginning,
    share_right,
)

Report = Callable[[str, int, int], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSettings(AdapterSettings):
    """How to train; see :class:`serac.lm_training.AdapterSettings`.

    Attributes:
        examples: Examples made at most; no more than the steps take, so that of every source as
            much is taken as its share says.
    """

    steps: int = 1600
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    rank: int = 8
    alpha: int = 16
    first_layer: int = 0
    evaluate_every: int = 50
    patience: int = 6
    examples: int = EXAMPLES


def train_decomposer(
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
) -> TrainedPlans:
    """Train a decomposer, measure it on dev, and write its artifact.

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
    wanted = min(settings.examples, settings.steps * settings.batch_size)
    examples = make_plan_examples(folder, seed, wanted, dev_examples, beginning.draw)
    log.info("%d examples: %s", len(examples.fit), json.dumps(examples.counts()))
    model, best_step = fit_adapter(
        list(map(_continued, examples.fit)),
        list(map(_continued, examples.dev)),
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
    trained = finish(folder, out, examples, facts, device, report)
    shutil.rmtree(out / CHECKPOINTS)
    return trained


def finish(
    folder: Path,
    out: Path,
    examples: PlanExamples,
    facts: dict[str, Any],
    device: str | None = None,
    report: Report | None = None,
) -> TrainedPlans:
    """Fit the gate before an adapter, measure both on dev, and write their config."""
    gate = train_gate(folder, out, facts["seed"])
    config = {**facts, "examples": examples.counts(), "gate": gate}
    write_config(out, config)
    trained = load_plans(load_embedded_base(device), out)
    config["dev"] = figures(trained, examples.dev, report)
    write_config(out, config)
    return TrainedPlans(trained.model, config, trained.gate)


def figures(
    plans: TrainedPlans, examples: Sequence[PlanExample], report: Report | None = None
) -> list[dict[str, Any]]:
    """Return, for each source, the share of plans with the right number of steps.

    Beside it stands the share of those that are the very plan, case aside.
    """
    done = 0

    def planned(more: int) -> None:
        nonlocal done
        done += more
        if report is not None:
            report("planning dev", done, len(examples))

    written = plans.write_all([example.question for example in examples], planned)
    counted: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for example, text in zip(examples, written, strict=True):
        steps = (read_plan(text) or Plan()).steps
        same = list(map(str.casefold, steps)) == list(map(str.casefold, example.plan.steps))
        for source in (example.source, "all"):
            counted[source].append((len(steps) == len(example.plan), same))
    rows = []
    for source, found in sorted(counted.items()):
        for name, hits in zip(("steps", "same"), zip(*found, strict=True), strict=True):
            rows.append({"source": source, "figure": name, **share_right(hits)})
    return rows


def _continued(example: PlanExample) -> Continuation:
    return plan_prompt(example.question), write_plan(example.plan)
