from types import SimpleNamespace

import pytest

from benchmarks.data import Benchmark, Case
from benchmarks.rows import Rows
from benchmarks.single_hop import (
    BY_HOPS,
    LOCALITY,
    PASSES,
    PLANNED,
    RELIABILITY,
    Changed,
    measure,
)
from mello import Answer, Trace
from mello.hops import Hop

ONE, TWO = "Who runs Ora?", "Who runs the maker of Ora?"
FAR = "Who runs the maker of Tin?"


class Plans:
    """Takes apart what names a maker; the gate lets every question with "runs" through."""

    gate = SimpleNamespace(passes=lambda question: "runs" in question)

    def write_all(self, questions, progress):
        progress(len(questions))
        return [
            "1. Who is the maker?\n2. Who runs #1?" if "maker" in one else "single"
            for one in questions
        ]


class Overlay:
    """Answers ``by hops`` where there is a decomposer and the question is one of some."""

    def __init__(self, by_hops, as_it_is):
        self.by_hops, self.as_it_is, self.decomposer = by_hops, as_it_is, None

    def ask_by_hops(self, query):
        assert self.decomposer is not None
        if query not in self.by_hops:
            return None
        hop = Hop("Who is the maker?", Answer("Al", "e1", 0.9))
        trace = Trace(query, (hop,), self.by_hops[query], "finished")
        return SimpleNamespace(text=trace.answer, trace=trace)

    def ask(self, query):
        assert self.decomposer is None
        return SimpleNamespace(text=self.as_it_is[query])


def measured(overlay, *cases):
    rows, told = Rows("x", 0, "command"), []
    measure(
        rows, overlay, Benchmark("set", (), cases, {}), Plans(), 9, 0, lambda n: None, told.append
    )
    return {(row.kind, row.metric): row.value for row in rows.rows}, told


def test_it_counts_what_is_taken_apart_and_what_that_loses():
    cases = [
        Case("exact", query, n, "e1", new="Bo", old="Cy") for n, query in enumerate((ONE, TWO))
    ]
    found, told = measured(Overlay({TWO: "Cy"}, {TWO: "Bo"}), *cases)

    assert found["set, exact", PASSES] == 1.0
    assert found["set, exact", PLANNED] == found["set, exact", BY_HOPS] == 0.5
    assert found["set, exact", RELIABILITY] == 0.5
    assert [(one["query"], one["by_hops"], one["as_it_is"]) for one in told] == [(TWO, "Cy", "Bo")]


def test_out_of_scope_any_other_answer_than_as_ever_is_lost():
    cases = [Case("nq", query, n) for n, query in enumerate((FAR, TWO, "When?", ONE))]
    found, _ = measured(Overlay({FAR: "x", TWO: "y"}, {FAR: "x", TWO: "z"}), *cases)

    assert found["set, nq", PASSES] == 0.75
    assert found["set, nq", BY_HOPS] == 0.5
    assert found["set, nq", LOCALITY] == 0.25


@pytest.mark.parametrize(
    ("by_hops", "as_it_is", "lost"), [("Bo", "Cy", -1.0), ("Cy", "Bo", 1.0), ("Bo", "Bo", 0.0)]
)
def test_a_case_can_be_won_too(by_hops, as_it_is, lost):
    case = Case("exact", ONE, 0, "e1", new="Bo", old="Cy")

    assert Changed(case, by_hops, as_it_is, []).lost(in_scope=True) == lost
