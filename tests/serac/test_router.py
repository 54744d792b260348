import json
import math

import numpy as np
import pytest
from fakes import (
    FakeEncoder,
    FakeMemory,
    FakeRewriter,
    FakeScorer,
    FunctionScorer,
    GuessingRewriter,
)

from classifiers import Threshold, ThresholdChoice
from memory_store import Edit, EditMemory, SearchHit
from serac.conversation import Turn, as_turns
from serac.router import TURN_THRESHOLD, Router
from serac.second_scope import SecondScope

NEEDLE = "The Space Needle is located in Paris."
LOUVRE = "The Louvre is in Rome."


def always(probability):
    return FunctionScorer(lambda query, edit: probability)


def decide(router, query):
    return router.decide(as_turns(query))


def test_without_an_edit_the_base_model_answers():
    scorer = FakeScorer()

    decision = decide(Router(FakeMemory(), scorer, 0.5), "Where is the Louvre?")

    assert decision.route == "base"
    assert decision.edits == decision.candidates == ()
    assert decision.score is None
    assert decision.reason == "no edit in memory is near"
    assert scorer.calls == []


def test_an_empty_memory_of_the_real_kind_is_no_special_case():
    with EditMemory.open(":memory:", FakeEncoder()) as memory:
        assert decide(Router(memory, FakeScorer(), 0.5), "Where is it?").route == "base"


@pytest.mark.parametrize("route", ["ike", "counterfactual"])
def test_in_scope_the_edit_answers_on_the_chosen_route(route):
    router = Router(FakeMemory(NEEDLE, LOUVRE), FakeScorer(), 0.5, route=route)

    decision = decide(router, "In which city is the Louvre located, Rome?")

    assert decision.route == route
    assert [edit.text for edit in decision.edits] == [LOUVRE]
    assert [candidate.edit.text for candidate in decision.candidates] == [LOUVRE, NEEDLE]
    assert decision.reason == "in the scope of e2 (threshold 0.500)"


def test_out_of_scope_the_evidence_is_kept():
    decision = decide(Router(FakeMemory(NEEDLE), always(0.25), 0.5), "How are you?")

    assert decision.route == "base"
    assert decision.score == 0.25
    assert decision.reason == "the likeliest edit reaches 0.250 (threshold 0.500)"


def test_a_threshold_may_rise_with_the_number_of_edits_in_memory():
    measured = [ThresholdChoice(0.01, t, 0.01, 0, 1, 9, edits) for t, edits in ((0.2, 1), (0.6, 2))]
    threshold = Threshold(tuple(measured))
    few = decide(Router(FakeMemory(NEEDLE), always(0.4), threshold), "Where is it?")
    many = decide(Router(FakeMemory(NEEDLE, LOUVRE), always(0.4), threshold), "Where is it?")
    assert (few.route, few.threshold) == ("ike", 0.2)
    assert (many.route, many.threshold) == ("base", 0.6)


def test_an_added_edit_counts_for_the_next_query():
    measured = [ThresholdChoice(0.01, t, 0.01, 0, 1, 9, edits) for t, edits in ((0.2, 1), (0.6, 2))]
    with EditMemory.open(":memory:", FakeEncoder()) as memory:
        router = Router(memory, always(0.4), Threshold(tuple(measured)))
        memory.add(NEEDLE)
        assert router.threshold == 0.2
        added = memory.add(LOUVRE)
        assert router.threshold == 0.6
        memory.remove(added.id)
        assert router.threshold == 0.2


def test_the_threshold_itself_is_in_scope():
    assert decide(Router(FakeMemory(NEEDLE), always(0.5), 0.5), "Q").in_scope
    assert not decide(Router(FakeMemory(NEEDLE), always(0.4999), 0.5), "Q").in_scope


def test_a_probability_that_is_not_a_number_is_not_in_scope():
    assert decide(Router(FakeMemory(NEEDLE), always(float("nan")), 0.5), "Q").route == "base"


def test_edits_come_the_most_probable_first_and_the_nearest_first_among_equals():
    chances = {"a": 0.6, "b": 0.9, "c": 0.6, "d": 0.1}
    scorer = FunctionScorer(lambda query, edit: chances[edit] if query == "Q" else 0.0)

    decision = decide(Router(FakeMemory("a", "c", "b", "d"), scorer, 0.5), "Q")

    assert [edit.text for edit in decision.edits] == ["b", "a", "c"]
    assert [candidate.probability for candidate in decision.candidates] == [0.9, 0.6, 0.6, 0.1]


def test_an_edit_counts_by_its_best_view():
    question = "Where is the Space Needle located, Paris?"
    message = f"We went on a trip with lots of friends. {question} Thank you."

    decision = decide(Router(FakeMemory(NEEDLE), FakeScorer(), 0.9), message)

    assert decision.in_scope
    assert decision.query == message
    assert decision.candidates[0].view in (question, message)
    assert len(decision.candidates) == 1


def test_a_follow_up_is_judged_as_it_was_made_to_stand_on_its_own():
    turns = as_turns(
        [
            Turn("user", "Tell me about the Space Needle."),
            Turn("assistant", "It is a tower."),
            Turn("user", "Where is it?"),
        ]
    )
    rewriter = FakeRewriter(**{"Where is it?": "Where is the Space Needle located, Paris?"})

    decision = Router(FakeMemory(NEEDLE), FakeScorer(), 0.9, rewriter=rewriter).decide(turns)

    assert decision.in_scope
    assert decision.query == "Where is it?"
    assert decision.reading == "Where is the Space Needle located, Paris?"
    assert not Router(FakeMemory(NEEDLE), FakeScorer(), 0.9).decide(turns).in_scope


def test_many_are_looked_up_in_one_batch_with_the_same_result():
    memory = FakeMemory(NEEDLE, LOUVRE)
    router = Router(memory, FakeScorer(), 0.5)
    queries = [
        as_turns(text)
        for text in ("Where is the Louvre, Rome?", "Hi. How are you? Fine?", "Where is the Louvre?")
    ]

    together = router.decide_many(queries)

    assert len(memory.searched) == 1
    assert together == [router.decide(turns) for turns in queries]


def test_no_conversation_gives_no_decision():
    memory = FakeMemory(NEEDLE)

    assert Router(memory, FakeScorer(), 0.5).decide_many([]) == []
    assert memory.searched == []


def test_the_router_looks_no_further_than_the_nearest():
    scorer = FakeScorer()

    decide(Router(FakeMemory("a", "b", "c"), scorer, 0.5, found=2), "Q")

    assert scorer.calls == [[("Q", "a"), ("Q", "b")]]


def test_of_those_found_the_closest_are_judged():
    scorer = FakeScorer()
    memory = FakeMemory("a", "b", NEEDLE, "c")  # its words are asked for, so it passes the others

    decision = decide(Router(memory, scorer, 0.9, judged=2), "Is the Space Needle in Rome?")

    assert [edit for _, edit in scorer.calls[0]] == [NEEDLE, "a"]
    assert len(decision.candidates) == 2


def test_many_conversations_are_judged_in_one_call():
    scorer = FakeScorer()
    router = Router(FakeMemory("a", "b", "c"), scorer, 0.5, judged=2)
    queries = ["Where is it?", "Hi. How are you? Fine?", "Who?"]

    decisions = router.decide_many([as_turns(query) for query in queries])

    assert len(scorer.calls) == 1
    assert [len(decision.candidates) for decision in decisions] == [2, 2, 2]
    assert [query for query, _ in scorer.calls[0]] == [q for q in queries for _ in range(2)]


def test_what_is_far_is_not_judged():
    scorer = FakeScorer()
    router = Router(FakeMemory(NEEDLE, LOUVRE), scorer, 0.5, recall_floor=1.4)

    decision = decide(router, "How are you?")

    assert scorer.calls == []
    assert (decision.route, decision.candidates) == ("base", ())
    assert decision.reason == "no edit in memory is near"


def test_the_floor_is_about_each_query_by_itself():
    scorer = FakeScorer()
    router = Router(FakeMemory(NEEDLE), scorer, 0.9, recall_floor=1.1)
    near, far = "Where is the Space Needle located, Paris?", "How are you?"

    decisions = router.decide_many([as_turns(text) for text in (far, near, far)])

    assert scorer.calls == [[(near, NEEDLE)]]
    assert [decision.in_scope for decision in decisions] == [False, True, False]


def test_the_runner_up_is_named():
    chances = {"a": 0.6, "b": 0.9}
    router = Router(FakeMemory("a", "b"), FunctionScorer(lambda query, edit: chances[edit]), 0.7)

    decision = decide(router, "Q")

    assert decision.runner_up.edit.text == "a"
    record = decision.as_dict()
    assert (record["runner_up"], record["runner_up_score"]) == ("e1", 0.6)


class PlacedMemory:
    """Fits ``Searchable``: one edit, as near to a view as it is told."""

    def __init__(self, text, near):
        self.edit, self.near = Edit("e1", text), near

    def search_many(self, queries, k=8):
        return [[SearchHit(self.edit, self.near(query))] for query in queries]

    def __len__(self):
        return 1


BACK = [
    Turn("user", "Tell me about Al."),
    Turn("assistant", "He is a cook."),
    Turn("user", "Where is their house?"),
]


def reading_judged(Al, their, threshold=0.2):  # noqa: N803
    """The decision where the turn with the name, and as it was written, has a probability."""
    scorer = FunctionScorer(lambda query, edit: Al if "Al" in query else their)
    memory = PlacedMemory("Al owns a red house.", lambda view: 0.9)
    rewriter = FakeRewriter(**{"Where is their house?": "Where is Al's house?"})
    return Router(memory, scorer, threshold, rewriter=rewriter).decide(as_turns(BACK))


def test_an_edit_is_kept_with_the_reading_that_brings_it_into_scope():
    named = reading_judged(Al=0.8, their=0.1)
    assert named.in_scope
    assert named.reading == named.candidates[0].view == "Where is Al's house?"
    assert named.query == "Where is their house?"
    assert len(named.candidates) == 1


def test_a_turn_that_was_rewritten_must_bring_more_than_the_threshold():
    rewritten = reading_judged(Al=TURN_THRESHOLD - 0.01, their=0.1)
    assert not rewritten.in_scope
    assert rewritten.reading == "Where is their house?"
    assert rewritten.threshold == TURN_THRESHOLD
    assert f"(threshold {TURN_THRESHOLD:.3f})" in reading_judged(Al=0.8, their=0.1).reason
    assert not reading_judged(Al=0.1, their=0.9).in_scope  # it doesn't stand as it was written


def test_of_two_edits_that_contradict_each_other_the_newer_is_used_and_it_is_said():
    memory = FakeMemory("The Space Needle is in Oslo.", "The Space Needle is in Rome.")
    decision = decide(Router(memory, always(0.9), 0.5), "Where is the Space Needle?")
    (used,), (old,) = decision.edits, decision.set_aside
    assert {used.id, old.id} == {"e1", "e2"}
    assert decision.reason.endswith(f"; newer than {old.id}")
    assert decision.as_dict()["set_aside"] == [old.id]


def test_who_answers_may_depend_on_the_reading_and_the_edits():
    asked = []

    def choose(reading, edits):
        asked.append((reading, len(edits)))
        return "counterfactual"

    router = Router(FakeMemory(NEEDLE), always(0.9), 0.5, route=choose)
    assert decide(router, " Where is it? ").route == "counterfactual"
    assert decide(Router(FakeMemory(NEEDLE), always(0.1), 0.5, route=choose), "Hi").route == "base"
    assert asked == [("Where is it?", 1)]


def test_a_long_turn_is_judged_by_what_stands_around_the_question():
    question = "Where is the Space Needle?"
    message = (
        "We walked for days. " * 30 + question + " Thanks a lot for all of the many things." * 8
    )
    memory = PlacedMemory(NEEDLE, lambda view: 0.9 if view == question else 0.5)

    (candidate,) = Router(memory, FakeScorer(), 0.5).decide(as_turns(message)).candidates

    assert question in candidate.view
    assert len(question) < len(candidate.view) <= 400


def test_the_record_is_json_whatever_numbers_the_parts_give():
    class NumpyMemory(FakeMemory):
        def search_many(self, queries, k=8):
            found = super().search_many(queries, k)
            return [[SearchHit(h.edit, np.float32(h.similarity)) for h in hits] for hits in found]

    decision = decide(Router(NumpyMemory(NEEDLE), always(np.float32(0.75)), 0.5), "Q")

    assert json.loads(json.dumps(decision.as_dict()))["score"] == 0.75


def test_a_scorer_that_gives_too_few_numbers_is_not_guessed_at():
    class ShortScorer:
        def score(self, pairs):
            return np.array([0.9])

    with pytest.raises(ValueError, match="zip"):
        decide(Router(FakeMemory("a", "b"), ShortScorer(), 0.5), "Q")


@pytest.mark.parametrize(("reads_context", "shown"), [(True, "It rained. "), (False, "")])
def test_a_scorer_is_shown_what_stands_around_a_view_only_if_it_reads_it(reads_context, shown):
    scorer = FakeScorer()
    scorer.reads_context = reads_context
    with EditMemory.open(":memory:", FakeEncoder()) as memory:
        memory.add(LOUVRE)
        decide(Router(memory, scorer, 0.5), "It rained. Where is the Louvre?")
    assert scorer.calls == [[(f"{shown}Where is the Louvre?", LOUVRE)]]


MUSEUM = (Turn("user", "I want to see the Louvre."), Turn("assistant", "A fine museum."))
CITY, PRICE = "The city?", "The price?"


def rewriting_router(*edits, named=0.8, threshold=0.3):
    """A router to which a query with the museum's name is in scope, and its rewriter."""
    scorer = FunctionScorer(lambda query, edit: named if "Louvre" in query else 0.1)
    rewriter = FakeRewriter(**{CITY: "Which city is the Louvre in?", PRICE: "What does it cost?"})
    return Router(FakeMemory(*edits), scorer, threshold, rewriter=rewriter), rewriter


def test_conversations_and_first_turns_are_decided_in_one_batch():
    router, rewriter = rewriting_router(LOUVRE)
    asked = [as_turns(CITY), [*MUSEUM, Turn("user", CITY)], [*MUSEUM, Turn("user", PRICE)]]
    found = router.decide_many(asked)
    assert [decision.in_scope for decision in found] == [False, True, False]
    assert found[1].rewritten == found[1].reading == "Which city is the Louvre in?"
    assert rewriter.asked == [[CITY, PRICE]]
    assert found == [router.decide(turns) for turns in asked]


def test_a_turn_that_is_not_rewritten_is_judged_as_it_was_written_at_the_common_threshold():
    router, _ = rewriting_router(LOUVRE, named=0.35)
    decision = router.decide([*MUSEUM, Turn("user", "Where is the Louvre?")])
    assert decision.in_scope and decision.rewritten is None
    assert decision.threshold == 0.3


@pytest.mark.parametrize(("alone", "edit"), [(0.9, "e1"), (0.1, "e2")])
def test_a_name_that_was_lost_is_judged_with_the_turn_as_it_was_written_first(alone, edit):
    """Who asks about the Louvre isn't answered about the Needle, that was spoken of before."""
    chances = {("Louvre", LOUVRE): alone, ("Needle", NEEDLE): 0.8}
    scorer = FunctionScorer(
        lambda query, text: next(
            (p for (word, own), p in chances.items() if word in query and own == text), 0.0
        )
    )
    written, query = "I say, where is the Louvre?", "Where is the Space Needle?"
    rewriter = FakeRewriter(**{written: query})
    router = Router(FakeMemory(LOUVRE, NEEDLE), scorer, 0.3, rewriter=rewriter)

    decision = router.decide([*MUSEUM, Turn("user", written)])

    assert [one.id for one in decision.edits] == [edit]
    assert decision.reading == (written if edit == "e1" else query)


def test_a_decision_tells_how_the_turn_was_rewritten_also_out_of_scope():
    router, _ = rewriting_router(LOUVRE, named=0.2)
    decision = router.decide([*MUSEUM, Turn("user", CITY)])
    assert not decision.in_scope and decision.reading == CITY
    assert decision.rewritten == decision.as_dict()["rewritten"] == "Which city is the Louvre in?"
    assert router.decide(as_turns(CITY)).rewritten is None


def guessing_router(scores, *guesses, threshold=0.3):
    """A router that has guesses at what the city is asked of, judged by (query, edit)."""
    scorer = FunctionScorer(lambda query, edit: scores.get((query, edit), 0.0))
    rewriter = GuessingRewriter(**{CITY: guesses})
    memory = FakeMemory(LOUVRE, NEEDLE)
    return Router(memory, scorer, threshold, rewriter=rewriter, turn_threshold=threshold)


WHICH, WHERE, TOWER = "Which city has the Louvre?", "Where is the Louvre?", "Where is the Needle?"


@pytest.mark.parametrize("limit", [0.4, 0.5])
def test_all_readings_of_a_turn_count_by_the_roots_of_their_probabilities(limit):
    scores = {(WHERE, LOUVRE): 0.9, (WHICH, LOUVRE): 0.3, (TOWER, NEEDLE): 0.8}
    guesses = (WHICH, 0.64), (WHERE, 0.16), (TOWER, 0.04)
    router = guessing_router(scores, *guesses, threshold=limit)

    decision = router.decide([*MUSEUM, Turn("user", CITY)])

    louvre, needle = decision.candidates
    assert louvre.probability == pytest.approx((0.8 * 0.3 + 0.4 * 0.9) / 1.4)
    assert louvre.edit.text == LOUVRE and louvre.view == WHERE
    if limit == 0.4:
        assert decision.reading == decision.rewritten == WHERE
        assert [edit.text for edit in decision.edits] == [LOUVRE] and needle.probability == 0
    else:
        assert not decision.in_scope and decision.rewritten == WHICH
        assert needle.probability == pytest.approx(0.2 * 0.8 / 1.4)


def test_a_turn_is_shown_in_its_likeliest_reading_where_no_edit_is_near():
    router = guessing_router({}, (WHICH, 0.5), (WHERE, 0.2))
    decision = router.decide([*MUSEUM, Turn("user", CITY)])
    assert not decision.in_scope and decision.rewritten == WHICH


def test_only_what_the_kept_reading_says_fires_beside_the_likeliest_edit():
    """Each of two readings has an edit of its own, but the turn was meant as one of them."""
    scores = {(WHERE, LOUVRE): 0.9, (TOWER, NEEDLE): 0.9, (WHERE, NEEDLE): 0.1}
    router = guessing_router(scores, (WHERE, 0.5), (TOWER, 0.2))

    decision = router.decide([*MUSEUM, Turn("user", CITY)])

    assert [edit.text for edit in decision.edits] == [LOUVRE] and decision.reading == WHERE
    assert decision.candidates[1].probability == pytest.approx(0.1)


def test_two_edits_of_one_question_both_fire_though_their_readings_differ():
    """So that of two that contradict each other the newer one can answer."""
    scores = {(WHERE, LOUVRE): 0.95, (WHICH, LOUVRE): 0.99}
    scores |= {(WHERE, NEEDLE): 0.9, (WHICH, NEEDLE): 0.55}
    router = guessing_router(scores, (WHERE, 0.5), (WHICH, 0.48), threshold=0.7)
    decision = router.decide([*MUSEUM, Turn("user", CITY)])
    assert {edit.text for edit in decision.edits} == {LOUVRE, NEEDLE}


def test_the_likeliest_reading_is_kept_where_no_edit_is_in_scope():
    router = guessing_router({(TOWER, NEEDLE): 0.5}, (WHERE, 0.8), (TOWER, 0.05))
    decision = router.decide([*MUSEUM, Turn("user", CITY)])
    assert not decision.in_scope and decision.rewritten == WHERE


@pytest.mark.parametrize(("second", "in_scope"), [(0.9, True), (0.1, False)])
def test_a_second_classifier_is_asked_about_what_all_readings_say(second, in_scope):
    scores = {(WHICH, LOUVRE): 0.25, (WHERE, LOUVRE): 0.9}
    router = guessing_router(scores, (WHICH, 0.64), (WHERE, 0.16), threshold=0.4)
    router.second = SecondScope(always(second), 0.5)
    assert router.decide([*MUSEUM, Turn("user", CITY)]).in_scope is in_scope


def test_a_name_counts_as_lost_by_the_reading_that_is_kept():
    written = "I say, is it the Louvre?"
    scores = {(WHERE, LOUVRE): 0.9, (written, NEEDLE): 0.9}
    router = guessing_router(scores, threshold=0.3)
    router.rewriter = GuessingRewriter(**{written: [(TOWER, 0.5), (WHERE, 0.4)]})
    assert router.decide([*MUSEUM, Turn("user", written)]).reading == WHERE


def test_a_probability_that_is_no_number_fires_nothing():
    scores = {(WHERE, LOUVRE): math.nan, (TOWER, NEEDLE): 0.9}
    router = guessing_router(scores, (WHERE, 0.5), (TOWER, 0.5))
    decision = router.decide([*MUSEUM, Turn("user", CITY)])
    assert [edit.text for edit in decision.edits] == [NEEDLE]


def test_readings_of_no_probability_at_all_put_nothing_in_scope():
    router = guessing_router({(WHERE, LOUVRE): 1.0}, (WHERE, 0.0), (WHICH, 0.0))
    assert not router.decide([*MUSEUM, Turn("user", CITY)]).in_scope


def test_a_task_stays_one_however_it_was_rewritten():
    task = "Write a line with its city."
    for written, route in ((task, "ike"), ("The city, please?", "counterfactual")):
        router, _ = rewriting_router(LOUVRE)
        router.rewriter = FakeRewriter(**{written: "Which city is the Louvre in?"})
        router.route = lambda text, edits: "ike" if text == task else "counterfactual"
        assert router.decide([*MUSEUM, Turn("user", written)]).route == route


def test_with_nothing_in_memory_nothing_is_rewritten():
    router, rewriter = rewriting_router()
    assert not router.decide([*MUSEUM, Turn("user", CITY)]).in_scope
    assert rewriter.asked == []


@pytest.mark.parametrize(("threshold", "in_scope"), [(0.4, True), (0.6, False)])
def test_rewritten_turns_may_be_held_to_a_threshold_of_their_own(threshold, in_scope):
    router, _ = rewriting_router(LOUVRE, named=0.5)
    router.turn_threshold = threshold
    alone = as_turns("Which city is the Louvre in?")
    found = router.decide_many([alone, [*MUSEUM, Turn("user", CITY)], alone])

    assert [one.in_scope for one in found] == [True, in_scope, True]
    assert [one.threshold for one in found] == [0.3, threshold, 0.3]


def test_a_stricter_threshold_holds_for_rewritten_turns_too():
    turns = [*MUSEUM, Turn("user", CITY)]
    assert not rewriting_router(LOUVRE, threshold=0.9)[0].decide(turns).in_scope
    assert rewriting_router(LOUVRE, threshold=0.3)[0].decide(turns).in_scope


class TestSecond:
    """A second classifier that has to agree."""

    def router(self, judge, *texts, threshold=0.5, scorer=None, limit=0.7, **options):
        second = SecondScope(FunctionScorer(judge), limit)
        scorer = scorer or always(0.9)
        return Router(FakeMemory(*texts), scorer, threshold, second=second, **options)

    @pytest.mark.parametrize("limit", [0.1, 0.7, 1.0])
    def test_both_have_to_reach_their_thresholds(self, limit):
        below = np.nextafter(limit, 0)
        agrees = decide(self.router(lambda q, e: limit, NEEDLE, limit=limit), "Where?")
        refuses = decide(self.router(lambda q, e: below, NEEDLE, limit=limit), "Where?")
        assert agrees.in_scope and not refuses.in_scope
        assert agrees.reason == "in the scope of e1 (threshold 0.500)"
        assert refuses.reason.startswith(f"the likeliest edit reaches {below:.3f} with the second")
        assert refuses.reason.endswith(f"(threshold {limit:.3f})")
        assert (agrees.score, refuses.score) == (min(0.9, limit), min(0.9, below))

    @pytest.mark.parametrize("threshold", [0.0, 1.0])
    def test_so_it_is_where_the_first_has_an_extreme_threshold(self, threshold):
        options = {"threshold": threshold, "scorer": always(1.0)}
        assert decide(self.router(lambda q, e: 0.8, NEEDLE, **options), "Where?").in_scope
        assert not decide(self.router(lambda q, e: 0.6, NEEDLE, **options), "Where?").in_scope

    def test_a_limit_that_nothing_reaches_keeps_all_out(self):
        router = self.router(lambda q, e: 1.0, NEEDLE, limit=float("inf"))
        assert not decide(router, "Where?").in_scope

    def test_what_is_no_number_is_out_of_scope(self):
        decision = decide(self.router(lambda q, e: float("nan"), NEEDLE), "Where?")
        assert not decision.in_scope and np.isnan(decision.score)

    def test_it_is_asked_once_about_all_that_the_first_puts_in_scope(self):
        asked = []

        class Counting:
            def score(self, pairs):
                asked.append(list(pairs))
                return np.full(len(pairs), 0.8)

        scorer = FunctionScorer(lambda query, edit: 0.9 if edit == LOUVRE else 0.4)
        router = self.router(None, NEEDLE, LOUVRE, scorer=scorer)
        router.second = SecondScope(Counting(), 0.7)
        queries = ["Where is the Louvre?", "And the Louvre?"]
        decided = router.decide_many([as_turns(query) for query in queries])
        assert [one.edits[0].text for one in decided] == [LOUVRE, LOUVRE]
        assert decided[0].candidates[1].second is None
        assert [[edit for _, edit in pairs] for pairs in asked] == [[LOUVRE, LOUVRE]]

    def test_the_edit_that_both_find_likely_comes_first(self):
        scorer = FunctionScorer(lambda query, edit: 0.95 if edit == NEEDLE else 0.9)
        router = self.router(
            lambda query, edit: 0.75 if edit == NEEDLE else 0.85, NEEDLE, LOUVRE, scorer=scorer
        )
        decision = decide(router, "Where are the Space Needle and the Louvre?")
        assert [one.edit.text for one in decision.candidates] == [LOUVRE, NEEDLE]
        assert json.loads(json.dumps(decision.as_dict()))["candidates"][0]["second"] == 0.85

    def test_it_isn_t_asked_about_edits_that_are_trusted(self):
        router = self.router(lambda q, e: 0.1, NEEDLE, LOUVRE)
        turns = as_turns("Where are the Space Needle and the Louvre?")
        refused = router.decide(turns)
        assert refused.refused == refused.likely == {"e1", "e2"}
        trusting = router.decide(turns, frozenset({"e2"}))
        assert [edit.id for edit in trusting.edits] == ["e2"]
        assert (trusting.refused, trusting.likely) == (frozenset(), {"e1", "e2"})

    def test_the_reason_tells_of_what_it_refused(self):
        scorer = FunctionScorer(lambda query, edit: 0.95 if edit == NEEDLE else 0.85)
        router = self.router(lambda q, e: 0.1, NEEDLE, LOUVRE, scorer=scorer, threshold=0.9)
        decision = decide(router, "Where are the Space Needle and the Louvre?")
        assert decision.reason.startswith("the likeliest edit reaches 0.100 with the second")

    def test_a_turn_that_was_made_to_stand_alone_is_held_to_its_own_threshold_too(self):
        turns = [*as_turns("The Louvre?"), Turn("assistant", "Yes."), Turn("user", "City?")]
        options = {
            "rewriter": FakeRewriter(**{"City?": "In which city is the Louvre?"}),
            "turn_threshold": 0.6,
        }
        agrees = self.router(lambda q, e: 0.8, LOUVRE, **options).decide(turns)
        refuses = self.router(lambda q, e: 0.6, LOUVRE, **options).decide(turns)
        assert agrees.in_scope and agrees.rewritten and not refuses.in_scope
