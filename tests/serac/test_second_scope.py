import pytest
from fakes import FakeScorer, FunctionScorer

from memory_store.errors import ErrataError
from serac.second_scope import SecondScope


def test_a_scorer_of_one_s_own_keeps_its_threshold():
    scope = SecondScope(FunctionScorer(lambda query, edit: 1.0), 0.4)

    assert scope.held_to(0.001) is scope
    assert scope.fingerprint == "FunctionScorer"


@pytest.mark.parametrize(
    ("scorer", "threshold"),
    [("no scorer", 0.5), (FakeScorer(), "0.5"), (FakeScorer(), float("nan"))],
)
def test_what_can_t_judge_is_refused(scorer, threshold):
    with pytest.raises(ErrataError, match=r"is no ScopeScorer|is a number, not"):
        SecondScope(scorer, threshold)
