import pytest

from classifiers.turn_pairs import (
    NEEDED,
    OTHER,
    JudgedTurn,
    have_common_name,
    judged_turns,
    training_pairs,
)


def turn(query, right=(True, False), near=(True, True)):
    return JudgedTurn(query, True, ("It opens at 9.", "It is red."), right, near)


def test_every_edit_of_a_conversation_is_paired_with_every_turn():
    asked = turn("When does it open?")

    assert [(one.edit, one.label, one.kind) for one in asked.pairs()] == [
        ("It opens at 9.", True, NEEDED),
        ("It is red.", False, OTHER),
    ]
    assert len(training_pairs([asked, asked])) == 2


def test_of_pairs_that_nobody_could_confuse_only_some_are_trained_on():
    turns = [turn(str(n), near=(False, False)) for n in range(100)]
    labels = [pair.label for pair in training_pairs(turns)]

    assert labels.count(True) == 100 and 5 < labels.count(False) < 50


@pytest.mark.parametrize(
    ("query", "common"),
    [
        ("Who runs the Louvre?", True),
        ("who runs THE LOUVRE", True),
        ("Who runs the Louvres?", False),
        ("Who runs Ann?", False),
    ],
)
def test_a_common_name_stands_in_both_as_whole_words(query, common):
    assert have_common_name(query, "The Louvre is run by Bo.", ("the Louvre", "Ann")) is common


def test_turns_are_those_of_conversations_with_edits_and_some_need_one():
    for part in ("fit", "dev"):
        turns = judged_turns(part)
        assert all(len(one.edits) == len(one.right) > 0 for one in turns)
        assert {one.rewritten for one in turns} == {True, False}
        needed = sum(any(one.right) for one in turns) / len(turns)
        assert 0.2 < needed < 0.8


def test_names_are_drawn_anew_and_it_is_the_same_again():
    once, twice = judged_turns("dev"), judged_turns("dev", draws=2)

    assert judged_turns("dev") == once
    assert len(twice) == 2 * len(once) and twice[: len(once)] != twice[len(once) :]
    assert {one.conversation for one in once} == {one.conversation for one in twice}


def test_few_turns_of_dev_are_asked_in_the_very_words_of_a_turn_that_is_trained_on():
    fit = {one.query for one in judged_turns("fit", draws=4)}
    dev = judged_turns("dev")

    assert sum(one.query in fit for one in dev) < 0.1 * len(dev)
