import pytest
from hypothesis import given
from hypothesis import strategies as st

from serac.conversation import Turn
from serac.query_rewriting.prompt import (
    EARLIER,
    EARLIER_CHARACTERS,
    LAST_CHARACTERS,
    read_rewritten,
    rewriting_prompt,
    write_rewritten,
)

TURNS = (
    Turn("system", "Be brief."),
    Turn("user", "Tell me about\n the Space Needle."),
    Turn("assistant", "It is a tower."),
    Turn("user", "Who designed it?"),
)


def test_the_conversation_stands_in_the_prompt_without_its_system_prompt():
    assert rewriting_prompt(TURNS) == (
        "User: Tell me about the Space Needle.\n"
        "Assistant: It is a tower.\n"
        "User: Who designed it?\n"
        "Query:"
    )


def test_of_a_long_conversation_the_end_is_shown():
    turns = [Turn("user", f"{n} " + "x" * 500) for n in range(EARLIER + 3)]
    *before, last, query = rewriting_prompt([*turns, Turn("user", "y" * 500 + " who?")]).split("\n")
    assert len(before) == EARLIER and before[0].startswith("User: 3 x")
    assert {len(line) for line in before} == {len("User: ") + EARLIER_CHARACTERS}
    assert last.endswith("y who?") and len(last) == len("User: ") + LAST_CHARACTERS
    assert query == "Query:"


@pytest.mark.parametrize("query", ["Who designed the Space Needle?", None])
def test_what_is_written_can_be_read(query):
    assert read_rewritten(write_rewritten(query)) == query


@pytest.mark.parametrize("text", ["", " \n", " same", " Same.\nUser: Thanks", "\nWho?"])
def test_nothing_or_the_same_is_no_query(text):
    assert read_rewritten(text) is None


def test_what_follows_the_line_is_left_out():
    assert read_rewritten(" Who made it?\nUser: Thanks") == "Who made it?"


@given(st.lists(st.text(), min_size=1, max_size=30))
def test_every_conversation_has_a_prompt_of_few_lines(texts):
    turns = [Turn(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]
    assert len(rewriting_prompt(turns).split("\n")) <= EARLIER + 2
