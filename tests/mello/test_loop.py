import itertools

import pytest
from fakes import ScriptedAsk, ScriptedDecomposer
from hypothesis import given
from hypothesis import strategies as st

from mello import MAX_HOPS, Answer, Finish, Hop, answer_by_hops

QUESTION = "Who is the mayor of the city in which the Space Needle stands?"
WHERE = "Where does the Space Needle stand?"
MAYOR = "Who is the mayor of Paris?"


def test_each_subquestion_is_asked_and_the_last_answer_holds():
    decomposer = ScriptedDecomposer(WHERE, MAYOR, Finish())
    ask = ScriptedAsk(**{WHERE: Answer("Paris", "needle", 0.9), MAYOR: Answer("Anne", None, 0.1)})

    trace = answer_by_hops(QUESTION, decomposer, ask)

    assert trace.outcome == "finished"
    assert trace.answer == "Anne"
    assert trace.question == QUESTION
    assert trace.hops == (
        Hop(WHERE, Answer("Paris", "needle", 0.9)),
        Hop(MAYOR, Answer("Anne", None, 0.1)),
    )
    assert trace.edited


def test_the_decomposer_sees_the_question_and_the_hops_so_far():
    decomposer = ScriptedDecomposer("a", "b", Finish())

    answer_by_hops(QUESTION, decomposer, ScriptedAsk())

    assert [question for question, _ in decomposer.seen] == [QUESTION] * 3
    assert [[hop.question for hop in hops] for _, hops in decomposer.seen] == [
        [],
        ["a"],
        ["a", "b"],
    ]


def test_a_finish_may_name_the_answer():
    trace = answer_by_hops(QUESTION, ScriptedDecomposer("a", Finish("42")), ScriptedAsk())

    assert (trace.answer, trace.outcome) == ("42", "finished")


def test_a_finish_at_once_asks_nothing():
    ask = ScriptedAsk()

    trace = answer_by_hops(QUESTION, ScriptedDecomposer(Finish()), ask)

    assert (trace.answer, trace.hops, trace.outcome) == ("", (), "finished")
    assert ask.asked == []


def test_too_many_hops():
    ask = ScriptedAsk()
    steps = [f"question {n}" for n in range(50)]

    trace = answer_by_hops(QUESTION, ScriptedDecomposer(*steps), ask)

    assert (trace.answer, trace.outcome) == ("", "too_many_hops")
    assert len(ask.asked) == len(trace.hops) == MAX_HOPS


def test_a_finish_right_after_the_most_hops_still_counts():
    decomposer = ScriptedDecomposer("a", "b", Finish())

    assert answer_by_hops("Q", decomposer, ScriptedAsk(), max_hops=2).outcome == "finished"


@pytest.mark.parametrize("again", ["a b?", "A  B", " a b ? ", "a b..", "a\tb\n"])
def test_a_subquestion_in_other_spelling_is_a_repeated_one(again):
    ask = ScriptedAsk()

    trace = answer_by_hops(QUESTION, ScriptedDecomposer("a b", again), ask)

    assert (trace.answer, trace.outcome) == ("", "repeated_subquestion")
    assert ask.asked == ["a b"]


@pytest.mark.parametrize("blank", ["", "  ", "\n", "?", " . "])
def test_an_empty_subquestion_is_not_asked(blank):
    ask = ScriptedAsk()

    trace = answer_by_hops(QUESTION, ScriptedDecomposer("a", blank), ask)

    assert (trace.answer, trace.outcome) == ("", "empty_subquestion")
    assert ask.asked == ["a"]


def test_an_empty_answer_ends_the_loop_with_the_hop_in_the_trace():
    ask = ScriptedAsk(b=Answer(" \n"))

    trace = answer_by_hops(QUESTION, ScriptedDecomposer("a", "b", "c"), ask)

    assert (trace.answer, trace.outcome) == ("", "empty_answer")
    assert [hop.question for hop in trace.hops] == ["a", "b"]


def test_out_of_time():
    ask = ScriptedAsk()
    steps = [f"question {n}" for n in range(50)]
    clock = itertools.count(step=4.0).__next__

    trace = answer_by_hops(QUESTION, ScriptedDecomposer(*steps), ask, seconds=10, clock=clock)

    assert (trace.answer, trace.outcome) == ("", "out_of_time")
    assert len(ask.asked) == 2


def test_a_failure_of_a_part_is_not_hidden():
    def ask(question):
        raise ConnectionError("no model")

    with pytest.raises(ConnectionError):
        answer_by_hops(QUESTION, ScriptedDecomposer("a"), ask)


steps = st.one_of(
    st.sampled_from(["a", "b", "A?", "c", "", "?"]),
    st.text(max_size=5),
    st.builds(Finish, st.none() | st.text(max_size=3)),
)


@given(
    st.lists(steps, min_size=1, max_size=12),
    st.lists(st.sampled_from(["yes", "", " "]), min_size=1, max_size=3),
    st.integers(0, 8),
)
def test_it_never_loops_for_ever(script, answers, max_hops):
    turn = itertools.cycle(answers)
    decomposer = ScriptedDecomposer(*script)

    trace = answer_by_hops("Q", decomposer, lambda _: Answer(next(turn)), max_hops=max_hops)

    assert len(trace.hops) <= max_hops
    assert len(decomposer.seen) <= max_hops + 1
    assert trace.outcome == "finished" or trace.answer == ""
    questions = [" ".join(hop.question.casefold().split()) for hop in trace.hops]
    assert len(set(questions)) == len(questions)
