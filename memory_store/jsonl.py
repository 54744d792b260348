"""The exchange format: one edit a line, as a JSON object.

============  =======================================================
text          the statement; the only field that is needed
id            name of the edit; made from the content if left out
subject       what the statement is about
relation      which property of the subject it sets
source        where it comes from
valid_from    first moment at which it holds, ISO 8601
valid_to      first moment at which it no longer holds, ISO 8601
created_at    when it was first stored, ISO 8601
supersedes    id of the edit that it replaces
============  =======================================================
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import fields

from memory_store.edit import Edit, EditDraft
from memory_store.errors import ImportFormatError, InvalidEditError
from memory_store.records import moment_to_text
from memory_store.validation import clean_draft

logger = logging.getLogger(__name__)

FIELD_NAMES = tuple(field.name for field in fields(EditDraft))
_BOM = b"\xef\xbb\xbf"


def parse_lines(lines: Iterable[bytes | str], name: str = "import") -> list[tuple[int, EditDraft]]:
    """Return the line number and the checked draft of each line that is not blank.

    Args:
        lines: The lines of a file, as bytes (UTF-8) or text.
        name: Name of the file, for messages.

    Raises:
        ImportFormatError: A line is no edit; the message names the first such line.
    """
    drafts: list[tuple[int, EditDraft]] = []
    lines_of_ids: dict[str, int] = {}
    unknown: set[str] = set()
    for number, line in enumerate(lines, start=1):
        try:
            draft, others = _parse_line(line, first=number == 1)
        except (ImportFormatError, InvalidEditError) as error:
            raise ImportFormatError(
                f"{name}, line {number}: {error}; nothing was imported"
            ) from error
        unknown |= others
        if draft is None:
            continue
        if draft.id is not None and draft.id in lines_of_ids:
            raise ImportFormatError(
                f"{name}, line {number}: id {draft.id!r} was used in line "
                f"{lines_of_ids[draft.id]} already; give another id; nothing was imported"
            )
        if draft.id is not None:
            lines_of_ids[draft.id] = number
        drafts.append((number, draft))
    if unknown:
        logger.warning("%s: ignored unknown fields: %s", name, ", ".join(sorted(unknown)))
    return drafts


def format_line(edit: Edit) -> str:
    """Return an edit as a line, without what is not set and without a line break."""
    values = {field: getattr(edit, field) for field in FIELD_NAMES}
    for field in ("valid_from", "valid_to", "created_at"):
        values[field] = moment_to_text(values[field])
    return json.dumps({k: v for k, v in values.items() if v is not None}, ensure_ascii=False)


def _parse_line(line: bytes | str, *, first: bool) -> tuple[EditDraft | None, set[str]]:
    """Return the draft of a line, ``None`` for a blank one, and the fields nobody knows."""
    if isinstance(line, bytes):
        try:
            text = line.removeprefix(_BOM if first else b"").decode("utf-8")
        except UnicodeDecodeError as error:
            raise ImportFormatError(
                f"byte {error.start + 1} is not UTF-8; save the file as UTF-8"
            ) from error
    else:
        text = line.removeprefix("\ufeff" if first else "")
    if not text.strip():
        return None, set()
    try:
        record = json.loads(text)
    except RecursionError:
        raise ImportFormatError("the JSON is nested too deeply; write one flat object") from None
    except ValueError as error:
        reason = getattr(error, "msg", str(error))
        place = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ImportFormatError(
            f'not valid JSON ({reason}{place}); write one object a line, like {{"text": "..."}}'
        ) from error
    if not isinstance(record, dict):
        raise ImportFormatError('not a JSON object; write one a line, like {"text": "..."}')
    if "text" not in record:
        raise ImportFormatError('the field "text" is missing; add it')
    known = {key: value for key, value in record.items() if key in FIELD_NAMES}
    return clean_draft(EditDraft(**known)), {repr(key) for key in record.keys() - known.keys()}
