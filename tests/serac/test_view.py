import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serac.conversation import Turn
from serac.view import views


def seen(*user_turns: str) -> tuple[str, ...]:
    """The views of a conversation in which only the user speaks."""
    return views([Turn("user", text) for text in user_turns])


def test_a_short_question_is_seen_as_it_is():
    assert seen("  Where is the Space Needle? ") == ("Where is the Space Needle?",)


def test_a_long_message_is_seen_whole_and_sentence_by_sentence():
    message = "I am planning a trip. We like towers! Where is the Space Needle?"

    assert seen(message) == (
        message,
        "I am planning a trip.",
        "We like towers!",
        "Where is the Space Needle?",
    )


def test_lines_are_seen_apart():
    assert seen("Dear assistant\n\nWhere is it\nBye")[1:] == (
        "Dear assistant",
        "Where is it",
        "Bye",
    )


def test_a_number_with_a_point_is_no_end_of_a_sentence():
    assert seen("Is 3.5 larger than 3.45?") == ("Is 3.5 larger than 3.45?",)


def test_of_very_many_sentences_the_last_are_kept():
    found = seen(" ".join(f"Sentence number {n}." for n in range(100)))

    assert len(found) == 12
    assert found[-1] == "Sentence number 99."


def test_a_sentence_that_comes_twice_is_seen_once():
    found = seen("Hm. Hm. Who is that?")

    assert len(found) == len(set(found)) == 3


@pytest.mark.parametrize(
    ("before", "last", "view"),
    [
        ("Where is the Space Needle?", "Who designed it?", "Who designed Space Needle?"),
        ("Where is the Space Needle?", "What's its height?", "What's Space Needle's height?"),
        ("Who was Marie Curie?", "When did she die?", "When did Marie Curie die?"),
        ("Who was Marie Curie?", "Where's she from?", "Where's Marie Curie from?"),
        ("Who was Marie Curie?", "Was she born in Lyon?", "Was Marie Curie born in Lyon?"),
        ("Who was Marie Curie?", "Who married her?", "Who married Marie Curie?"),
        ("Who was Marie Curie?", "Who was her mother?", "Who was Marie Curie's mother?"),
        ("I read Tolkien's book.", "Where did he live?", "Where did Tolkien live?"),
        ("Who was J. R. R. Tolkien?", "Was he rich?", "Was J. R. R. Tolkien rich?"),
        ("Do you know Ångström Hall?", "Who built it?", "Who built Ångström Hall?"),
        ("Is Østerbro nice?", "Where is it?", "Where is Østerbro?"),
        ("Wer ist Jürgen Groß?", "Where does he live?", "Where does Jürgen Groß live?"),
        ("Was the Lord of the Rings long?", "Who wrote it?", "Who wrote Lord of the Rings?"),
        ("where is Rome", "it was built when?", "Rome was built when?"),
        ("Compare Oslo and Bergen, please.", "It is where?", "Oslo and Bergen is where?"),
    ],
)
def test_a_turn_that_refers_back_is_made_to_stand_alone(before, last, view):
    assert seen(before, last)[0] == view


def test_an_interjection_does_not_hide_the_reference():
    assert seen("Where is the Space Needle?", "Thanks! Who designed it?") == (
        "Thanks! Who designed Space Needle?",
        "Thanks!",
        "Who designed Space Needle?",
        "Thanks! Who designed it?",
    )


@pytest.mark.parametrize(
    ("before", "last"),
    [
        ("Where is the Space Needle?", "Where is the Louvre and who designed it?"),
        ("Where is the Space Needle?", "Who leads the IT department?"),
        ("Where is the Space Needle?", "How do I boil an egg?"),
        ("Where is the Space Needle?", "Which items fit?"),
        ("where is the space needle?", "who designed it?"),
        ("Summarize this text", "Make it shorter"),
        ("Write a poem", "Can you translate it?"),
        ("Thanks!", "It was nice"),
        ("...", "Is it?"),
    ],
)
def test_a_turn_stays_as_it_is_where_no_name_fits(before, last):
    assert seen(before, last) == (last,)


def test_only_what_the_user_said_is_referred_to():
    turns = [
        Turn("system", "You are Bob."),
        Turn("user", "Hi"),
        Turn("assistant", "I am Alice."),
        Turn("user", "Who is she?"),
    ]

    assert views(turns) == ("Who is she?",)


def test_the_nearest_turn_is_referred_to():
    assert seen("Where is Rome?", "Where is Oslo?", "How old is it?") == (
        "How old is Oslo?",
        "How old is it?",
    )


HOSTILE = ["B ", "B of ", "B. ", '."', "(\"'", "of ", "é", "it ", "\n", "。", "B'", "9" * 50 + " "]


@pytest.mark.parametrize("part", HOSTILE)
def test_no_text_of_the_longest_length_takes_long(part):
    text = (part * 100_000)[:99_990] + " it?"
    began = time.process_time()

    seen(text, "Who is it?")
    seen("Where is Rome?", text)

    assert time.process_time() - began < 5


@given(st.lists(st.text().filter(str.strip), min_size=1, max_size=3))
def test_there_is_always_a_view_and_none_is_empty(turns):
    found = seen(*turns)

    assert 1 <= len(found) <= 12
    assert len(set(found)) == len(found)
    assert all(view.strip() for view in found)


@given(st.text().filter(str.strip))
def test_without_turns_before_nothing_is_replaced(text):
    assert seen(text)[0] == text.strip()
