from collections import Counter

from benchmarks.own import beyond_triples, follow_ups, is_right


def test_there_are_enough_edits_that_are_no_triples_of_every_kind():
    counts = Counter(case.kind for case in beyond_triples())
    assert sum(counts.values()) >= 60
    assert set(counts) == {"date", "number", "list", "negation", "definition", "persona", "refusal"}
    assert min(counts.values()) >= 5


def test_there_are_enough_follow_ups_to_report_on_and_others_to_choose_by():
    for part, least in (("test", 100), ("dev", 20)):
        kinds = Counter(turn.kind for c in follow_ups(part) for turn in c.turns)
        assert kinds["follow_up"] >= least and kinds["unrelated"] >= least * 0.8
    said = {part: {c.turns for c in follow_ups(part)} for part in ("test", "dev")}
    assert not said["test"] & said["dev"]


def test_every_follow_up_is_answered_by_its_edit():
    for part in ("test", "dev"):
        for conversation in follow_ups(part):
            for turn in conversation.turns:
                assert (turn.edit is not None) == (turn.kind == "follow_up")
                if turn.edit is not None:
                    assert is_right(conversation.edits[turn.edit], turn.answers, ())
                    assert not is_right(turn.user, turn.answers, ())


def test_the_scripted_replies_are_right_and_the_queries_give_nothing_away():
    for part in ("test", "dev"):
        for turn in (turn for c in follow_ups(part) for turn in c.turns if turn.edit is not None):
            assert is_right(turn.assistant, turn.answers, turn.excluded)
    for case in beyond_triples():
        assert case.answers and not is_right(case.query, case.answers, case.excluded)


def test_an_answer_is_right_with_what_is_expected_and_nothing_excluded():
    assert is_right("It is in PARIS.", ["Paris", "Rome"], [])
    assert not is_right("I don't know.", ["no"], []) and is_right("No, it isn't.", ["no"], [])
    assert is_right("By swapping two pieces", ["swap*"], []) and not is_right(
        "A swap", ["wap*"], []
    )
    assert not is_right("It is in Oslo.", ["Paris"], [])
    assert not is_right("In Paris, not in Seattle.", ["Paris"], ["seattle"])
