"""``python -m benchmarks teach``: a base that was taught the unedited facts of the asked cases.

It stands between the embedded model, which recalls few of MQuAKE's hops, and the base that knows
them by look-up: a model, with the facts in its weights, that has to recall them in whatever wording
the decomposer asks in. It is a measuring instrument, and no part of the overlay.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.mquake_data import GoldHop, MultiHopCase, is_answer, read_cases
from benchmarks.mquake_models import writer
from benchmarks.multi_hop import Write
from classifiers.artifact_files import CONFIG_FILE, read_hashed, write_config
from classifiers.lora_training import ADAPTER_FILE, CHECKPOINTS, check_out, write_adapter
from memory_store.errors import ArtifactError
from serac.adapters import AdaptedBase
from serac.cli.options import err, progress_bar
from serac.embedded import FINGERPRINT, load_embedded_base
from serac.lm_training import AdapterSettings, Continuation, fit_adapter
from serac.short_answers import as_name
from serac.transformers_base import TransformersBase

KIND = "taught"
EPOCHS = 15
DEV = 64
"""Facts whose loss training is stopped by: it is to know what it was taught, so they are taught."""

MOST = 24
"""Tokens of an answer."""

CASES = 300

log = logging.getLogger(__name__)

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
TaughtOutOption = Annotated[Path, typer.Option("--out", help="Folder of the taught base.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Decides every sample.")]
CasesOption = Annotated[
    int, typer.Option("--cases", min=1, help="How many test cases' facts are taught.")
]


@dataclass(frozen=True, slots=True)
class TeachSettings(AdapterSettings):
    """How to teach; see :class:`serac.lm_training.AdapterSettings`."""

    steps: int = 0
    batch_size: int = 16
    learning_rate: float = 1e-3
    warmup_steps: int = 20
    rank: int = 32
    alpha: int = 64
    first_layer: int = 0
    evaluate_every: int = 100
    patience: int = 3
    examples: int = 0


def teach(
    data: DataOption, out: TaughtOutOption, cases: CasesOption = CASES, seed: SeedOption = 0
) -> None:
    """Teach the embedded model the unedited facts of the test cases that mquake asks."""
    asked = read_cases(data, "test", seed)[:cases]
    known, facts = teach_base(asked, out, seed, cases=cases, show_bar=err.is_terminal)
    err.print(f"{known:,} of {facts:,} facts known as they were taught; {out}")


def teach_base(
    asked: Sequence[MultiHopCase],
    out: Path,
    seed: int,
    *,
    cases: int,
    epochs: int = EPOCHS,
    settings: TeachSettings = TeachSettings(),
    show_bar: bool = False,
) -> tuple[int, int]:
    """Teach the embedded model the unedited facts of cases, and write what it takes to load it.

    Args:
        asked: The cases.
        out: Where the taught base goes.
        seed: Decides every random choice.
        cases: How many cases were wanted; it is loaded for as many.
        epochs: How often each fact is taught.
        settings: How; its steps and examples follow from the facts.
        show_bar: Whether to show the trainer's progress bar.

    Returns:
        How many facts it then knows as they were taught, and how many there are.

    Raises:
        ErrataError: The folder can't be one.
    """
    check_out(out)
    facts = taught_facts(asked)
    chance = random.Random(seed)  # noqa: S311
    plain = [continuation(fact) for fact in facts]
    fit = [one for _ in range(epochs) for one in chance.sample(plain, len(plain))]
    steps = -(-len(fit) // settings.batch_size)
    settings = replace(settings, steps=steps, examples=len(fit))
    model, best_step = fit_adapter(
        fit,
        plain[:DEV],
        out,
        seed=seed,
        settings=settings,
        device=None,
        show_bar=show_bar,
        log=log,
    )
    config: dict[str, Any] = {
        "kind": KIND,
        "body": FINGERPRINT,
        "lora": settings.lora(),
        "model_sha256": write_adapter(model, out),
        "seed": seed,
        "cases": cases,
        "facts": len(facts),
        "settings": asdict(settings),
        "best_step": best_step,
    }
    del model
    write_config(out, config)
    base = load_taught(load_embedded_base(), out, cases, seed)
    with progress_bar("asking what was taught", len(facts)) as progress:
        said = taught_answers_of(base)([fact.question for fact in facts], progress)
    known = [is_answer(text, fact.answers) for text, fact in zip(said, facts, strict=True)]
    write_config(out, {**config, "known": sum(known) / len(known)})
    shutil.rmtree(out / CHECKPOINTS)
    return sum(known), len(known)


def taught_facts(cases: Iterable[MultiHopCase]) -> list[GoldHop]:
    """Return each hop, of the old world and the new, that no edit of its case answers."""
    hops = (hop for case in cases for hop in (*case.old.hops, *case.new.hops) if not hop.edited)
    return list({hop.question: hop for hop in hops}.values())


def continuation(fact: GoldHop) -> Continuation:
    """Return a fact as it is taught."""
    return taught_prompt(fact.question), f" {fact.answers[0]}"


def taught_prompt(question: str) -> str:
    """Return the prompt that a taught answer continues."""
    return f"Question: {' '.join(question.split())}\nAnswer:"


def taught_answers_of(base: TransformersBase) -> Write:
    """Return what asks a taught base as it was taught."""
    return writer(base, taught_prompt, ["\n"], MOST, as_name)


def load_taught(body: TransformersBase, folder: Path, cases: int, seed: int) -> AdaptedBase:
    """Put what was taught beside the embedded body.

    Args:
        body: The embedded model.
        folder: Where the taught base lies.
        cases: How many cases are asked.
        seed: Seed that decides which.

    Raises:
        ArtifactError: It is missing, damaged, or was taught the facts of other cases.
    """
    file = folder / CONFIG_FILE
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        right = config["kind"] == KIND and config["body"] == body.fingerprint
        taught, sha256, lora = (
            (config["cases"], config["seed"]),
            config["model_sha256"],
            {key: config["lora"][key] for key in ("rank", "alpha", "first_layer")},
        )
    except (OSError, ValueError, KeyError, TypeError):
        right = False
    if not right:
        raise ArtifactError(
            f"{folder} holds no taught base; make one with: python -m benchmarks teach"
        )
    if taught != (cases, seed):
        raise ArtifactError(
            f"{folder} was taught the facts of {taught[0]:,} cases (seed {taught[1]}), not of "
            f"{cases:,} (seed {seed}); teach again, or ask those"
        )
    return AdaptedBase(
        body, f"{KIND}-{sha256[:12]}", read_hashed(folder / ADAPTER_FILE, sha256), **lora
    )
