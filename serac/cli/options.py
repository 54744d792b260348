"""Options that many commands share, and how results and progress are shown."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from classifiers.thresholds import STATED_RATES
from memory_store import EditMemory, LazyEncoder, choose_device
from memory_store.errors import InvalidQueryError
from serac.multi_hop import DECOMPOSERS, DEFAULT_DECOMPOSER
from serac.overlay import DEFAULT_ANSWERER, FactOverlay
from serac.query_rewriting import DEFAULT_REWRITER, REWRITERS

MemoryOption = Annotated[
    Path,
    typer.Option("--memory", envvar="ERRATA_MEMORY", help="The file that keeps the edits."),
]
NamespaceOption = Annotated[str, typer.Option("--namespace", help="The group of edits to use.")]
BaseOption = Annotated[
    str,
    typer.Option(
        "--base",
        help="Base model: 'embedded', a folder or hub name of a transformers model, or "
        "langchain:PROVIDER:MODEL.",
    ),
]
AnswererOption = Annotated[
    str, typer.Option("--answerer", help="Who answers in scope: 'auto', 'counterfactual' or 'ike'.")
]
DecomposerOption = Annotated[
    str,
    typer.Option(
        "--decomposer",
        help="Who takes multi-hop questions apart: 'trained', 'prompted' (the base model), a "
        "folder of a trained one, or 'none'.",
    ),
]
RewriterOption = Annotated[
    str,
    typer.Option(
        "--rewriter",
        help="What makes turns of a conversation stand on their own: 'trained', 'prompted' (the "
        "base model), a folder of a trained one, or 'none'.",
    ),
]
FalseFireOption = Annotated[
    float | None,
    typer.Option(
        "--false-fire",
        help="Share of out-of-scope queries that may fire; picks the threshold for the number "
        "of edits in memory. Measured: "
        f"{', '.join(f'{rate:g}' for rate in STATED_RATES)}; otherwise as calibrated, or the "
        "classifier's own default.",
    ),
]
ScopeOption = Annotated[
    Path | None,
    typer.Option("--scope", help="Folder of a scope classifier; the shipped one otherwise."),
]
CounterfactualOption = Annotated[
    Path | None,
    typer.Option(
        "--counterfactual-model",
        help="Folder of a counterfactual model; the shipped one otherwise.",
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option("--device", help="cuda, mps or cpu; chosen by itself unless named."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

DEFAULT_MEMORY = Path("facts.db")
DEFAULT_NAMESPACE = "default"
DEFAULT_BASE = "embedded"

out = Console(highlight=False, soft_wrap=True, markup=False)
err = Console(stderr=True, highlight=False, markup=False)


@contextmanager
def open_memory(
    path: Path, namespace: str, *, create: bool = False, **options: Any
) -> Iterator[EditMemory]:
    """Open a memory; no model is loaded before a text has to be encoded."""
    with EditMemory.open(path, LazyEncoder(), namespace, create=create, **options) as memory:
        yield memory


@contextmanager
def open_overlay(
    path: Path,
    namespace: str,
    *,
    base: str = DEFAULT_BASE,
    answerer: str = DEFAULT_ANSWERER,
    decomposer: str = DEFAULT_DECOMPOSER,
    rewriter: str = DEFAULT_REWRITER,
    false_fire: float | None = None,
    scope: Path | None = None,
    counterfactual_model: Path | None = None,
    device: str | None = None,
    create: bool = False,
) -> Iterator[FactOverlay]:
    """Open an overlay over a memory that is there, unless one may be begun."""
    if not create and not os.path.exists(path):  # noqa: PTH110 - unlike Path.exists, false for any bad path
        raise InvalidQueryError(f"there is no memory at {path}; begin one with: errata add TEXT")
    if device is not None:
        choose_device(device)  # said at once, not in every answer
    with FactOverlay.open(
        path,
        base=base,
        namespace=namespace,
        answerer=answerer,
        decomposer=decomposer if decomposer in DECOMPOSERS else Path(decomposer),
        rewriter=rewriter if rewriter in REWRITERS else Path(rewriter),
        false_fire=false_fire,
        scope=scope,
        counterfactual_model=counterfactual_model,
        device=device,
    ) as overlay:
        yield overlay


def show(record: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Print a result on stdout, as JSON or for a person."""
    typer.echo(json.dumps(record, ensure_ascii=False) if as_json else text())


@contextmanager
def progress_bar(description: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr; yields a function that is told how much more is done."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=not err.is_terminal,
    ) as progress:
        task = progress.add_task(description, total=total)
        yield lambda more: progress.advance(task, more)


@contextmanager
def stage_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Show one progress bar a stage; yields a function told (stage, done, total)."""
    tasks: dict[str, TaskID] = {}
    with Progress(console=err, disable=not err.is_terminal) as progress:

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done)

        yield report
