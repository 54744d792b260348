import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serac.conversation import Turn
from serac.view import MOST_NAMES, Reading, readings


def read(*user_turns: str) -> list[str]:
    """What the last turn is read as with a name put in; only the user speaks."""
    first, *rest = readings([Turn("user", text) for text in user_turns])
    assert first == Reading(user_turns[-1].strip())
    assert all(reading.guessed for reading in rest)
    return [reading.text for reading in rest]


def test_a_question_of_its_own_is_read_as_it_is():
    assert read("  Where is the Space Needle? ") == []


@pytest.mark.parametrize(
    ("before", "last", "reading"),
    [
        ("Where is the Space Needle?", "Who designed it?", "Who designed it, Space Needle?"),
        ("Who was Marie Curie?", "When did she die?", "When did she die, Marie Curie?"),
        ("Who was Marie Curie?", "Who married her", "Who married her, Marie Curie"),
        ("I read Tolkien's book.", "Where did he live?", "Where did he live, Tolkien?"),
        ("Who was J. R. R. Tolkien?", "Was he rich?", "Was he rich, J. R. R. Tolkien?"),
        ("Do you know Ångström Hall?", "Who built it?", "Who built it, Ångström Hall?"),
        ("Is Østerbro nice?", "Where is it?", "Where is it, Østerbro?"),
        ("Wer ist Jürgen Groß?", "Where does he live?", "Where does he live, Jürgen Groß?"),
        ("Was the Lord of the Rings long?", "Who wrote it?", "Who wrote it, Lord of the Rings?"),
        ("where is Rome", "it was built when?", "it was built when, Rome?"),
        ("Compare Oslo and Bergen, please.", "It is where?", "It is where, Oslo and Bergen?"),
        ("Where is Rome?", "Thanks! Who founded it?", "Thanks! Who founded it, Rome?"),
        ("I climb Mount Gild.", "Is it in Peru?", "Is it in Peru, Mount Gild?"),
        (
            "I fly to Japan.",
            "Which language is the official one?",
            "Which language is the official one, Japan?",
        ),
        ("Tell me about Peru.", "The capital?", "The capital, Peru?"),
        ("I like the Space Needle.", "Who built that tower", "Who built that tower, Space Needle"),
        ("I fly to Japan.", "What is paid with there?", "What is paid with there, Japan?"),
        ("We read Emma.", "Say again who the author is.", "Say again who the author is, Emma."),
    ],
)
def test_a_turn_that_refers_back_gets_the_name_spoken_of(before, last, reading):
    assert reading in read(before, last)[:2]


@pytest.mark.parametrize(
    ("before", "last", "reading"),
    [
        ("Where is the Space Needle?", "Who designed it?", "Who designed Space Needle?"),
        ("Where is the Space Needle?", "What's its height?", "What's Space Needle's height?"),
        ("Who was Marie Curie?", "Where's she from?", "Where's Marie Curie from?"),
        ("Who was Marie Curie?", "Who married her?", "Who married Marie Curie?"),
        ("Who was Marie Curie?", "Who was her mother?", "Who was Marie Curie's mother?"),
        ("Where is Rome?", "Thanks! Who founded it?", "Thanks! Who founded Rome?"),
        ("I like the Space Needle.", "Where is that tower?", "Where is Space Needle?"),
        ("I was in Peru.", "It was hot. Who rules it?", "Peru was hot. Who rules Peru?"),
    ],
)
def test_the_name_takes_the_place_of_what_stands_for_it(before, last, reading):
    assert read(before, last)[0] == reading


@pytest.mark.parametrize(
    ("before", "last", "reading"),
    [
        ("When did the Titanic sink?", "And the Lusitania?", "When did the Lusitania sink?"),
        ("Where is Rome?", "What about Oslo?", "Where is Oslo?"),
        ("Where is Rome?", "And what about Oslo", "Where is Oslo"),
    ],
)
def test_the_question_before_is_asked_again_of_another(before, last, reading):
    assert [text.rstrip("?") for text in read(before, last)] == [reading.rstrip("?")]


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
        ("I was in Rome.", "And Oslo?"),
    ],
)
def test_a_turn_stays_as_it_is_where_no_name_fits(before, last):
    assert read(before, last) == []


def test_the_assistant_s_names_come_after_the_user_s():
    turns = [
        Turn("system", "You are Bob."),
        Turn("user", "I was in Oslo with somebody."),
        Turn("assistant", "With my friend Alice Munro?"),
        Turn("user", "Who is she?"),
    ]

    assert [r.text for r in readings(turns)] == [
        "Who is she?",
        "Who is Oslo?",
        "Who is she, Oslo?",
        "Who is Alice Munro?",
        "Who is she, Alice Munro?",
    ]


def test_the_names_spoken_of_last_are_tried_first_and_not_too_many():
    towns = ["Rome", "Oslo", "Paris", "Bonn", "Peru", "Bergen", "Lagos", "Cusco"]
    found = read(*(f"I saw {town}." for town in towns), "How old is it?")
    assert found[1:4:2] == ["How old is it, Cusco?", "How old is it, Lagos?"]
    assert len(found) == 2 * MOST_NAMES


def test_a_word_that_only_opens_a_sentence_comes_last():
    found = read("I saw the Louvre.", "Quite. Interesting walls.", "Who built it?")
    assert found[0] == "Who built Louvre?"


def test_a_number_is_no_name():
    assert read("She is in room 314.", "Where is it?") == []


HOSTILE = ["B ", "B of ", "B. ", '."', "(\"'", "of ", "é", "it ", "\n", "。", "B'", "9" * 50 + " "]


@pytest.mark.parametrize("part", HOSTILE)
def test_no_text_of_the_longest_length_takes_long(part):
    text = (part * 100_000)[:99_990] + " it?"
    began = time.process_time()

    read(text, "Who is it?")
    read("Where is Rome?", text)
    read(text, "And Oslo?")

    assert time.process_time() - began < 8


@pytest.mark.parametrize("part", [" ", "?", "Is it N? ", "Tim. "])
def test_a_long_turn_or_a_long_history_takes_no_longer(part):
    turns = [f"Rome, Oslo and Bonn. {part * 30_000}"[:90_000]] * 3
    began = time.process_time()

    read(*turns, "Who founded it?")
    read("I like Rome.", f"what is it{part * 30_000} x"[:90_000])

    assert time.process_time() - began < 4


def test_a_long_turn_is_read_as_it_was_written_alone():
    assert read("I like Rome.", "It is nice. " * 200 + "Who founded it?") == []


@given(st.lists(st.text().filter(str.strip), min_size=1, max_size=3))
def test_there_is_always_a_reading_and_none_is_empty(turns):
    found = readings([Turn("user", text) for text in turns])

    assert 1 <= len(found) <= 1 + 2 * MOST_NAMES
    assert len({reading.text for reading in found}) == len(found)
    assert all(reading.text.strip() for reading in found)


@given(st.text().filter(str.strip))
def test_without_turns_before_nothing_is_put_in_but_own_names(text):
    assert readings([Turn("user", text)])[0].text == text.strip()
