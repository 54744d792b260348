"""``python -m benchmarks scope`` and ``python -m benchmarks backends``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.backends import measure_backends
from benchmarks.curve import measure_curve
from benchmarks.rows import RESULTS, table
from benchmarks.scope import SETS, ScopeRun
from benchmarks.scope_speed import measure_speed
from classifiers import SHIPPED
from memory_store.errors import ErrataError
from serac.cli.options import err

OVER_EDITS = {"curve": measure_curve, "speed": measure_speed}

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the rows.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Decides every sample.")]
ScopeOption = Annotated[
    Path | None,
    typer.Option("--scope", help="Folder of the scope classifier; the shipped one otherwise."),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", help=f"Parts to run, all otherwise: {', '.join([*SETS, *OVER_EDITS])}."),
]
KindOption = Annotated[
    list[str] | None,
    typer.Option("--kind", help="Kinds of case to ask in the sets named with --only."),
]


def scope(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    only: OnlyOption = None,
    kind: KindOption = None,
    scope: ScopeOption = None,
) -> None:
    """Where the scope classifier fires and where it doesn't, beside simpler rules.

    Each part is written as soon as it is done.
    """
    parts = only or [*SETS, *OVER_EDITS]
    unknown = [name for name in parts if name not in SETS and name not in OVER_EDITS]
    if unknown:
        raise ErrataError(f"there is no {unknown[0]}; use {', '.join([*SETS, *OVER_EDITS])}")
    if kind and not (only and set(only) <= set(SETS)):
        raise ErrataError("--kind needs the sets whose kinds they are; name them with --only")
    run = ScopeRun(data, out, seed, scope, tuple(kind or ()))
    for name in parts:
        started = time.perf_counter()
        if name in SETS:
            file = run.measure(name)
        else:
            rows = OVER_EDITS[name](run)
            file = rows.write(out)
        err.print(f"{name}: {time.perf_counter() - started:,.0f} s, rows in {file}")


def backends(scope: ScopeOption = None, out: OutOption = RESULTS, seed: SeedOption = 0) -> None:
    """How fast pairs are judged in each precision and runtime, and whether the same is said."""
    rows = measure_backends(scope or SHIPPED, seed, named=scope is not None)
    file = rows.write(out)
    typer.echo(table(rows.rows))
    err.print(f"rows in {file}")
