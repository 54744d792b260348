import pytest

from benchmarks.success import follows_edit, speaks_of_overlay, states


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


@pytest.mark.parametrize(
    ("answer", "speaks"),
    [
        ("New Fact: it is in Paris.", True),
        ("According to this note it is in Paris.", True),
        ("Paris\nQuery: and?", True),
        ("It is in Paris, a city of note.", False),
        ("The new edition of the book", False),
    ],
)
def test_wording_of_the_prompts_is_told(answer, speaks):
    assert speaks_of_overlay(answer) is speaks
