from types import SimpleNamespace

import pytest

from benchmarks.follow_ups import RIGHT, UNRELATED, WRONG, Judged, add_rows, measure
from benchmarks.own import Conversation, ConversationTurn
from benchmarks.rows import Rows, read_rows
from memory_store.errors import ErrataError

EDITS = ("Salt was made by Ann.", "Salt is red.")


def turn(kind, user, edit=None):
    return ConversationTurn(kind, user, f"reply to {user}", edit, ("x",), ())


class Overlay:
    """Fires as its table says, on turns that may end in a mark."""

    def __init__(self, table):
        self.table, self.added, self.asked = table, [], []

    def add(self, text):
        self.added.append(text)

    def decide_many(self, conversations):
        return list(map(self._decide, conversations))

    def _decide(self, turns):
        self.asked.append([one.content for one in turns])
        user = turns[-1].content
        found = [
            SimpleNamespace(edit=SimpleNamespace(text=text), probability=probability)
            for text, probability in self.table.get(user, ())
        ]
        return SimpleNamespace(
            candidates=found, rewritten=f"{user} of Salt" if user.endswith("?") else None
        )


def test_later_turns_are_judged_with_all_edits_in_memory():
    overlay = Overlay({"maker?": [(EDITS[0], 0.6), (EDITS[1], 0.1)], "colour": [(EDITS[0], 0.9)]})
    conversation = Conversation(
        EDITS,
        (turn("opening", "Salt"), turn("follow_up", "maker?", 0), turn("unrelated", "colour")),
    )
    told = []
    judged = measure(overlay, [conversation], told.append, lambda more: None)

    assert overlay.added == list(EDITS)
    assert overlay.asked[1] == ["Salt", "reply to Salt", "maker?", "reply to maker?", "colour"]
    assert judged == [
        Judged(0, EDITS[0], EDITS[0], 0.6, True),
        Judged(0, None, EDITS[0], 0.9, True),
    ]
    assert [one["query"] for one in told] == ["maker? of Salt", None]


@pytest.mark.parametrize(
    ("probability", "is_later", "fires"),
    [(0.3, True, False), (0.5, True, True), (0.3, False, True), (0.1, False, False)],
)
def test_a_turn_judged_with_those_before_it_has_a_threshold_of_its_own(
    probability, is_later, fires
):
    assert Judged(0, None, "an edit", probability, is_later).fires(0.2, 0.4) is fires


def test_the_shares_are_of_follow_ups_and_of_unrelated_turns():
    judged = [
        Judged(0, EDITS[0], EDITS[0], 0.6, True),
        Judged(0, EDITS[0], EDITS[1], 0.35, True),
        Judged(1, None, EDITS[1], 0.35, True),
        Judged(1, None, None, 0.0, True),
    ]
    rows = Rows("follow_ups_dev", 0, "a command")
    add_rows(rows, judged, 0.2, 0.31)

    found = {(row.kind, row.metric): row.value for row in rows.rows}
    assert [found["from 0.3 on", name] for name in (RIGHT, WRONG, UNRELATED)] == [0.5, 0.5, 0.5]
    assert [found["from 0.4 on", name] for name in (RIGHT, WRONG, UNRELATED)] == [0.5, 0.0, 0.0]
    assert found["from 0.310 on, as in use", WRONG] == 0.5


@pytest.mark.model
def test_a_conversation_is_read_by_the_shipped_models(tmp_path, capsys):
    from benchmarks.follow_ups import follow_ups_command

    follow_ups_command(out=tmp_path, conversations=1)
    shown = capsys.readouterr().out
    rows = read_rows(tmp_path / "follow_ups_dev.jsonl")

    assert "as in use" in shown and len(shown.splitlines()) == len(rows)
    assert rows[0].command == "python -m benchmarks follow_ups --conversations 1"
    assert (tmp_path / "told_follow_ups_dev.jsonl").is_file()


def test_a_part_is_no_result():
    from benchmarks.follow_ups import follow_ups_command

    with pytest.raises(ErrataError, match="no result"):
        follow_ups_command(conversations=2)
