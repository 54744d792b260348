import pytest
from fakes import FakeBase, FakeCompletionBase
from hypothesis import given
from hypothesis import strategies as st

from memory_store import Edit
from memory_store.errors import InvalidQueryError
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
    assert base.completed[0][0] == "New Fact: Fact number 0.\nPrompt: Where is it?\nAnswer:"


def test_a_cloze_is_continued_without_a_cue():
    base = FakeCompletionBase(" Paris")

    counterfactual(base).answer((Turn("user", "It stands in"),), EDITS[:1])
    assert base.completed[0][0].endswith("\nPrompt: It stands in")


class NarrowBase(FakeCompletionBase):
    """Has room for so many characters."""

    def __init__(self, room):
        super().__init__(" Paris")
        self.room = room

    def complete(self, prompt, **settings):
        if len(prompt) > self.room:
            raise InvalidQueryError("too long")
        return super().complete(prompt, **settings)


def test_a_model_with_little_room_is_shown_fewer_demonstrations():
    base = NarrowBase(500)

    assert ike(base).answer(TURNS, EDITS[:1]) == "Paris"
    shown = base.completed[0][0].count("New Fact:") - 1
    assert 0 < shown < len(DEMONSTRATIONS)


def test_a_query_that_leaves_no_room_is_refused():
    with pytest.raises(InvalidQueryError, match="too long"):
        ike(NarrowBase(10)).answer(TURNS, EDITS[:1])


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


def test_how_facts_are_put_is_the_model_s_own_setting():
    base = FakeCompletionBase("x")
    base.prompting = "chat"

    ike(base).answer(TURNS, EDITS[:1])
    assert base.completed == []
    assert base.asked == [with_fact_note(TURNS, EDITS[:1])]
