import pytest
from fakes import FakeMemory, FunctionScorer
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.own import Fact, own_facts
from benchmarks.own_facts import NEAR, RIGHT, WRONG, Decided, add_rows, by_nearest, decide, routed
from benchmarks.rows import Rows, read_rows
from serac.router import Router

TEA = Fact(
    "Ann drinks tea.", ("Ann's drink?", "tea or milk for Ann"), ("Ann's age?", "Bob's drink?")
)
AGE = Fact("Bob is nine.", ("Bob's age?",), ("Bob's height?",))


def test_there_are_enough_facts_and_each_query_is_asked_once():
    facts = own_facts()
    assert len(facts) >= 50
    asked = [query for fact in facts for query in (*fact.asks, *fact.others)]
    assert len(set(asked)) == len(asked)
    assert all(len(fact.asks) == len(fact.others) == 4 for fact in facts)


def test_every_query_is_decided_about_with_all_edits_in_memory():
    scorer = FunctionScorer(lambda query, edit: float(query.split()[0][:3] == edit[:3]))
    found = decide(routed(Router(FakeMemory(TEA.edit, AGE.edit), scorer, 0.5)), [TEA, AGE])

    assert found[0] == Decided(0, "Ann's drink?", TEA.edit, TEA.edit)
    assert found[1] == Decided(0, "tea or milk for Ann", TEA.edit, None)
    assert found[3] == Decided(0, "Bob's drink?", None, AGE.edit)
    assert len(found) == 6


def test_the_nearest_edit_fires_where_it_is_near_enough():
    memory = FakeMemory(TEA.edit)
    [similarity] = [hits[0].similarity for hits in memory.search_many([TEA.asks[0]], 1)]
    queries = list(TEA.asks[:1])

    assert by_nearest(memory, similarity)(queries) == [TEA.edit]
    assert by_nearest(memory, similarity + 0.01)(queries) == [None]


def test_shares_are_of_what_is_answered_and_of_what_is_near(tmp_path):
    rows = Rows("x", 0, "command")
    decided = [
        Decided(0, "a", "e", "e"),
        Decided(0, "b", "e", "other"),
        Decided(1, "c", "e", None),
        Decided(1, "d", None, "e"),
        Decided(1, "f", None, None),
    ]
    add_rows(rows, decided, "judge")
    assert {row.setting["method"] for row in rows.rows} == {"judge"}
    found = {row.metric: (row.value, row.n) for row in rows.rows}
    assert found == {
        RIGHT: (pytest.approx(1 / 3), 3),
        WRONG: (pytest.approx(1 / 3), 3),
        NEAR: (0.5, 2),
    }


@pytest.mark.model
def test_three_classifiers_and_two_rules_are_asked(tmp_path):
    result = CliRunner().invoke(app, ["own_facts", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    rows = read_rows(tmp_path / "scope_own_facts.jsonl")
    assert len(rows) == 18 and {row.n for row in rows} == {240}
    assert len((tmp_path / "told_scope_own_facts.jsonl").read_text().splitlines()) == 2880
