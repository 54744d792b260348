"""Whether an answer that was generated freely states a fact."""

from __future__ import annotations

import re
import unicodedata

_OVERLAY = re.compile(
    r"\bnew fact\b|\b(?:prompt|edit|query|answer):|\b(?:this|the|your) note\b|\bquoted\b",
    re.IGNORECASE,
)


def folded(text: str) -> str:
    """Return a text without case, punctuation and runs of spaces."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", plain).split())


def states(answer: str, expected: str) -> bool:
    """Say whether the answer contains the expected words, as whole words."""
    return f" {folded(expected)} " in f" {folded(answer)} "


def follows_edit(answer: str, new: str, old: str | None) -> bool:
    """Say whether the answer holds the new object and not the old one.

    An old object that is part of the new one ("York" in "New York") doesn't count against it.
    """
    if not states(answer, new):
        return False
    if old is None or states(new, old):
        return True
    return not states(answer, old)


def speaks_of_overlay(answer: str) -> bool:
    """Say whether an answer has wording of the overlay's prompts, which no user should see."""
    return bool(_OVERLAY.search(answer))
