import itertools
from typing import get_args

import pytest
from fakes import ScriptedAsk, ScriptedDecomposer
from hypothesis import given
from hypothesis import strategies as st

from mello import MAX_HOPS, Answer, Finish, Hop, Outcome, Subquestion, answer_by_hops

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


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_finish_at_once_is_a_single_hop_and_asks_nothing(nothing):
    ask = ScriptedAsk()

    trace = answer_by_hops(QUESTION, ScriptedDecomposer(Finish(nothing)), ask)

    assert (trace.answer, trace.hops, trace.outcome) == ("", (), "single_hop")
    assert ask.asked == []


def test_a_finish_at_once_may_name_the_answer_too():
    trace = answer_by_hops(QUESTION, ScriptedDecomposer(Finish("42")), ScriptedAsk())

    assert (trace.answer, trace.hops, trace.outcome) == ("42", (), "finished")


@pytest.mark.parametrize("script", [(Finish(" "),), ("a", Finish("")), ("a", Finish(" \n"))])
def test_a_blank_finish_names_no_answer(script):
    trace = answer_by_hops(QUESTION, ScriptedDecomposer(*script), ScriptedAsk())

    assert trace.outcome == ("single_hop" if len(script) == 1 else "finished")
    assert trace.answer == ("" if len(script) == 1 else "answer to a")


def test_a_subquestion_may_come_with_a_tentative_answer():
    decomposer = ScriptedDecomposer(Subquestion(WHERE, "Seattle"), Subquestion(MAYOR), Finish())
    ask = ScriptedAsk(**{WHERE: Answer("Paris", "needle")})

    trace = answer_by_hops(QUESTION, decomposer, ask)

    assert ask.asked == [WHERE, MAYOR]
    assert [hop.tentative for hop in trace.hops] == ["Seattle", None]
    assert [hop.overruled for hop in trace.hops] == [True, False]


def test_the_base_model_is_asked_for_a_tentative_answer_only_where_an_edit_answers():
    decomposer = ScriptedDecomposer("a", "b", Subquestion("c", "own"), Finish())
    ask = ScriptedAsk(b=Answer("B", "e1"), c=Answer("C", "e2"))
    asked = []

    def tentative(question):
        asked.append((question, list(ask.asked)))
        return f"base on {question}"

    trace = answer_by_hops(QUESTION, decomposer, ask, tentative=tentative)

    assert asked == [("b", ["a", "b"])]  # after the memory, and about the subquestion alone
    assert [hop.tentative for hop in trace.hops] == [None, "base on b", "own"]


def test_without_it_no_tentative_answer_is_made_up():
    ask = ScriptedAsk(a=Answer("A", "e1"))

    trace = answer_by_hops(QUESTION, ScriptedDecomposer("a", Finish()), ask)

    assert trace.hops == (Hop("a", Answer("A", "e1"), None),)


def test_too_many_hops():
    ask = ScriptedAsk()
    steps = [f"question {n}" for n in range(50)]

    trace = answer_by_hops(QUESTION, ScriptedDecomposer(*steps), ask)

    assert (trace.answer, trace.outcome) == ("", "too_many_hops")
    assert len(ask.asked) == len(trace.hops) == MAX_HOPS


def test_a_finish_right_after_the_most_hops_still_counts():
    decomposer = ScriptedDecomposer("a", "b", Finish())

    assert answer_by_hops("Q", decomposer, ScriptedAsk(), max_hops=2).outcome == "finished"


@pytest.mark.parametrize(
    "again", ["a b?", "A  B", " a b ? ", "a b..", "a\tb\n", Subquestion("A b")]
)
def test_a_subquestion_in_other_spelling_is_a_repeated_one(again):
    ask = ScriptedAsk()

    trace = answer_by_hops(QUESTION, ScriptedDecomposer("a b", again), ask)

    assert (trace.answer, trace.outcome) == ("", "repeated_subquestion")
    assert ask.asked == ["a b"]


@pytest.mark.parametrize(
    "blank", ["", "  ", "\n", "?", " . ", Subquestion(" "), Subquestion("", "A")]
)
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


def test_time_is_up_only_for_a_further_subquestion():
    clock = itertools.count(step=60.0).__next__
    decomposer = ScriptedDecomposer("a", Finish())

    trace = answer_by_hops(QUESTION, decomposer, ScriptedAsk(), seconds=100, clock=clock)

    assert trace.outcome == "finished"


def test_every_outcome_is_tried_here():
    """One way to each; the tests above tell more of it."""
    many = [f"question {n}" for n in range(50)]
    late = {"seconds": 1, "clock": itertools.count(step=4.0).__next__}
    ways = {
        "finished": (["a", Finish()], {}),
        "single_hop": ([Finish()], {}),
        "too_many_hops": (many, {}),
        "repeated_subquestion": (["a", "a"], {}),
        "empty_subquestion": ([""], {}),
        "empty_answer": (["blank"], {}),
        "out_of_time": (["a"], late),
    }
    assert set(ways) == set(get_args(Outcome))
    for outcome, (script, settings) in ways.items():
        ask = ScriptedAsk(blank=Answer(" "))
        trace = answer_by_hops(QUESTION, ScriptedDecomposer(*script), ask, **settings)
        assert trace.outcome == outcome


def test_a_failure_of_a_part_is_not_hidden():
    def ask(question):
        raise ConnectionError("no model")

    with pytest.raises(ConnectionError):
        answer_by_hops(QUESTION, ScriptedDecomposer("a"), ask)


steps = st.one_of(
    st.sampled_from(["a", "b", "A?", "c", "", "?"]),
    st.text(max_size=5),
    st.builds(Finish, st.none() | st.text(max_size=3)),
    st.builds(Subquestion, st.text(max_size=2), st.none() | st.just("t")),
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
    assert trace.outcome in get_args(Outcome)
    assert trace.outcome == "finished" or trace.answer == ""
    assert (trace.outcome == "single_hop") <= (not trace.hops)
    questions = [" ".join(hop.question.casefold().split()) for hop in trace.hops]
    assert len(set(questions)) == len(questions)
