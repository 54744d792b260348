"""Demonstrations for in-context knowledge editing, and which of them a query is shown.

IKE shows a model how a new fact is used before it asks: *copy* (the fact's own wording),
*update* (another wording) and *retain* (what the fact doesn't concern). The demonstrations
nearest to the edit are taken; the paper shows 32 where the context allows, in the ratio 1:3:4.
Zheng et al., "Can We Edit Factual Knowledge by In-Context Learning?", EMNLP 2023.
"""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from memory_store import Edit, Encoder
from memory_store.encoder import Vectors
from memory_store.errors import ErrataError

FILE = Path(__file__).with_suffix(".toml")
KINDS = ("copy", "update", "retain")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A fact, a prompt, and the right answer to it once the fact holds.

    Attributes:
        fact: The fact, one sentence.
        prompt: A question, or the beginning of a statement.
        answer: What continues it.
        kind: ``copy``, ``update`` or ``retain``.
    """

    fact: str
    prompt: str
    answer: str
    kind: str = "update"


@dataclass(frozen=True, slots=True)
class IkeSettings:
    """Which demonstrations are shown.

    Attributes:
        number: How many at most; fewer where the context is short.
        ratio: Of copies, updates and retains, in parts.

    Raises:
        ErrataError: A number is negative, or the ratio has no part.
    """

    number: int = 32
    ratio: tuple[int, int, int] = (1, 3, 4)

    def __post_init__(self) -> None:
        parts = tuple(self.ratio) if isinstance(self.ratio, Sequence) else ()
        whole = [isinstance(n, int) and n >= 0 for n in (self.number, *parts)]
        if not all(whole) or len(parts) != len(KINDS) or not any(parts):
            raise ErrataError(
                "IKE needs a number of demonstrations and a ratio of three whole numbers, such as "
                f"32 and (1, 3, 4), not {self.number!r} and {self.ratio!r}"
            )


PAPER = IkeSettings()
"""The paper's number and ratio."""

SCOPED = IkeSettings(4, (1, 1, 0))
"""What is shown where a scope classifier has told that the edit applies: copies and updates.

Retains teach a model to answer from what it remembers, which here is never right; a small one
did so after them with the edit in question, too. Chosen on CounterFact's and zsRE's train files.
"""


class DemonstrationStore:
    """Finds the demonstrations nearest to an edit.

    Args:
        encoder: Measures nearness; facts are embedded when they are first needed.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._vectors: Vectors | None = None
        self._lock = threading.Lock()

    def nearest(
        self, query: str, edits: Sequence[Edit], settings: IkeSettings
    ) -> tuple[Demonstration, ...]:
        """Return the demonstrations for a query, the nearest first.

        Args:
            query: The query; without an edit nearness to it counts.
            edits: The edits in scope, the most probable first; nearness to that one counts.
            settings: How many, and of which kinds.
        """
        if settings.number == 0:
            return ()
        with self._lock:
            if self._vectors is None:
                self._vectors = self.encoder.encode([record["fact"] for record in records()])
        asked = self.encoder.encode([edits[0].text if edits else query])[0]
        order = np.argsort(-(self._vectors @ asked), kind="stable")
        wanted = _numbers(settings)
        found = [
            (rank, demonstration)
            for kind in KINDS
            for rank, demonstration in _first(kind, order, wanted[kind])
        ]
        found.sort(key=lambda ranked: ranked[0])
        return tuple(demonstration for _, demonstration in found)


@cache
def records() -> tuple[dict[str, Any], ...]:
    """Return the facts with their prompts."""
    with FILE.open("rb") as file:
        return tuple(tomllib.load(file)["demonstration"])


def demonstrations_of(record: dict[str, Any]) -> dict[str, list[Demonstration]]:
    """Return the demonstrations that a record has of each kind."""
    fact, value = record["fact"], record["object"]
    return {
        "copy": [Demonstration(fact, record["copy"], value, "copy")],
        "update": [Demonstration(fact, prompt, value, "update") for prompt in record["update"]],
        "retain": [
            Demonstration(fact, prompt, truth, "retain") for prompt, truth in record["retain"]
        ],
    }


def _numbers(settings: IkeSettings) -> dict[str, int]:
    """Return how many of each kind are shown; what doesn't divide goes to the largest part."""
    total = sum(settings.ratio)
    counts = {
        k: settings.number * part // total for k, part in zip(KINDS, settings.ratio, strict=True)
    }
    largest = KINDS[max(range(len(KINDS)), key=lambda n: (settings.ratio[n], -n))]
    counts[largest] += settings.number - sum(counts.values())
    return counts


def _first(kind: str, order: Any, number: int) -> list[tuple[int, Demonstration]]:
    """Return (rank, demonstration) of the nearest facts, one of each before a second."""
    found: list[tuple[int, Demonstration]] = []
    all_records = records()
    turn = 0
    while len(found) < number:
        before = len(found)
        for rank, place in enumerate(order):
            of_kind = demonstrations_of(all_records[place])[kind]
            if turn < len(of_kind) and len(found) < number:
                # Another prompt at each rank, so that questions and clozes mix.
                found.append((rank, of_kind[(turn + rank) % len(of_kind)]))
        if len(found) == before:
            break
        turn += 1
    return found
