import numpy as np
import pytest
from fakes import FakeTrainedScorer
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.thresholds import (
    Threshold,
    ThresholdChoice,
    best_balanced,
    by_rate,
    choose_threshold,
    exact_interval,
)


@settings(deadline=None)  # the first interval imports scipy
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=300),
    st.floats(0.001, 0.5),
)
def test_no_more_than_the_stated_share_fires_and_any_lower_threshold_lets_more_fire(scores, rate):
    choice = choose_threshold(scores, rate)
    values = np.array(scores)
    assert (values >= choice.threshold).mean() == choice.observed <= rate
    below = np.nextafter(choice.threshold, -1)
    assert (values >= below).sum() > rate * len(values) - 1 or choice.threshold == 0.0


def test_the_interval_holds_the_observed_share():
    choice = choose_threshold(np.linspace(0, 1, 1000), 0.01)
    assert choice.queries == 1000
    assert choice.low < choice.observed < choice.high


@pytest.mark.parametrize("scores, rate", [([], 0.1), ([0.5], 0.0), ([0.5], 1.0)])
def test_what_can_t_give_a_threshold_is_refused(scores, rate):
    with pytest.raises(ValueError, match="threshold"):
        choose_threshold(scores, rate)


def test_the_exact_interval_at_its_ends():
    assert exact_interval(0, 100) == (0.0, pytest.approx(0.0362, abs=1e-4))
    assert exact_interval(100, 100) == (pytest.approx(0.9638, abs=1e-4), 1.0)


def measured(rate, threshold, edits=None):
    return ThresholdChoice(rate, threshold, rate, 0.0, 1.0, 100, edits)


@pytest.mark.parametrize(
    ("edits", "expected"), [(0, 0.2), (100, 0.2), (101, 0.6), (1000, 0.6), (1001, 0.6)]
)
def test_a_threshold_is_that_of_the_smallest_measured_memory_that_holds_as_many(edits, expected):
    rising = Threshold((measured(0.01, 0.2, 100), measured(0.01, 0.6, 1000)))
    assert rising.at(edits) == expected


def test_a_threshold_for_any_memory_is_always_the_same():
    assert {Threshold((measured(0.01, 0.4),)).at(n) for n in (0, 1, 10**9)} == {0.4}


def test_choices_are_put_together_by_rate_and_in_order():
    strict, rising = by_rate([measured(0.05, 0.6, 9), measured(0.05, 0.2, 3), measured(0.01, 0.9)])
    assert (strict.false_fire, rising.false_fire) == (0.01, 0.05)
    assert [choice.edits for choice in rising.choices] == [3, 9]


@pytest.mark.parametrize(
    ("rate", "measured"), [(0.05, 0.05), (0.03, 0.01), (0.01, 0.01), (0.005, 0.01)]
)
def test_the_threshold_within_a_rate_is_the_nearest_as_strict_or_the_strictest(rate, measured):
    assert FakeTrainedScorer().threshold_within(rate).false_fire == measured


def test_the_best_threshold_weighs_both_sides_alike():
    scores = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.1, 0.1])
    in_scope = np.array([True, True, True, False, False, False, False, False])
    assert best_balanced(scores, in_scope) == 0.3
