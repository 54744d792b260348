"""The overlay and multi-hop questions: asked hop by hop where an edit comes into one."""

import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from fakes import (
    FakeBase,
    FakeCompletionBase,
    FakeEncoder,
    FakeRewriter,
    FakeScorer,
    FunctionScorer,
    ScriptedDecomposer,
)

from mello import Finish, PlannedDecomposer
from memory_store import EditMemory
from memory_store.errors import ArtifactError, ErrataError, InvalidQueryError, ModelError
from serac.conversation import Turn
from serac.decision import Reply
from serac.embedded import INSTALL_LINE, PACKAGE
from serac.hop_scope import HopScope
from serac.overlay import FactOverlay
from serac.second_scope import SecondScope
from serac.short_answers import short_prompt

NEEDLE = "The Space Needle is located in Paris."
WHERE = "In which city is the Space Needle located, Paris?"
QUESTION = "Who is the mayor of the city in which the Space Needle is located?"
MAYOR = "Who is the mayor of Paris?"
STEPS = (WHERE, MAYOR, Finish())
PLAN = f"1. {WHERE}\n2. Who is the mayor of #1?"


def says(asked):
    """What a chat model says: to the edited hop, to a hop of its own, to the question."""
    if asked.startswith(WHERE):
        return "It is in Paris." if NEEDLE in asked else "Seattle"
    return "Ada Quill." if asked.startswith(MAYOR) else f"base: {asked}"


class Planned(PlannedDecomposer):
    """Has the same plan for every question, and remembers which it was asked about."""

    def __init__(self, plan=PLAN):
        super().__init__(lambda question: plan)
        self.seen = []

    def next(self, question, hops):
        self.seen.append(question)
        return super().next(question, hops)


def make(base=None, decomposer=None, answerer="ike", small=None, **options):
    memory = EditMemory.open(":memory:", FakeEncoder())
    return FactOverlay(
        memory,
        FakeScorer(),
        0.9,
        base=base or FakeBase(says),
        answerer=answerer,
        counterfactual_model=small,
        decomposer=decomposer,
        **options,
    )


@pytest.fixture
def overlay():
    """With a decomposer that plans; the edited hop is answered by a small model."""
    small = FakeCompletionBase(" Paris", ".")
    with make(decomposer=Planned(), answerer="counterfactual", small=small) as one:
        one.add(NEEDLE, id="needle")
        yield one


def streamed(overlay, query):
    """Ask by streaming, and wait for the whole answer."""
    reply = overlay.stream(query)
    return Reply("".join(reply.chunks), reply.decision)


class TestAsk:
    def test_a_question_with_hops_is_asked_hop_by_hop(self, overlay):
        reply = overlay.ask(QUESTION)

        assert reply.text == "Ada Quill"
        assert reply.decision.route == "multi_hop"
        assert [edit.id for edit in reply.decision.edits] == ["needle"]
        assert reply.decision.reason == "2 hops, edited by needle"
        assert [(hop.question, hop.answer.text, hop.answer.source) for hop in reply.trace.hops] == [
            (WHERE, "Paris", "edit #needle"),
            (MAYOR, "Ada Quill", "base"),
        ]
        assert reply.trace is reply.decision.trace
        assert reply.trace.hops[0].answer.score == overlay.decide(WHERE).score
        assert [turns[-1].content.splitlines()[0] for turns in overlay.base.asked] == [MAYOR]

    def test_a_base_that_continues_text_answers_its_hops_in_a_word(self):
        base = FakeCompletionBase(" Paris", ".\n")
        with make(base, ScriptedDecomposer(*STEPS)) as overlay:
            overlay.add(NEEDLE, id="needle")

            reply = overlay.ask(QUESTION)

        assert [hop.answer.text for hop in reply.trace.hops] == ["Paris", "Paris"]
        edited, short = (prompt for prompt, *_ in base.completed)
        assert "New Fact:" in edited and short == short_prompt(MAYOR)
        assert base.asked == []

    def test_a_hop_may_be_held_to_a_threshold_of_its_own(self):
        hops = HopScope(FakeScorer(), 2.0)
        with make(decomposer=Planned(), answerer="counterfactual", hop_scope=hops) as overlay:
            overlay.add(NEEDLE)
            assert overlay.decide(WHERE).in_scope
            assert overlay.ask_by_hops(QUESTION) is None

    @pytest.mark.parametrize(("second", "fires"), [(0.6, True), (0.4, False)])
    def test_an_edit_answers_a_hop_if_both_classifiers_say_so(self, second, fires):
        judge = SecondScope(FunctionScorer(lambda query, edit: second), 0.5)
        hops = HopScope(FakeScorer(), 0.5, judge)
        with make(decomposer=Planned(), answerer="counterfactual", hop_scope=hops) as overlay:
            overlay.add(NEEDLE)
            assert overlay.decide(WHERE).in_scope
            assert overlay.hop_router.decide([Turn("user", WHERE)]).in_scope is fires

    def test_what_is_no_judge_of_hops_is_refused(self):
        with pytest.raises(ErrataError, match="is no HopScope"):
            make(hop_scope=FakeScorer())

    def test_by_default_the_small_model_answers_a_hop_from_its_most_probable_edit(self):
        small = FakeCompletionBase(" Paris")
        with make(decomposer=Planned(), answerer="auto", small=small) as overlay:
            overlay.add(NEEDLE)
            overlay.add("Paris is a city.")
            assert overlay.decide(WHERE).route == "ike" and len(overlay.decide(WHERE).edits) == 2

            reply = overlay.ask(QUESTION)

        assert reply.trace.hops[0].answer.text == "Paris" and len(small.completed) == 1
        assert len(reply.decision.edits) == 1

    @pytest.mark.parametrize(
        "steps",
        [
            (Finish(),),
            (WHERE, Finish()),
            ("Who are you?", "How old?", Finish()),
            (WHERE, WHERE),
            (WHERE, "  "),
            (WHERE, "", Finish()),
        ],
        ids=["no hop", "one hop", "no edit", "repeated", "blank", "empty"],
    )
    def test_otherwise_the_question_is_asked_as_it_is(self, steps):
        for ask in (FactOverlay.ask, streamed):
            with make(decomposer=ScriptedDecomposer(*steps)) as overlay:
                overlay.add(NEEDLE)

                reply = ask(overlay, QUESTION)

                assert reply.text == f"base: {QUESTION}"
                assert (reply.decision.route, reply.trace) == ("base", None)
                assert overlay.base.asked[-1] == (Turn("user", QUESTION),)

    def test_without_an_edited_hop_the_base_model_s_own_answer_comes_back(self):
        turns = (Turn("system", " Be brief. "), Turn("user", f" {QUESTION}\n"))
        with make(decomposer=Planned("1. Who are you?\n2. How old is #1?")) as overlay:
            overlay.add(NEEDLE)

            reply = overlay.ask(turns)

        assert reply.text == f"base:  {QUESTION}\n"
        assert overlay.base.asked[-1] == turns
        assert overlay.base.limits[-1] is None

    def test_what_was_taken_back_no_longer_answers_a_hop(self, overlay):
        assert overlay.ask(QUESTION).decision.route == "multi_hop"

        overlay.remove("needle")

        assert overlay.ask(QUESTION).text == f"base: {QUESTION}"
        overlay.add("The Louvre was painted by Odile Brandt.")
        assert overlay.ask(QUESTION).text == f"base: {QUESTION}"

    def test_an_empty_memory_asks_nothing(self):
        with make(decomposer=Planned()) as overlay:
            reply = overlay.ask(QUESTION)

            assert (reply.decision.route, reply.trace) == ("base", None)
            assert overlay.decomposer.seen == []
            assert overlay.base.asked == [(Turn("user", QUESTION),)]

    @pytest.mark.parametrize("query", ["", "  ", [], None, "\ud800"])
    def test_what_can_not_be_asked_is_not_taken_apart(self, overlay, query):
        for ask in (overlay.ask, overlay.stream, overlay.ask_by_hops):
            with pytest.raises(InvalidQueryError):
                ask(query)
        assert overlay.decomposer.seen == []

    def test_deciding_takes_nothing_apart(self, overlay):
        overlay.decide(QUESTION)
        overlay.decide_many([QUESTION])

        assert overlay.decomposer.seen == []

    def test_a_failure_in_a_hop_is_not_hidden(self):
        def fail(asked):
            raise ModelError("no answer")

        with make(FakeBase(fail), Planned()) as overlay:
            overlay.add(NEEDLE)
            with pytest.raises(ModelError, match="no answer"):
                overlay.ask(QUESTION)


class TestOtherWaysOfAsking:
    def test_a_stream_gives_it_in_one_piece(self, overlay):
        reply = overlay.stream(QUESTION)

        assert list(reply.chunks) == ["Ada Quill"]
        assert reply.decision == overlay.ask(QUESTION).decision
        assert reply.trace == reply.decision.trace

    def test_what_was_decided_by_hops_is_answered_by_hops(self, overlay):
        assert overlay.answer(QUESTION, overlay.ask(QUESTION).decision) == "Ada Quill"

    def test_the_record_of_a_decision_has_its_hops(self, overlay):
        record = overlay.ask(QUESTION).decision.as_dict()
        json.dumps(record)

        assert [hop["source"] for hop in record["hops"]] == ["edit #needle", "base"]
        assert record["route"] == "multi_hop" and record["edit_ids"] == ["needle"]
        assert "hops" not in overlay.decide(QUESTION).as_dict()

    def test_to_explain_is_to_ask_the_base_model_about_edited_hops_too(self, overlay):
        reply = overlay.ask(QUESTION, explain=True)

        assert reply.text == "Ada Quill"
        assert [(hop.tentative, hop.overruled) for hop in reply.trace.hops] == [
            ("Seattle", True),
            (None, False),
        ]
        assert reply.decision.as_dict()["hops"][0]["tentative"] == "Seattle"

    @pytest.mark.parametrize("query", [WHERE, "How do I boil an egg?"])
    def test_of_another_query_there_is_nothing_to_explain(self, query):
        with make(decomposer=ScriptedDecomposer(Finish())) as overlay:
            overlay.add(NEEDLE)
            assert overlay.ask(query, explain=True) == overlay.ask(query)

    def test_by_hops_alone_there_is_a_reply_only_where_it_has_them(self, overlay):
        assert overlay.ask_by_hops(QUESTION) == overlay.ask(QUESTION)
        overlay.remove("needle")
        assert overlay.ask_by_hops(QUESTION) is None

    @pytest.mark.parametrize("answerer", ["ike", "counterfactual"])
    def test_another_model_may_answer_the_hops(self, answerer):
        other, small = FakeBase(says), FakeCompletionBase(" Paris.")
        with make("/no/such/model", Planned(), answerer, small) as overlay:
            overlay.add(NEEDLE)

            reply = overlay.ask_by_hops(QUESTION, other)

        asked = [turns[-1].content for turns in other.asked]
        assert reply.text == "Ada Quill" or answerer == "ike"
        assert asked[-1].startswith("Who is the mayor of ")
        assert len(asked) == (2 if answerer == "ike" else 1)
        assert not small.completed or answerer == "counterfactual"


class TestConversation:
    BEFORE = (Turn("user", "Tell me about the Space Needle."), Turn("assistant", "A tower."))

    def test_a_question_that_stands_on_its_own_is_taken_apart(self, overlay):
        assert overlay.ask([*self.BEFORE, Turn("user", QUESTION)]).text == "Ada Quill"
        assert set(overlay.decomposer.seen) == {QUESTION}

    @pytest.mark.parametrize(
        "follow_up", ["Who is the mayor of the city it is located in?", "And its mayor?"]
    )
    def test_without_a_rewriter_one_that_refers_back_is_not(self, overlay, follow_up):
        overlay.ask([*self.BEFORE, Turn("user", follow_up)])

        assert overlay.decomposer.seen == []

    def test_one_that_a_rewriter_leaves_with_its_pronoun_is_not(self, overlay):
        overlay.router.rewriter = FakeRewriter()
        overlay.ask([*self.BEFORE, Turn("user", "Who is the mayor of the city it is in?")])

        assert overlay.decomposer.seen == []

    def test_with_one_it_is_taken_apart_as_it_was_made_to_stand_on_its_own(self, overlay):
        follow_up = "Who is the mayor of the city it is located in?"
        overlay.router.rewriter = FakeRewriter(**{follow_up: QUESTION})

        reply = overlay.ask([*self.BEFORE, Turn("user", follow_up)])

        assert reply.text == "Ada Quill"
        assert (reply.decision.query, reply.decision.rewritten) == (follow_up, QUESTION)
        assert set(overlay.decomposer.seen) == {QUESTION}


class TestDecomposers:
    @pytest.mark.parametrize("decomposer", [None, "none"])
    def test_without_one_each_question_is_asked_as_it_is(self, decomposer):
        with make(decomposer=decomposer) as overlay:
            overlay.add(NEEDLE)

            assert overlay.ask(QUESTION).text == f"base: {QUESTION}"
            assert overlay.ask_by_hops(QUESTION) is None
            assert len(overlay.base.asked) == 1

    @pytest.mark.parametrize("name", ["oracle", "", "Trained", "/a/folder"])
    def test_an_unknown_name_is_refused(self, name):
        with pytest.raises(ErrataError, match=rf"^unknown decomposer '{name}'; use one of trained"):
            make(decomposer=name)

    def test_the_base_model_takes_questions_apart_when_prompted(self):
        def chained(asked):
            chain = asked.rpartition(f"Question: {QUESTION}")[2]
            if not asked.startswith("Questions are answered"):
                return says(asked)
            steps = [hop for hop in (WHERE, MAYOR) if hop not in chain]
            return f"Subquestion: {steps[0]}" if steps else "Final answer: Ada Quill"

        with make(FakeBase(chained), "prompted", "counterfactual", FakeBase("Paris")) as overlay:
            overlay.add(NEEDLE, id="needle")
            reply = overlay.ask(QUESTION)
            asked = len(overlay.base.asked)
            assert overlay.ask("Hello!").text == "base: Hello!"

        assert (reply.text, reply.decision.route) == ("Ada Quill", "multi_hop")
        assert len(overlay.base.asked) == asked + 1  # a greeting doesn't pass the gate

    def test_a_folder_of_a_trained_one_is_used(self, adapter_folder, stand_in):
        """Its plans are noise, which can't be followed: the question is asked as it is."""
        with make(stand_in, adapter_folder("decomposer")) as overlay:
            untouched = overlay.ask(QUESTION)
            overlay.add(NEEDLE)
            weights = {name: w.clone() for name, w in stand_in.model.state_dict().items()}

            assert overlay.ask(QUESTION).text == untouched.text

            after = stand_in.model.state_dict()
            assert list(after) == list(weights)
            assert all(torch.equal(after[name], weights[name]) for name in weights)

    def test_a_question_that_does_not_pass_the_gate_needs_no_model_for_it(self, adapter_folder):
        folder = adapter_folder("decomposer", passes=False)
        (folder / "adapter_model.safetensors").unlink()
        with make(decomposer=folder) as overlay:
            overlay.add(NEEDLE)

            assert overlay.ask(QUESTION).text == f"base: {QUESTION}"

    def test_a_folder_that_holds_none_is_said_when_it_is_needed(self, tmp_path):
        with make(decomposer=tmp_path) as overlay:
            assert overlay.ask(QUESTION).text == f"base: {QUESTION}"
            overlay.add(NEEDLE)
            for ask in (overlay.ask, overlay.stream, overlay.ask_by_hops):
                with pytest.raises(ArtifactError, match="holds no decomposer; train one there"):
                    ask(QUESTION)

    @pytest.mark.parametrize("decomposer", ["trained", Path("decomposer")])
    def test_without_the_embedded_model_it_is_said_once_and_asked_as_it_is(
        self, monkeypatch, caplog, decomposer
    ):
        monkeypatch.setitem(sys.modules, PACKAGE, None)  # how Python notes that there is none
        with make(decomposer=decomposer) as overlay, caplog.at_level(logging.WARNING):
            overlay.add(NEEDLE)

            assert overlay.ask(QUESTION).text == f"base: {QUESTION}"
            assert overlay.ask(WHERE).decision.route == "ike"

        (warning,) = [one.getMessage() for one in caplog.records]
        assert warning.startswith("no decomposer, so questions are asked as they are: ")
        assert warning.endswith(INSTALL_LINE)


class TestThreads:
    @pytest.mark.timeout(120)
    def test_many_threads_may_edit_and_ask_by_hops_at_once(self):
        def plan(question):
            town = question.split()[-1].rstrip("?")
            return f"1. Is the mayor of {town} Person{town}?\n2. Where was #1 born?"

        def told(asked):
            edited = asked.split("mayor of ")[-1].split(" ")[0]
            return f"Person{edited}" if "mayor" in asked else f"Home of {asked.split()[2]}"

        with make(FakeBase(told), PlannedDecomposer(plan)) as overlay:

            def work(number):
                town = f"town{number}"
                question = f"Where was the mayor born of {town}?"
                edit = overlay.add(f"The mayor of {town} is Person{town}.")
                reply = overlay.ask(question)
                overlay.remove(edit.id)
                return (
                    reply.decision.edits == (edit,)
                    and len(reply.trace.hops) == 2
                    and overlay.ask(question).decision.route == "base"
                )

            with ThreadPoolExecutor(8) as pool:
                assert all(pool.map(work, range(40)))
            assert len(overlay.memory) == 0

    def test_many_threads_load_the_decomposer_once(self, adapter_folder, stand_in):
        with make(stand_in, adapter_folder("decomposer")) as overlay:
            overlay.add(NEEDLE)
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda _: overlay._multi_hop(None), range(16)))

        assert len(set(map(id, found))) == 1
