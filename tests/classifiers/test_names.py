import random

import pytest

from classifiers import names


def drawn(function, *arguments, times=60):
    return {function(*arguments, random.Random(seed)) for seed in range(times)}


def person(name, chance):
    return names.variant(name, chance, person=True)


def test_a_variant_keeps_who_is_meant():
    assert {
        "Matthew Neumann",
        "Matthew T. Neumann",
        "M. Thomas Neumann",
        "Neumann, Matthew Thomas",
        "Neumann MT",
        "M. T. Neumann",
        "Captain Matthew Thomas Neumann",
    } < drawn(person, "Matthew Thomas Neumann", times=300)
    assert "Ada Quill" in drawn(person, "Ada Quill, 3rd Countess of Yell")
    assert {"I. Marsh", "Ivo Q. Marsh"} < drawn(person, "Ivo Marsh", times=300)
    assert "Bonicke" in drawn(names.variant, "Bönicke")
    assert "Mercury" in drawn(names.variant, "Mercury (planet)")
    assert "Beatles" in drawn(names.variant, "The Beatles")


def test_a_person_may_have_more_names_than_one_knew():
    others = ["Una Marsh", "The Prado", "iPod nano"]
    found = drawn(lambda chance: names.variant("Ivo Quill", chance, person=True, others=others))
    assert {"Ivo Una Quill", "Ivo Quill Una"} <= found
    assert not any("iPod" in name or "nano" in name for name in found - {None})


def test_a_transliteration_differs_by_a_vowel_in_a_long_name_alone():
    found = drawn(person, "Naomi Aviv", times=300) - {None}
    assert "Neomi Aviv" in found
    assert not {"Ba Ly", "Be Ly", "Bi Ly", "Bu Ly"} & drawn(person, "Bo Ly", times=300)


def test_names_are_compared_without_case_and_accents():
    assert names.folded_name("Ōsaka") == names.folded_name("OSAKA") == "osaka"


@pytest.mark.parametrize("name", ["New York City", "Bank of America", "Paris, Texas"])
def test_only_a_person_goes_by_fewer_names(name):
    assert drawn(names.variant, name) == {None}


def test_a_name_without_another_writing_has_no_variant():
    assert drawn(names.variant, "Paris") == {None}


def test_a_near_miss_is_another_name_that_looks_alike():
    assert all(name != "Honda CB550" for name in drawn(names.near_miss, "Honda CB550", ["A B"]))
    assert drawn(names.near_miss, "Tom Watson", ["Ada Quill"]) == {"Ada Watson", "Tom Quill"}


@pytest.mark.parametrize("name", ["Sammy Davis Jr.", "Louis XIV"])
def test_what_is_no_name_is_not_moved_about(name):
    assert drawn(person, name) == {None}


def test_without_other_names_there_is_no_near_miss():
    assert drawn(names.near_miss, "Ada Lovelace", []) == {None}
    assert drawn(names.near_miss, "Ada Lovelace", [" "]) == {None}


def test_an_empty_name_is_not_named():
    assert not names.is_named("what?", "")


@pytest.mark.parametrize("name", ["Cher", "Tom tom"])
def test_no_near_miss_is_made_where_none_would_be_a_name(name):
    assert drawn(names.near_miss, name, ["lower case"]) == {None}


def test_a_typo_changes_at_most_two_letters_next_to_each_other():
    for seed in range(50):
        mistyped = names.typo("Where is the Louvre?", random.Random(seed))
        assert abs(len(mistyped) - len("Where is the Louvre?")) <= 1
    assert names.typo("1 + 1", random.Random(0)) == "1 + 1"


def test_a_careless_question_has_no_capitals_and_no_mark():
    assert names.careless("Where is the Louvre?") == "where is the louvre"
