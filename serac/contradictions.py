"""Edits in scope that contradict each other: the newer one wins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations, takewhile

from classifiers import ScopeScorer
from memory_store import Edit

_ALWAYS = datetime.min.replace(tzinfo=UTC)


SAME_MATTER = 0.5
"""Probability from which on the beginning of an edit counts as asking for another edit."""

LONGEST_OBJECT = 5
"""Words by which two edits of one wording may differ."""


def without_contradictions(
    edits: Sequence[Edit], scorer: ScopeScorer
) -> tuple[tuple[Edit, ...], tuple[Edit, ...]]:
    """Return the edits to use, in their order, and those that a newer one contradicts.

    Two edits that are in scope of one query contradict each other where subject and relation are
    given for both and are the same; without them, where they differ in one stretch of words after
    a common beginning, or where each, without its last word, asks for what the other says. The
    newer edit is the one that holds from later on, or else the one that was stored later.

    Args:
        edits: The edits in scope of a query.
        scorer: Gives the probability that a query is in the scope of an edit.
    """
    if len(edits) < 2:
        return tuple(edits), ()
    pairs = list(combinations(edits, 2))
    judged = scorer.score(
        [(_beginning(one), other.text) for a, b in pairs for one, other in ((a, b), (b, a))]
    )
    beaten: set[str] = set()
    for n, (a, b) in enumerate(pairs):
        if _contradict(a, b, bool(min(judged[2 * n : 2 * n + 2]) >= SAME_MATTER)):
            beaten.add(min(a, b, key=_newness).id)
    kept = tuple(edit for edit in edits if edit.id not in beaten)
    return kept, tuple(edit for edit in edits if edit.id in beaten)


def _beginning(edit: Edit) -> str:
    """Return an edit without its last word; of a question with its answer, the question."""
    question, mark, answer = edit.text.partition("?")
    if mark and answer.strip():
        return f"{question}?"
    return edit.text.rstrip(" .").rpartition(" ")[0] or edit.text


def _contradict(a: Edit, b: Edit, same_matter: bool) -> bool:
    if None not in (a.subject, a.relation, b.subject, b.relation):
        return (a.subject, a.relation) == (b.subject, b.relation)
    return same_matter or _one_stretch_apart(a.text, b.text)


def _one_stretch_apart(one: str, other: str) -> bool:
    first, second = (text.casefold().rstrip(" .").split() for text in (one, other))
    begin = _alike(first, second)
    rest = first[begin:], second[begin:]
    end = _alike(rest[0][::-1], rest[1][::-1])
    apart = max(len(part) - end for part in rest)
    return begin >= 2 and begin + end >= 3 and apart <= LONGEST_OBJECT


def _alike(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many words two texts begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second)))  # noqa: B905


def _newness(edit: Edit) -> tuple[datetime, datetime]:
    stored = edit.created_at or _ALWAYS
    return edit.valid_from or stored, stored
