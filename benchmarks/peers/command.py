"""``python -m benchmarks peers``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.peers.cases import SETS, PeerCases, everyday_questions
from benchmarks.peers.costs import Cost
from benchmarks.peers.editor import Editor
from benchmarks.peers.evaluation import SMALL, PeerSizes
from benchmarks.peers.rome import ROME
from benchmarks.peers.roster import EDITORS, OF_WEIGHTS, Setup, chosen, made
from benchmarks.peers.running import COST, PeerRun, edits_text, part_notes
from benchmarks.rows import RESULTS, Rows, read_rows
from classifiers.lora_training import check_out
from memory_store.devices import choose_device
from memory_store.errors import ErrataError
from serac.cli.options import err, progress_bar

ALL = "all"
FULL_SIZES = f"1,10,100,1000,{ALL}"
SMALL_SIZES = "1,3"
READY = "seconds to get ready"

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the rows.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Decides every sample.")]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only", help=f"Editors to run, with commas between; all otherwise: {', '.join(EDITORS)}."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help=f"Sets to edit, all otherwise: {', '.join(SETS)}."),
]
SizesOption = Annotated[
    str | None,
    typer.Option(
        "--sizes",
        help=f"Numbers of edits, {FULL_SIZES} otherwise. With 1, each edit is applied alone.",
    ),
]
CasesOption = Annotated[
    int | None, typer.Option("--cases", min=1, help="How many cases are asked at each number.")
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="Where the models run: cpu, cuda.")
]
MendOption = Annotated[Path | None, typer.Option("--mend", help="Folder of a trained MEND.")]
MomentsOption = Annotated[
    Path | None,
    typer.Option("--second-moments", help="File of ROME's second moments; made where missing."),
]
BlockOption = Annotated[
    int | None, typer.Option("--rome-block", min=0, help="Block that ROME edits, from 0 on.")
]
SmallOption = Annotated[
    bool,
    typer.Option(
        "--small", help="A few cases and edits, of CounterFact alone unless --set is given."
    ),
]
AgainOption = Annotated[
    bool, typer.Option("--again", help="Run parts again that the rows have already.")
]


def peers(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    only: OnlyOption = None,
    set_names: SetOption = None,
    sizes: SizesOption = None,
    cases: CasesOption = None,
    device: DeviceOption = None,
    mend: MendOption = None,
    second_moments: MomentsOption = None,
    rome_block: BlockOption = None,
    small: SmallOption = False,
    again: AgainOption = False,
) -> None:
    """Editors side by side: the overlay, other editors of prompts, and editors of weights.

    Rows are written after each editor and number of edits; a run that was broken off goes on there.
    """
    if small and out.resolve() == RESULTS.resolve():
        raise ErrataError("a small run is no result; name another folder with --out")
    check_out(out)
    for option, given in (("--only", only), ("--set", set_names), ("--sizes", sizes)):
        if given is not None and not any(one.strip(" ,") for one in given):
            raise ErrataError(f"{option} names nothing; leave it out for all")
    names = chosen(_listed(only), mend)
    counts = _counts(sizes or (SMALL_SIZES if small else FULL_SIZES))
    amounts = SMALL if small else PeerSizes()
    amounts = replace(amounts, cases=cases) if cases else amounts
    options = {"mend": " --mend FOLDER"}
    options["rome"] = f" --rome-block {ROME.layer if rome_block is None else rome_block}"
    where = choose_device(device)
    sets = [
        PeerCases(name, data, seed, amounts.neighbors)
        for name in (_listed(set_names) or (SETS[:1] if small else SETS))
    ]  # all read before any is run, so that a wrong name costs nothing
    questions = everyday_questions(data, amounts.questions, seed)
    with Setup(
        where, mend=mend, second_moments=second_moments, rome_block=rome_block, small=small
    ) as setup:
        setup.check(names)
        for one in sets:
            plan = Plan(one, out, seed, amounts, where, small, options)
            for name in names:
                run_editor(plan, name, counts, setup, questions, again=again)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run on one set, and where its rows go."""

    cases: PeerCases
    out: Path
    seed: int
    amounts: PeerSizes
    device: str
    small: bool
    options: Mapping[str, str] = field(default_factory=dict)
    """What an editor's command has of its own, by the editor's name."""

    def rows(self, name: str, size: int) -> Rows:
        """Return where the rows of one part go."""
        words = f"python -m benchmarks peers --data DATA --seed {self.seed}"
        words += f" --set {self.cases.name} --only {name} --sizes {size}"
        words += self.options.get(name, "")
        words += f" --cases {self.amounts.cases}" + (" --small" if self.small else "")
        return Rows(
            f"peers_{self.cases.name}",
            self.seed,
            words,
            device=_named(self.device),
            base="embedded",
            records_left_out=self.cases.left_out,
        )

    def is_done(self, rows: Rows) -> bool:
        """Say whether the file has the rows of a part, of the same code, device and models."""
        file = self.out / f"{rows.benchmark}.jsonl"
        wanted = {name: told for name, told in rows.setting.items() if name != "machine"}
        return file.is_file() and any(
            row.command == rows.command
            and {name: row.setting.get(name) for name in wanted} == wanted
            for row in read_rows(file)
        )


def run_editor(
    plan: Plan,
    name: str,
    counts: Sequence[int | None],
    setup: Setup,
    questions: Sequence[str],
    *,
    again: bool = False,
) -> None:
    """Run one editor with each number of edits, and write the rows of each.

    Args:
        plan: What is run, and where the rows go.
        name: The editor's name.
        counts: Numbers of edits; ``None`` for all there are.
        setup: What the editors share.
        questions: Everyday questions.
        again: Whether to run what the rows have already.
    """
    editor: Editor | None = None
    ready: Cost | None = None
    everything = plan.cases.size
    sizes = dict.fromkeys(everything if n is None else min(n, everything) for n in counts)
    for size in sizes:
        rows = plan.rows(name, size)
        rows.setting |= setup.models_of(name)
        if not again and plan.is_done(rows):
            err.print(f"{plan.cases.name}, {name}, {edits_text(size)}: there already")
            continue
        started = time.perf_counter()
        if editor is None:
            editor, ready = made(name, setup)
        run = PeerRun(
            plan.cases, setup.unedited, setup.original, questions, plan.amounts, plan.device
        )
        with progress_bar(f"{plan.cases.name}, {name}, {edits_text(size)}", None) as progress:
            run.measure(editor, size, rows, progress)
        if name in OF_WEIGHTS and ready is not None:  # the others only load what all share
            rows.add(COST, READY, [ready.seconds], **part_notes(editor, size))
        rows.write(plan.out, beside=True)
        took = time.perf_counter() - started
        err.print(f"{plan.cases.name}, {name}, {edits_text(size)}: {took:,.0f} s")


def _listed(given: list[str] | None) -> list[str]:
    """Return names that were given one by one or with commas between."""
    return [name.strip() for one in given or () for name in one.split(",") if name.strip()]


def _counts(given: str) -> list[int | None]:
    """Return numbers of edits; ``None`` for all."""
    found: list[int | None] = []
    for word in given.split(","):
        if word.strip() == ALL:
            found.append(None)
        elif word.strip().isdecimal() and int(word) > 0:
            found.append(int(word))
        else:
            raise ErrataError(f"{word!r} is no number of edits; give such as {FULL_SIZES}")
    return found


def _named(device: str) -> str:
    """Return the device, a GPU by the name of its make."""
    if not device.startswith("cuda"):
        return device
    import torch

    return str(torch.cuda.get_device_name(device))
