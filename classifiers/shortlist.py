"""Which of the edits found are worth a close look, and which part of the query to show beside them.

A dense search brings near edits for every view of a query. Most are about something else, so
a cheap score orders them, and only the best are given to the pair classifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from classifiers.features import TextWords
from classifiers.views import window

JUDGED = 12
"""Edits of a query that are judged at most."""

FOUND = 32
"""Edits to look up for each view: a good one may stand far down where names are shared."""

NAME_WEIGHT = 0.15
WORD_WEIGHT = 0.15


@dataclass(frozen=True, slots=True)
class Listed:
    """An edit on the shortlist.

    Attributes:
        place: Its place among the edits that were found.
        closeness: Cosine similarity, raised by the share of its names and words that the
            query has; between -1 and 1.3.
        similarity: Cosine similarity to the view that found it.
        view: That view.
        shown: The part of the query that is judged with it: the view with its surroundings.
    """

    place: int
    closeness: float
    similarity: float
    view: str
    shown: str


def shortlist(
    text: str,
    found: Iterable[tuple[int, str, str, float]],
    *,
    most: int = JUDGED,
    floor: float = float("-inf"),
) -> list[Listed]:
    """Return the edits that are worth a close look, the closest first.

    Args:
        text: The query.
        found: (place, edit, view, similarity) of each edit that was found for a view.
        most: How many to return at most.
        floor: Closeness below which an edit isn't worth it; learned on dev.
    """
    asked = TextWords(text)
    best: dict[int, tuple[float, str]] = {}
    edits: dict[int, str] = {}
    for place, edit, view, similarity in found:
        edits[place] = edit
        if place not in best or similarity > best[place][0]:
            best[place] = (similarity, view)
    listed = []
    for place, (similarity, view) in best.items():
        closeness = similarity + _shared(asked, edits[place])
        if closeness >= floor:
            listed.append((closeness, place, similarity, view))
    listed.sort(key=lambda one: (-one[0], one[1]))
    return [
        Listed(place, closeness, similarity, view, window(text, view))
        for closeness, place, similarity, view in listed[:most]
    ]


def _shared(asked: TextWords, edit: str) -> float:
    told = TextWords.of(edit)
    names = len(told.names & asked.content) / len(told.names) if told.names else 0.0
    words = len(told.content & asked.content) / len(told.content) if told.content else 0.0
    return NAME_WEIGHT * names + WORD_WEIGHT * words
