import numpy as np
import pytest
from data_folder import write_data_folder
from fakes import FakeEncoder

from classifiers.dev_figures import (
    HARD_KIND,
    DevSet,
    Judged,
    expected_calibration_error,
    figures,
    judge,
    read_dev_set,
    recall_floor,
    reliability,
)
from classifiers.pairs import ScopeQuery
from classifiers.shortlist import Listed
from classifiers.thresholds import Threshold, ThresholdChoice

EDITS = ("The Louvre is in Oslo", "The Prado is in Bonn", "The Tate is in Kiel")

THRESHOLD = Threshold(
    (
        ThresholdChoice(0.5, 0.1, 0.5, 0.0, 1.0, 2, edits=1),
        ThresholdChoice(0.5, 0.5, 0.5, 0.0, 1.0, 2, edits=3),
    )
)


def query(text, edit=None, kind="paraphrase"):
    return ScopeQuery(text, edit, None, kind, "counterfact", "dev")


def listed(*places, closeness=0.9):
    return [Listed(place, closeness, 0.8, "view", f"shown {place}") for place in places]


@pytest.fixture
def dev():
    queries = (
        query("Where is the Louvre?", EDITS[0]),
        query("Where is the Uffizi?", kind="neighborhood"),
        query("How are you?", kind="everyday"),
    )
    near = (listed(0, 1, closeness=0.7), listed(1, 2), [])
    return DevSet(
        queries, near, EDITS, (frozenset({EDITS[0]}), frozenset(), frozenset()), (3, 3, 3)
    )


def scored(table):
    return lambda pairs: [table.get(edit, 0.0) for _, edit in pairs]


def test_pairs_stand_query_after_query_with_what_is_shown(dev):
    assert dev.pairs()[:2] == [("shown 0", EDITS[0]), ("shown 1", EDITS[1])]
    assert dev.labels().tolist() == [True, False, False, False]
    assert dev.query_of().tolist() == [0, 0, 1, 1]


def test_a_query_without_a_pair_never_fires(dev):
    judged = judge(dev, scored({EDITS[0]: 0.9, EDITS[2]: 0.4}))
    assert judged.highest().tolist() == [0.9, 0.4, -np.inf]
    assert judged.highest_right().tolist() == [0.9, -np.inf, -np.inf]


def test_a_right_edit_that_is_not_the_likeliest_does_not_fire(dev):
    judged = judge(dev, scored({EDITS[0]: 0.6, EDITS[1]: 0.8}))
    assert judged.highest_right()[0] == -np.inf


def test_the_floor_lets_the_edits_in_scope_through(dev):
    assert recall_floor(dev) == pytest.approx(0.7)


def test_a_sample_keeps_the_kinds(dev):
    sample = dev.sample(4, seed=0)
    assert {one.kind for one in sample.queries} == {"paraphrase", "neighborhood", "everyday"}
    assert len(sample.labels()) == len(sample.pairs()) == 4


def test_figures_count_by_kind(dev):
    judged = judge(dev, scored({EDITS[0]: 0.9, EDITS[2]: 0.4}))
    rows = {row["kind"]: row for row in figures(judged, [THRESHOLD], [3, 3, 3])}
    assert rows["counterfact paraphrase"]["fires_on_own_edit"]["value"] == 1.0
    assert rows[HARD_KIND]["fires"]["value"] == 0.0
    assert rows["counterfact everyday"]["n"] == 1


def test_figures_use_the_threshold_for_the_memory_that_a_query_was_asked_of(dev):
    judged = judge(dev, scored({EDITS[0]: 0.9, EDITS[2]: 0.4}))
    rows = {row["kind"]: row for row in figures(judged, [THRESHOLD], [1, 1, 1])}
    assert rows[HARD_KIND]["fires"]["value"] == 1.0


def test_probabilities_that_mean_what_they_say_have_no_calibration_error():
    chance = np.random.default_rng(0)
    stated = chance.random(20_000)
    labels = chance.random(20_000) < stated
    assert expected_calibration_error(stated, labels) < 0.02
    assert expected_calibration_error(np.full(1000, 0.9), np.arange(1000) < 500) == pytest.approx(
        0.4
    )


def test_the_reliability_curve_leaves_empty_bins_out():
    curve = reliability(np.array([0.01, 0.02, 1.0]), np.array([False, True, True]))
    assert [part["n"] for part in curve] == [2, 1]
    assert curve[0]["in_scope"] == 0.5
    assert curve[1] == {"stated": 1.0, "in_scope": 1.0, "n": 1}


def test_judged_holds_logits_as_well():
    judged = Judged(
        np.array([-3.0, 2.0]), np.array([False, True]), np.array([0, 0]), np.array(["a b"])
    )
    assert judged.highest_right().tolist() == [2.0]


def test_every_set_is_asked_with_its_own_edits_in_memory(tmp_path):
    folder = write_data_folder(tmp_path)
    found = read_dev_set(folder, FakeEncoder(), 0, lambda *told: None)

    assert {one.part for one in found.queries} == {"dev"}
    assert len(found.near) == len(found.right) == len(found.queries)
    for one, near in zip(found.queries, found.near, strict=True):
        edits = {found.edits[listed.place] for listed in near}
        if one.source == "zsre":
            assert all("made" in edit.casefold() for edit in edits)
        if one.source in ("counterfact", "everyday"):
            assert all("was born in" in edit for edit in edits)
    own = [
        (one.edit, right) for one, right in zip(found.queries, found.right, strict=True) if one.edit
    ]
    assert all(edit in right for edit, right in own)
    assert any(one.text.startswith("Settler") for one in found.queries)
