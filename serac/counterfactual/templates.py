"""Edits that are no triples, of our own writing, with queries and the answers that follow.

Dates, numbers, lists, negations, definitions, a persona, prescribed replies and so on, made from
templates whose slots are filled by chance.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "statements"
_SLOT = re.compile(r"\{([a-z]+)[2-9]?\}")


@dataclass(frozen=True, slots=True)
class Template:
    """An edit with slots, and queries about it with their answers.

    Attributes:
        kind: What sort of edit it is.
        edit: The edit, with slots in braces; ``{town2}`` is another town than ``{town}``.
        asks: Pairs of a query and its answer, likewise.
        fillers: What the slots are filled with, by name.
    """

    kind: str
    edit: str
    asks: tuple[tuple[str, str], ...]
    fillers: dict[str, list[str]] = field(repr=False)

    def filled(self, chance: random.Random) -> tuple[str, str, str]:
        """Return an edit, a query about it, and the answer."""
        query, answer = chance.choice(self.asks)
        slots = _slots([self.edit, query, answer])
        values = {
            slot: value
            for name, found in slots.items()
            for slot, value in zip(
                found, chance.sample(self.fillers[name], len(found)), strict=True
            )
        }
        edit, query, answer = (
            _SLOT.sub(lambda match: values[match[0]], text) for text in (self.edit, query, answer)
        )
        is_cloze = not query.endswith((".", "?", "!"))
        return _capital(edit), _capital(query), answer if is_cloze else _capital(answer)


@cache
def templates() -> tuple[Template, ...]:
    """Return all templates."""
    found = []
    for file in sorted(FOLDER.glob("*.toml")):
        with file.open("rb") as opened:
            content = tomllib.load(opened)
        found += [
            Template(
                case["kind"],
                case["edit"],
                tuple((query, answer) for query, answer in case["asks"]),
                content["slots"],
            )
            for case in content["case"]
        ]
    return tuple(found)


def _slots(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return the slots of some texts, by the list that fills them."""
    slots: dict[str, list[str]] = {}
    for match in _SLOT.finditer(" ".join(texts)):
        found = slots.setdefault(match[1], [])
        if match[0] not in found:
            found.append(match[0])
    return slots


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
