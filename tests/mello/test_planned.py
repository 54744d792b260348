import threading

import pytest
from fakes import ScriptedAsk
from hypothesis import given
from hypothesis import strategies as st

from mello import Answer, Finish, Hop, Plan, PlannedDecomposer, answer_by_hops
from mello.planned import REMEMBERED

QUESTION = "Who is the mayor of the city in which the Space Needle stands?"
STEPS = "\n1. In which city is the Space Needle?\n2. Who is the mayor of #1?"


class ScriptedWriter:
    """Fits ``WritePlan``: writes the same plan for every question, and remembers them."""

    def __init__(self, plan=STEPS):
        self.plan = plan
        self.asked = []

    def __call__(self, question):
        self.asked.append(question)
        return self.plan


def test_the_steps_are_asked_with_the_answers_in_place():
    write = ScriptedWriter()
    ask = ScriptedAsk(**{"In which city is the Space Needle?": Answer("Paris", "needle")})

    trace = answer_by_hops(QUESTION, PlannedDecomposer(write), ask)

    assert ask.asked == ["In which city is the Space Needle?", "Who is the mayor of Paris?"]
    assert (trace.answer, trace.outcome) == ("answer to Who is the mayor of Paris?", "finished")
    assert write.asked == [QUESTION]


@pytest.mark.parametrize("plan", ["none", "", "1. Who is it?", "1. Who?\n2. Where is #5?"])
def test_without_a_plan_to_follow_the_question_is_one_of_a_single_hop(plan):
    decomposer = PlannedDecomposer(ScriptedWriter(plan))

    assert decomposer.plan(QUESTION) == Plan()
    assert decomposer.next(QUESTION, ()) == Finish()
    assert answer_by_hops(QUESTION, decomposer, ScriptedAsk()).outcome == "single_hop"


def test_a_question_with_a_reference_in_it_is_not_taken_apart():
    write = ScriptedWriter()

    assert PlannedDecomposer(write).next("Who sang the #1 hit of 1990?", ()) == Finish()
    assert write.asked == []


@given(st.lists(st.text(max_size=12), min_size=1, max_size=2))
def test_an_answer_can_not_lead_it_astray(answers):
    decomposer = PlannedDecomposer(ScriptedWriter(f"{STEPS}\n3. Is #1 like #2?"))
    hops = [Hop("a step", Answer(answer)) for answer in answers]

    step = decomposer.next(QUESTION, hops)

    wanted = "Who is the mayor of {}?" if len(answers) == 1 else "Is {} like {}?"
    assert step == wanted.format(*answers)


def test_plans_are_kept_and_the_oldest_are_forgotten():
    write = ScriptedWriter()
    decomposer = PlannedDecomposer(write)
    for number in range(REMEMBERED):
        decomposer.plan(f"Q{number}")
    decomposer.plan("Q0")  # used again: now Q1 is the oldest
    assert len(write.asked) == REMEMBERED

    decomposer.plan("one more")
    decomposer.plan("Q0")
    assert len(write.asked) == REMEMBERED + 1
    decomposer.plan("Q1")
    assert write.asked[-1] == "Q1"


def test_a_failure_of_the_writer_is_not_hidden_and_not_kept():
    def write(question):
        raise ConnectionError("no model")

    decomposer = PlannedDecomposer(write)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            decomposer.next(QUESTION, ())


def test_several_threads_may_use_it():
    decomposer = PlannedDecomposer(lambda question: f"1. Who is {question}?\n2. Where is #1?")
    wrong = []

    def ask(first):
        for number in range(first, first + 400):
            question = f"Q{number}"
            if decomposer.next(question, ()) != f"Who is {question}?":
                wrong.append(question)

    threads = [threading.Thread(target=ask, args=(place * 100,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_steps_that_answers_make_the_same_are_asked_once():
    plan = (
        "1. Who made A?\n2. Who made B?\n3. Where was #1 born?\n4. Where was #2 born?\n5. #3 or #4?"
    )
    ask = ScriptedAsk(
        **{
            "Who made A?": Answer("Ada"),
            "Who made B?": Answer("Ada"),
            "Where was Ada born?": Answer("Y"),
        }
    )

    trace = answer_by_hops(QUESTION, PlannedDecomposer(ScriptedWriter(plan)), ask)

    assert trace.outcome == "finished"
    assert ask.asked == ["Who made A?", "Who made B?", "Where was Ada born?", "Y or Y?"]
