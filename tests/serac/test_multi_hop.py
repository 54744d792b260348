"""Multi-hop questions: which are taken apart, how a hop is asked, and what is said of it."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import FakeBase, ScriptedDecomposer

from mello import Answer, Finish, Hop, PlannedDecomposer, Trace
from mello.prompted import chain_prompt
from memory_store import Edit
from memory_store.errors import ArtifactError, ErrataError
from serac.conversation import Turn
from serac.decision import Candidate, Decision, Reply
from serac.multi_hop import (
    DECOMPOSERS,
    DEFAULT_DECOMPOSER,
    LONGEST_CHAIN,
    MultiHop,
    check_name,
    prompted,
    question_of,
    trace_lines,
    trained,
)

QUESTION = "Who is the mayor of the city in which the Space Needle stands?"
WHERE = "In which city does the Space Needle stand?"
MAYOR = "Who is the mayor of Paris?"
PLAN = f"1. {WHERE}\n2. Who is the mayor of #1?"
NEEDLE = Edit("needle", "The Space Needle is located in Paris.")
CITIZENS = Edit("mayor", "The mayor of Paris is Odile Brandt.")


class Asked:
    """Answers hops by a table of (text, edits); remembers them."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, question):
        self.asked.append(question)
        text, *edits = self.answers.get(question, ("someone",))
        score = 0.9 if edits else 0.1
        judged = Candidate(edits[0] if edits else NEEDLE, 0.5, score, question)
        route = "ike" if edits else "base"
        return Reply(text, Decision(question, route, tuple(edits), (judged,), 0.5, "because"))


def by_plan(plan=PLAN):
    return MultiHop(PlannedDecomposer(lambda question: plan))


class TestReply:
    def test_each_hop_is_asked_with_the_answer_before_as_a_name(self):
        ask = Asked(**{WHERE: ("Paris.", NEEDLE), MAYOR: (" Ada Quill.\n",)})

        reply = by_plan().reply(f" {QUESTION}\n", ask, 0.7)

        assert ask.asked == [WHERE, MAYOR]
        assert reply.text == "Ada Quill"
        assert reply.trace.hops == (
            Hop(WHERE, Answer("Paris", "needle", 0.9)),
            Hop(MAYOR, Answer("Ada Quill", None, 0.1)),
        )

    def test_the_decision_is_a_record_of_it(self):
        ask = Asked(**{WHERE: ("Paris", NEEDLE), MAYOR: ("Odile Brandt", CITIZENS, NEEDLE)})

        decision = by_plan().reply(f" {QUESTION}\n", ask, 0.7).decision

        assert (decision.route, decision.query) == ("multi_hop", f" {QUESTION}\n")
        assert (decision.reading, decision.threshold) == (QUESTION, 0.7)
        assert decision.edits == (NEEDLE, CITIZENS)  # those that answered, in order
        assert decision.reason == "2 hops, edited by needle, mayor"
        assert decision.in_scope and decision.candidates == () and decision.score is None

    def test_an_edit_that_answers_two_hops_is_named_once(self):
        ask = Asked(**{WHERE: ("Paris", NEEDLE), MAYOR: ("Ada", NEEDLE)})

        assert by_plan().reply(QUESTION, ask, 0.5).decision.edits == (NEEDLE,)

    @pytest.mark.parametrize(
        ("steps", "answers"),
        [
            ((Finish(),), {}),
            ((Finish("Paris"),), {}),
            ((WHERE, Finish()), {WHERE: ("Paris", NEEDLE)}),
            ((WHERE, MAYOR, Finish()), {}),
            ((WHERE, WHERE), {WHERE: ("Paris", NEEDLE)}),
            ((WHERE, MAYOR, ""), {WHERE: ("Paris", NEEDLE)}),
            ((WHERE, MAYOR, Finish()), {WHERE: ("Paris", NEEDLE), MAYOR: (" .\n",)}),
        ],
        ids=["single", "named at once", "one hop", "no edit", "repeated", "blank", "no answer"],
    )
    def test_otherwise_there_is_none(self, steps, answers):
        assert MultiHop(ScriptedDecomposer(*steps)).reply(QUESTION, Asked(**answers), 0.5) is None

    def test_a_tentative_answer_is_asked_for_where_an_edit_answers(self):
        ask, told = Asked(**{WHERE: ("Paris", NEEDLE)}), []

        def tentative(question):
            told.append(question)
            return "Seattle"

        trace = by_plan().reply(QUESTION, ask, 0.5, tentative).trace

        assert told == [WHERE]
        assert [(hop.tentative, hop.overruled) for hop in trace.hops] == [
            ("Seattle", True),
            (None, False),
        ]


class TestMayHaveHops:
    def test_every_question_does_unless_a_gate_is_given(self):
        several = MultiHop(ScriptedDecomposer(Finish()), lambda question: "city" in question)

        assert by_plan().may_have_hops("Hi")
        assert several.may_have_hops(QUESTION)
        assert not several.may_have_hops("Hi")

    def test_a_task_does_not(self):
        assert not by_plan().may_have_hops("Write a poem about the Space Needle.")


class TestTrained:
    def test_the_body_is_needed_for_a_question_only(self, adapter_folder, stand_in):
        loaded = []

        def body():
            loaded.append(1)
            return stand_in

        several = trained(body, adapter_folder("decomposer"))
        assert several.may_have_hops(QUESTION)
        assert loaded == []

        for question in (QUESTION, MAYOR, QUESTION):
            assert several.reply(question, Asked(), 0.5) is None  # random weights plan nothing
        assert loaded == [1]

    def test_a_gate_that_lets_nothing_through_spares_the_rest(self, adapter_folder):
        several = trained(lambda: None, adapter_folder("decomposer", passes=False))

        assert not several.may_have_hops(QUESTION)

    def test_many_threads_load_the_adapter_once(self, adapter_folder, stand_in):
        loaded = []

        def body():
            loaded.append(1)
            time.sleep(0.2)  # as long as a model takes, so that the others come meanwhile
            return stand_in

        several = trained(body, adapter_folder("decomposer"))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: several.reply(f"{QUESTION} {n}", Asked(), 0.5), range(4)))

        assert loaded == [1]

    def test_a_folder_without_one_is_said_at_once(self, tmp_path):
        with pytest.raises(ArtifactError, match=f"{tmp_path} holds no decomposer; train one there"):
            trained(lambda: None, tmp_path)

    def test_a_damaged_adapter_is_said_when_it_is_needed(self, adapter_folder, stand_in):
        folder = adapter_folder("decomposer", model_sha256="0" * 64)
        several = trained(lambda: stand_in, folder)

        for _ in range(2):
            with pytest.raises(ArtifactError, match="is not the file that config"):
                several.reply(QUESTION, Asked(), 0.5)


class TestPrompted:
    def test_the_base_model_is_asked_for_each_step(self, adapter_folder):
        def says(prompt):
            if f"Subquestion: {MAYOR}" in prompt.rpartition(f"Question: {QUESTION}")[2]:
                return "Final answer: Ada Quill"
            asked = prompt.endswith(f"Question: {QUESTION}")
            return f"Subquestion: {WHERE if asked else MAYOR}\nTentative answer: Seattle"

        base = FakeBase(says)
        ask = Asked(**{WHERE: ("Paris", NEEDLE)})

        reply = prompted(lambda: base, lambda question: True).reply(QUESTION, ask, 0.5)

        assert reply.text == "Ada Quill" and ask.asked == [WHERE, MAYOR]
        assert [hop.overruled for hop in reply.trace.hops] == [True, False]
        assert base.asked[0] == (Turn("user", chain_prompt(QUESTION)),)
        assert base.limits == [LONGEST_CHAIN] * 3

    def test_it_is_behind_the_gate_too(self):
        several = prompted(lambda: None, lambda question: False)

        assert not several.may_have_hops(QUESTION)


class TestTraceLines:
    def test_a_hop_is_a_line_with_its_answer_and_where_that_comes_from(self):
        hops = (
            Hop(WHERE, Answer("Paris", "needle"), "Seattle"),
            Hop(MAYOR, Answer("Ada Quill")),
            Hop("Where was Ada Quill born?", Answer("Arden", "ada"), "in Arden"),
        )

        assert trace_lines(Trace(QUESTION, hops, "Arden", "finished")) == [
            f"1. {WHERE}  Paris  (edit #needle); the base model says: Seattle",
            f"2. {MAYOR}  Ada Quill  (base)",
            "3. Where was Ada Quill born?  Arden  (edit #ada)",
        ]

    def test_without_a_trace_this_is_said(self):
        assert trace_lines(None) == ["not asked hop by hop"]


def test_an_unknown_name_is_refused_in_one_line_with_the_others():
    for name in DECOMPOSERS:
        check_name(name)
    assert DEFAULT_DECOMPOSER in DECOMPOSERS
    for name in ("", "Trained", "oracle"):
        with pytest.raises(ErrataError) as caught:
            check_name(name)
        told = f"unknown decomposer {name!r}; use one of trained, prompted, none"
        assert re.fullmatch(rf"{re.escape(told)}.*", str(caught.value))


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ("Who wrote it?", "Who wrote it?"),
        ("It rained all day. Who wrote Glass Orchard?", "Who wrote Glass Orchard?"),
        ("Who was the wife of W. G. Hollis? Thanks a lot.", "Who was the wife of W. G. Hollis?"),
        ("Who built St. Brannoc's Church?", "Who built St. Brannoc's Church?"),
        ("Hello there.\nTell me the mayor of Porto", "Tell me the mayor of Porto"),
    ],
)
def test_the_question_of_a_message_is_its_last_one(message, question):
    assert question_of(message) == question


def test_a_message_that_asks_two_questions_is_not_taken_apart():
    several = MultiHop(ScriptedDecomposer("a"))
    assert several.may_have_hops(QUESTION)
    assert not several.may_have_hops(f"Who are you? {QUESTION}")
