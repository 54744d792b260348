"""Files of queries: one a line as text, or JSON lines with a ``query``."""

from __future__ import annotations

import json
from pathlib import Path

from memory_store.errors import InvalidQueryError
from serac.conversation import as_turns


def read_query_texts(file: Path) -> list[str]:
    """Read the queries of a file; blank lines are passed over.

    Args:
        file: Lines of ``{"query": ...}`` if its name ends in ``.jsonl``, otherwise text, one
            query a line.

    Raises:
        InvalidQueryError: The file can't be read or holds no query, or a line can't be one; the
            message names the line.
    """
    as_json = file.suffix.casefold() == ".jsonl"
    queries = []
    for where, line in lines_of(file):
        query = _query_of(line, where) if as_json else line.strip()
        _check(query, where)
        queries.append(query)
    if not queries:
        raise InvalidQueryError(f"{file} holds no query; write one a line")
    return queries


def lines_of(file: Path) -> list[tuple[str, str]]:
    """Return the lines of a file that are not blank, each with words for where it stands.

    Raises:
        InvalidQueryError: The file can't be read.
    """
    try:
        # Not splitlines: a query may hold U+2028 and its like.
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InvalidQueryError(f"can't read {file}: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise InvalidQueryError(f"{file} is not UTF-8 text; save it as UTF-8") from error
    numbered = enumerate(lines, start=1)
    return [(f"{file}, line {number}", line) for number, line in numbered if line.strip()]


def _query_of(line: str, where: str) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise InvalidQueryError(f"{where}: not JSON; write one object a line") from None
    if not isinstance(record, dict) or not isinstance(record.get("query"), str):
        raise InvalidQueryError(f'{where}: needs an object with "query", a text')
    return str(record["query"])


def _check(query: str, where: str) -> None:
    try:
        as_turns(query)
    except InvalidQueryError as error:
        raise InvalidQueryError(f"{where}: {error}") from None
