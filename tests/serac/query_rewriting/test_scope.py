import math

import pytest
from fakes import FunctionScorer

from memory_store import Edit
from memory_store.errors import ArtifactError
from serac.decision import Candidate
from serac.query_rewriting import RewrittenScope, load_rewritten_scope

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


def agreed(own, threshold=0.3, probability=0.8, other_threshold=0.5):
    """What becomes of an edit that another classifier finds probable."""
    scope = RewrittenScope(FunctionScorer(lambda query, edit: own), threshold)
    candidate = Candidate(Edit("1", CAKE), 0.7, probability, "How hot?")
    (found,) = scope.agreed([candidate], other_threshold)
    assert (found.edit, found.similarity, found.view) == (candidate.edit, 0.7, "How hot?")
    return found.probability


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("other", [0.1, 0.5, 0.79])
def test_an_edit_stays_in_scope_where_both_classifiers_say_so(threshold, other):
    assert agreed(threshold + 0.01, threshold, other_threshold=other) >= other
    assert agreed(threshold - 0.01, threshold, other_threshold=other) < other


def test_the_lower_probability_counts():
    assert agreed(0.999) == 0.8
    assert agreed(0.4, threshold=0.5, probability=0.8) == pytest.approx(0.4)


def test_certain_ones_and_thresholds_that_nothing_reaches_are_no_trouble():
    assert agreed(1.0, probability=1.0) >= 0.5 > agreed(0.0)
    assert agreed(0.9, threshold=math.inf) < 0.5
    assert agreed(0.9, other_threshold=0.0) >= 0.0
    assert math.isnan(agreed(math.nan))


def test_of_no_edits_nothing_is_asked():
    def refuses(query, edit):
        raise AssertionError

    assert RewrittenScope(FunctionScorer(refuses), 0.3).agreed([], 0.5) == []
