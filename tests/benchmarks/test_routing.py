from fakes import FakeBase, FakeMemory, FunctionScorer

from benchmarks.data import Case
from benchmarks.routing import add_retrieval_rows, route_all
from benchmarks.rows import Rows
from serac.overlay import FactOverlay

CASES = [
    Case("exact", "one right", 0, "e1", frozenset({"e1"}), "x", old="y"),
    Case("exact", "other wrong", 1, "e9", frozenset({"e9"}), "x", old="y"),
    Case("neighborhood", "nothing", 1),
]


def overlay():
    scorer = FunctionScorer(lambda query, edit: 0.9 if query == "one right" else 0.1)
    return FactOverlay(FakeMemory("one", "two"), scorer, 0.5, base=FakeBase())


def test_every_case_is_routed_and_keeps_its_decision():
    seen = []
    routed = route_all(overlay(), CASES, seen.append)
    assert sum(seen) == 3
    assert [one.case for one in routed] == CASES
    assert [one.decision.in_scope for one in routed] == [True, False, False]


def test_a_right_edit_is_looked_for_among_the_nearest():
    rows = Rows("made_up", 0, "command")
    add_retrieval_rows(rows, overlay(), CASES)
    found = {row.metric: row.value for row in rows.rows}
    assert found["right edit nearest, whole query embedded"] == 0.5
    assert found["right edit among the 8 nearest, whole query embedded"] == 0.5
