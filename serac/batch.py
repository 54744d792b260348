"""Many queries at once: a file of queries in, a file of decisions or answers out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory_store.errors import (
    ArtifactError,
    ErrataError,
    InvalidQueryError,
    MissingExtraError,
    MissingModelError,
)
from memory_store.transfer import writing_lines
from serac.conversation import as_turns
from serac.decision import Decision, Reply
from serac.overlay import FactOverlay
from serac.query_files import lines_of

AT_ONCE = 64
"""Queries that are looked up in one batch."""

FAILED = "error"
"""What failed queries are counted under."""

_ENDS_ALL = (MissingModelError, MissingExtraError, ArtifactError)
"""What no query of a file would get past."""


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
    return [_as_query(line, where) for where, line in lines_of(file)]


def answer_file(
    overlay: FactOverlay,
    queries: Path,
    to: Path,
    *,
    with_answers: bool,
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Route each query of a file, or answer it, and write one line each.

    The result is written aside and takes its place when it is whole. A query that fails
    leaves its error in its line, and the others go on.

    Args:
        overlay: The overlay.
        queries: Lines of ``{"id", "query"}``.
        to: Gets lines of ``{"id", "query", "route", "edit_ids", "score", "threshold"}``, and
            ``"answer"`` with answers. Where a query failed, ``"error"`` says why, and what
            is not known is null or empty.
        with_answers: Whether a model answers.
        progress: Told how many more queries are done.

    Returns:
        How many queries went each way; those that failed are counted under ``"error"``.

    Raises:
        InvalidQueryError: See :func:`read_queries`; nothing is written.
        ModelError: A model can't be had; nothing is written.
    """
    asked = read_queries(queries)
    if to.exists() and to.samefile(queries):
        raise InvalidQueryError(f"{to} holds the queries; name another file for the results")
    if with_answers and asked:
        _ = overlay.base  # one that can't be had is said once, not in every line
    routes: Counter[str] = Counter()
    with writing_lines(to) as write:
        for part in _parts(asked):
            for query, decision in zip(part, _decided(overlay, part), strict=True):
                by_hops = _by_hops(overlay, query) if with_answers else None
                line = _as_line(overlay, query, by_hops or decision, with_answers)
                write(json.dumps(line, ensure_ascii=False) + "\n")
                routes[FAILED if "error" in line else line["route"]] += 1
                if progress:
                    progress(1)
    return dict(sorted(routes.items()))


def multihop_file(
    overlay: FactOverlay,
    questions: Path,
    to: Path,
    *,
    progress: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Answer each question of a file, hop by hop where it has hops, and write one line each.

    The result is written aside and takes its place when it is whole. A question that fails leaves
    its error in its line, and the others go on.

    Args:
        overlay: The overlay.
        questions: Lines with ``"question"`` or ``"query"``, and whatever else.
        to: Gets the same lines with ``"answer"``, ``"route"`` and ``"hops"``, each hop with
            ``"question"``, ``"answer"``, ``"source"``, ``"edit_id"`` and ``"score"``.
        progress: Told how many more questions are done.

    Returns:
        How many questions went each way; those that failed are counted under ``"error"``.

    Raises:
        InvalidQueryError: A line is no question, and the message names it; nothing is written.
        ModelError: A model can't be had; nothing is written.
    """
    asked = [(_as_question(line, where)) for where, line in lines_of(questions)]
    if to.exists() and to.samefile(questions):
        raise InvalidQueryError(f"{to} holds the questions; name another file for the results")
    if asked:
        _ = overlay.base
    routes: Counter[str] = Counter()
    with writing_lines(to) as write:
        for record, question in asked:
            line = {name: value for name, value in record.items() if name != "error"}
            line |= {"answer": None, "route": None, "hops": []}
            try:
                reply = overlay.ask(question)
            except _ENDS_ALL:
                raise
            except ErrataError as error:
                line["error"] = " ".join(str(error).split())
            else:
                hops = reply.trace.hops_as_dicts() if reply.trace else []
                line |= {"answer": reply.text, "route": reply.decision.route, "hops": hops}
            write(json.dumps(line, ensure_ascii=False) + "\n")
            routes[FAILED if "error" in line else line["route"]] += 1
            if progress:
                progress(1)
    return dict(sorted(routes.items()))


def _as_question(line: str, where: str) -> tuple[dict[str, Any], str]:
    """Return a line's record and its question."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise InvalidQueryError(f"{where}: not JSON; write one object a line") from None
    if not isinstance(record, dict):
        raise InvalidQueryError(f"{where}: needs an object with a question")
    question = record.get("question", record.get("query"))
    if not isinstance(question, str):
        raise InvalidQueryError(f'{where}: needs a "question" or a "query", a text')
    try:
        as_turns(question)
        json.dumps(record, ensure_ascii=False).encode()
    except (InvalidQueryError, UnicodeEncodeError) as error:
        raise InvalidQueryError(f"{where}: {error}") from None
    return record, question


def _as_query(line: str, where: str) -> BatchQuery:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise InvalidQueryError(f"{where}: not JSON; write one object a line") from None
    if not isinstance(record, dict) or not {"id", "query"} <= record.keys():
        raise InvalidQueryError(f'{where}: needs an object with "id" and "query"')
    if isinstance(record["id"], bool) or not isinstance(record["id"], (str, int)):
        raise InvalidQueryError(f'{where}: "id" must be text or a whole number')
    try:
        str(record["id"]).encode()
    except UnicodeEncodeError:
        raise InvalidQueryError(f'{where}: "id" holds half a character; write it again') from None
    if not isinstance(record["query"], str):
        raise InvalidQueryError(f'{where}: "query" must be text')
    try:
        as_turns(record["query"])
    except InvalidQueryError as error:
        raise InvalidQueryError(f"{where}: {error}") from None
    return BatchQuery(record["id"], record["query"])


def _decided(
    overlay: FactOverlay, queries: Sequence[BatchQuery]
) -> Sequence[Decision | ErrataError]:
    """Decide all in one batch, or one by one where a query fails."""
    try:
        return overlay.decide_many([query.query for query in queries])
    except _ENDS_ALL:
        raise
    except ErrataError as error:
        if len(queries) == 1:
            return [error]
        return [_decided(overlay, [query])[0] for query in queries]


def _by_hops(overlay: FactOverlay, query: BatchQuery) -> Reply | ErrataError | None:
    try:
        return overlay.ask_by_hops(query.query)
    except _ENDS_ALL:
        raise
    except ErrataError as error:
        return error


def _as_line(
    overlay: FactOverlay,
    query: BatchQuery,
    done: Decision | Reply | ErrataError,
    with_answer: bool,
) -> dict[str, Any]:
    decided = done.decision if isinstance(done, Reply) else None
    decided = done if isinstance(done, Decision) else decided
    failure = done if isinstance(done, ErrataError) else None
    line: dict[str, Any] = {
        "id": query.id,
        "query": query.query,
        "route": decided and decided.route,
        "edit_ids": [edit.id for edit in decided.edits] if decided else [],
        "score": decided and decided.score,
        "threshold": decided and decided.threshold,
    }
    if with_answer:
        line["answer"] = None
        try:
            if isinstance(done, Reply):
                line["answer"] = done.text
            elif decided:
                line["answer"] = overlay.answer(query.query, decided)
        except _ENDS_ALL:
            raise
        except ErrataError as error:
            failure = error
    if failure is not None:
        line["error"] = " ".join(str(failure).split())
    return line


def _parts(queries: Sequence[BatchQuery]) -> Iterator[Sequence[BatchQuery]]:
    for start in range(0, len(queries), AT_ONCE):
        yield queries[start : start + AT_ONCE]
