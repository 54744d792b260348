import random
import re

import pytest

from mello.plans import Plan, has_references, read_plan, write_plan
from mello.written_questions import WrittenQuestion, written_questions

EVERY = [one for part in ("fit", "dev") for one in written_questions(part)]
QUESTION = WrittenQuestion(
    ("Who runs the firm that made {a}?", "{a} was made by a firm. Who runs it?"),
    ("Which firm made {a}?", "Who runs #1?"),
    {"a": ("Salt", "Tin Lanterns")},
)


def places(*texts):
    return set(re.findall(r"{(\w+)}", " ".join(texts)))


def test_a_wording_and_its_plan_have_the_same_name():
    for question, plan in QUESTION.named(random.Random(0)) + QUESTION.named(random.Random(1)):
        name = next(one for one in QUESTION.names["a"] if one in question)
        assert plan == Plan((f"Which firm made {name}?", "Who runs #1?"))


def test_names_are_drawn():
    chance = random.Random(0)
    drawn = {question for _ in range(20) for question, _ in QUESTION.named(chance)}
    assert len(drawn) == 4


def test_no_question_is_in_both_parts():
    fit, dev = ({one.wordings for one in written_questions(part)} for part in ("fit", "dev"))
    assert len(dev) > 50
    assert len(fit) > 8 * len(dev)
    assert not fit & dev


@pytest.mark.parametrize("wanted", [0, 2, 3, 4])
def test_there_are_questions_of_every_number_of_steps(wanted):
    assert sum(len(one.steps) == wanted for one in EVERY) > 100


def test_every_place_has_names_and_stands_in_every_wording_and_in_the_steps():
    for one in EVERY:
        assert all(places(wording) == one.names.keys() for wording in one.wordings)
        assert not one.steps or places(*one.steps) == one.names.keys()


def test_every_plan_can_be_followed_and_needs_every_step():
    for one in filter(lambda one: one.steps, EVERY):
        for _, plan in one.named(random.Random(0)):
            assert read_plan(write_plan(plan)) == plan
        used = {at for place in range(len(plan)) for at in plan.references(place)}
        assert used == set(range(len(plan) - 1))


def test_no_question_is_read_as_referring_to_an_answer():
    for one in EVERY:
        assert not any(has_references(question) for question, _ in one.named(random.Random(0)))
