import random
import re

import pytest
from made_up_conversation import TEA

from classifiers.written_conversations import (
    Exchange,
    WrittenConversation,
    conversations,
)


@pytest.mark.parametrize("seed", range(20))
def test_names_are_drawn_once_each_and_stand_in_every_turn(seed):
    drawn = TEA.named(random.Random(seed))
    exchanges, names = drawn.exchanges, drawn.names

    assert len(set(names)) == 2
    assert drawn.edits[0].text == f"{names[1][0].upper()}{names[1][1:]} likes his tea weak."
    assert exchanges[1].query == f"How does {names[1]} like his tea?"
    assert exchanges[2].user == f"{names[0][0].upper()}{names[0][1:]}?"


def test_a_name_has_a_capital_where_a_sentence_begins_and_nowhere_else():
    said = Exchange("Right. {A} again? yes, {A}.", None, "{A}")
    [drawn] = (
        WrittenConversation((said,), {"A": ("the old mill",)}).named(random.Random()).exchanges
    )

    assert drawn.user == "Right. The old mill again? yes, the old mill."
    assert drawn.assistant == "The old mill"


def test_no_conversation_is_both_trained_on_and_chosen_by():
    fit, dev = conversations("fit"), conversations("dev")

    assert len(fit) > 8 * len(dev) > 0
    assert not set(map(repr, fit)) & set(map(repr, dev))


def test_every_place_has_names_and_every_query_can_be_told_from_what_was_said():
    chance = random.Random(0)
    for part in ("fit", "dev"):
        for conversation in conversations(part):
            drawn = conversation.named(chance)
            said = ""
            for one in drawn.exchanges:
                assert not re.search(r"\{\w\}", f"{one.user}{one.query}{one.assistant}")
                said += f" {one.user}".casefold()
                assert one.query != one.user
                for name in drawn.names:
                    assert one.query is None or name not in one.query or name.casefold() in said
                said += f" {one.assistant}".casefold()


def test_edits_stand_alone_and_answer_turns_that_there_are():
    edited = [one for part in ("fit", "dev") for one in conversations(part) if one.edits]
    for conversation in edited:
        drawn = conversation.named(random.Random(0))
        for edit in drawn.edits:
            assert not re.search(r"\{\w\}", edit.text)
            assert edit.answers <= set(range(len(drawn.exchanges)))
    answers = [bool(edit.answers) for one in edited for edit in one.edits]
    assert 0 < sum(answers) < len(answers)
