"""What is said on cases of our own writing: edits that are no triples, and follow-ups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.answerers import Answerers, Asked
from benchmarks.answers import BY, ROUTES
from benchmarks.own import ConversationTurn, beyond_triples, follow_ups, is_right
from benchmarks.rows import Rows
from memory_store import Edit
from serac.answerers import auto_route
from serac.conversation import Turn
from serac.overlay import FactOverlay
from serac.prompts import MAX_EDITS
from serac.view import as_written

Told = Callable[[dict[str, Any]], None]
Progress = Callable[[int], None]


def add_statements(
    rows: Rows,
    overlay: FactOverlay,
    told: Told,
    progress: Progress,
    most: int | None = None,
    by: Sequence[str] = BY,
) -> None:
    """Add success on edits that are no triples: right edit given, and all of them in memory."""
    cases = beyond_triples()[:most]
    edits = [overlay.add(case.edit) for case in cases]
    decided = overlay.decide_many([case.query for case in cases])
    answerers = Answerers(overlay)
    asked: dict[tuple[str, str], list[Asked]] = {
        ("base", "no edit"): [("base", case.query, ()) for case in cases],
        ("auto", "all edits in memory"): [
            (d.route, d.reading, d.edits[:MAX_EDITS] if d.in_scope else ()) for d in decided
        ],
    }
    for route in ROUTES:
        asked[route, "right edit given"] = [
            (route, case.query, (edit,)) for case, edit in zip(cases, edits, strict=True)
        ]
    found: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for (who, setting), queries in asked.items():
        if who not in by:
            continue
        answers = answerers.answer(queries, progress)
        for case, answer in zip(cases, answers, strict=True):
            right = is_right(answer, case.answers, case.excluded)
            for kind in (case.kind, "all"):
                found[who, setting][kind].append(right)
            record = {"kind": case.kind, "query": case.query, "edit": case.edit, "answer": answer}
            told({**record, "by": who, "setting": setting, "right": right})
    if "auto" in by:
        for case, edit, decision in zip(cases, edits, decided, strict=True):
            for kind in (case.kind, "all"):
                found["auto", "fires"][kind].append(decision.edits[:1] == (edit,))
    for (who, setting), kinds in found.items():
        for kind, results in kinds.items():
            fires = setting == "fires"
            rows.add(
                f"beyond triples: {kind}",
                "fires on the right edit" if fires else "answer has what the edit says",
                results,
                answerer=who,
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
            edits[text] = edits.get(text) or overlay.add(text)
    found: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    for place, conversation in enumerate(conversations):
        for turn, turns in conversation.read():
            if turn.kind != "opening":
                own = None if turn.edit is None else edits[conversation.edits[turn.edit]]
                for metric, good in _of_turn(overlay, turns, turn, own, told):
                    found[turn.kind, metric].append((place, good))
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
    record["rewritten"] = decision.rewritten
    record["edits"] = [edit.text for edit in decision.edits]
    if own is None:
        told({**record, "right": not decision.in_scope})
        return [("the base model's own answer", not decision.in_scope)]
    answer = overlay.answer(turns, decision)
    right = is_right(answer, turn.answers, turn.excluded)
    # As the turn is read where no edit answers it as it was written.
    reading = next(iter(overlay.router.rewritten_readings([turns])[0]), as_written(turns))
    given = overlay.answerer(auto_route(reading.text, [own])).answer(turns, [own], reading.text)
    given_right = is_right(given, turn.answers, turn.excluded)
    told({**record, "own": own.text, "answer": answer, "given": given, "right": right})
    return [
        ("fires on the right edit", decision.edits[:1] == (own,)),
        ("answer has what the edit says", right),
        ("answer has what the edit says, right edit given", given_right),
    ]
