from serac.query_rewriting.scope_pairs import NEEDED, OTHER, JudgedTurn, all_pairs, judged_turns


def test_every_edit_of_a_conversation_is_paired_with_every_turn():
    turn = JudgedTurn("When does it open?", ("It opens at 9.", "It is red."), (True, False))

    assert [(one.edit, one.label, one.kind) for one in turn.pairs()] == [
        ("It opens at 9.", True, NEEDED),
        ("It is red.", False, OTHER),
    ]
    assert len(all_pairs([turn, turn])) == 2


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
