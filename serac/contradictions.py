"""Edits in scope that contradict each other: the newer one wins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations, takewhile

from classifiers import ScopeScorer
from memory_store import Edit

SAME_MATTER = 0.5
"""Probability from which on the beginning of an edit counts as asking for another edit."""

_SEVERAL = re.compile(
    r"\b(?:which|what|name|list) (?:(?!is\b|was\b|does\b|has\b)\w+ )?"
    r"(?!was\b|does\b|has\b|this\b|its\b|his\b|gives\b)\w+[^su\W]s\b|\ball\b"
    r"|\b(?:who|what|which) (?:are|were)\b"
    r"|\band (?:who|what|when|where|which|how|why)\b"
    r"|\b(?:who|what|when|where|which|how|why) and\b",
    re.IGNORECASE,
)
"""How a query asks for several things, so that edits of one matter may all answer it."""

_ALWAYS = datetime.min.replace(tzinfo=UTC)


def without_contradictions(
    edits: Sequence[Edit], scorer: ScopeScorer, reading: str = ""
) -> tuple[tuple[Edit, ...], tuple[Edit, ...]]:
    """Return the edits to use, in their order, and those that a newer one contradicts.

    Two edits that are in scope of one query contradict each other where subject and relation are
    given for both and are the same, and don't where the subjects given differ ("Ireland",
    "Northern Ireland"). Where that tells nothing, the scope classifier is asked: is the beginning
    that both have in common (or, where they have little, each without its last word) a query for
    the other? Not so where the query asks for several things, or where one edit ends in a number
    and the other doesn't. What one relation may hold several of ("speaks Spanish", "speaks French")
    can't be told from text: subject and two relations keep such edits apart. The newer edit is the
    one that holds from later on, where both are dated, or else the one that was stored later.

    Args:
        edits: The edits in scope of a query, the most probable first.
        scorer: Gives the probability that a query is in the scope of an edit.
        reading: The query.
    """
    pairs = list(combinations(edits, 2))
    if not pairs or _SEVERAL.search(reading):
        return tuple(edits), ()
    judged = scorer.score(
        [(_beginning(one, other), other.text) for a, b in pairs for one, other in ((a, b), (b, a))]
    )
    beaten: set[str] = set()
    for n, (a, b) in enumerate(pairs):
        if _contradict(a, b, bool(min(judged[2 * n : 2 * n + 2]) >= SAME_MATTER)):
            beaten.add(_older(a, b).id)
    kept = tuple(edit for edit in edits if edit.id not in beaten)
    return kept, tuple(edit for edit in edits if edit.id in beaten)


def _beginning(edit: Edit, other: Edit) -> str:
    """Return how an edit begins, as a query for another.

    That is what both begin with, if it is nearly all of one; or the question of a question with
    its answer; or the edit without its last word.
    """
    words, others = (one.text.rstrip(" .").split() for one in (edit, other))
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(words, others)))  # noqa: B905
    if alike >= 3 and len(words) - alike <= 2:
        return " ".join(words[:alike])
    question, mark, answer = edit.text.partition("?")
    if mark and answer.strip():
        return f"{question}?"
    return " ".join(words[:-1]) or edit.text


def _contradict(a: Edit, b: Edit, same_matter: bool) -> bool:
    if a.subject and b.subject:
        if _folded(a.subject) != _folded(b.subject):
            return False
        if a.relation and b.relation:
            return _folded(a.relation) == _folded(b.relation)
    return same_matter and _ends_in_number(a.text) == _ends_in_number(b.text)


def _folded(*texts: str) -> tuple[str, ...]:
    return tuple(" ".join(text.casefold().split()) for text in texts)


def _ends_in_number(text: str) -> bool:
    return any(letter.isdigit() for word in text.split()[-2:] for letter in word)


def _older(a: Edit, b: Edit) -> Edit:
    """Return the older of two edits; of two as old, the second, which is the less probable."""
    if a.valid_from and b.valid_from and a.valid_from != b.valid_from:
        return a if a.valid_from < b.valid_from else b
    return a if (a.created_at or _ALWAYS) < (b.created_at or _ALWAYS) else b
