"""What single-hop questions lose by the multi-hop route: reliability and locality, on and off."""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import data as loaders
from benchmarks.answers import memory_with
from benchmarks.data import Benchmark, Case
from benchmarks.mquake_command import DataOption, DecomposerOption, OutOption, SeedOption
from benchmarks.mquake_models import plans_of
from benchmarks.multi_hop import judged_by
from benchmarks.remembering import RememberingEncoder
from benchmarks.rows import RESULTS, Rows
from benchmarks.success import follows_edit
from benchmarks.told import keep
from classifiers import load_scope_classifier
from mello import Plan, PlannedDecomposer
from mello.plans import read_plan
from memory_store import SentenceTransformerEncoder
from serac.cli.options import err, progress_bar
from serac.decomposer.model import SHIPPED, load_plans
from serac.embedded import load_embedded_base
from serac.hop_scope import load_hop_scope
from serac.multi_hop import MultiHop, question_of
from serac.overlay import FactOverlay

NAME = "single_hop"
IN_SCOPE = ("exact", "paraphrase", "rephrase")
OUT_OF_SCOPE = ("neighborhood", "everyday", "nq")
CASES = 500
PASSES, PLANNED, BY_HOPS = "passes the gate", "is taken apart", "is answered by hops"
RELIABILITY, LOCALITY = "reliability lost", "locality lost"
FIGURES = (PASSES, PLANNED, BY_HOPS, RELIABILITY, LOCALITY)

Progress = Callable[[int], None]

CasesOption = Annotated[int, typer.Option("--cases", min=1, help="How many of each kind.")]


@dataclass(frozen=True, slots=True)
class Changed:
    """A case that was asked hop by hop.

    Attributes:
        case: The case.
        by_hops: The answer.
        as_it_is: The answer without the multi-hop route.
        hops: The hops, as plain values.
    """

    case: Case
    by_hops: str
    as_it_is: str
    hops: list[dict[str, Any]]

    def lost(self, in_scope: bool) -> float:
        """Return 1 where the multi-hop route lost the case, -1 where it won it, and 0 otherwise."""
        if not in_scope:
            return float(self.by_hops != self.as_it_is)
        return float(self.succeeds(self.as_it_is)) - float(self.succeeds(self.by_hops))

    def succeeds(self, answer: str) -> bool:
        """Say whether an answer follows the edit."""
        return follows_edit(answer, self.case.new or "", self.case.old)


def single_hop(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    cases: CasesOption = CASES,
    decomposer: DecomposerOption = SHIPPED,
) -> None:
    """What single-hop questions lose by the multi-hop route, on CounterFact and zsRE."""
    encoder = RememberingEncoder(SentenceTransformerEncoder.embedded())
    body = load_embedded_base()
    plans = load_plans(body, decomposer)
    words = f"python -m benchmarks single_hop --data DATA --seed {seed} --cases {cases}"
    words += " --decomposer FOLDER" if decomposer != SHIPPED else ""
    trained = load_scope_classifier(encoder)
    hops = load_hop_scope()
    setting = {
        "decomposer": plans.fingerprint,
        **judged_by(hops),
        "scope_classifier": trained.fingerprint,
    }
    rows = Rows(NAME, seed, words, **setting)
    told: list[dict[str, Any]] = []
    for benchmark in (loaders.counterfact(data), loaders.zsre(data)):
        with (
            tempfile.TemporaryDirectory() as folder,
            memory_with(benchmark.edits, Path(folder) / "facts.db", encoder) as memory,
            progress_bar(benchmark.name, None) as progress,
        ):
            overlay = FactOverlay(
                memory,
                trained,
                trained.threshold_for(),
                base=body,
                recall_floor=trained.recall_floor,
                hop_scope=hops,
            )
            measure(rows, overlay, benchmark, plans, cases, seed, progress, told.append)
    keep(told, out, NAME)
    err.print(f"rows in {rows.write(Path(out))}")


def measure(
    rows: Rows,
    overlay: FactOverlay,
    benchmark: Benchmark,
    plans: Any,
    most: int,
    seed: int,
    progress: Progress,
    told: Callable[[dict[str, Any]], None],
) -> None:
    """Add what passes the gate, what has a plan, what is answered by hops, and what that loses."""
    gated = MultiHop(PlannedDecomposer(lambda question: ""), plans.gate.passes)
    by_kind: dict[str, list[Case]] = defaultdict(list)
    for case in benchmark.cases:
        by_kind[case.kind].append(case)
    chance = random.Random(seed)  # noqa: S311
    for kind in (one for one in (*IN_SCOPE, *OUT_OF_SCOPE) if one in by_kind):
        cases = chance.sample(by_kind[kind], min(most, len(by_kind[kind])))
        passing = [case for case in cases if gated.may_have_hops(case.query)]
        written = _plans(plans, [question_of(case.query) for case in passing], progress)
        planned = [case for case in passing if len(written[question_of(case.query)])]
        changed = [one for case in planned if (one := _changed(overlay, case, written)) is not None]
        label = f"{benchmark.name}, {kind}"
        for name, found in (
            (PASSES, passing),
            (PLANNED, planned),
            (BY_HOPS, [one.case for one in changed]),
        ):
            rows.add(label, name, [case in found for case in cases], groups=_records(cases))
        lost = {id(one.case): one.lost(kind in IN_SCOPE) for one in changed}
        figure = RELIABILITY if kind in IN_SCOPE else LOCALITY
        rows.add(label, figure, [lost.get(id(c), 0.0) for c in cases], groups=_records(cases))
        for one in changed:
            record = {"kind": label, "query": one.case.query, "new": one.case.new}
            told({**record, "by_hops": one.by_hops, "as_it_is": one.as_it_is, "hops": one.hops})


def _records(cases: Sequence[Case]) -> list[int]:
    return [case.record for case in cases]


def _plans(plans: Any, questions: Sequence[str], progress: Progress) -> dict[str, Plan]:
    written = plans_of(plans)(questions, progress) if questions else []
    return {q: read_plan(text) or Plan() for q, text in zip(questions, written, strict=True)}


def _changed(overlay: FactOverlay, case: Case, written: dict[str, Plan]) -> Changed | None:
    """Return a case if it is answered by hops, with its answer on the other routes."""
    plan = "\n".join(written[question_of(case.query)].steps)
    overlay.decomposer = PlannedDecomposer(lambda question: plan)
    reply = overlay.ask_by_hops(case.query)
    overlay.decomposer = None
    if reply is None or reply.trace is None:
        return None
    return Changed(case, reply.text, overlay.ask(case.query).text, reply.trace.hops_as_dicts())
