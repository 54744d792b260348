import pytest

from memory_store import Edit
from serac.grounding import Grounding


def grounding(query, *edits):
    return Grounding.of(query, [Edit(str(n), text) for n, text in enumerate(edits)])


@pytest.mark.parametrize(
    ("query", "edit", "words"),
    [
        ("Where is the Space Needle?", "The Space Needle is in Paris.", ["Paris"]),
        ("Who wrote Emma?", "Emma was written by Ann O'Brien.", ["written", "Ann", "O'Brien"]),
        ("What is Bob's job?", "Bob is a well-known pilot.", ["well-known", "pilot"]),
        ("What's the price?", "The price's 1,200 euros.", ["1,200", "euros"]),
        ("A well known man?", "He is a well-known man.", []),
        ("Is it in Paris?", "It is in paris!", []),
        ("太空针塔在哪里?", "太空针塔位于巴黎。", []),
        ("", "", []),
    ],
)
def test_what_an_edit_says_that_the_query_does_not(query, edit, words):
    assert list(grounding(query, edit).words) == words


def test_words_of_several_edits_stand_once_each():
    told = grounding("Where is it?", "It stands in Paris.", "It stands in Rome.")
    assert told.words == ("stands", "Paris", "Rome")


@pytest.mark.parametrize(
    ("answer", "holds"),
    [
        ("Paris", True),
        ("in PARIS, France", True),
        ("the Paris-born painter", True),
        ("Parisian", False),
        ("the Space Needle", False),
        ("of the", False),
        ("", False),
        ("Yes", True),
        ("no, it is not", True),
        ("nothing.", True),
        ("Seattle, yes", False),
    ],
)
def test_an_answer_has_something_of_the_edit_or_says_yes_or_no(answer, holds):
    told = grounding("Where is the Space Needle?", "The Space Needle is in Paris.")
    assert told.holds(answer) is holds


def test_a_part_that_the_query_has_of_a_written_word_is_not_new():
    told = grounding("Where is the firm based?", "The firm is Rome-based.")
    assert told.words == ("Rome-based",)
    assert told.holds("Rome") and not told.holds("based in Oslo")


@pytest.mark.parametrize(
    ("pieces", "given"),
    [
        (["in", " Par", "is"], ["in Paris"]),
        (["Art", "ist"], ["other"]),
        (["an art", "ist", " of art", " and"], ["an artist of art and"]),
        (["Art", " is", " long"], ["Art is", " long"]),
        ([], ["other"]),
    ],
)
def test_pieces_are_held_back_until_a_whole_word_of_the_edit_is_there(pieces, given):
    told = grounding("What is it?", "It is art in Paris.")
    assert list(told.checked(iter(pieces), lambda: iter(["other"]))) == given


def test_marks_that_stand_apart_make_no_new_word():
    edit = Edit("e", "Cafe\u0301 Zug is in Rome")
    assert Grounding.of("Where is Café Zug?", [edit]).words == ("Rome",)
    assert Grounding.of("Where is Cafe\u0301 Zug?", [edit]).words == ("Rome",)


@pytest.mark.parametrize("text", ["กรุงเทพเป็นเมืองหลวงของไทย", "लाल किला दिल्ली में है", "東京は首都"])
def test_scripts_whose_words_are_not_told_apart_are_left_out(text):
    assert Grounding.of("What?", [Edit("e", text)]).words == ()


def test_the_first_answer_stays_where_the_second_asking_says_nothing():
    grounding = Grounding.of("Where is it?", [Edit("e", "The tower is in Paris")])
    assert (
        "".join(grounding.checked(iter(["Rome ", "it is"]), lambda: iter(["  "]))) == "  Rome it is"
    )
    assert "".join(grounding.checked(iter(["Rome"]), lambda: iter(()))) == "Rome"
