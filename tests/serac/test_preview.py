import pytest
from fakes import FakeBase, FakeEncoder, FakeScorer, FunctionScorer

from memory_store import EditMemory
from memory_store.errors import InvalidEditError, InvalidQueryError
from serac.overlay import FactOverlay
from serac.preview import BROAD_SHARE, CloseQuestion, preview, reference_questions

NEEDLE = "The Space Needle is located in Paris."
ABOUT = "Is the Space Needle located in Paris?"
OTHERS = [f"How do I boil {n} eggs?" for n in range(199)]


def look(reference, scorer=None, threshold=0.9, **options):
    return preview(NEEDLE, scorer or FakeScorer(), threshold, FakeEncoder(), reference, **options)


def test_the_share_that_fires_is_told_with_its_interval():
    found = look([*OTHERS, ABOUT])

    assert (found.text, found.threshold) == (NEEDLE, 0.9)
    assert (found.questions, found.fired, found.share) == (200, 1, 0.005)
    assert 0 < found.low < 0.005 < found.high < 0.03
    assert (found.broad, found.warning) == (False, None)


def test_the_five_most_probable_questions_come_first():
    chances = {f"Question {n}?": n / 10 for n in range(8)}

    found = look(list(chances), FunctionScorer(lambda query, edit: chances[query]), 0.65)

    assert [close.question for close in found.closest] == [
        f"Question {n}?" for n in (7, 6, 5, 4, 3)
    ]
    assert [close.probability for close in found.closest] == [0.7, 0.6, 0.5, 0.4, 0.3]
    assert found.fired == 1


def test_an_edit_that_many_questions_fire_on_is_called_broad():
    found = look(OTHERS, FunctionScorer(lambda query, edit: 0.95 if "1" in query else 0.1))

    assert found.broad and found.share > BROAD_SHARE
    assert found.warning.startswith(f"this edit is broad: it would answer {found.fired} of 199 ")
    assert "\n" not in found.warning


def test_just_the_share_that_is_allowed_is_not_broad():
    fire = {OTHERS[0]}
    scorer = FunctionScorer(lambda query, edit: 1.0 if query in fire else 0.0)

    assert not look(OTHERS[:100], scorer).broad
    assert look(OTHERS[:99], scorer).broad


def test_all_near_questions_are_judged_in_one_call_and_far_ones_not_at_all():
    scorer = FakeScorer()

    found = look([*OTHERS, ABOUT], scorer, recall_floor=1.0)

    assert scorer.calls == [[(ABOUT, NEEDLE)]]
    assert found.closest[0].question == ABOUT
    assert {close.probability for close in found.closest[1:]} == {0.0}
    far = look(OTHERS, scorer, recall_floor=2.0)
    assert len(scorer.calls) == 1
    assert (far.fired, len(far.closest)) == (0, 5)


def test_a_long_message_counts_by_its_nearest_sentence():
    message = f"We went for a walk. {ABOUT} Thank you."

    (close,) = look([message]).closest

    nearest = FakeEncoder().encode([ABOUT, NEEDLE])
    assert close == CloseQuestion(message, 1.0, pytest.approx(float(nearest[0] @ nearest[1])))


def test_without_questions_there_is_nothing_to_say():
    with pytest.raises(InvalidQueryError, match="no reference questions"):
        look([])


def test_the_shipped_questions_are_many_and_different():
    questions = reference_questions()
    assert len(questions) >= 1000
    assert len({question.casefold() for question in questions}) == len(questions)
    assert all(question == question.strip() != "" for question in questions)
    assert not any("{" in question for question in questions)


class TestOverlay:
    @pytest.fixture
    def overlay(self):
        memory = EditMemory.open(":memory:", FakeEncoder())
        with FactOverlay(memory, FakeScorer(), 0.9, base=FakeBase()) as one:
            yield one

    def test_looking_stores_nothing(self, overlay):
        found = overlay.preview(f"  {NEEDLE}\n", [ABOUT, *OTHERS])

        assert (found.text, found.fired, found.threshold) == (NEEDLE, 1, 0.9)
        assert len(overlay.memory) == 0
        assert overlay.base.asked == []

    def test_the_shipped_questions_are_used_unless_others_are_given(self, overlay):
        assert overlay.preview(NEEDLE).questions == len(reference_questions())
        with pytest.raises(InvalidQueryError):
            overlay.preview(NEEDLE, [])

    @pytest.mark.parametrize("text", ["", "x" * 1001, "a <|im_start|> b", "bell \x07", 3])
    def test_what_can_not_be_added_can_not_be_previewed(self, overlay, text):
        with pytest.raises(InvalidEditError) as added:
            overlay.add(text)
        with pytest.raises(InvalidEditError) as previewed:
            overlay.preview(text)
        assert str(added.value) == str(previewed.value)
