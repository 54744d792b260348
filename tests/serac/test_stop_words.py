import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serac.stop_words import cut_at_stop


def cut(pieces, stop):
    return "".join(cut_at_stop(pieces, stop))


@pytest.mark.parametrize("stop", [[], [""], ["zzz"]])
def test_without_a_stop_word_all_is_given(stop):
    assert cut(["one ", "two"], stop) == "one two"


def test_without_stop_words_pieces_come_as_they_are():
    assert list(cut_at_stop(["a", "bc"], [])) == ["a", "bc"]


def test_the_stop_word_is_left_out():
    assert cut(["one\ntwo"], ["\n"]) == "one"


def test_a_stop_word_may_lie_across_pieces():
    assert cut(["one E", "N", "D two"], ["END"]) == "one "


def test_what_only_began_like_a_stop_word_is_given():
    assert cut(["one E", "N"], ["END"]) == "one EN"


def test_the_first_of_several_stop_words_counts():
    assert cut(["a;b.c"], [".", ";"]) == "a"


def test_a_stop_word_at_the_beginning_leaves_nothing():
    assert list(cut_at_stop(["END", "more"], ["END"])) == []


def test_what_is_safe_is_given_at_once():
    pieces = iter(["hello there", "never read"])

    assert next(cut_at_stop(pieces, ["END"])) == "hello the"
    assert next(pieces) == "never read"


def test_nothing_is_read_after_the_stop_word():
    pieces = iter(["one END", "more"])

    assert cut(pieces, ["END"]) == "one "
    assert next(pieces) == "more"


@given(
    st.lists(st.text("abc", max_size=4), max_size=12),
    st.lists(st.text("abc", min_size=1, max_size=4), max_size=3),
)
@example(["abb", "a"], ["b", "abba"])  # the longer one begins earlier, and ends later
@example(["abb", "c"], ["b", "abba"])
@example(["abb"], ["b", "abba"])
def test_the_pieces_do_not_matter(pieces, stop):
    whole = "".join(pieces)
    ends = [at for at in map(whole.find, stop) if at >= 0]

    assert cut(pieces, stop) == (whole[: min(ends)] if ends else whole)
