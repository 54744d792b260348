import pytest
from fakes import FakeBase, FakeCompletionBase
from hypothesis import given
from hypothesis import strategies as st

from memory_store import Edit
from serac.answerers import MAX_EDITS, SHORT_ANSWER, counterfactual, ike
from serac.conversation import Turn
from serac.prompts import DEMONSTRATIONS, completion_prompt, with_fact_note

EDITS = [Edit(str(n), f"Fact number {n}.") for n in range(6)]
TURNS = (Turn("system", "Be brief."), Turn("user", "Where is it?"))


def test_ike_shows_a_causal_model_demonstrations_and_the_edits():
    base = FakeCompletionBase(" Paris")

    assert ike(base).answer(TURNS, EDITS[:2]) == "Paris"
    assert base.completed == [
        (completion_prompt("Where is it?", EDITS[:2], DEMONSTRATIONS), ["\n"], SHORT_ANSWER)
    ]


def test_the_counterfactual_model_gets_the_plain_prompt():
    base = FakeCompletionBase(" Paris")

    assert counterfactual(base).answer(TURNS, EDITS[:1]) == "Paris"
    assert base.completed[0][0] == "New Fact: Fact number 0.\nPrompt: Where is it?"


@pytest.mark.parametrize("make", [ike, counterfactual])
def test_a_chat_model_gets_the_facts_after_the_conversation(make):
    base = FakeBase("Paris")

    assert make(base).answer(TURNS, EDITS[:1]) == "Paris"
    assert base.asked == [with_fact_note(TURNS, EDITS[:1])]


def test_no_more_than_a_few_edits_are_shown_the_most_probable():
    base = FakeCompletionBase("x")

    counterfactual(base).answer(TURNS, EDITS)

    shown = [line for line in base.completed[0][0].splitlines() if line.startswith("New Fact")]
    assert len(shown) == MAX_EDITS
    assert shown[-1] == "New Fact: Fact number 0."


def test_space_around_the_answer_is_left_out_and_space_within_it_kept():
    base = FakeCompletionBase(" ", "\t ", " New", " ", " York ", "City", " ", "")

    assert list(ike(base).stream(TURNS, EDITS[:1])) == ["New", "  York", " City"]


def test_an_answer_of_space_alone_is_empty():
    assert ike(FakeCompletionBase(" ", "  ")).answer(TURNS, EDITS[:1]) == ""


@given(st.lists(st.text(" ab\n", max_size=3), max_size=8))
def test_the_answer_is_what_the_model_said_stripped(pieces):
    assert ike(FakeCompletionBase(*pieces)).answer(TURNS, EDITS[:1]) == "".join(pieces).strip()
    assert all(ike(FakeCompletionBase(*pieces)).stream(TURNS, EDITS[:1]))
