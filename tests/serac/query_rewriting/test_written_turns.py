import random

import pytest
from made_up_conversation import TEA

from classifiers.written_conversations import conversations
from serac.query_rewriting.prompt import has_new_names
from serac.query_rewriting.written_turns import draw_turn


@pytest.mark.parametrize("seed", range(20))
def test_a_turn_after_the_first_is_drawn_with_all_that_was_said_before(seed):
    turns, query, names = draw_turn((TEA,), random.Random(seed))

    assert [turn.role for turn in turns] == ["user", "assistant"] * (len(turns) // 2) + ["user"]
    assert query in (f"How does {names[1]} like his tea?", f"How does {names[0]} like her tea?")
    assert any("want tea" in turn.content for turn in turns[:-1])


def test_queries_seldom_have_other_names_than_those_that_were_said():
    chance = random.Random(1)
    drawn = [draw_turn(conversations("fit"), chance) for _ in range(2000)]
    made_up = [query for turns, query, _ in drawn if query and has_new_names(query, turns)]

    assert len(made_up) < 0.01 * len(drawn), made_up
