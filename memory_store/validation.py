"""Checks of everything that enters a memory: texts, ids, dates, queries.

An edit's text is data from somebody and ends up in a prompt. So it may hold no token
that a chat template gives a meaning to, and no character that hides or reorders what a
reader sees.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime

from memory_store.edit import EditDraft
from memory_store.errors import InvalidEditError, InvalidQueryError

MAX_TEXT_LENGTH = 1000
MAX_FIELD_LENGTH = 300
MAX_ID_LENGTH = 200

# Names that tokenizers in use give to special tokens written <name> or </name>.
_ANGLE_NAMES = (
    r"s|bos|eos|pad|unk|mask|cls|sep|sot|eot|sys|im_start|im_end|start_of_turn|end_of_turn"
    r"|end_of_utterance|start_of_image|end_of_image|think|tool_call|tool_calls|tool_response"
    r"|tool_result|tools|repo_name|reponame|file_sep|filename|gh_stars|issue_start"
    r"|issue_comment|issue_closed|jupyter_[a-z]+|empty_output|endoftext|fim_[a-z]+|commit_[a-z]+"
    r"|extra_id_\d+|unused\d+|reserved_\d+|0x[0-9a-f]{2}"
)
_SQUARE_NAMES = (
    r"INST|SYS|CLS|SEP|PAD|UNK|MASK|BOS|EOS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS"
    r"|TOOL_RESULTS|TOOL_CONTENT|IMG|PREFIX|SUFFIX|MIDDLE|THINK"
)
_CONTROL_TOKEN = re.compile(
    rf"<\|.*?\|>|<<\s*/?\s*SYS\s*>>|</?(?:{_ANGLE_NAMES})/?>|\[/?(?:{_SQUARE_NAMES})\]",
    re.IGNORECASE,
)

# U+200E and U+200F (marks) and U+200C and U+200D (joiners) are needed to write some languages.
_FORBIDDEN = (
    (re.compile("[\ud800-\udfff]"), "a lone surrogate (broken UTF-16)"),
    (re.compile("[\u202a-\u202e\u2066-\u2069]"), "a bidirectional override or isolate"),
    (re.compile("\ufeff"), "a byte order mark"),
    (re.compile("[\U000e0000-\U000e007f]"), "an invisible Unicode tag character"),
)


def clean_text(
    value: object, name: str = "text", limit: int = MAX_TEXT_LENGTH, *, tokens: bool = True
) -> str:
    """Return ``value`` as one line without surplus whitespace.

    Args:
        value: What was given.
        name: Name of the field, for the message.
        limit: Greatest length in characters.
        tokens: Whether to refuse chat-template and control tokens.

    Raises:
        InvalidEditError: It is no text, is empty or too long, or holds characters or
            control tokens that an edit may not hold.
    """
    if not isinstance(value, str):
        raise InvalidEditError(
            f"{name} must be a string, not {type(value).__name__}; put the words in quotes"
        )
    text = " ".join(value.split())
    if not any(unicodedata.category(c)[0] not in "CZ" for c in text) and not _odd(text):
        raise InvalidEditError(f"{name} is empty; write what shall hold")
    if len(text) > limit:
        raise InvalidEditError(
            f"{name} has {len(text):,} characters, at most {limit:,} are allowed; shorten it"
        )
    odd = _odd(text)
    if odd:
        raise InvalidEditError(f"{name} holds {odd}; remove it")
    if tokens:
        token = _control_token(text)
        if token:
            raise InvalidEditError(
                f"{name} holds the control token {token!r}, which a chat template could obey; "
                "remove it"
            )
    return text


def clean_field(value: object, name: str) -> str | None:
    """Return an optional short field (subject, relation, source), checked as a text is."""
    return None if value is None else clean_text(value, name, MAX_FIELD_LENGTH)


def clean_id(value: object, name: str = "id") -> str:
    """Return ``value`` if it can name an edit, or raise `InvalidEditError`.

    An id is taken as it is: to change it would break the reference of whoever chose it.
    """
    if not isinstance(value, str):
        raise InvalidEditError(
            f"{name} must be a string, not {type(value).__name__}; put it in quotes"
        )
    if not value.strip():
        raise InvalidEditError(f"{name} is empty; give one, or leave it out to get one")
    if value != value.strip():
        raise InvalidEditError(f"{name} {value!r} starts or ends with a space; remove it")
    if len(value) > MAX_ID_LENGTH:
        raise InvalidEditError(
            f"{name} has {len(value):,} characters, at most {MAX_ID_LENGTH} are allowed; shorten it"
        )
    if any(c in "\u2028\u2029" for c in value):
        raise InvalidEditError(f"{name} holds a line break; remove it")
    odd = _odd(value)
    if odd:
        raise InvalidEditError(f"{name} holds {odd}; remove it")
    token = _control_token(value)
    if token:
        raise InvalidEditError(f"{name} holds the control token {token!r}; remove it")
    return value


def clean_moment(value: object, name: str) -> datetime | None:
    """Return a date or time as an aware datetime in UTC; naive means UTC, a date its midnight.

    Raises:
        InvalidEditError: It is neither ISO 8601 nor a date nor a datetime.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise InvalidEditError(
                f"{name} {value[:60]!r} is no date; write it like 2025-01-31 or "
                "2025-01-31T12:00:00Z"
            ) from None
    elif isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    else:
        raise InvalidEditError(
            f"{name} must be a date, not {type(value).__name__}; write it like 2025-01-31"
        )
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidEditError(
            f"{name} is outside of the years 1 to 9999 in UTC; choose a nearer date"
        ) from None


def clean_draft(draft: EditDraft) -> EditDraft:
    """Return the draft with every field checked, texts on one line and dates in UTC.

    Raises:
        InvalidEditError: A field can't be part of an edit.
    """
    valid_from = clean_moment(draft.valid_from, "valid_from")
    valid_to = clean_moment(draft.valid_to, "valid_to")
    if valid_from is not None and valid_to is not None and valid_to <= valid_from:
        raise InvalidEditError(
            f"valid_to ({valid_to.isoformat()}) must be after valid_from "
            f"({valid_from.isoformat()}); change one of them"
        )
    name = None if draft.id is None else clean_id(draft.id)
    supersedes = None if draft.supersedes is None else clean_id(draft.supersedes, "supersedes")
    if name is not None and name == supersedes:
        raise InvalidEditError(f"edit {name!r} can't supersede itself; give it another id")
    return replace(
        draft,
        text=clean_text(draft.text),
        id=name,
        subject=clean_field(draft.subject, "subject"),
        relation=clean_field(draft.relation, "relation"),
        source=clean_field(draft.source, "source"),
        valid_from=valid_from,
        valid_to=valid_to,
        created_at=clean_moment(draft.created_at, "created_at"),
        supersedes=supersedes,
    )


def clean_query(value: object) -> str:
    """Return a query that an encoder can read, or raise `InvalidQueryError`.

    A query is never stored, so it may hold what an edit may not; the encoder cuts off
    what is too long for it.
    """
    if not isinstance(value, str):
        raise InvalidQueryError(
            f"a query must be a string, not {type(value).__name__}; put it in quotes"
        )
    if not value.strip():
        raise InvalidQueryError("the query is empty; write a question")
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidQueryError("the query holds a lone surrogate (broken UTF-16); remove it")
    return value


def _odd(text: str) -> str | None:
    """Name the first kind of forbidden character in ``text``, if there is one."""
    for pattern, what in _FORBIDDEN:
        if pattern.search(text):
            return what
    for character in text:
        if unicodedata.category(character) == "Cc":
            return f"the control character U+{ord(character):04X}"
    return None


def _control_token(text: str) -> str | None:
    """Return the first control token in ``text``.

    Fullwidth letters and invisible characters are seen through, since a step between the
    memory and the model may fold or drop them.
    """
    found = _CONTROL_TOKEN.search(text)
    if found is None and ("<" in text or "[" in text or not text.isascii()):
        folded = unicodedata.normalize("NFKC", text)
        visible = "".join(c for c in folded if unicodedata.category(c) != "Cf")
        found = _CONTROL_TOKEN.search(visible)
    return found.group() if found else None
