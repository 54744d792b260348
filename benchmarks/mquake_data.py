"""MQuAKE's cases as they are asked: wordings, gold chains, and which edits are in memory.

Zhong et al., "MQuAKE: Assessing Knowledge Editing in Language Models via Multi-Hop Questions"
(EMNLP 2023); ``masked_edit_ids`` is the fix of MQuAKE-Remastered (Zhong et al., ICLR 2025).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.success import folded
from classifiers.pairs import records
from memory_store import Edit

ARTICLES = ("the ", "a ", "an ")


@dataclass(frozen=True, slots=True)
class GoldHop:
    """A hop of the data with its answer.

    Attributes:
        question: It as a question.
        cloze: It as the beginning of a statement.
        answers: The answer, and its aliases after it.
        subjects: What is asked about, and its aliases after it; empty where the data don't say.
        edited: Whether an edit of its own case answers it.
    """

    question: str
    cloze: str
    answers: tuple[str, ...]
    subjects: tuple[str, ...]
    edited: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """The hops of a multi-hop question in one world, and its answers."""

    hops: tuple[GoldHop, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MultiHopCase:
    """A case.

    Attributes:
        id: Its number.
        questions: The same question in three wordings.
        old: The world without its edits.
        new: The world with them.
        edits: Ids of its own edits.
        masked: Ids of edits of other cases that sit on its new path.
    """

    id: int
    questions: tuple[str, ...]
    old: Chain
    new: Chain
    edits: frozenset[str]
    masked: frozenset[str]

    @property
    def hops(self) -> int:
        """Number of hops."""
        return len(self.new.hops)


def read_cases(folder: Path, split: str, seed: int = 0) -> list[MultiHopCase]:
    """Return the cases of a split, in an order of which any beginning is stratified by hops.

    Args:
        folder: The data folder.
        split: ``train``, ``dev`` or ``test``.
        seed: Decides the order.

    Raises:
        ErrataError: The file is missing.
    """
    file = folder / "mquake" / "cases.jsonl"
    found = [_case(record) for record in records(file) if record["split"] == split]
    return in_strata(found, seed)


def in_strata(cases: Iterable[MultiHopCase], seed: int) -> list[MultiHopCase]:
    """Return cases so that every beginning has each number of hops in its share."""
    chance = random.Random(seed)  # noqa: S311
    strata: dict[int, list[MultiHopCase]] = defaultdict(list)
    for case in cases:
        strata[case.hops].append(case)
    placed = []
    for hops, of_length in sorted(strata.items()):
        chance.shuffle(of_length)
        placed += [((n + 0.5) / len(of_length), hops, n, case) for n, case in enumerate(of_length)]
    return [case for _, _, _, case in sorted(placed, key=lambda one: one[:3])]


def read_edits(folder: Path) -> tuple[Edit, ...]:
    """Return every edit of the set, by number."""
    return tuple(
        Edit(
            id=str(edit["edit_id"]),
            text=f"{edit['prompt'].format(edit['subject'])} {edit['target_new']}",
            subject=edit["subject"],
        )
        for edit in records(folder / "mquake" / "edits.jsonl")
    )


class EditedQuestions:
    """Which edits answer a hop's question."""

    def __init__(self, folder: Path) -> None:
        self._ids: dict[str, set[str]] = defaultdict(set)
        for edit in records(folder / "mquake" / "edits.jsonl"):
            self._ids[folded(edit["question"])].add(str(edit["edit_id"]))

    def on_path(self, chain: Chain) -> set[str]:
        """Return the ids of all edits that answer a hop of a chain."""
        return set().union(*(self._ids[folded(hop.question)] for hop in chain.hops))


def unedited_cases(
    cases: Sequence[MultiHopCase], edited: EditedQuestions
) -> tuple[list[MultiHopCase], int]:
    """Return the cases whose old path no other edit sits on, and how many have one there.

    A case's own edits and its masked ones are hidden while it is asked, so they don't count.
    """
    kept = [case for case in cases if edited.on_path(case.old) <= case.edits | case.masked]
    return kept, len(cases) - len(kept)


def groups_of(
    asked: Sequence[MultiHopCase], others: Sequence[MultiHopCase], size: int
) -> list[tuple[list[MultiHopCase], frozenset[str]]]:
    """Return groups of cases, each with the edits that are in memory while they are asked.

    Args:
        asked: The cases, in the order of :func:`read_cases`.
        others: Cases that the last group is filled up with; they are not asked.
        size: How many edits a group has, about: the case that reaches it is the last.
    """
    groups: list[tuple[list[MultiHopCase], frozenset[str]]] = []
    members: list[MultiHopCase] = []
    held: set[str] = set()
    for case in asked:
        members.append(case)
        held |= case.edits
        if len(held) >= size:
            groups.append((members, frozenset(held)))
            members, held = [], set()
    if members:
        for case in others:
            if len(held) >= size:
                break
            held |= case.edits
        groups.append((members, frozenset(held)))
    return groups


def is_answer(said: str, answers: Iterable[str]) -> bool:
    """Say whether something is one of the answers, but for case, punctuation and an article."""
    plain = plain_answer(said)
    return bool(plain) and any(plain == plain_answer(answer) for answer in answers)


def plain_answer(text: str) -> str:
    """Return an answer folded, without a leading article."""
    plain = folded(text)
    for article in ARTICLES:
        if plain.startswith(article):
            return plain.removeprefix(article)
    return plain


def _case(record: dict[str, Any]) -> MultiHopCase:
    rewritten = {rewrite["question"] for rewrite in record["requested_rewrite"]}
    subjects = [rewrite["subject"] for rewrite in record["requested_rewrite"]]
    labelled = record.get("orig", {}).get("triples_labeled", [])
    if labelled:
        subjects.insert(0, labelled[0][0])
    return MultiHopCase(
        id=int(record["case_id"]),
        questions=tuple(question.strip() for question in record["questions"]),
        old=Chain(_hops(record["single_hops"], rewritten, subjects), _answers(record, "")),
        new=Chain(_hops(record["new_single_hops"], rewritten, subjects), _answers(record, "new_")),
        edits=frozenset(map(str, record["edit_ids"])),
        masked=frozenset(map(str, record["masked_edit_ids"])),
    )


def _answers(record: dict[str, Any], world: str) -> tuple[str, ...]:
    return (record[f"{world}answer"], *record[f"{world}answer_alias"])


def _hops(
    hops: Sequence[dict[str, Any]], rewritten: set[str], subjects: Sequence[str]
) -> tuple[GoldHop, ...]:
    found: list[GoldHop] = []
    for hop in hops:
        about = found[-1].answers if found else _named(hop["question"], subjects)
        found.append(
            GoldHop(
                question=hop["question"],
                cloze=hop["cloze"],
                answers=(hop["answer"], *hop["answer_alias"]),
                subjects=about,
                edited=hop["question"] in rewritten,
            )
        )
    return tuple(found)


def _named(question: str, subjects: Sequence[str]) -> tuple[str, ...]:
    return tuple(subject for subject in subjects if subject in question)[:1]
