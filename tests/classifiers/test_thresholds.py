import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.thresholds import choose_threshold, exact_interval


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
