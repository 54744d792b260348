import random
import re
from collections import Counter

import pytest

from mello.own_questions import own_question, relations, subjects
from mello.plans import has_references, read_plan, write_plan


@pytest.mark.parametrize("relation", relations(), ids=lambda relation: relation.ask[0])
def test_every_wording_has_room_for_what_it_is_about(relation):
    assert all(wording.count("{}") == 1 for wording in (*relation.ask, *relation.phrase))
    assert all(wording.endswith(("?", ".")) for wording in relation.ask)
    assert not any(wording.endswith(("?", ".")) for wording in relation.phrase)
    assert len(set(relation.ask)) == len(relation.ask)
    assert not any(has_references(wording) for wording in (*relation.ask, *relation.phrase))


def test_plain_wordings_about_one_type_are_all_different():
    plain = [(relation.start, relation.ask[0]) for relation in relations()]
    assert len(set(plain)) == len(plain)


def test_whatever_type_a_chain_may_pass_through_is_known():
    starts = {relation.start for relation in relations()}
    assert set(subjects()) <= starts
    assert all(len(names) >= 5 for names in subjects().values())


@pytest.fixture(scope="module")
def made():
    chance = random.Random(3)
    return [own_question(chance) for _ in range(1000)]


def test_every_plan_can_be_followed(made):
    for _, plan in made:
        assert read_plan(write_plan(plan)) == plan


def test_each_step_asks_about_the_answer_before(made):
    for _, plan in made:
        assert plan.references(0) == ()
        assert all(plan.references(place) == (place - 1,) for place in range(1, len(plan)))


def test_the_question_names_what_the_first_step_asks_about_and_none_of_the_answers(made):
    names = {name for known in subjects().values() for name in known}
    for question, plan in made:
        assert any(name in question and name in plan.steps[0] for name in names)
        assert "{}" not in question and not has_references(question)
        assert not any("{}" in step for step in plan.steps)


def test_most_have_two_hops_and_some_have_four(made):
    counts = Counter(len(plan) for _, plan in made)
    assert set(counts) == {2, 3, 4}
    assert counts[2] > counts[3] > counts[4] > 100


def test_many_questions_come_of_it(made):
    assert len({question for question, _ in made}) > 800


def test_further_names_are_used():
    chance = random.Random(0)
    names = {"person": [f"Person{n}" for n in range(500)]}
    questions = [own_question(chance, names)[0] for _ in range(300)]
    assert any(re.search(r"Person\d", question) for question in questions)


def test_the_seed_decides():
    assert own_question(random.Random(1)) == own_question(random.Random(1))
    assert len({own_question(random.Random(seed)) for seed in range(20)}) > 15
