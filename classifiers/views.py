"""The views of a text: a subject drowns in a long message, so its sentences are seen too."""

from __future__ import annotations

import re

MAX_VIEWS = 12
"""Most views of one text; the last sentences are kept, since the question stands there."""

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。！？])|\n+")  # noqa: RUF001


def text_views(text: str) -> tuple[str, ...]:
    """Return the whole text, and its sentences where it has several."""
    whole = text.strip()
    sentences = [part.strip() for part in _SENTENCE_END.split(whole) if part and part.strip()]
    if len(sentences) < 2:
        return (whole,)
    return tuple(dict.fromkeys([whole, *sentences[-(MAX_VIEWS - 1) :]]))
