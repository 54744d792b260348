"""Names drawn for the places that texts of our own writing have for them, such as ``{A}``."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

_PLACE = re.compile(r"\{([A-Z])\}")
_SENTENCE_BEGINS = re.compile(r"(?:^|[.!?] )$")


def draw_names(names: Mapping[str, Sequence[str]], chance: random.Random) -> dict[str, str]:
    """Return a name for each letter, no two the same.

    Args:
        names: For each letter, the names that may stand there.
        chance: Where chance comes from.
    """
    drawn: dict[str, str] = {}
    for letter, given in names.items():
        drawn[letter] = chance.choice([one for one in given if one not in drawn.values()])
    return drawn


def with_names(text: str, drawn: Mapping[str, str]) -> str:
    """Return a text with names in their places, with a capital where a sentence begins."""

    def put(found: re.Match[str]) -> str:
        name = drawn[found[1]]
        begins = _SENTENCE_BEGINS.search(text[: found.start()]) is not None
        return name[:1].upper() + name[1:] if begins else name

    return _PLACE.sub(put, text)
