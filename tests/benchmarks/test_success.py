import pytest

from benchmarks.success import follows_edit, states


@pytest.mark.parametrize(
    "answer, expected, told",
    [
        ("It is in PARIS.", "Paris", True),
        ("Parisian food", "Paris", False),
        ("He speaks the Swiss-German language", "swiss german", True),
        ("", "Paris", False),
    ],
)
def test_states(answer, expected, told):
    assert states(answer, expected) is told


@pytest.mark.parametrize(
    "answer, new, old, follows",
    [
        ("Paris", "Paris", "Seattle", True),
        ("Paris, not Seattle", "Paris", "Seattle", False),
        ("Seattle", "Paris", "Seattle", False),
        ("New York", "New York", "York", True),
        ("Paris", "Paris", None, True),
    ],
)
def test_follows_edit(answer, new, old, follows):
    assert follows_edit(answer, new, old) is follows
