"""``python -m benchmarks decompositions``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.knowing_hops import NAMED_FLOOR, UNNAMED_FLOOR, WHOLE_FLOOR
from benchmarks.mquake_command import DataOption, DecomposerOption, OutOption, SeedOption
from benchmarks.mquake_models import plans_of
from benchmarks.multi_hop_decompositions import (
    SETS,
    measure_decompositions,
    read_decompositions,
)
from benchmarks.rows import RESULTS, Rows
from benchmarks.told import keep
from memory_store import SentenceTransformerEncoder
from serac.cli.options import err, progress_bar
from serac.decomposer.model import SHIPPED, load_plans
from serac.embedded import load_embedded_base

NAME = "decompositions"
CASES = 150

CasesOption = Annotated[int, typer.Option("--cases", min=1, help="How many of each set.")]


def decompositions(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    cases: CasesOption = CASES,
    decomposer: DecomposerOption = SHIPPED,
) -> None:
    """How the decomposer takes questions of MuSiQue and 2WikiMultihopQA apart."""
    read = {name: read_decompositions(data, name, seed, cases) for name in SETS}
    plans = load_plans(load_embedded_base(), decomposer)
    encoder = SentenceTransformerEncoder.embedded()
    words = f"python -m benchmarks decompositions --data DATA --seed {seed} --cases {cases}"
    words += " --decomposer FOLDER" if decomposer != SHIPPED else ""
    floors = [NAMED_FLOOR, UNNAMED_FLOOR, WHOLE_FLOOR]
    rows = Rows(NAME, seed, words, decomposer=plans.fingerprint, floors=floors)
    told: list[dict[str, Any]] = []
    for name, (some, counts) in read.items():
        with progress_bar(name, len(some)) as progress:
            measure_decompositions(
                rows, name, some, plans_of(plans), encoder, progress, told.append, **counts
            )
    keep(told, out, NAME)
    err.print(f"rows in {rows.write(Path(out))}")
