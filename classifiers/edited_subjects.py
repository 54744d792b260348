"""Which (subject, relation) pairs of CounterFact a memory edits.

With many edits in memory, some neighbourhood prompts are in the scope of another edit, so
they don't count as out of scope. The list of all edits names no relations; they are known
by the wording of their prompts, which the full records give a relation for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any


class EditedSubjects:
    """The subjects that are edited, by relation.

    Args:
        facts: Records with ``prompt`` and ``subject``, one for each edit in memory.
        full_records: Records with ``requested_rewrite`` and its ``relation_id``.
    """

    def __init__(
        self, facts: Iterable[dict[str, Any]], full_records: Iterable[dict[str, Any]]
    ) -> None:
        rewrites = [record["requested_rewrite"] for record in full_records]
        relations = {rewrite["prompt"]: rewrite["relation_id"] for rewrite in rewrites}
        self._subjects: dict[str, set[str]] = defaultdict(set)
        self.unknown_wordings = 0
        for fact in facts:
            relation = relations.get(fact["prompt"].replace(fact["subject"], "{}"))
            if relation is None:
                self.unknown_wordings += 1
            else:
                self._subjects[relation].add(fact["subject"])

    def cover(self, prompt: str, relation: str) -> bool:
        """Say whether an edit in memory has the prompt's relation and a subject it names."""
        return any(subject in prompt for subject in self._subjects[relation])
