import pytest

from classifiers.shortlist import shortlist

TOWER = "The Eiffel Tower is located in Rome"
LOUVRE = "The Louvre is located in Oslo"
BRIDGE = "Tower Bridge was designed by Ada Quill"


def closest(text, *found, **options):
    return [one.place for one in shortlist(text, found, **options)]


def test_an_edit_whose_names_are_asked_for_goes_before_a_nearer_one():
    asked = "Where is the Eiffel Tower?"
    found = [(0, LOUVRE, asked, 0.6), (1, TOWER, asked, 0.5)]
    assert closest(asked, *found) == [1, 0]


def test_an_edit_found_for_several_views_counts_once_with_the_best():
    text = "I like museums. Where is the Louvre?"
    [one] = shortlist(
        text,
        [(7, LOUVRE, text, 0.4), (7, LOUVRE, "Where is the Louvre?", 0.8)],
    )
    assert (one.similarity, one.view, one.shown) == (0.8, "Where is the Louvre?", text)
    assert one.closeness > one.similarity


def test_only_the_closest_are_listed_and_none_below_the_floor():
    asked = "zzz"
    found = [(n, f"word{n}", asked, n / 10) for n in range(9)]
    assert closest(asked, *found, most=3) == [8, 7, 6]
    assert closest(asked, *found, floor=0.65) == [8, 7]
    assert closest(asked, *found, floor=2.0) == []
    assert closest(asked) == []


def test_equals_keep_their_order():
    assert closest("q", (2, "b", "q", 0.5), (1, "a", "q", 0.5)) == [1, 2]


@pytest.mark.parametrize("edit", ["", "?!", "the of in"])
def test_an_edit_without_words_is_no_special_case(edit):
    assert closest("Where is it?", (0, edit, "Where is it?", 0.1)) == [0]
