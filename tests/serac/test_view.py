import pytest
from fakes import FakeRewriter, GuessingRewriter

from memory_store.errors import ErrataError
from serac.conversation import Turn
from serac.view import (
    LONGEST_FOLLOW_UP,
    Guess,
    Reading,
    as_written,
    has_lost_a_name,
    has_pronoun,
    may_refer_back,
    rewritten_readings,
)

TALK = (Turn("user", "Tell me about Rome."), Turn("assistant", "A fine city."))


def after(text):
    return [*TALK, Turn("user", text)]


def test_a_turn_is_read_as_it_was_written_without_the_space_around_it():
    assert as_written(after("  Where is it? \n")) == Reading("Where is it?", rewritten=False)


def test_only_a_turn_with_others_before_it_may_refer_back():
    assert may_refer_back(after("Where is it?"))
    assert not may_refer_back([Turn("user", "Where is it?")])
    assert not may_refer_back([Turn("system", "You are Bob."), Turn("user", "Where is it?")])


def test_a_long_turn_is_read_as_it_was_written_alone():
    assert may_refer_back(after("x" * LONGEST_FOLLOW_UP))
    assert not may_refer_back(after("x" * (LONGEST_FOLLOW_UP + 1)))


@pytest.mark.parametrize("text", ["Who founded it?", "He is where?", "And its mayor?"])
def test_a_pronoun_is_seen(text):
    assert has_pronoun(text)


@pytest.mark.parametrize("text", ["Who leads IT?", "Where is Rome?", "Which items fit?"])
def test_what_is_none_is_not(text):
    assert not has_pronoun(text)


def test_turns_that_may_refer_back_are_rewritten_together_and_no_others():
    rewriter = FakeRewriter(**{"Who founded it?": "Who founded Rome?"})
    asked = [[Turn("user", "Who founded it?")], after("Who founded it?"), after("Thanks!")]

    assert rewritten_readings(asked, rewriter) == [(), (Reading("Who founded Rome?", True),), ()]
    assert rewriter.asked == [["Who founded it?", "Thanks!"]]


def test_a_turn_that_is_written_again_as_it_was_is_no_other_reading():
    assert rewritten_readings([after(" Thanks! ")], FakeRewriter(**{" Thanks! ": "Thanks!"})) == [
        ()
    ]


def test_without_a_rewriter_or_anything_to_rewrite_nothing_is_asked():
    rewriter = FakeRewriter()
    assert rewritten_readings([after("Where is it?")], None) == [()]
    assert rewritten_readings([[Turn("user", "Where is it?")]], rewriter) == [()]
    assert rewriter.asked == []


def test_the_whole_conversation_is_shown():
    rewriter = FakeRewriter()
    rewritten_readings([after("Who founded it?")], rewriter)
    assert rewriter.shown == [[tuple(after("Who founded it?"))]]


def test_turns_without_text_are_none_to_refer_to():
    blank = Turn("assistant", " \n")
    assert not may_refer_back([blank, Turn("user", "Where is it?")])
    assert may_refer_back([*TALK, blank, Turn("user", "Where is it?")])


@pytest.mark.parametrize("query", ["", " \n", "\ud800", "x" * 100_001, " Where is it?  "])
def test_what_can_not_be_asked_or_is_the_same_is_no_reading(query):
    rewriter = FakeRewriter(**{"Where is it?": query})
    assert rewritten_readings([after("Where is it?")], rewriter) == [()]


@pytest.mark.parametrize("returned", [[], ["a", "b"], [5], [b"Who?"], [["Who?"]]])
def test_a_rewriter_that_returns_something_else_is_told(returned):
    class Own:
        def rewrite_all(self, conversations):
            return returned

    with pytest.raises(ErrataError, match="has to return a query, or None, for each"):
        rewritten_readings([after("Where is it?")], Own())


@pytest.mark.parametrize(
    ("turn", "query", "lost"),
    [
        ("The genus Platypatrobus is part of what?", "What is the genus of Dingo Creek?", True),
        ("Celilo Village, in", "Where was Celilo Village born?", False),
        ("I thought it was Berlin. Where is it?", "Where is the Brandenburg Gate?", True),
        ("Who composed it?", "Who composed Tosca?", False),
        ("Composer?", "What is the composer of Tosca?", False),
        ("And the louvre?", "Where is the Louvre?", False),
    ],
)
def test_a_lost_name_is_seen(turn, query, lost):
    assert has_lost_a_name(turn, query) is lost


def read(*guesses):
    return rewritten_readings([after("Where?")], GuessingRewriter(**{"Where?": guesses}))[0]


def test_a_turn_may_have_several_readings_the_likeliest_first():
    found = read(("Where is it?", 0.2), ("Where is Rome?", 0.4), (" Where is it?", 0.3))
    assert [(one.text, one.probability) for one in found] == [
        ("Where is it?", 0.5),
        ("Where is Rome?", 0.4),
    ]
    assert all(one.rewritten for one in found)


def test_a_turn_that_most_likely_stands_as_it_is_has_no_other_reading():
    assert read((None, 0.4), ("Where is Rome?", 0.3)) == ()
    assert read((None, 0.2), ("Where?", 0.2), ("Where is Rome?", 0.3)) == ()
    assert read(("Where is Rome?", 0.5), (None, 0.3)) == (Reading("Where is Rome?", True, 0.5),)
    assert read(("", 0.9), ("Where is Rome?", 0.1)) == (Reading("Where is Rome?", True, 0.1),)
    assert read() == ()


@pytest.mark.parametrize("returned", [None, [], [None], ["Where?"], [["Where?"]], [[Guess(5)]]])
def test_guesses_that_are_none_are_told(returned):
    rewriter = FakeRewriter()
    rewriter.guess_all = lambda conversations: returned
    with pytest.raises(ErrataError, match="has to return a list of Guess, from 0 to 1, for each"):
        rewritten_readings([after("Where is it?")], rewriter)


@pytest.mark.parametrize(
    "probability", [-0.1, 1.1, 10**400, float("nan"), float("inf"), None, "0.5"]
)
def test_a_guess_has_a_probability(probability):
    with pytest.raises(ErrataError, match="a list of Guess"):
        read(("Where is Rome?", probability))
