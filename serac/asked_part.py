"""The part of a longer query that asks for an edit; other text leads a small model astray."""

from __future__ import annotations

from collections.abc import Sequence

from classifiers.views import text_views
from memory_store import Edit, Encoder
from serac.prompts import is_question, is_sentence


def asked_part(query: str, edits: Sequence[Edit], encoder: Encoder) -> str:
    """Return the end of a query, from some sentence on, that is nearest to an edit.

    Of several edits each has an end that is nearest to it, and the longest of those is returned.
    What asks is never left out: a last sentence that is to be continued, or the last question.

    Args:
        query: The query; one of a single sentence is returned as it is.
        edits: The edits in scope.
        encoder: Measures nearness.
    """
    ends = _ends(query)
    if len(ends) == 1 or not edits:
        return query
    vectors = encoder.encode([*ends, *(edit.text for edit in edits)])
    nearness = vectors[: len(ends)] @ vectors[len(ends) :].T
    return ends[int(nearness.argmax(axis=0).min())]


def _ends(query: str) -> list[str]:
    """Return the query, and what is left of it from each later sentence that may be the first."""
    _, *sentences = text_views(query)
    if not sentences:
        return [query]
    last = len(sentences) - 1
    if is_sentence(sentences[last]):
        last = max((n for n, one in enumerate(sentences) if is_question(one)), default=last)
    return [query, *(" ".join(sentences[n:]) for n in range(1, last + 1))]
