"""Training of the counterfactual model: LoRA on the embedded chat model, chosen on dev.

Of the checkpoints the one with the lowest dev loss is kept; a longer training than the default
stops early where it no longer falls.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from classifiers.artifact_files import write_config
from classifiers.lora_training import CHECKPOINTS, check_out, write_adapter
from memory_store import Edit
from serac.conversation import Turn
from serac.counterfactual.examples import DEV_EXAMPLES, EXAMPLES, Example, make_examples
from serac.counterfactual.model import ADAPTER, CounterfactualModel
from serac.counterfactual.prompt import counterfactual_prompt
from serac.embedded import load_embedded_base
from serac.lm_training import (
    AdapterSettings,
    Continuation,
    artifact_facts,
    fit_adapter,
    share_right,
)

Report = Callable[[str, int, int], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainingSettings(AdapterSettings):
    """How to train; see :class:`serac.lm_training.AdapterSettings`.

    Attributes:
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
    model, best_step = fit_adapter(
        list(map(_continued, examples.fit)),
        list(map(_continued, examples.dev)),
        out,
        seed=seed,
        settings=settings,
        device=device,
        show_bar=show_bar,
        log=log,
    )
    facts = artifact_facts(ADAPTER, write_adapter(model, out), seed, settings, best_step)
    config = {**facts, "examples": examples.counts()}
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
    kinds = sorted([*right.items(), ("all", list(chain(*right.values())))])
    return [{"kind": kind, **share_right(found)} for kind, found in kinds]


def _has(answer: str, expected: str) -> bool:
    """Say whether an answer has the words expected, case and punctuation aside."""
    plain = ["".join(c if c.isalnum() else " " for c in t.casefold()) for t in (answer, expected)]
    said, wanted = (" ".join(text.split()) for text in plain)
    return f" {wanted} " in f" {said} "


def _continued(example: Example) -> Continuation:
    """Return prompt and answer, a space before it."""
    return counterfactual_prompt(example.query, example.edits), f" {example.answer}"
