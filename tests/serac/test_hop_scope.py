import math

import pytest
from fakes import FakeScorer

from classifiers import load_scope_classifier
from memory_store.errors import ArtifactError, ErrataError
from serac.hop_scope import HopScope, check_hop_scope, load_hop_scope, rate_of_hops

OF_STATE = "The name of the current head of state in Arvania is Ada Quill."


@pytest.mark.model
def test_one_of_the_shipped_tells_apart_what_the_other_takes_for_the_same():
    hops = load_hop_scope()
    asked = ("What is the name of the current head of state in Arvania?", OF_STATE)
    other = ("What is the name of the current head of the Arvania government?", OF_STATE)

    first, second = (one.score([asked, other]) for one in (hops.scorer, hops.second.scorer))
    assert first.min() >= hops.threshold.at(1)
    assert second[0] >= hops.second.threshold > second[1]
    assert hops.second.fingerprint.startswith("cross-encoder@")


@pytest.mark.parametrize("rate", [0.001, 0.005, 0.05])
def test_each_is_held_to_a_rate_or_the_next_stricter_one(rate):
    hops = load_hop_scope(rate)

    assert hops.threshold.false_fire == rate
    of_second = hops.second.scorer.threshold_within(rate).at(1)
    assert hops.second.threshold == max(of_second, hops.second.scorer.threshold_for().at(1))
    assert load_hop_scope().threshold.false_fire == 0.005


@pytest.mark.parametrize(
    ("stated", "held_to"), [(0.05, 0.025), (0.01, 0.005), (0.005, 0.005), (0.002, 0.002)]
)
def test_a_hop_is_held_to_half_of_a_rate_but_not_to_where_all_are_lost(stated, held_to):
    assert rate_of_hops(stated) == held_to


def test_a_classifier_of_one_s_own_judges_hops_alone_at_half_of_its_rate(embedded_encoder):
    scorer = load_scope_classifier(embedded_encoder)
    hops = HopScope.of(scorer)

    assert hops.second is None and hops.recall_floor == scorer.recall_floor > -math.inf
    assert hops.threshold.false_fire == scorer.default_false_fire / 2


@pytest.mark.parametrize("name", ["FIRST_OF_HOPS", "SECOND_OF_HOPS"])
def test_missing_ones_are_told_as_what_they_are(tmp_path, monkeypatch, name):
    monkeypatch.setattr(f"serac.hop_scope.{name}", tmp_path)
    with pytest.raises(ArtifactError, match=r"classifiers of hops.*hop_scope=None does without"):
        load_hop_scope()


def test_what_is_no_judge_of_hops_is_refused():
    check_hop_scope(None)
    with pytest.raises(ErrataError, match="'none' is no HopScope"):
        check_hop_scope("none")


@pytest.mark.parametrize(("scorer", "threshold"), [("no scorer", 0.5), (FakeScorer(), "0.5")])
def test_what_can_t_judge_is_refused(scorer, threshold):
    with pytest.raises(ErrataError, match=r"is no ScopeScorer|is a number, not"):
        HopScope(scorer, threshold)
