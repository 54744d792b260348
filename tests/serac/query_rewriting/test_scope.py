import pytest
from fakes import FunctionScorer

from memory_store.errors import ArtifactError
from serac.query_rewriting import RewrittenScope, load_hop_scope, load_rewritten_scope

CAKE = "Grandma Ilse's plum cake bakes at 165 degrees."


@pytest.mark.model
def test_the_shipped_one_tells_what_an_edit_says_from_what_it_does_not():
    scope = load_rewritten_scope()
    asked = ("How hot does the oven have to be for Grandma Ilse's plum cake?", CAKE)
    other = ("How many plums are in Grandma Ilse's plum cake?", CAKE)
    score, other_score = scope.scorer.score([asked, other])

    assert score >= scope.threshold > other_score
    assert scope.fingerprint.startswith("cross-encoder@")


@pytest.mark.model
def test_a_stated_rate_holds_where_it_is_stricter():
    scope = load_rewritten_scope()

    assert scope.held_to(None) is scope
    assert scope.held_to(0.05) == scope
    assert scope.held_to(0.01).threshold > scope.threshold
    assert scope.held_to(0.0001) == scope.held_to(0.01)


def test_a_scorer_of_one_s_own_keeps_its_threshold():
    scope = RewrittenScope(FunctionScorer(lambda query, edit: 1.0), 0.4)

    assert scope.held_to(0.001) is scope
    assert scope.fingerprint == "FunctionScorer"


def test_a_folder_without_one_is_told(tmp_path):
    with pytest.raises(ArtifactError, match=r"errata train rewritten-scope makes: .* holds no"):
        load_rewritten_scope(tmp_path)


def test_a_missing_one_of_the_hops_is_told_as_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("serac.query_rewriting.scope.SHIPPED_HOP_SCOPE", tmp_path)
    with pytest.raises(ArtifactError, match=r"second classifier of hops.*hop_scope=None does"):
        load_hop_scope()


@pytest.mark.model
def test_the_shipped_one_knows_other_words_for_a_relation():
    scope = load_rewritten_scope()
    edit = "The reception of Harrow & Pym closes at 17:15."
    asked = [("Until when is the reception of Harrow & Pym open?", edit)]
    other = [("How many people work at the reception of Harrow & Pym?", edit)]

    assert scope.scorer.score(asked)[0] >= scope.threshold > scope.scorer.score(other)[0]
