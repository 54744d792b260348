"""``python -m benchmarks mquake``."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.answers_command import CounterfactualOption
from benchmarks.mquake import SETTINGS, measure
from benchmarks.mquake_hops import measure_hops
from benchmarks.mquake_setup import SPLITS, Setup
from benchmarks.multi_hop import Progress
from benchmarks.rows import RESULTS, Rows
from benchmarks.told import keep
from memory_store.errors import ErrataError
from serac.cli.options import err, progress_bar
from serac.counterfactual import SHIPPED as COUNTERFACTUAL
from serac.decomposer.model import SHIPPED as DECOMPOSER

HOPS, PEERS = "hops", "peers"
PARTS = (*SETTINGS, HOPS, PEERS)
BASES = ("knowing", "embedded", "taught")
ANSWERERS = ("auto", "counterfactual")
CASES, PEER_CASES = 300, 30
FEW = 4
"""Cases of a small run."""

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the rows.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Decides every sample.")]
CasesOption = Annotated[
    int, typer.Option("--cases", min=1, help="How many test cases are asked, of 1,200.")
]
PeerCasesOption = Annotated[
    int, typer.Option("--peer-cases", min=1, help="How many of them are asked of the peers.")
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", help=f"Parts to run, all otherwise: {', '.join(PARTS)}."),
]
BaseOption = Annotated[
    list[str] | None,
    typer.Option("--base", help=f"Bases to ask over, all there are otherwise: {', '.join(BASES)}."),
]
DecomposerOption = Annotated[Path, typer.Option("--decomposer", help="Folder of the decomposer.")]
TaughtOption = Annotated[
    Path | None,
    typer.Option("--taught", help="Folder of a base made with: python -m benchmarks teach."),
]
AnswererOption = Annotated[
    str,
    typer.Option(
        "--answerer", help="Who answers a hop in scope: counterfactual, as in the overlay, or auto."
    ),
]
GateOption = Annotated[
    bool,
    typer.Option("--gate/--no-gate", help="Whether the gate says which questions are taken apart."),
]
SplitOption = Annotated[
    str, typer.Option("--split", help="Whose cases are asked: test, or dev to choose by.")
]
RateOption = Annotated[
    float | None,
    typer.Option("--hop-false-fire", help="Stated rate of a hop; the overlay's otherwise."),
]
SmallOption = Annotated[bool, typer.Option("--small", help="A few cases.")]


def mquake(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    cases: CasesOption = CASES,
    peer_cases: PeerCasesOption = PEER_CASES,
    only: OnlyOption = None,
    base: BaseOption = None,
    decomposer: DecomposerOption = DECOMPOSER,
    counterfactual_model: CounterfactualOption = COUNTERFACTUAL,
    taught: TaughtOption = None,
    answerer: AnswererOption = "counterfactual",
    gate: GateOption = True,
    split: SplitOption = "test",
    hop_false_fire: RateOption = None,
    small: SmallOption = False,
) -> None:
    """Multi-hop questions over edited knowledge, on MQuAKE's test cases.

    Each part is written as soon as it is done; single traces go to a private folder, to be read.
    """
    parts = _known(only, PARTS)
    bases = _known(base, BASES if taught else BASES[:-1])
    if small and out.resolve() == RESULTS.resolve():
        raise ErrataError("a small run is no result; name another folder with --out")
    if _known([split], SPLITS)[0] != "test" and out.resolve() == RESULTS.resolve():
        raise ErrataError("results are those of test cases; name another folder with --out")
    words = ["python -m benchmarks mquake --data DATA", f"--seed {seed}", f"--cases {cases}"]
    words += ["--decomposer FOLDER"] if decomposer != DECOMPOSER else []
    words += ["--counterfactual-model FOLDER"] if counterfactual_model != COUNTERFACTUAL else []
    words += ["--taught FOLDER"] if taught else []
    words += [f"--base {name}" for name in base or ()]
    words += [f"--answerer {answerer}"] if answerer != "counterfactual" else []
    words += [] if gate else ["--no-gate"]
    words += [f"--split {split}"] if split != "test" else []
    words += [] if hop_false_fire is None else [f"--hop-false-fire {hop_false_fire:g}"]
    words += ["--small"] if small else []
    asked = FEW if small else cases
    by: Any = _known([answerer], ANSWERERS)[0]
    models = (decomposer, counterfactual_model, taught)
    how: Any = {"answerer": by, "gated": gate, "split": split, "false_fire": hop_false_fire}
    with Setup(data, seed, asked, *models, **how) as setup:
        for part in parts:
            started = time.perf_counter()
            own = [f"--peer-cases {peer_cases}"] if part == PEERS else []
            rows = setup.rows(part, " ".join([*words, *own, f"--only {part}"]))
            told: list[dict[str, Any]] = []
            with progress_bar(part, None) as progress:
                _measure(setup, part, bases, rows, peer_cases, progress, told.append)
            keep(told, out, f"mquake_{part}")
            file = rows.write(out)
            err.print(f"{part}: {time.perf_counter() - started:,.0f} s, rows in {file}")
        for stage, (seconds, made) in setup.run.seconds().items():
            if made:
                rate = 100 * seconds / made
                err.print(f"{stage}: {made:,} in {seconds:,.0f} s, {rate:,.1f} s a hundred")


def _measure(
    setup: Setup,
    part: str,
    bases: list[str],
    rows: Rows,
    peer_cases: int,
    progress: Progress,
    told: Callable[[dict[str, Any]], None],
) -> None:
    cases, run = setup.cases, setup.run
    if part == PEERS:
        put = cases.put("all", setup.worlds)[:peer_cases]
        setup.peers.measure(rows, run, put, progress, told)
        return
    for base in bases:
        if base == "taught" and part == "unedited":
            continue  # it was taught what the other questions need
        if part == HOPS:
            measure_hops(rows, run, cases.asked, base, progress)
        else:
            measure(rows, run, cases.put(part, setup.worlds), part, base, progress, told)


def _known(wanted: list[str] | None, there: tuple[str, ...]) -> list[str]:
    unknown = [name for name in wanted or () if name not in there]
    if unknown:
        raise ErrataError(f"there is no {unknown[0]}; use {', '.join(there)}")
    return wanted or list(there)
