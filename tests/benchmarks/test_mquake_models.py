from types import SimpleNamespace

import pytest
from fakes import FakeEncoder
from tiny_models import tiny_base

from benchmarks.knowing import KnowingBase, KnownFact
from benchmarks.mquake_models import EditedHops, knows, plans_of, short_answers_of, writer
from memory_store import Edit
from serac.answerers import ike
from serac.conversation import as_turns
from serac.counterfactual import CounterfactualModel
from serac.decision import Decision
from serac.decomposer import TrainedPlans
from serac.decomposer.model import LONGEST_QUESTION
from serac.short_answers import ShortAnswers

QUESTION = "Where is the tower?"
EDITS = (Edit("1", "The tower is in Oslo"), Edit("2", "The tower is in Rome"))


class Told(list):
    """Remembers how many were done."""

    def __call__(self, more):
        self.append(more)


def decision(route, *edits):
    return Decision(QUESTION, route, edits, (), 0.5, "", QUESTION)


@pytest.fixture(scope="module")
def counterfactual():
    return CounterfactualModel(tiny_base(seed=1), {"model_sha256": "0" * 64})


def test_what_is_written_is_read_and_counted():
    told = Told()
    write = writer(tiny_base(), str, [], 4, str.upper)
    written = write(["the tower", "Oslo"], told)
    assert len(written) == 2
    assert written == [text.upper() for text in written]
    assert sum(told) == 2
    assert write([], told) == []


def test_edited_hops_are_answered_by_whom_the_overlay_would_ask(counterfactual):
    base = tiny_base(seed=2, prompting="completion")
    in_context = ike(base)
    edited = EditedHops(counterfactual, in_context, base)
    one, both = decision("counterfactual", EDITS[0]), decision("ike", *EDITS)
    assert edited.prompt(one) == counterfactual.prompt(QUESTION, EDITS[:1])
    assert edited.prompt(both) == in_context.prompt(QUESTION, EDITS[:1])
    asked = [("ike", edited.prompt(both)), ("counterfactual", edited.prompt(one))]
    turns = as_turns(QUESTION)
    assert edited.answer(asked, Told()) == [
        in_context.answer(turns, EDITS[:1]).strip(),
        counterfactual.answer(turns, EDITS[:1]).strip(),
    ]


@pytest.mark.parametrize("sure", [True, False])
def test_plans_are_written_as_the_decomposer_writes_them(sure):
    gate = SimpleNamespace(is_sure=lambda question: sure)
    plans = TrainedPlans(tiny_base(), {}, gate)
    long = "a" * (LONGEST_QUESTION + 1)
    one, none = plans_of(plans)([QUESTION, long], Told())
    assert one.split() == plans.write(QUESTION).split()
    assert one.startswith(plans.begun(QUESTION))
    assert none == plans.write(long) == ""


def test_short_answers_are_those_of_the_overlay():
    base = tiny_base(prompting="completion")
    answers = short_answers_of(base)([QUESTION, "Who is it?"], Told())
    assert answers == [
        ShortAnswers(lambda: base).answer(asked) for asked in (QUESTION, "Who is it?")
    ]


def test_a_knowing_base_answers_many_questions():
    base = KnowingBase([KnownFact(QUESTION, "", "Oslo", ())], FakeEncoder())
    told = Told()
    assert knows(base)([QUESTION, "Who?"], told) == ["Oslo", "unknown"]
    assert told == [2]
