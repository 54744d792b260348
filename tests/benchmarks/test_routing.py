from fakes import FakeBase, FakeMemory, FunctionScorer

from benchmarks.answering import sample_by_kind
from benchmarks.data import Case
from benchmarks.routing import add_scope_rows, route_all
from benchmarks.rows import Rows
from serac.overlay import FactOverlay

CASES = [
    Case("exact", "one right", 0, "e1", frozenset({"e1"}), "x", old="y"),
    Case("exact", "other wrong", 1, "e1", frozenset({"e1"}), "x", old="y"),
    Case("neighborhood", "nothing", 1),
]


def probability(query, edit):
    return {"one right": {"one": 0.9}, "other wrong": {"two": 0.8}}.get(query, {}).get(edit, 0.1)


def test_firing_on_another_edit_counts_as_a_miss_and_silence_as_none():
    overlay = FactOverlay(
        FakeMemory("one", "two"), FunctionScorer(probability), 0.5, base=FakeBase()
    )
    seen = []
    routed = route_all(overlay, CASES, seen.append)
    assert sum(seen) == 3
    rows = Rows("made_up", 0, "command")
    add_scope_rows(rows, routed, {"low": 0.5, "high": 0.95})
    found = {(row.kind, row.metric): row.value for row in rows.rows}
    assert found[("exact", "fires on the right edit, low")] == 0.5
    assert found[("neighborhood", "fires, low")] == 0.0
    assert found[("exact", "fires on the right edit, high")] == 0.0


def test_a_sample_is_drawn_by_its_seed():
    cases = [Case("exact", str(n), n) for n in range(50)]
    assert sample_by_kind(cases, 5, 1) == sample_by_kind(cases, 5, 1)
    assert sample_by_kind(cases, 5, 1) != sample_by_kind(cases, 5, 2)
    assert len(sample_by_kind(cases, 99, 1)["exact"]) == 50
