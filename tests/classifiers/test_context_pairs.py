import random
from collections import Counter

import pytest

from classifiers.context_pairs import (
    FACT,
    FACTS,
    NEAR_FACT,
    OTHER_NAMES,
    OWN_NAME,
    SHIFTED,
    _disturbed,
    _renamed,
    context_training_pairs,
    context_turns,
    shifted_pairs,
)
from classifiers.turn_pairs import NEEDED, OTHER
from classifiers.written_conversations import (
    Exchange,
    NamedConversation,
    WrittenConversation,
    edited_conversations,
)


@pytest.fixture(scope="module")
def pairs():
    return context_training_pairs()


def test_it_is_learnt_from_all_kinds_of_pairs_and_always_the_same(pairs):
    kinds = Counter((one.kind, one.label) for one in pairs)

    assert set(kinds) == {
        (NEEDED, True),
        (OTHER, False),
        (OTHER_NAMES, False),
        (SHIFTED, False),
        (OWN_NAME, True),
        (FACT, True),
        (NEAR_FACT, False),
    }
    assert kinds[FACT, True] + kinds[NEAR_FACT, False] == FACTS
    assert 0.2 < sum(one.label for one in pairs) / len(pairs) < 0.5
    assert context_training_pairs() == pairs


def test_a_turn_is_read_after_others_and_no_pair_says_two_things(pairs):
    assert all(one.query.count("\n") >= 1 for one in pairs)
    assert all("\nuser: " in one.query for one in pairs)
    said = {}
    for one in pairs:
        said.setdefault((one.query, one.edit), set()).add(one.label)
    assert sum(len(labels) > 1 for labels in said.values()) == 0


def test_dev_has_every_later_turn_as_it_was_written_with_every_edit():
    turns = context_turns("dev")
    written = edited_conversations("dev")

    assert len(turns) == sum(len(one.exchanges) - 1 for one in written)
    assert all(len(one.edits) == len(one.right) for one in turns)
    assert {one.rewritten for one in turns} == {True, False}
    assert context_turns("dev") == turns


def exchange(user, query=None):
    return Exchange(user, query, "Yes.")


def test_only_a_turn_that_stands_alone_loses_what_was_said_before_it():
    drawn = NamedConversation((*map(exchange, "abc"), exchange("d", "query")), (), ())
    other = NamedConversation(tuple(map(exchange, "wxyz")), (), ())
    chance = random.Random(0)

    referring = {
        "".join(one.user for one in _disturbed(drawn, 3, [drawn, other], chance))
        for _ in range(300)
    }
    alone = {
        "".join(one.user for one in _disturbed(drawn, 2, [drawn, other], chance))
        for _ in range(300)
    }

    assert all(set("abc") <= set(users) for users in referring) and len(referring) > 3
    assert {"ab", "b", "wxyz"} <= alone


@pytest.mark.parametrize("edit", ["{A} is red.", "{A} likes {B}.", "The best is {A}."])
def test_an_edit_of_another_name_is_never_the_edit_itself(edit):
    names = {"A": ("Ann", "Al", "Bo"), "B": ("Bo", "Ben", "Ann")}
    written = WrittenConversation((exchange("x"),), names)
    drawn = NamedConversation((exchange("x"),), (), ("Ann", "Bo"))
    own = edit.replace("{A}", "Ann").replace("{B}", "Bo")

    found = {_renamed(written, drawn, edit, random.Random(n)) for n in range(40)}

    assert own not in found and None not in found and len(found) == 2


def test_an_edit_without_a_name_has_no_other():
    written = WrittenConversation((exchange("x"),), {"A": ("Ann", "Al")})
    drawn = NamedConversation((exchange("x"),), (), ("Ann",))

    assert _renamed(written, drawn, "It opens at nine.", random.Random(0)) is None


def test_a_turn_about_another_subject_is_out_of_scope_and_about_its_own_within():
    pairs = shifted_pairs()

    assert len(pairs) > 5000
    for other, own in zip(pairs[::2], pairs[1::2], strict=True):
        assert (other.kind, own.kind) == (SHIFTED, OWN_NAME)
        assert other.edit == own.edit and (other.label, own.label) == (False, True)
        assert other.query != own.query
