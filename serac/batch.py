"""Many queries at once: a file of queries in, a file of decisions or answers out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory_store.errors import InvalidQueryError
from memory_store.transfer import writing_lines
from serac.conversation import as_turns
from serac.decision import Decision
from serac.overlay import FactOverlay

AT_ONCE = 64
"""Queries that are looked up in one batch."""


@dataclass(frozen=True, slots=True)
class BatchQuery:
    """One line of a file of queries."""

    id: str | int
    query: str


def read_queries(file: Path) -> list[BatchQuery]:
    """Read lines of ``{"id", "query"}``; blank lines are passed over.

    Raises:
        InvalidQueryError: The file can't be read, or a line of it; the message names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InvalidQueryError(f"can't read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidQueryError(f"{file} is not UTF-8 text") from error
    return [
        _as_query(line, f"{file}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def answer_file(
    overlay: FactOverlay,
    queries: Path,
    to: Path,
    *,
    with_answers: bool,
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Route each query of a file, or answer it, and write one line each.

    The result is written aside and takes its place when it is whole.

    Args:
        overlay: The overlay.
        queries: Lines of ``{"id", "query"}``.
        to: Gets lines of ``{"id", "query", "route", "edit_ids", "score", "threshold"}``, and
            ``"answer"`` with answers.
        with_answers: Whether a model answers.
        progress: Told how many more queries are done.

    Returns:
        How many queries went each way.

    Raises:
        InvalidQueryError: See :func:`read_queries`; nothing is written.
    """
    asked = read_queries(queries)
    routes: Counter[str] = Counter()
    with writing_lines(to) as write:
        for part in _parts(asked):
            for query, decision in zip(
                part, overlay.decide_many([query.query for query in part]), strict=True
            ):
                write(_as_line(overlay, query, decision, with_answers))
                routes[decision.route] += 1
                if progress:
                    progress(1)
    return dict(sorted(routes.items()))


def _as_query(line: str, where: str) -> BatchQuery:
    try:
        record = json.loads(line)
    except ValueError:
        raise InvalidQueryError(f"{where}: not JSON; write one object a line") from None
    if not isinstance(record, dict) or not {"id", "query"} <= record.keys():
        raise InvalidQueryError(f'{where}: needs an object with "id" and "query"')
    if isinstance(record["id"], bool) or not isinstance(record["id"], (str, int)):
        raise InvalidQueryError(f'{where}: "id" must be text or a whole number')
    if not isinstance(record["query"], str):
        raise InvalidQueryError(f'{where}: "query" must be text')
    try:
        as_turns(record["query"])
    except InvalidQueryError as error:
        raise InvalidQueryError(f"{where}: {error}") from None
    return BatchQuery(record["id"], record["query"])


def _as_line(overlay: FactOverlay, query: BatchQuery, decision: Decision, with_answer: bool) -> str:
    line: dict[str, Any] = {
        "id": query.id,
        "query": query.query,
        "route": decision.route,
        "edit_ids": [edit.id for edit in decision.edits],
        "score": decision.score,
        "threshold": decision.threshold,
    }
    if with_answer:
        line["answer"] = overlay.answer(query.query, decision)
    return json.dumps(line, ensure_ascii=False) + "\n"


def _parts(queries: Sequence[BatchQuery]) -> Iterator[Sequence[BatchQuery]]:
    for start in range(0, len(queries), AT_ONCE):
        yield queries[start : start + AT_ONCE]
