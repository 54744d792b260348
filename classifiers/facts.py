"""The facts of the training files, with subject and relation, and the wordings of relations.

A fact's relation is known within a *family* of files that word it alike: CounterFact has
relation ids, MQuAKE and PokeMQA share their clozes, zsRE's questions belong together where a
rephrasing links them, KnowEdit's prompts are their own relation. Relations of two families
can't be compared.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from classifiers.edited_subjects import EditedSubjects
from classifiers.pairs import (
    Part,
    folded,
    part_of,
    records,
    reported_subjects,
    statement,
)

SHORTEST_TEMPLATE_USE = 3
"""How often the end of a paraphrase must come with different subjects to be a wording."""


PERSONAL_IDS = frozenset(
    "P19 P20 P26 P27 P39 P40 P69 P101 P103 P106 P108 P413 P937 P1303 P1412".split()
)
"""Wikidata's ids of relations that only persons have."""

_PERSONAL = re.compile(
    r"gender|birth|born|died|death|burial|citizen|occupation|career|employer|alma mater|spouse"
    r"|father|mother|college|university .* attend"
)


@dataclass(frozen=True, slots=True)
class Fact:
    """An edit whose subject and relation are known.

    Attributes:
        edit: Its text.
        subject: What it is about.
        relation: Its relation, within ``family``.
        object: What is said of the subject.
        family: The files whose relations can be compared with this one's.
        part: What the subject is used for.
    """

    edit: str
    subject: str
    relation: str
    object: str
    family: str
    part: Part

    @property
    def about(self) -> tuple[str, str, str]:
        """Return (family, relation, subject)."""
        return self.family, self.relation, self.subject

    @property
    def of_person(self) -> bool:
        """Say whether the relation is one that only persons have."""
        return self.relation in PERSONAL_IDS or bool(_PERSONAL.search(self.relation))


@dataclass(slots=True)
class FactBook:
    """All facts of the training files.

    Attributes:
        facts: The facts.
        wordings: (family, relation) to wordings with ``{}`` for the subject.
        leading: Texts that stand before a prompt without having to do with it.
        aliases: A name to other names of the same.
        alike: Pairs of relations of a family that some wording stands for both of.
    """

    facts: list[Fact] = field(default_factory=list)
    wordings: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    leading: list[str] = field(default_factory=list)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    alike: set[frozenset[str]] = field(default_factory=set)


def read_facts(folder: Path, seed: int = 0) -> FactBook:
    """Read the facts of every training file.

    Facts about subjects of CounterFact's test records are left out, and facts that a case of
    MQuAKE edits that is not for training. Wordings and leading texts come from subjects that
    are not in the dev part.

    Args:
        folder: The data folder.
        seed: Decides the parts.
    """
    book = FactBook()
    wordings: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for read in (_counterfact, _zsre, _mquake, _knowedit):
        read(folder, seed, book, wordings)
    hidden, edited = reported_subjects(folder), _reported_by_mquake(folder)
    book.facts = [
        fact
        for fact in book.facts
        if folded(fact.subject) not in hidden and (fact.subject, fact.relation) not in edited
    ]
    worded: dict[str, set[str]] = defaultdict(set)
    for (family, relation), found in wordings.items():
        if family in ("counterfact", "mquake"):
            for wording in found:
                worded[f"{family} {wording}"].add(relation)
    book.alike = {
        frozenset(pair) for same in worded.values() for pair in combinations(sorted(same), 2)
    }
    book.wordings = {key: sorted(found) for key, found in wordings.items()}
    return book


def _reported_by_mquake(folder: Path) -> set[tuple[str, str]]:
    """Return (subject, relation) of every edit of a case that is not for training."""
    return {
        (rewrite["subject"], rewrite["relation_id"])
        for case in records(folder / "mquake" / "cases.jsonl")
        if case["split"] != "train"
        for rewrite in case["requested_rewrite"]
    }


def neighbourhood_prompts(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (prompt, CounterFact edit) of every edit of the training splits that has one.

    A prompt in the scope of another edit is no neighbour and is passed over.
    """
    facts = list(records(folder / "counterfact" / "facts.jsonl"))
    full = list(records(folder / "counterfact" / "train.jsonl"))
    edited = EditedSubjects(facts, full)
    for fact in facts:
        relations, text = edited.relations_of(fact), fact.get("locality_prompt")
        if fact["split"] == "edit" or not relations or not text:
            continue
        covered = any(edited.nearly_cover(text, relation) for relation in relations)
        if not covered and not edited.cover_wording(text):
            yield text, fact


def _relations(full_records: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the relations of CounterFact's prompts."""
    rewrites = [record["requested_rewrite"] for record in full_records]
    return {rewrite["prompt"]: rewrite["relation_id"] for rewrite in rewrites}


def _counterfact(folder: Path, seed: int, book: FactBook, wordings: Any) -> None:
    train = list(records(folder / "counterfact" / "train.jsonl"))
    relation_of = _relations(train)
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    for record in train:
        rewrite = record["requested_rewrite"]
        if part_of(rewrite["subject"], seed) != "dev":
            for text in record["paraphrase_prompts"]:
                ends[rewrite["relation_id"]].update(_ends(text, rewrite["subject"]))
    for record in train:
        rewrite = record["requested_rewrite"]
        relation, subject = rewrite["relation_id"], rewrite["subject"]
        if part_of(subject, seed) == "dev":
            continue
        for text in record["paraphrase_prompts"]:
            wording = next(
                (e for e in _ends(text, subject) if ends[relation][e] >= SHORTEST_TEMPLATE_USE),
                None,
            )
            if wording is not None:
                wordings["counterfact", relation][wording] += 1
                before = text.removesuffix(wording.replace("{}", subject)).strip()
                if before:
                    book.leading.append(before)
    for record in records(folder / "counterfact" / "facts.jsonl"):
        subject = record["subject"]
        template = record["prompt"].replace(subject, "{}")
        relation = relation_of.get(template)
        if record["split"] == "edit" or relation is None or template.count("{}") != 1:
            continue
        part = part_of(subject, seed)
        book.facts.append(
            Fact(statement(record), subject, relation, record["target_new"], "counterfact", part)
        )
        if part != "dev":
            wordings["counterfact", relation][template] += 1


def _ends(text: str, subject: str) -> list[str]:
    """Return all ends of a text that hold its subject, longest first, as wordings."""
    at = text.rfind(subject)
    if at < 0:
        return []
    starts = [match.start() for match in re.finditer(r"(?<!\S)\S", text[: at + 1])]
    rest = text[at + len(subject) :]
    return [text[start:at] + "{}" + rest for start in starts]


def _zsre(folder: Path, seed: int, book: FactBook, wordings: Any) -> None:
    found = []
    same = _Sets()
    for record in records(folder / "zsre" / "train.jsonl"):
        subject = record["subject"]
        forms = [
            text.replace(subject, "{}")
            for text in (record["src"], record["rephrase"])
            if text.count(subject) == 1
        ]
        if record["src"].count(subject) != 1:
            continue
        found.append((record, forms))
        same.join(forms)
    for record, forms in found:
        part = part_of(record["subject"], seed)
        relation = same.name(forms[0])
        edit = f"{record['src']} {record['alt']}"
        book.facts.append(Fact(edit, record["subject"], relation, record["alt"], "zsre", part))
        if part != "dev":
            wordings["zsre", relation].update(forms)


def _mquake(folder: Path, seed: int, book: FactBook, wordings: Any) -> None:
    """MQuAKE's train cases, and PokeMQA's edits, which are worded with the same clozes."""
    relation_of: dict[str, str] = {}
    cases = [c for c in records(folder / "mquake" / "cases.jsonl") if c["split"] == "train"]
    for case in cases:
        for rewrite in case["requested_rewrite"]:
            relation_of[rewrite["prompt"]] = rewrite["relation_id"]
            asked = rewrite["question"].replace(rewrite["subject"], "{}")
            if asked.count("{}") == 1:
                wordings["mquake", rewrite["relation_id"]][asked] += 1
            wordings["mquake", rewrite["relation_id"]][rewrite["prompt"]] += 1
            new, subject = rewrite["target_new"]["str"], rewrite["subject"]
            edit = f"{rewrite['prompt'].format(subject)} {new}"
            part = part_of(subject, seed)
            book.facts.append(Fact(edit, subject, rewrite["relation_id"], new, "mquake", part))
        for hop in case["single_hops"] + case["new_single_hops"]:
            others = [name for name in hop["answer_alias"] if len(name) > 1 and name.isascii()]
            if others:
                known = book.aliases.setdefault(hop["answer"], [])
                known += [name for name in others if name not in known]
    patterns = [
        (re.compile(re.escape(prompt).replace(r"\{\}", "(.+)") + " (.+)"), relation)
        for prompt, relation in relation_of.items()
    ]
    for record in records(folder / "mquake" / "scope_pairs.jsonl"):
        for pattern, relation in patterns:
            match = pattern.fullmatch(record["edit"])
            if match:
                subject, part = match[1], part_of(match[1], seed)
                book.facts.append(Fact(record["edit"], subject, relation, match[2], "mquake", part))
                if part != "dev":
                    asked = [text.replace(subject, "{}") for text in record["questions"]]
                    wordings["mquake", relation].update(a for a in asked if a.count("{}") == 1)
                break
    for key in [key for key in wordings if key[0] == "mquake"]:
        usual = {w: n for w, n in wordings[key].items() if n >= SHORTEST_TEMPLATE_USE}
        wordings[key] = Counter(usual)


def _knowedit(folder: Path, seed: int, book: FactBook, wordings: Any) -> None:
    for record in knowedit_records(folder):
        subject = record["subject"]
        template = record["prompt"].replace(subject, "{}")
        part = part_of(subject, seed)
        if template.count("{}") == 1:
            edit = f"{record['prompt']} {record['target_new']}"
            book.facts.append(Fact(edit, subject, template, record["target_new"], "knowedit", part))
            if part != "dev":
                wordings["knowedit", template][template] += 1
        for item in record["locality"].get("Relation_Specificity", []):
            other = item["prompt"].replace(subject, "{}")
            if other.count("{}") == 1 and part != "dev":
                wordings["knowedit", other][other] += 1


def knowedit_records(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of KnowEdit's training files."""
    for name in ("wiki_counterfact_train.jsonl", "wiki_recent_train.jsonl"):
        yield from records(folder / "knowedit" / name)


class _Sets:
    """Disjoint sets of texts."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def name(self, text: str) -> str:
        """Return the text that names the set of a text."""
        while self._parent.setdefault(text, text) != text:
            text = self._parent[text]
        return text

    def join(self, texts: Iterable[str]) -> None:
        """Put texts into one set."""
        names = [self.name(text) for text in texts]
        for name in names[1:]:
            self._parent[self.name(name)] = self.name(names[0])
