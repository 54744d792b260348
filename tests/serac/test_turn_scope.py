import math

import pytest
from fakes import FakeMemory, FakeRewriter, FakeScorer, FunctionScorer, GuessingRewriter

from memory_store.errors import ArtifactError, ErrataError
from serac.conversation import Turn, as_turns
from serac.overlay import FactOverlay
from serac.router import Router
from serac.second_scope import SecondScope
from serac.turn_scope import PRIOR, TurnScope, check_turn_scope, load_turn_scope, view_of

LOUVRE, TATE = "The Louvre is run by Bo.", "The Tate is run by Al."
WHO = "And who runs it?"
TURNS = as_turns(
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Is the Louvre free?"},
        {"role": "assistant", "content": "On some evenings."},
        {"role": "user", "content": WHO},
    ]
)


def in_conversation(query, edit):
    """Believe that a turn is about what was last named."""
    assert "user: " in query and "Be brief" not in query
    named = max(("Louvre", "Tate"), key=query.rfind)
    return 0.9 if named in edit else 0.02


def by_name(query, edit):
    return (
        0.8
        if "runs" in query and any(n in query and n in edit for n in ("Louvre", "Tate"))
        else 0.01
    )


def router(turns=None, rewriter=None, threshold=0.5, edits=(TATE, LOUVRE), **options):
    scorer = FunctionScorer(by_name)
    return Router(
        FakeMemory(*edits), scorer, threshold, rewriter=rewriter, turn_scope=turns, **options
    )


def test_both_count_and_what_nobody_judged_counts_little():
    scope = TurnScope(FakeScorer(), 0.5)

    assert scope.together(0.7, PRIOR) == scope.together(PRIOR, 0.7) == pytest.approx(0.7)
    assert scope.together(0.2, 0.2) > 0.5 > scope.together(0.2, 0.02)
    assert scope.together(0.9, 0.0) < 0.1
    assert 0 < scope.together(0.0, 0.0) < scope.together(1.0, 1.0) < 1
    assert math.isnan(scope.together(math.nan, 0.5))


def test_a_conversation_is_shown_without_system_prompts():
    assert view_of(TURNS) == (
        "user: Is the Louvre free?\nassistant: On some evenings.\nuser: And who runs it?"
    )


def test_a_turn_that_no_rewriter_understands_is_judged_with_those_before_it():
    assert not router().decide(TURNS).in_scope
    decision = router(TurnScope(FunctionScorer(in_conversation), 0.3), threshold=0.2).decide(TURNS)

    assert [edit.text for edit in decision.edits] == [LOUVRE]
    assert decision.threshold == 0.3 and "threshold 0.300" in decision.reason
    assert decision.reading == WHO and decision.rewritten is None


@pytest.mark.parametrize("turn_threshold", [None, 0.1])
def test_a_wrong_rewriting_is_outvoted_and_the_reading_that_fits_the_edit_is_kept(turn_threshold):
    guesses = [("Who runs the Tate?", 0.6), ("Who runs the Louvre?", 0.3)]
    scope = TurnScope(FunctionScorer(in_conversation), 0.8)
    rewriter = GuessingRewriter(**{WHO: guesses})
    decision = router(scope, rewriter, 0.1, turn_threshold=turn_threshold).decide(TURNS)

    assert [edit.text for edit in decision.edits] == [LOUVRE]
    assert decision.reading == decision.rewritten == "Who runs the Louvre?"


def test_where_both_together_find_none_the_likeliest_reading_is_told():
    guesses = [("Who runs the Tate?", 0.6), ("Who runs the Louvre?", 0.3)]
    scope = TurnScope(FunctionScorer(lambda query, edit: 0.001), 0.8)
    decision = router(scope, GuessingRewriter(**{WHO: guesses}), 0.1).decide(TURNS)

    assert not decision.in_scope and decision.rewritten == "Who runs the Tate?"


def test_an_edit_that_the_kept_reading_does_not_ask_for_stays_out():
    guesses = [("Who runs the Louvre?", 0.5), ("Who runs the Tate?", 0.45)]
    scope = TurnScope(FunctionScorer(lambda query, edit: 0.9 if "Louvre" in edit else 0.8), 0.8)
    decision = router(scope, GuessingRewriter(**{WHO: guesses}), 0.1).decide(TURNS)

    assert [edit.text for edit in decision.edits] == [LOUVRE]
    assert decision.candidates[1].probability < 0.1


@pytest.mark.parametrize("threshold", [0.9, 0.999])
def test_a_threshold_of_one_s_own_holds_where_it_is_higher(threshold):
    scope = TurnScope(FunctionScorer(in_conversation), 0.3)
    asked = router(scope, FakeRewriter(**{WHO: "Who runs the Louvre?"}), turn_threshold=threshold)

    assert asked.decide(TURNS).threshold == threshold
    assert asked.decide(as_turns("Who runs the Louvre?")).threshold == 0.5


@pytest.mark.parametrize(
    "turns",
    [
        as_turns("Who runs the Louvre?"),
        (TURNS[0], Turn("user", "Who runs the Louvre?")),
        (*TURNS[:-1], Turn("user", f"{'So I say. ' * 40}Who runs the Louvre?")),
    ],
)
def test_a_first_turn_and_a_long_one_are_judged_alone(turns):
    def refuse(query, edit):
        raise AssertionError("there is no conversation to read it in")

    decision = router(TurnScope(FunctionScorer(refuse), 0.9)).decide(turns)

    assert decision.in_scope and decision.threshold == 0.5


def test_many_conversations_are_judged_as_each_alone():
    scope = TurnScope(FunctionScorer(in_conversation), 0.3)
    rewriter = FakeRewriter(**{WHO: "Who runs the Louvre?"})
    first = as_turns("Who runs the Tate?")
    asked = [first, TURNS, (*TURNS[:-1], Turn("user", "Thanks!"))]

    together = router(scope, rewriter).decide_many(asked)

    assert together == [router(scope, rewriter).decide(one) for one in asked]
    assert [one.edits[0].text for one in together[:2]] == [TATE, LOUVRE]


@pytest.mark.parametrize("edits", [(), (TATE,)])
def test_where_no_edit_is_near_the_base_model_answers(edits):
    scope = TurnScope(FunctionScorer(in_conversation), 0.3)

    assert router(scope, edits=edits).decide(TURNS).route == "base"


def test_a_second_classifier_and_one_of_turns_do_not_go_together():
    second = SecondScope(FakeScorer(), 0.5)
    with pytest.raises(ErrataError, match="judges no turns"):
        router(TurnScope(FakeScorer(), 0.5), second=second)


def test_what_can_t_judge_turns_is_refused():
    check_turn_scope(None)
    with pytest.raises(ErrataError, match="is no TurnScope"):
        check_turn_scope("none")
    with pytest.raises(ErrataError, match="is no ScopeScorer"):
        TurnScope("no scorer", 0.5)
    with pytest.raises(ErrataError, match="is a number, not"):
        TurnScope(FakeScorer(), "0.5")


@pytest.mark.model
def test_the_shipped_one_tells_what_is_spoken_of_from_a_subject_that_comes_up_now():
    scope = load_turn_scope()
    said = [Turn("user", "Tell me about the Marlow Bridge."), Turn("assistant", "It is old.")]
    edit = "The Marlow Bridge was built by Ada Quill."

    def judged(turn):
        return float(scope.scorer.score([(view_of([*said, Turn("user", turn)]), edit)])[0])

    assert judged("Who built it?") > 4 * judged("And the Tarn Bridge, who built that?")
    assert judged("Who built it?") > 4 * judged("How long is it?")
    assert scope.fingerprint.startswith("cross-encoder@")


def test_a_missing_one_is_told_as_what_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("serac.turn_scope.SHIPPED", tmp_path)
    with pytest.raises(ArtifactError, match=r"no turn classifier.*turn_scope=None does without"):
        load_turn_scope()


@pytest.mark.parametrize(
    ("options", "judges"),
    [({}, True), ({"turn_scope": None}, False), ({"rewriter": "none"}, False)],
)
def test_an_overlay_judges_turns_by_the_shipped_one_if_it_rewrites_them(
    embedded_encoder, options, judges
):
    with FactOverlay.open(":memory:", encoder=embedded_encoder, **options) as overlay:
        assert (overlay.router.turn_scope is not None) is judges
        assert overlay.hop_router.turn_scope is None


def test_an_overlay_refuses_what_is_no_judge_of_turns(embedded_encoder):
    with pytest.raises(ErrataError, match="is no TurnScope"):
        FactOverlay.open(":memory:", encoder=embedded_encoder, turn_scope="none")
