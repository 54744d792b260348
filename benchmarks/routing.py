"""Cases routed with all edits in memory, and whether a right edit is found for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.data import Case
from benchmarks.rows import Rows
from serac.decision import Decision
from serac.overlay import FactOverlay

AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class Routed:
    """A case with its decision."""

    case: Case
    decision: Decision


def route_all(
    overlay: FactOverlay, cases: Sequence[Case], progress: Callable[[int], None]
) -> list[Routed]:
    """Route every case; the router sees the query alone."""
    routed = []
    for start in range(0, len(cases), AT_ONCE):
        part = cases[start : start + AT_ONCE]
        decisions = overlay.decide_many([case.query for case in part])
        routed += [Routed(case, found) for case, found in zip(part, decisions, strict=True)]
        progress(len(part))
    return routed


def add_retrieval_rows(rows: Rows, overlay: FactOverlay, cases: Sequence[Case]) -> None:
    """Add how often a right edit is the nearest, and among the eight nearest."""
    by_kind: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.right:
            by_kind[case.kind].append(case)
    for kind, asked in by_kind.items():
        first, eight = [], []
        for start in range(0, len(asked), AT_ONCE):
            part = asked[start : start + AT_ONCE]
            found = overlay.memory.search_many([case.query for case in part], 8)
            for case, hits in zip(part, found, strict=True):
                ids = [hit.edit.id for hit in hits]
                first.append(ids[0] in case.right)
                eight.append(bool(case.right & set(ids)))
        groups = [case.record for case in asked]
        rows.add(kind, "right edit nearest, whole query embedded", first, groups=groups)
        rows.add(kind, "right edit among the 8 nearest, whole query embedded", eight, groups=groups)
