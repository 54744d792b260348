import pytest

from benchmarks.data import Case
from benchmarks.rows import Rows
from benchmarks.scored import (
    OperatingPoint,
    Scored,
    add_point_rows,
    roc,
)


def inside(score, edit="e1", kind="paraphrase"):
    return Scored(Case(kind, "q", 0, "e1", frozenset({"e1"})), edit, score)


def outside(score, edit="e1"):
    return Scored(Case("neighborhood", "q", 1), edit, score)


def test_a_fire_on_another_edit_is_a_wrong_one_and_silence_is_none():
    scored = [inside(0.9), inside(0.9, "e2"), inside(0.2), inside(0.0, None), outside(0.6)]
    rows = Rows("made_up", 0, "command")
    add_point_rows(rows, scored, OperatingPoint("rule", 0.5))
    found = {(row.kind, row.metric): row.value for row in rows.rows}
    assert found == {
        ("paraphrase", "fires on the right edit, rule"): 0.25,
        ("paraphrase", "fires on a wrong edit, rule"): 0.25,
        ("neighborhood", "fires, rule"): 1.0,
    }
    assert rows.rows[0].setting["method"] == "rule"


def test_a_rule_that_always_fires_does_so_only_where_there_is_an_edit():
    assert outside(-0.3).fires(-1.0)
    assert not outside(0.0, None).fires(-1.0)


def test_the_roc_curve_goes_from_no_false_fire_to_all_of_them():
    scored = [inside(0.9), inside(0.6), inside(0.7, "e2"), *(outside(n / 10) for n in range(9))]
    curve = roc(scored)["neighborhood"]
    assert curve[0] == (0.0, pytest.approx(1 / 3, abs=1e-6))
    assert curve[-1] == (1.0, pytest.approx(2 / 3, abs=1e-6))
    assert curve == sorted(curve)


def test_the_edits_own_prompts_are_not_on_the_roc_curve_where_there_are_others():
    others = [inside(0.1), outside(0.5)]
    assert roc([inside(0.9, kind="exact"), *others]) == roc(others)
    assert roc([inside(0.9, kind="exact"), outside(0.5)])["neighborhood"][0] == (0.0, 1.0)


def test_a_roc_curve_has_few_points():
    scored = [inside(0.5), *(outside(n / 10_000) for n in range(5_000))]
    assert len(roc(scored)["neighborhood"]) <= 60


def test_kinds_that_a_data_set_labels_alike_are_also_reported_as_one():
    nearly = Scored(Case("near_synonym", "q", 2), "e1", 0.1)
    rows = Rows("made_up", 0, "command")
    add_point_rows(rows, [outside(0.6), nearly], OperatingPoint("rule", 0.5))
    found = {row.kind: (row.n, row.value) for row in rows.rows}
    assert found == {
        "neighborhood": (1, 1.0),
        "near_synonym": (1, 0.0),
        "neighborhood or near_synonym": (2, 0.5),
    }
