"""The edits of the comparison and what is asked about each, in an order that the seed fixes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.data import everyday
from benchmarks.peers.editor import PeerEdit
from classifiers.edited_subjects import EditedSubjects
from classifiers.pairs import records
from memory_store.errors import ErrataError

SETS = ("counterfact", "zsre")
NEIGHBORS = 5
"""Neighbourhood prompts that are asked of a record's ten, drawn by the seed."""

EXACT, PARAPHRASE, NEIGHBORHOOD, PORTABILITY = "exact", "paraphrase", "neighborhood", "one hop"


@dataclass(frozen=True, slots=True)
class PeerCase:
    """An edit and what is asked about it.

    Attributes:
        number: Place of its record in the data.
        edit: The edit.
        asked: Queries by kind: exact, paraphrase, neighborhood.
        hops: Questions whose answer follows from the edit, with that answer.
        begins: What a longer text begins with, or ``None``.
        relation: The relation that is edited, where the set names it.
    """

    number: int
    edit: PeerEdit
    asked: dict[str, tuple[str, ...]]
    hops: tuple[tuple[str, str], ...] = ()
    begins: str | None = None
    relation: str | None = None

    @property
    def fact(self) -> dict[str, Any]:
        """The edit as :class:`classifiers.edited_subjects.EditedSubjects` reads it."""
        return {"prompt": self.edit.prompt, "subject": self.edit.subject}


class PeerCases:
    """The cases of a set, in the order in which they are edited.

    Args:
        name: ``counterfact`` or ``zsre``.
        folder: The data folder.
        seed: Fixes the order and every sample.
        neighbors: How many neighbourhood prompts are asked of a record's ten.

    Attributes:
        left_out: Records whose subject doesn't stand in their prompt, and of zsRE those of a
            subject that an earlier record edits.
    """

    def __init__(self, name: str, folder: Path, seed: int, neighbors: int = NEIGHBORS) -> None:
        self.name, self.seed = name, seed
        read = {"counterfact": _counterfact, "zsre": _zsre}
        if name not in read:
            raise ErrataError(f"there is no set {name}; use {', '.join(SETS)}")
        file = folder / name / "test.jsonl"
        self._tests = list(records(file))
        try:
            found = list(read[name](self._tests))
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise ErrataError(f"{file} has a record that is none of {name}'s: {error!r}") from None
        self.left_out = len(self._tests) - len(found)
        random.Random(seed).shuffle(found)  # noqa: S311
        self.all: tuple[PeerCase, ...] = tuple(self._fewer(case, neighbors) for case in found)

    def edited(self, size: int) -> tuple[PeerCase, ...]:
        """Return the first so many cases: those whose edits are applied together."""
        return self.all[:size]

    def sample(self, size: int, most: int) -> tuple[PeerCase, ...]:
        """Return the cases that are asked when the first ``size`` are edited, in their order."""
        edited = self.edited(size)
        chance = random.Random(f"{self.seed} {size}")  # noqa: S311
        places = sorted(chance.sample(range(len(edited)), min(most, len(edited))))
        return tuple(edited[place] for place in places)

    def out_of_scope(
        self, cases: Sequence[PeerCase], edited: Sequence[PeerCase]
    ) -> tuple[dict[int, tuple[str, ...]], int]:
        """Return the neighbourhood prompts of cases that no applied edit is about.

        Args:
            cases: The cases that are asked.
            edited: The cases whose edits are applied.

        Returns:
            The prompts by the number of their case, and how many were dropped: those whose
            subject and relation are edited themselves.
        """
        if self.name != "counterfact":
            return {case.number: case.asked.get(NEIGHBORHOOD, ()) for case in cases}, 0
        covered = EditedSubjects([case.fact for case in edited], self._tests)
        kept: dict[int, tuple[str, ...]] = {}
        dropped = 0
        for case in cases:
            prompts = case.asked[NEIGHBORHOOD]
            kept[case.number] = tuple(
                prompt
                for prompt in prompts
                if not (covered.cover(prompt, str(case.relation)) or covered.cover_wording(prompt))
            )
            dropped += len(prompts) - len(kept[case.number])
        return kept, dropped

    def _fewer(self, case: PeerCase, most: int) -> PeerCase:
        """Return a case with so many neighbourhood prompts at most."""
        near = case.asked[NEIGHBORHOOD]
        chance = random.Random(f"{self.seed} {case.number}")  # noqa: S311
        drawn = tuple(chance.sample(near, min(most, len(near))))
        return replace(case, asked={**case.asked, NEIGHBORHOOD: drawn})

    @cached_property
    def size(self) -> int:
        """How many edits there are."""
        return len(self.all)


def everyday_questions(folder: Path, most: int, seed: int) -> list[str]:
    """Return a sample of the everyday questions, of the half that no threshold was chosen on."""
    found = list(dict.fromkeys(record["question"] for record in everyday(folder)))
    return random.Random(seed).sample(found, min(most, len(found)))  # noqa: S311


def _counterfact(tests: Sequence[dict[str, Any]]) -> Iterator[PeerCase]:
    for number, record in enumerate(tests):
        rewrite = record["requested_rewrite"]
        subject, new = rewrite["subject"], rewrite["target_new"]["str"]
        prompt = rewrite["prompt"].format(subject)
        begins = record.get("generation_prompts") or [prompt]
        old = rewrite["target_true"]["str"]
        yield PeerCase(
            number,
            PeerEdit(prompt, subject, new, old, f"{prompt} {new}"),
            {
                EXACT: (prompt,),
                PARAPHRASE: tuple(record["paraphrase_prompts"]),
                NEIGHBORHOOD: tuple(dict.fromkeys(record["neighborhood_prompts"])),
            },
            begins=begins[0],
            relation=rewrite["relation_id"],
        )


def _zsre(tests: Sequence[dict[str, Any]]) -> Iterator[PeerCase]:
    edited: set[str] = set()
    for number, record in enumerate(tests):
        question, new, subject = record["src"], record["alt"], record["subject"]
        if subject not in question:
            continue  # an editor of weights wouldn't know where it stands
        if subject in edited:
            continue  # most of these edit a fact once more to another object; one alone can hold
        edited.add(subject)
        hop = record.get("portability") or {}
        yield PeerCase(
            number,
            PeerEdit(question, subject, new, record["answers"][0], f"{question} {new}"),
            {
                EXACT: (question,),
                PARAPHRASE: (record["rephrase"],),
                NEIGHBORHOOD: (record["loc"].removeprefix("nq question: ") + "?",),
            },
            hops=((hop["New Question"], hop["New Answer"]),) if hop else (),
        )
