"""The views of a text: a subject drowns in a long message, so its sentences are seen too."""

from __future__ import annotations

import re

MAX_VIEWS = 12
"""Most views of one text; the last sentences are kept, since the question stands there."""

MAX_WINDOW = 400
"""Most characters of a text that are judged with an edit; a pair classifier reads no book."""

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。！？])|\n+")  # noqa: RUF001


def text_views(text: str) -> tuple[str, ...]:
    """Return the whole text, and its sentences where it has several."""
    whole = text.strip()
    sentences = [part.strip() for part in _SENTENCE_END.split(whole) if part and part.strip()]
    if len(sentences) < 2:
        return (whole,)
    different = list(dict.fromkeys(sentences))
    return tuple(dict.fromkeys([whole, *different[-(MAX_VIEWS - 1) :]]))


def window(text: str, view: str) -> str:
    """Return a view of a text with what stands around it, no longer than :data:`MAX_WINDOW`.

    What stands before a question matters more than what follows, and gets more of the room.
    """
    text = text.strip()
    if len(text) <= MAX_WINDOW:
        return text
    at = text.find(view)
    if at < 0 or len(view) >= MAX_WINDOW:
        return view[-MAX_WINDOW:]
    room = MAX_WINDOW - len(view)
    after = min(room // 3, len(text) - at - len(view))
    before = min(room - after, at)
    return text[at - before : at + len(view) + after].strip()
