import pytest

from mello.plans import Plan
from mello.two_wiki import two_wiki_plan


def record(kind, question, *triples):
    return {"type": kind, "question": question, "evidences": [list(triple) for triple in triples]}


@pytest.mark.parametrize("kind", ["compositional", "inference"])
def test_a_chain_asks_for_one_triple_after_the_other(kind):
    found = two_wiki_plan(
        record(
            kind,
            "Where was the director of Tin Lanterns born?",
            ("Tin Lanterns", "director", "Ada Quill"),
            ("Ada Quill", "place of birth", "Arden"),
        )
    )
    assert found == Plan(("Who directed Tin Lanterns?", "Where was #1 born?"))


def test_a_subject_stands_as_the_question_has_it():
    found = two_wiki_plan(
        record(
            "compositional",
            "Where was the director of film Tin Of Lanterns (1950 Film) born?",
            ("Tin of Lanterns (1950 film)", "director", "Ada Quill"),
            ("Ada Quill", "place of birth", "Arden"),
        )
    )
    assert found.steps[0] == "Who directed Tin Of Lanterns (1950 Film)?"


def test_a_comparison_asks_again_with_both_answers():
    found = two_wiki_plan(
        record(
            "comparison",
            "Who was born first, Ada Quill or Ivo Brand?",
            ("Ada Quill", "date of birth", "1 May 1901"),
            ("Ivo Brand", "date of birth", "2 May 1902"),
        )
    )
    assert found == Plan(
        (
            "When was Ada Quill born?",
            "When was Ivo Brand born?",
            "Who was born first, Ada Quill (#1) or Ivo Brand (#2)?",
        )
    )


def test_a_comparison_over_a_bridge_has_five_steps():
    found = two_wiki_plan(
        record(
            "bridge_comparison",
            "Which film's director died later, Tin Lanterns or Salt?",
            ("Tin Lanterns", "director", "Ada Quill"),
            ("Salt", "director", "Ivo Brand"),
            ("Ada Quill", "date of death", "1960"),
            ("Ivo Brand", "date of death", "1970"),
        )
    )
    assert found == Plan(
        (
            "Who directed Tin Lanterns?",
            "Who directed Salt?",
            "When did #1 die?",
            "When did #2 die?",
            "Which film's director died later, Tin Lanterns (#3) or Salt (#4)?",
        )
    )


BORN = ("Ada Quill", "place of birth", "Arden")
MADE = ("Tin Lanterns", "director", "Ada Quill")
ASKED = "Where was the director of Tin Lanterns born?"


@pytest.mark.parametrize(
    "found",
    [
        record("compositional", ASKED, MADE, ("Ada Quill", "favourite colour", "blue")),
        record("compositional", ASKED, MADE),
        record("compositional", ASKED, MADE, BORN, BORN),
        record("bridge_comparison", ASKED, MADE, BORN),
        record("compositional", "Where was the director of another film born?", MADE, BORN),
        record("compositional", "Where was the director of Tin Lanternsy born?", MADE, BORN),
        record("comparison", "Is Ada Quill older than he?", BORN, ("Ivo", "place of birth", "X")),
        record("comparison", "Is Ada Quill older?", BORN, BORN),
    ],
)
def test_a_record_that_does_not_fit_has_no_plan(found):
    assert two_wiki_plan(found) is None


def test_a_number_sign_in_a_name_is_not_taken_for_a_reference():
    found = record("compositional", "Where was the director of Lantern #9 born?", *[
        ("Lantern #9", "director", "Ada Quill"), BORN,
    ])  # fmt: skip
    assert two_wiki_plan(found) is None


def test_an_answer_stands_beside_the_name_and_not_inside_another_word():
    found = two_wiki_plan(
        record(
            "comparison",
            "Which came out first, Saltwater Days or Salt?",
            ("Salt", "publication date", "1950"),
            ("Saltwater Days", "publication date", "1960"),
        )
    )
    assert found.steps[-1] == "Which came out first, Saltwater Days (#2) or Salt (#1)?"
