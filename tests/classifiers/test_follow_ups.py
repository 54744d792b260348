import pytest
from fakes import FunctionScorer

from classifiers import FollowUps, dialogue_text, load_follow_ups
from classifiers.follow_ups import EARLIER, NOW
from memory_store.errors import ArtifactError


def test_a_conversation_is_one_text_with_its_last_turn_marked():
    text = dialogue_text(["I saw the\nLouvre.", "", "Nice!"], "Who  runs it?")
    assert text == "I saw the Louvre. | Nice! >> Who runs it?"


def test_long_conversations_keep_what_is_near_the_question():
    text = dialogue_text([f"turn {n} {'x' * 500}" for n in range(20)], f"{'y' * 900} and the year?")
    assert text.endswith("and the year?") and "turn 19" in text and "turn 11 " not in text
    assert len(text.partition(NOW)[0]) < EARLIER * 170


def test_both_classifiers_have_their_say_by_weight():
    even = FollowUps(FunctionScorer(lambda text, edit: 0.9), weight=0.5)
    assert even.mixed([0.1, 0.9], [("a", "b"), ("c", "d")]) == pytest.approx([0.5, 0.9])
    alone = FollowUps(FunctionScorer(lambda text, edit: 1.0), weight=0.0)
    assert alone.mixed([0.3], [("a", "b")]) == pytest.approx([0.3])
    sure = FollowUps(FunctionScorer(lambda text, edit: 1.0), weight=0.5).mixed([0.0], [("a", "b")])
    assert sure == pytest.approx([0.5])  # neither is taken to be entirely sure


@pytest.mark.model
def test_the_shipped_one_tells_a_follow_up_from_another_question():
    follow_ups = load_follow_ups()
    edit = "The Space Needle was designed by Frida Okonjo."
    before = ["Tell me about the Space Needle.", "Sure, what would you like to know?"]
    asked, other, thanks = follow_ups.scorer.score(
        [
            (dialogue_text(before, "Who designed it?"), edit),
            (dialogue_text(before, "How tall is it?"), edit),
            (dialogue_text(before, "Thanks!"), edit),
        ]
    )
    assert asked > 0.5 > max(other, thanks)


def test_a_missing_artifact_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="train one there"):
        load_follow_ups(tmp_path / "none")
