from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mello import Answer, Finish, Hop, Subquestion, Trace
from mello.hops import folded_answer


def test_an_answer_says_where_it_comes_from():
    assert Answer("Paris").source == "base"
    assert Answer("Paris", edit_id="needle", score=0.9).source == "edit #needle"


@pytest.mark.parametrize(
    ("ids", "edited"), [((), False), ((None, None), False), ((None, "e1"), True), (("",), True)]
)
def test_a_trace_is_edited_if_an_edit_answered_any_hop(ids, edited):
    hops = tuple(Hop(f"Q{n}", Answer("A", edit_id)) for n, edit_id in enumerate(ids))

    assert Trace("Q", hops, "A", "finished").edited is edited


def test_records_can_not_be_changed():
    with pytest.raises(FrozenInstanceError):
        Answer("Paris").text = "Rome"
    with pytest.raises(FrozenInstanceError):
        Finish().answer = "Rome"
    with pytest.raises(FrozenInstanceError):
        Subquestion("Who?").tentative = "Ada"


def test_a_subquestion_need_not_have_a_tentative_answer():
    assert Subquestion("Who?").tentative is None
    assert Subquestion("Who?", "Ada") == Subquestion(text="Who?", tentative="Ada")


def hop(answer, tentative, edit_id="e1"):
    return Hop("Q", Answer(answer, edit_id), tentative)


@pytest.mark.parametrize(
    ("answer", "tentative"),
    [("Paris", "Seattle"), ("Paris", "It stands in Seattle."), ("Art", "Martin")],
)
def test_an_edit_that_says_something_else_overrules(answer, tentative):
    assert hop(answer, tentative).overruled


@pytest.mark.parametrize(
    ("answer", "tentative"),
    [
        ("Paris", "Paris"),
        ("Paris.", "paris"),
        ("Paris", "It stands in Paris, France."),
        ("St. Louis", "st louis"),
        ("Paris", None),
        ("Paris", ""),
        ("Paris", "?"),
    ],
)
def test_an_edit_that_says_the_same_does_not_overrule_and_neither_is_nothing_overruled(
    answer, tentative
):
    assert not hop(answer, tentative).overruled


@pytest.mark.parametrize("answer", ["Paris, France", "The Space Needle is located in Paris."])
def test_an_edit_that_says_the_same_in_more_words_does_not_overrule(answer):
    assert not hop(answer, "Paris").overruled


@pytest.mark.parametrize("answer", ["", "?!"])
def test_an_edit_that_says_nothing_does_not_overrule(answer):
    assert not hop(answer, "Seattle").overruled


def test_the_base_model_overrules_nothing():
    assert not hop("Paris", "Seattle", edit_id=None).overruled


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  The  Space\nNeedle. ", "the space needle"),
        ("St. John's (UK)", "st john s uk"),
        ("STRASSE straße", "strasse strasse"),
        ("Müller, 1984", "müller 1984"),
        ("東京!", "東京"),
        ("?! \u2026", ""),
        ("", ""),
    ],
)
def test_an_answer_is_folded_to_its_words(text, folded):
    assert folded_answer(text) == folded


@given(st.text(max_size=30))
def test_folding_again_changes_nothing(text):
    once = folded_answer(text)
    assert folded_answer(once) == once
    assert once == " ".join(once.split())
