import re

from serac.query_rewriting.scope_pairs import (
    NEEDED,
    OTHER,
    JudgedTurn,
    judged_turns,
    training_pairs,
)


def test_every_edit_of_a_conversation_is_paired_with_every_turn():
    turn = JudgedTurn(
        "When does it open?", ("It opens at 9.", "It is red."), (True, False), (True, True)
    )

    assert [(one.edit, one.label, one.kind) for one in turn.pairs()] == [
        ("It opens at 9.", True, NEEDED),
        ("It is red.", False, OTHER),
    ]
    assert len(training_pairs([turn, turn])) == 2


def test_of_pairs_that_nobody_could_confuse_only_some_are_trained_on():
    turns = [JudgedTurn(str(n), ("x", "y"), (True, False), (False, False)) for n in range(100)]
    labels = [pair.label for pair in training_pairs(turns)]

    assert labels.count(True) == 100 and 5 < labels.count(False) < 50


def test_a_pair_is_near_with_a_common_name():
    def words(text):
        return set(re.findall(r"\w+", text.casefold()))

    turns = judged_turns("dev")
    for turn in turns:
        for edit, near in zip(turn.edits, turn.near, strict=True):
            assert not near or words(edit) & words(turn.query)
    assert {near for turn in turns for near in turn.near} == {True, False}


def test_turns_are_those_of_conversations_with_edits_and_some_need_one():
    for part in ("fit", "dev"):
        turns = judged_turns(part)
        assert all(len(turn.edits) == len(turn.right) > 0 for turn in turns)
        needed = sum(any(turn.right) for turn in turns) / len(turns)
        assert 0.2 < needed < 0.8


def test_names_are_drawn_anew_and_it_is_the_same_again():
    once, twice = judged_turns("dev"), judged_turns("dev", draws=2)

    assert judged_turns("dev") == once
    assert len(twice) == 2 * len(once) and twice[: len(once)] != twice[len(once) :]
    assert not {one.query for one in once} & {one.query for one in judged_turns("fit")} - {
        one.query for one in once if len(one.query) < 60
    }
