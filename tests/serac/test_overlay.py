from concurrent.futures import ThreadPoolExecutor

import pytest
from data_folder import write_data_folder
from fakes import FakeBase, FakeCompletionBase, FakeEncoder, FakeScorer, ScriptedDecomposer
from tiny_models import byte_tokenizer, tiny_llama

from classifiers import ARTIFACTS
from classifiers import SHIPPED as SCOPE
from classifiers.train_similarity import train_similarity
from mello import Finish
from memory_store import EditMemory
from memory_store.errors import ArtifactError, ErrataError, InvalidQueryError, UnknownEditError
from serac.calibration import measured, remember
from serac.conversation import Turn
from serac.hop_scope import HopScope, load_hop_scope
from serac.overlay import FactOverlay
from serac.query_rewriting import (
    LazyRewriter,
    PromptedRewriter,
)
from serac.router import TURN_THRESHOLD
from serac.second_scope import SecondScope

NEEDLE = "The Space Needle is located in Paris."
IN_SCOPE = "In which city is the Space Needle located, Paris?"
OUT_OF_SCOPE = "How do I boil an egg?"


def make(base=None, threshold=0.9, answerer="ike", **options):
    memory = EditMemory.open(":memory:", FakeEncoder())
    base = base or FakeBase()
    return FactOverlay(memory, FakeScorer(), threshold, base=base, answerer=answerer, **options)


@pytest.fixture
def overlay():
    with make() as one:
        yield one


class TestAsk:
    def test_with_an_empty_memory_the_base_model_answers(self, overlay):
        reply = overlay.ask(IN_SCOPE)

        assert reply.text == f"base: {IN_SCOPE}"
        assert reply.decision.route == "base"
        assert reply.trace is None

    def test_in_scope_the_edit_is_put_before_the_model(self, overlay):
        edit = overlay.add(NEEDLE)

        reply = overlay.ask(IN_SCOPE)

        assert reply.decision.route == "ike"
        assert reply.decision.edits == (edit,)
        assert NEEDLE in overlay.base.asked[0][0].content

    def test_out_of_scope_the_base_model_gets_the_very_turns(self, overlay):
        overlay.add(NEEDLE)
        turns = (Turn("system", " Be brief. "), Turn("user", f"  {OUT_OF_SCOPE}\n"))

        reply = overlay.ask(turns)

        assert overlay.base.asked == [turns]
        assert reply.text == f"base:   {OUT_OF_SCOPE}\n"
        assert reply.decision.query == f"  {OUT_OF_SCOPE}\n"

    def test_what_was_taken_back_no_longer_answers(self, overlay):
        edit = overlay.add(NEEDLE)
        assert overlay.ask(IN_SCOPE).decision.in_scope

        overlay.remove(edit.id)

        assert overlay.ask(IN_SCOPE).text == f"base: {IN_SCOPE}"
        with pytest.raises(UnknownEditError):
            overlay.remove(edit.id)

    def test_a_new_version_answers_in_place_of_the_old(self, overlay):
        old = overlay.add(NEEDLE)

        new = overlay.update(old.id, "The Space Needle is located in Oslo.")

        assert overlay.ask("Is the Space Needle located in Oslo?").decision.edits == (new,)

    @pytest.mark.parametrize("query", ["", "  ", [], None, "\ud800"])
    def test_what_can_not_be_asked_reaches_no_model(self, overlay, query):
        overlay.add(NEEDLE)

        for ask in (overlay.ask, overlay.stream, overlay.decide):
            with pytest.raises(InvalidQueryError):
                ask(query)
        with pytest.raises(InvalidQueryError):
            overlay.decide_many(["Hi", query])
        assert overlay.base.asked == []

    @pytest.mark.parametrize("query", ["\u200b", "?", "🎈" * 1000, "a\x00b", "x" * 100_000])
    def test_odd_text_is_asked_as_it_is(self, overlay, query):
        overlay.add(NEEDLE)

        assert overlay.ask(query).text == f"base: {query}"


class TestStream:
    @pytest.mark.parametrize("query", [IN_SCOPE, OUT_OF_SCOPE])
    @pytest.mark.parametrize(
        "base", [FakeBase(), FakeBase(" Paris \n"), FakeCompletionBase(" Par", "is", " ")]
    )
    def test_it_gives_what_ask_gives(self, base, query):
        with make(base) as overlay:
            overlay.add(NEEDLE)
            reply, streamed = overlay.ask(query), overlay.stream(query)

            assert "".join(streamed.chunks) == reply.text
            assert streamed.decision == reply.decision
            assert overlay.answer(query, reply.decision) == reply.text

    def test_the_decision_is_there_before_the_first_piece(self, overlay):
        edit = overlay.add(NEEDLE)
        streamed = overlay.stream(IN_SCOPE)
        overlay.remove(edit.id)

        assert streamed.decision.edits == (edit,)
        assert NEEDLE in "".join(streamed.chunks)


class TestDecide:
    def test_no_model_is_asked_or_loaded(self):
        with make("/no/such/model") as overlay:
            overlay.add(NEEDLE)

            assert overlay.decide(IN_SCOPE).in_scope
            assert not overlay.decide_many([OUT_OF_SCOPE])[0].in_scope

    def test_many_are_decided_as_one_is(self, overlay):
        overlay.add(NEEDLE)
        queries = [IN_SCOPE, OUT_OF_SCOPE, [Turn("user", "Hi. Hello. Bye."), Turn("user", "Ok?")]]

        assert overlay.decide_many(queries) == [overlay.decide(query) for query in queries]
        assert overlay.decide_many([]) == []

    def test_one_may_decide_now_and_answer_later(self, overlay):
        overlay.add(NEEDLE)
        decision = overlay.decide(IN_SCOPE)

        assert overlay.answer(IN_SCOPE, decision) == overlay.ask(IN_SCOPE).text


class TestAnswerers:
    def test_ike_asks_the_base_model_with_demonstrations(self):
        base = FakeCompletionBase(" Paris")
        with make(base) as overlay:
            overlay.add(NEEDLE)

            assert overlay.ask(IN_SCOPE).text == "Paris"
            assert base.completed[0][0].count("New Fact:") > 1

    def test_the_counterfactual_model_answers_in_the_place_of_the_base_model(self):
        base, small = FakeBase("Seattle"), FakeCompletionBase(" Paris")
        with make(base, answerer="counterfactual", counterfactual_model=small) as overlay:
            overlay.add(NEEDLE)

            assert overlay.ask(IN_SCOPE).text == "Paris"
            assert overlay.ask(IN_SCOPE).decision.route == "counterfactual"
            assert overlay.ask(OUT_OF_SCOPE).text == "Seattle"
            assert base.asked == [(Turn("user", OUT_OF_SCOPE),)]

    def test_an_unknown_answerer_is_refused(self):
        with pytest.raises(ErrataError, match="unknown answerer 'magic'; use one of auto, cou"):
            make(answerer="magic")


class TestThreads:
    @pytest.mark.timeout(120)
    def test_many_threads_may_edit_and_ask_at_once(self, overlay):
        def work(number):
            text = f"The mayor of town{number} is Person{number}."
            question = f"Is the mayor of town{number} Person{number}?"
            edit = overlay.add(text)
            told = overlay.ask(question)
            other = overlay.ask(OUT_OF_SCOPE)
            overlay.remove(edit.id)
            after = overlay.decide(question)
            return (
                [e.id for e in told.decision.edits] == [edit.id]
                and text in told.text
                and other.text == f"base: {OUT_OF_SCOPE}"
                and edit.id not in [c.edit.id for c in after.candidates]
            )

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(40)))
        assert len(overlay.memory) == 0

    def test_a_model_is_loaded_once(self, tmp_path):
        tiny_llama(257).save_pretrained(tmp_path)
        byte_tokenizer().save_pretrained(tmp_path)

        with make(str(tmp_path), device="cpu") as overlay, ThreadPoolExecutor(8) as pool:
            bases = list(pool.map(lambda _: overlay.base, range(16)))
            answerers = list(pool.map(lambda _: overlay.answerer("ike"), range(16)))

        assert len(set(map(id, bases))) == len(set(map(id, answerers))) == 1
        assert answerers[0].model is bases[0]


def calibrated(path, rate, **own):
    """Calibrate a memory to a rate; return the calibration, and the overlay as it was before."""
    with FactOverlay.open(path, **own) as overlay:
        found = measured(overlay.scorer, rate)
        remember(overlay.memory, found)
    return found, overlay


@pytest.mark.model
class TestOpen:
    def test_edits_are_there_when_it_is_opened_again(self, tmp_path, embedded_encoder):
        options = {"base": FakeBase(), "encoder": embedded_encoder}
        with FactOverlay.open(tmp_path / "facts.db", **options) as overlay:
            edit = overlay.add(NEEDLE)

        with FactOverlay.open(tmp_path / "facts.db", **options) as overlay:
            reply = overlay.ask("Where is the Space Needle located?")
            assert reply.decision.edits == (edit,)
            assert reply.decision.route == "counterfactual"
            assert "Paris" in reply.text
        with FactOverlay.open(tmp_path / "facts.db", namespace="other", **options) as overlay:
            assert overlay.decide("Where is the Space Needle located?").candidates == ()

    def test_a_stricter_rate_gives_a_higher_threshold(self, embedded_encoder):
        thresholds = []
        for rate in (0.01, 0.05):
            with FactOverlay.open(
                ":memory:", base=FakeBase(), encoder=embedded_encoder, false_fire=rate
            ) as overlay:
                thresholds.append(overlay.router.threshold)
                assert overlay.hop_router.threshold > overlay.router.threshold
                assert isinstance(overlay.router.rewriter, LazyRewriter)
        assert thresholds[0] > thresholds[1]

    @pytest.mark.parametrize("given", [None, 0.9])
    def test_rewritten_turns_are_held_to_what_was_measured_for_them(self, embedded_encoder, given):
        own = {"base": FakeBase(), "encoder": embedded_encoder}
        with FactOverlay.open(":memory:", turn_threshold=given, **own) as overlay:
            held_to = overlay.router.turn_threshold
            assert held_to == (given or overlay.scorer.turn_threshold) >= overlay.router.threshold

    @pytest.mark.parametrize(("rate", "held"), [(0.05, None), (0.005, None), (0.001, 0.001)])
    def test_a_strict_calibration_holds_for_hops_too(self, tmp_path, embedded_encoder, rate, held):
        own = {"base": FakeBase(), "encoder": embedded_encoder}
        calibrated(tmp_path / "facts.db", rate, **own)
        hops = load_hop_scope(held)
        with FactOverlay.open(tmp_path / "facts.db", **own) as overlay:
            router = overlay.hop_router
            assert router.scorer.fingerprint == hops.scorer.fingerprint
            assert router.threshold == hops.threshold.at(0)
            assert router.second.threshold == hops.second.threshold

    @pytest.mark.parametrize(
        ("options", "limit"),
        [
            ({}, "strictest"),
            ({"false_fire": 0.05}, "of 2%"),
            ({"false_fire": 0.01}, "strictest"),
            ({"decomposer": "prompted"}, "strictest"),
            ({"decomposer": "none"}, None),
            ({"hop_scope": None}, None),
            ({"hop_scope": HopScope(FakeScorer(), 0.2, SecondScope(FakeScorer(), 0.3))}, 0.3),
            ({"hop_scope": HopScope(FakeScorer(), 0.2)}, None),
            ({"scope": SCOPE}, None),
        ],
    )
    def test_whose_second_opinion_of_hops_is_asked(self, embedded_encoder, options, limit):
        measured = load_hop_scope().second.scorer.thresholds
        stated = {"strictest": measured[0].at(1), "of 2%": measured[1].at(1)}
        own = {"base": FakeBase(), "encoder": embedded_encoder}
        with FactOverlay.open(":memory:", **own, **options) as overlay:
            second = overlay.hop_router.second
            assert (second and second.threshold) == stated.get(limit, limit)

    @pytest.mark.parametrize("rewriter", ["trained", "none"])
    def test_hops_are_judged_by_both_classifiers(self, embedded_encoder, rewriter):
        with FactOverlay.open(
            ":memory:", base=FakeBase(), encoder=embedded_encoder, rewriter=rewriter
        ) as overlay:
            overlay.add("The name of the current head of state in Arvania is Ada Quill.")
            of_state = [Turn("user", "What is the name of the current head of state in Arvania?")]
            other = [
                Turn("user", "What is the name of the current head of the Arvania government?")
            ]
            assert overlay.hop_router.decide(of_state).in_scope
            assert overlay.router.decide(other).in_scope
            assert not overlay.hop_router.decide(other).in_scope

    def test_a_hop_needs_one_classifier_where_the_question_is_in_scope_too(self, embedded_encoder):
        steps = (
            "Who is the head of government of the United Kingdom?",
            "Which party is Angela Rayner a member of?",
            Finish(),
        )
        with FactOverlay.open(
            ":memory:",
            base=FakeBase("Labour Party"),
            encoder=embedded_encoder,
            decomposer=ScriptedDecomposer(*steps),
        ) as overlay:
            edit = overlay.add("The prime minister of the United Kingdom is Angela Rayner.")
            hop = overlay.hop_router.decide([Turn("user", steps[0])])
            assert hop.refused == {edit.id}
            asked = "Which party does the prime minister of the United Kingdom belong to?"
            reply = overlay.ask(asked)
            assert (reply.text, reply.decision.route) == ("Labour Party", "multi_hop")
            asked = "Which party does the boss of the person in Number 10 belong to?"
            assert overlay.ask(asked).decision.route != "multi_hop"

    def test_the_base_model_can_make_turns_stand_on_their_own(self, embedded_encoder):
        def says(asked):
            wanted = asked.endswith("User: And who drew up its plans?\nQuery:")
            return "Query: Who designed the Space Needle?" if wanted else f"base: {asked}"

        base = FakeBase(says)
        with FactOverlay.open(
            ":memory:", base=base, encoder=embedded_encoder, rewriter="prompted"
        ) as overlay:
            edit = overlay.add("The Space Needle was designed by Mona Reyes.")
            turns = [
                Turn("user", "What is the Space Needle?"),
                Turn("assistant", "A tower in Seattle."),
                Turn("user", "And who drew up its plans?"),
            ]
            decision = overlay.decide(turns)
            assert [one.id for one in decision.edits] == [edit.id]
            assert decision.reading == "Who designed the Space Needle?"
            assert not overlay.ask([*turns[:2], Turn("user", "Thanks!")]).decision.in_scope
            assert len(base.asked) == 3  # two turns to rewrite, one to answer
            # Its own threshold holds, and nobody else is asked.
            assert overlay.router.turn_scope is None
            assert overlay.router.turn_threshold == PromptedRewriter.turn_threshold

    def test_a_prompted_embedded_model_is_warned_of(self, embedded_encoder, caplog):
        FactOverlay.open(":memory:", encoder=embedded_encoder, rewriter="prompted").close()
        assert "too small to rewrite" in caplog.text

    def test_a_folder_without_a_rewriter_is_told_at_once(self, tmp_path, embedded_encoder):
        with pytest.raises(ArtifactError, match="holds no query rewriter; train one there"):
            FactOverlay.open(
                tmp_path / "facts.db",
                base=FakeBase(),
                encoder=embedded_encoder,
                rewriter=tmp_path / "none",
            )
        FactOverlay.open(tmp_path / "facts.db", encoder=embedded_encoder).close()  # it isn't locked

    def test_where_the_embedded_model_can_not_be_kept_turns_are_read_one_by_one(
        self, tmp_path, embedded_encoder, monkeypatch, caplog
    ):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("ERRATA_CACHE", str(tmp_path / "file"))
        base = FakeBase()
        with FactOverlay.open(":memory:", base=base, encoder=embedded_encoder) as overlay:
            overlay.add(NEEDLE)
            turns = [Turn("user", "Hi"), Turn("assistant", "Hi"), Turn("user", "Thanks a lot!")]
            assert not overlay.ask(turns).decision.in_scope
        assert "no query rewriter, so turns are read one by one" in caplog.text

    def test_a_scope_classifier_of_one_s_own_is_used(self, tmp_path):
        scorer = train_similarity(write_data_folder(tmp_path / "data"), FakeEncoder(), seed=0)
        scorer.save(tmp_path / "scope")
        own = {"base": FakeBase(), "encoder": FakeEncoder()}

        for folder in (tmp_path / "scope", str(tmp_path / "scope")):
            with FactOverlay.open(":memory:", scope=folder, **own) as overlay:
                overlay.add(NEEDLE)
                assert overlay.router.threshold == scorer.threshold_for(0.05).at(1)
                assert overlay.decide(NEEDLE).score == scorer.score([(NEEDLE, NEEDLE)])[0]
                assert overlay.router.turn_threshold == TURN_THRESHOLD  # none was measured
                assert overlay.hop_router.second is None
                held = scorer.threshold_within(scorer.default_false_fire / 2)
                assert overlay.hop_router.threshold == held.at(1)
        with pytest.raises(ArtifactError, match="was trained with all-MiniLM"):
            FactOverlay.open(tmp_path / "facts.db", scope=ARTIFACTS / "similarity", **own)
        assert not (tmp_path / "facts.db").exists()

    @pytest.mark.parametrize(
        "options",
        [
            {"answerer": "magic"},
            {"false_fire": -1.0},
            {"rewriter": "magic"},
            {"hop_scope": "none"},
            {"hop_scope": SecondScope(FakeScorer(), 0.5)},
            {"turn_threshold": "0.5"},
            {"turn_threshold": float("nan")},
        ],
    )
    def test_a_wrong_setting_leaves_no_open_file(self, tmp_path, embedded_encoder, options):
        path = tmp_path / "facts.db"

        with pytest.raises(ErrataError):
            FactOverlay.open(path, base=FakeBase(), encoder=embedded_encoder, **options)

        with FactOverlay.open(path, base=FakeBase(), encoder=embedded_encoder) as overlay:
            assert overlay.add(NEEDLE).text == NEEDLE
