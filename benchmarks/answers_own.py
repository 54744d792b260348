"""What is said on cases of our own writing: edits that are no triples, and follow-ups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from benchmarks.own import ConversationTurn, beyond_triples, follow_ups, is_right
from benchmarks.rows import Rows
from memory_store import Edit
from serac.conversation import Turn
from serac.overlay import FactOverlay

Told = Callable[[dict[str, Any]], None]
Progress = Callable[[int], None]


def add_statements(
    rows: Rows, overlay: FactOverlay, told: Told, progress: Progress, most: int | None = None
) -> None:
    """Add success on edits that are no triples: right edit given, and all of them in memory."""
    cases = beyond_triples()[:most]
    edits = [overlay.add(case.edit) for case in cases]
    overlay.base.max_new_tokens = 48  # type: ignore[attr-defined]
    found: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for case, edit in zip(cases, edits, strict=True):
        turns = (Turn("user", case.query),)
        answers = {
            (route, "right edit given"): overlay.answerer(route).answer(turns, [edit])
            for route in ("counterfactual", "ike")
        }
        answers["base", "no edit"] = overlay.base.reply(turns)
        reply = overlay.ask(turns)
        answers["auto", "all edits in memory"] = reply.text
        for (by, setting), answer in answers.items():
            right = is_right(answer, case.answers, case.excluded)
            for kind in (case.kind, "all"):
                found[by, setting][kind].append(right)
            record = {"kind": case.kind, "query": case.query, "edit": case.edit, "answer": answer}
            told({**record, "by": by, "setting": setting, "right": right})
        fired = reply.decision.edits[:1] == (edit,)
        for kind in (case.kind, "all"):
            found["auto", "fires"][kind].append(fired)
        progress(1)
    for (by, setting), kinds in found.items():
        for kind, results in kinds.items():
            fires = setting == "fires"
            rows.add(
                f"beyond triples: {kind}",
                "fires on the right edit" if fires else "answer has what the edit says",
                results,
                answerer=by,
                memory="all edits in memory" if fires else setting,
            )
    for edit in edits:
        overlay.remove(edit.id)


def add_follow_ups(
    rows: Rows, overlay: FactOverlay, told: Told, progress: Progress, most: int | None = None
) -> None:
    """Add success on follow-ups, and how many turns of another matter are left alone."""
    edits: dict[str, Edit] = {}
    conversations = follow_ups("test")[:most]
    for conversation in conversations:
        for text in conversation.edits:
            edits.setdefault(text, overlay.add(text))
    found: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    for place, conversation in enumerate(conversations):
        turns: list[Turn] = []
        for turn in conversation.turns:
            turns.append(Turn("user", turn.user))
            if turn.kind != "opening":
                own = None if turn.edit is None else edits[conversation.edits[turn.edit]]
                for metric, good in _of_turn(overlay, turns, turn, own, told):
                    found[turn.kind, metric].append((place, good))
            turns.append(Turn("assistant", turn.assistant))
            progress(1)
    for (kind, metric), results in found.items():
        rows.add(
            kind.replace("_", " "),
            metric,
            [good for _, good in results],
            groups=[place for place, _ in results],
            answerer="auto",
            memory="all edits in memory",
        )
    for edit in edits.values():
        overlay.remove(edit.id)


def _of_turn(
    overlay: FactOverlay,
    turns: list[Turn],
    turn: ConversationTurn,
    own: Edit | None,
    told: Told,
) -> list[tuple[str, bool]]:
    """Return (figure, whether it is so) of one turn."""
    decision = overlay.decide(turns)
    record: dict[str, Any] = {"kind": turn.kind, "user": turn.user, "reading": decision.reading}
    record["edits"] = [edit.text for edit in decision.edits]
    if own is None:
        told({**record, "right": not decision.in_scope})
        return [("the base model's own answer", not decision.in_scope)]
    answer = overlay.answer(turns, decision)
    right = is_right(answer, turn.answers, turn.excluded)
    given = overlay.answerer(decision.route if decision.in_scope else "counterfactual").answer(
        turns, [own], decision.reading
    )
    given_right = is_right(given, turn.answers, turn.excluded)
    told({**record, "own": own.text, "answer": answer, "given": given, "right": right})
    return [
        ("fires on the right edit", decision.edits[:1] == (own,)),
        ("answer has what the edit says", right),
        ("answer has what the edit says, right edit given", given_right),
    ]
