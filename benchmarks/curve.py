"""Does it hold with many edits: the same test records, with ever more edits in memory."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.baselines import nearest
from benchmarks.data import Benchmark, Case
from benchmarks.routing import route_all
from benchmarks.rows import Rows
from benchmarks.scope import ScopeRun, filled_memory
from benchmarks.scored import Scored, add_point_rows, from_routed
from serac.cli.options import progress_bar

MEMORIES = {1: 60, 10: 20, 100: 2, 1_000: 1, 10_000: 1}
"""Number of edits to how many memories of that size are asked; all edits come last."""

EVERYDAY = 300
RECORDS = 300
"""Test records whose cases are asked of one memory at most."""


@dataclass(frozen=True, slots=True)
class Part:
    """A memory of some of the edits of a set.

    Attributes:
        edits: Ids of its edits.
        cases: What is asked while they are in memory.
    """

    edits: frozenset[str]
    cases: tuple[Case, ...]


def measure_curve(run: ScopeRun) -> Rows:
    """Return rows of the classifier and of the rules of others, by number of edits."""
    benchmark = run.benchmark("counterfact")
    rows = run.rows("curve", **benchmark.notes)
    for size, parts in parts_by_size(benchmark, run.seed):
        routed: list[Scored] = []
        closest: list[Scored] = []
        total = sum(len(part.cases) for part in parts)
        with progress_bar(f"{size:,} edits", 2 * total) as advance:
            for part in parts:
                edits = [edit for edit in benchmark.edits if edit["id"] in part.edits]
                with filled_memory(edits, run.encoder, bar=False) as memory:
                    routed += from_routed(route_all(run.overlay(memory), part.cases, advance))
                    closest += nearest(memory, part.cases, advance)
        for point in run.points(size):
            add_point_rows(rows, routed, point, edits_in_memory=size, memories=len(parts))
        for point in run.rules:
            add_point_rows(rows, closest, point, edits_in_memory=size, memories=len(parts))
    return rows


def parts_by_size(benchmark: Benchmark, seed: int) -> Iterator[tuple[int, list[Part]]]:
    """Yield numbers of edits with memories of that size, drawn by the seed.

    Memories of few edits hold edits of test records alone, and share none where there are
    enough; larger ones hold all of them, and others beside. Of a large memory the cases of a
    sample of its records are asked.
    """
    chance = random.Random(seed)  # noqa: S311
    tested = {str(case.edit): case.record for case in benchmark.cases if case.kind == "exact"}
    others = [edit["id"] for edit in benchmark.edits if edit["id"] not in tested]
    everyday = [case for case in benchmark.cases if case.kind == "everyday"]
    everyday = chance.sample(everyday, min(EVERYDAY, len(everyday)))
    sizes = [size for size in MEMORIES if size < len(benchmark.edits)]
    for size in [*sizes, len(benchmark.edits)]:
        drawn = chance.sample(list(tested), len(tested))
        if size <= len(drawn):
            count = min(MEMORIES.get(size, 1), len(drawn) // size)
            chosen = [drawn[n * size : (n + 1) * size] for n in range(count)]
        else:
            chosen = [[*drawn, *chance.sample(others, size - len(drawn))]]
        asked = set(chance.sample(range(len(tested)), min(RECORDS, len(tested))))
        yield size, [_part(ids, tested, asked, benchmark.cases, everyday) for ids in chosen]


def _part(
    ids: Sequence[str],
    tested: dict[str, int],
    sampled: set[int],
    cases: Sequence[Case],
    everyday: Sequence[Case],
) -> Part:
    records = {tested[id] for id in ids if id in tested}
    if len(records) > len(sampled):
        records &= sampled
    asked = [case for case in cases if case.kind != "everyday" and case.record in records]
    return Part(frozenset(ids), (*asked, *everyday))
