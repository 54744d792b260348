import pytest
from fakes import FakeBase, FakeCompletionBase, FakeEncoder
from hypothesis import given
from hypothesis import strategies as st

from memory_store import Edit
from memory_store.errors import InvalidQueryError
from serac.answerers import SHORT_ANSWER, STOPS, PromptAnswerer, auto_route, ike
from serac.conversation import Turn
from serac.demonstrations import PAPER, DemonstrationStore, IkeSettings
from serac.prompts import MAX_EDITS, completion_prompt, with_fact_note

EDITS = [Edit(str(n), f"Fact number {n}.") for n in range(6)]
TURNS = (Turn("system", "Be brief."), Turn("user", "Where is it?"))
ENCODER = FakeEncoder()


def shown(prompt: str) -> int:
    return prompt.count("New Fact:") - 1


def test_ike_shows_a_causal_model_the_nearest_demonstrations_and_the_edits():
    base = FakeCompletionBase(" Number 0")
    settings = IkeSettings(8)

    assert ike(base, ENCODER, settings).answer(TURNS, EDITS[:2]) == "Number 0"
    nearest = DemonstrationStore(ENCODER).nearest("Where is it?", EDITS[:2], settings)
    prompt = completion_prompt("Where is it?", EDITS[:2], nearest)
    assert base.completed == [(prompt, STOPS, SHORT_ANSWER)]


def test_the_number_of_demonstrations_is_a_setting():
    for number in (0, 5, 32):
        base = FakeCompletionBase(" Paris")
        ike(base, ENCODER, IkeSettings(number)).answer(TURNS, EDITS[:1])
        assert shown(base.completed[0][0]) == number


def test_without_demonstrations_the_prompt_is_plain():
    base = FakeCompletionBase(" Paris")

    assert PromptAnswerer(base).answer(TURNS, EDITS[:1]) == "Paris"
    assert base.completed[0][0] == "New Fact: Fact number 0.\nPrompt: Where is it?\nAnswer:"


def test_a_cloze_is_continued_without_a_cue():
    base = FakeCompletionBase(" Paris")

    PromptAnswerer(base).answer((Turn("user", "It stands in"),), EDITS[:1])
    assert base.completed[0][0].endswith("\nPrompt: It stands in")


def test_what_the_turn_was_understood_as_is_asked():
    base = FakeCompletionBase(" Paris")

    PromptAnswerer(base).answer(TURNS, EDITS[:1], "Where is the Space Needle?")
    assert "Prompt: Where is the Space Needle?" in base.completed[0][0]


class NarrowBase(FakeCompletionBase):
    """Has room for so many characters."""

    def __init__(self, room):
        super().__init__(" Paris")
        self.room = room

    def complete(self, prompt, **settings):
        if len(prompt) + settings.get("least", 1) > self.room:
            raise InvalidQueryError("too long")
        return super().complete(prompt, **settings)


def test_a_model_with_little_room_is_shown_fewer_demonstrations():
    base = NarrowBase(900)

    assert ike(base, ENCODER, PAPER).answer(TURNS, EDITS[:1]) == "Paris"
    assert 0 < shown(base.completed[0][0]) < 32


def test_a_query_that_leaves_no_room_is_refused():
    with pytest.raises(InvalidQueryError, match="too long"):
        ike(NarrowBase(10), ENCODER).answer(TURNS, EDITS[:1])


@pytest.mark.parametrize(("asked", "most"), [(None, SHORT_ANSWER), (5, 5), (99, SHORT_ANSWER)])
def test_a_shorter_answer_can_be_asked_for_and_no_longer_one(asked, most):
    base = FakeCompletionBase(" Paris")
    ike(base).answer(TURNS, EDITS[:1], max_new_tokens=asked)
    assert base.completed[0][2] == most


def test_a_chat_model_gets_the_facts_after_the_conversation():
    base = FakeBase("Paris")

    assert ike(base, ENCODER).answer(TURNS, EDITS[:1]) == "Paris"
    assert base.asked == [with_fact_note(TURNS, EDITS[:1])]


def test_a_piece_of_work_is_asked_for_in_a_chat_where_the_model_knows_one():
    turns = (Turn("user", "Write two lines about the city where the Space Needle stands."),)
    knowing = FakeCompletionBase(knows_turns=True)
    plain = FakeCompletionBase(" Paris")

    ike(knowing, ENCODER).answer(turns, EDITS[:1])
    ike(plain, ENCODER).answer(turns, EDITS[:1])

    assert knowing.asked == [with_fact_note(turns, EDITS[:1])] and knowing.completed == []
    assert len(plain.completed) == 1


def test_no_more_than_a_few_edits_are_shown_the_most_probable():
    base = FakeCompletionBase("x")

    PromptAnswerer(base).answer(TURNS, EDITS)

    lines = [line for line in base.completed[0][0].splitlines() if line.startswith("New Fact")]
    assert len(lines) == MAX_EDITS
    assert lines[-1] == "New Fact: Fact number 0."


def test_space_around_the_answer_is_left_out_and_space_within_it_kept():
    base = FakeCompletionBase(" ", "\t ", " New", " ", " York ", "City", " ", "")

    assert list(PromptAnswerer(base).stream(TURNS, EDITS[:1])) == ["New", "  York", " City"]


def test_an_answer_of_space_alone_is_empty():
    assert PromptAnswerer(FakeCompletionBase(" ", "  ")).answer(TURNS, EDITS[:1]) == ""


def test_a_line_that_ends_at_once_is_asked_for_in_chat():
    base = FakeCompletionBase("\n", knows_turns=True)
    base.says = "In Paris."
    assert PromptAnswerer(base).answer(TURNS, EDITS[:1]) == "In Paris."
    assert base.asked == [with_fact_note(TURNS, EDITS[:1])]


@given(st.lists(st.text(" ab\n", max_size=3), max_size=8))
def test_the_answer_is_what_the_model_said_stripped(pieces):
    answerer = PromptAnswerer(FakeCompletionBase(*pieces))
    assert answerer.answer(TURNS, EDITS[:1]) == "".join(pieces).strip()
    assert all(PromptAnswerer(FakeCompletionBase(*pieces)).stream(TURNS, EDITS[:1]))


def test_how_facts_are_put_is_the_model_s_own_setting():
    base = FakeCompletionBase("x")
    base.prompting = "chat"

    ike(base, ENCODER).answer(TURNS, EDITS[:1])
    assert base.completed == []
    assert base.asked == [with_fact_note(TURNS, EDITS[:1])]


@pytest.mark.parametrize(
    ("query", "edits", "route"),
    [
        ("Where is the Space Needle?", 1, "counterfactual"),
        ("The Space Needle stands in", 1, "counterfactual"),
        ("Where is the Space Needle?", 2, "ike"),
        ("Write a poem about the city of the Space Needle.", 1, "ike"),
    ],
)
def test_a_short_query_about_one_edit_is_the_counterfactual_model_s(query, edits, route):
    assert auto_route(query, EDITS[:edits]) == route


def test_a_plain_prompt_has_the_part_of_a_longer_query_that_asks_for_the_edit():
    base = FakeCompletionBase(" Paris")
    asks = "What is fact number 0?"
    turns = (Turn("user", f"A snail crept across the doorstep. {asks}"),)

    ike(base, ENCODER).answer(turns, EDITS[:1])
    PromptAnswerer(base).answer(turns, EDITS[:1])

    with_encoder, without = base.completed[0][0], base.completed[-1][0]
    assert with_encoder.endswith(f"\nPrompt: {asks}")
    assert f"\nPrompt: {turns[0].content}" in without


def test_a_piece_of_work_is_asked_for_whole():
    query = "Write a poem. Mention fact number 0."
    base = FakeCompletionBase(" Paris")
    ike(base, ENCODER).answer((Turn("user", query),), EDITS[:1])
    assert base.completed[0][0].endswith(f"\nPrompt: {query}")


NEEDLE = [Edit("1", "The Space Needle is located in Paris.")]
ASKED = (Turn("user", "In which city is the Space Needle?"),)


def test_an_answer_with_nothing_of_the_edit_is_asked_for_again_to_begin_with_a_word_of_it():
    base = FakeCompletionBase(" Seattle", begun=(" Paris", "."))

    assert list(ike(base, ENCODER).stream(ASKED, NEEDLE)) == ["Paris", "."]
    assert base.begins == [("located", "Paris")]
    first, second = base.completed
    assert first == second


@pytest.mark.parametrize("says", ["Paris", "It is in paris, France", "No, it has moved", "Yes."])
def test_one_that_has_something_of_it_is_asked_for_once(says):
    base = FakeCompletionBase(f" {says}")
    assert PromptAnswerer(base).answer(ASKED, NEEDLE) == says
    assert base.begins == []


def test_where_the_query_says_all_that_the_edit_does_every_answer_will_do():
    base = FakeCompletionBase(" Seattle")
    turns = (Turn("user", "Is the Space Needle located in Paris?"),)
    assert PromptAnswerer(base).answer(turns, NEEDLE) == "Seattle"
    assert base.begins == []


def test_a_piece_of_work_needs_nothing_of_the_edit():
    base = FakeCompletionBase(" Seattle")
    turns = (Turn("user", "Write a line about the city of the Space Needle."),)
    assert PromptAnswerer(base).answer(turns, NEEDLE) == "Seattle"
    assert base.begins == []


def test_pieces_are_given_as_soon_as_they_have_something_of_the_edit():
    base = FakeCompletionBase(" The", " city of", " Paris", ", in", " France")
    assert list(PromptAnswerer(base).stream(ASKED, NEEDLE)) == ["The city of Paris, in", " France"]
