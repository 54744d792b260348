"""Which (subject, relation) pairs of CounterFact a memory edits.

With many edits in memory, some neighbourhood prompts are in the scope of another edit, so
they don't count as out of scope. The list of all edits names no relations; they are known
by the wording of their prompts, which the full records give relations for. Some wordings
stand for several relations ("{} is located in" asks for the country, the continent or the
town), and then a prompt can't be told from an edit of any of them. Some relations are so near
that an edit of one answers a question about the other (:data:`NEAR_SYNONYMS`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from classifiers.names import folded_name, is_named

NEAR_SYNONYMS = (
    frozenset({"P103", "P1412"}),  # native language; languages spoken
    frozenset({"P101", "P106"}),  # field of work; occupation
    frozenset({"P176", "P178"}),  # manufacturer; developer: both "created by", "a product of"
    frozenset({"P495", "P740"}),  # country of origin; where it was formed
)
"""Relations, by Wikidata's ids, of which a person wouldn't say which one a question asks for."""

PLAYED = frozenset({"P136", "P641", "P1303"})
"""What someone plays may be a genre, a sport or an instrument."""

BARE_WORDINGS = (
    "{} plays",
    "{}, who plays",
    "{} performs",
    "{} is known for performing",
    "What does {} play? They play",
)
"""Wordings that don't say which of :data:`PLAYED` they ask for."""


def near_synonyms(relation: str) -> frozenset[str]:
    """Return a relation with those that a question about it may as well ask for."""
    return frozenset({relation}).union(*(group for group in NEAR_SYNONYMS if relation in group))


class EditedSubjects:
    """The subjects that are edited, by relation.

    Args:
        facts: Records with ``prompt`` and ``subject``, one for each edit in memory.
        full_records: Records with ``requested_rewrite`` and its ``relation_id``.
    """

    def __init__(
        self, facts: Iterable[dict[str, Any]], full_records: Iterable[dict[str, Any]]
    ) -> None:
        self._relations: dict[str, set[str]] = defaultdict(set)
        for record in full_records:
            rewrite = record["requested_rewrite"]
            self._relations[rewrite["prompt"]].add(rewrite["relation_id"])
        for wording in BARE_WORDINGS:
            self._relations[wording] |= PLAYED
        self._subjects: dict[str, set[str]] = defaultdict(set)
        self._unknown: set[str] = set()
        self.unknown_wordings = 0
        for fact in facts:
            subject = folded_name(fact["subject"])
            relations = self.relations_of(fact)
            if not relations:
                self.unknown_wordings += 1
                self._unknown.add(subject)
            for relation in relations:
                self._subjects[relation].add(subject)

    def relations_of(self, fact: dict[str, Any]) -> set[str]:
        """Return the relations that the wording of a fact's prompt may stand for."""
        return self._relations.get(fact["prompt"].replace(fact["subject"], "{}"), set())

    def cover(self, prompt: str, relation: str) -> bool:
        """Say whether an edit in memory has the prompt's relation and a subject it names.

        An edit of unknown wording may have any relation.
        """
        asked = folded_name(prompt)
        return any(is_named(asked, name) for name in self._subjects[relation] | self._unknown)

    def nearly_cover(self, prompt: str, relation: str) -> bool:
        """Say whether an edit in memory covers the prompt by a near synonym of its relation."""
        return any(self.cover(prompt, other) for other in near_synonyms(relation))

    def cover_wording(self, prompt: str) -> bool:
        """Say whether an edit in memory has the prompt's subject and a relation so worded."""
        for wording, relations in self._relations.items():
            before, _, after = wording.partition("{}")
            if prompt.startswith(before) and prompt.endswith(after):
                subject = prompt[len(before) : len(prompt) - len(after)]
                name = folded_name(subject)
                if any(name in self._subjects[relation] for relation in relations):
                    return True
        return False
