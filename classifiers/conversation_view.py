"""The text by which a later turn of a conversation is judged: the turn, after what was said before.

The body reads pairs of texts, so a conversation is one text: a line a turn, each after who speaks.
"""

from __future__ import annotations

from collections.abc import Iterable

LONGEST_BEFORE = 240
"""Characters of each earlier turn that are read; what a reply is about stands at its beginning."""

SEARCHED = 8
"""Earlier turns whose words edits are looked up by, the last ones."""

TOGETHER = 3
"""Last turns by whose words together edits are looked up too."""


def conversation_view(before: Iterable[tuple[str, str]], turn: str) -> str:
    """Return a turn after those before it.

    Args:
        before: Who speaks (``user`` or ``assistant``) and what is said, of each turn before it;
            those that say nothing are left out.
        turn: What the user says now.
    """
    said = [(role, " ".join(text[:LONGEST_BEFORE].split())) for role, text in before]
    said.append(("user", " ".join(turn.split())))
    return "\n".join(f"{role}: {text}" for role, text in said if text)


def searched_views(view: str) -> tuple[str, ...]:
    """Return what edits are looked up by: the turn, those before it, and the last ones together.

    Args:
        view: What :func:`conversation_view` returned.
    """
    said = [line.split(": ", 1)[1] for line in view.split("\n")]
    last = said[-1 : -SEARCHED - 2 : -1]
    return tuple(dict.fromkeys([*last, " ".join(said[-TOGETHER:])]))
