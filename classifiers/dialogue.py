"""How a conversation is shown to the follow-up classifier: as one text, its last turn marked."""

from __future__ import annotations

from collections.abc import Sequence

EARLIER = 8
"""Turns before the last one that are shown."""

EARLIER_CHARACTERS = 160
"""Characters of each that are shown: its beginning, where names are."""

LAST_CHARACTERS = 400
"""Characters of the last turn that are shown: its end, where the question is."""

BETWEEN = " | "
NOW = " >> "


def dialogue_text(before: Sequence[str], last: str) -> str:
    """Return a conversation as one text.

    Args:
        before: The turns before the last one, the oldest first, whoever spoke.
        last: The user's last turn.
    """
    shown = [" ".join(turn.split())[:EARLIER_CHARACTERS] for turn in before[-EARLIER:]]
    return BETWEEN.join(filter(None, shown)) + NOW + " ".join(last.split())[-LAST_CHARACTERS:]
