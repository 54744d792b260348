"""Queries with the edits that they are about, read from a folder of benchmark data.

Only the files and parts that are meant for training are read. Records share texts, so what
figures are reported on is left out by its words too, and no text or subject stands in two
parts.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from classifiers.edited_subjects import EditedSubjects
from classifiers.replaced_answers import ReplacedAnswers
from memory_store.errors import ErrataError

Part = Literal["fit", "calibrate", "dev"]
SHARES: tuple[tuple[Part, float], ...] = (("fit", 0.5), ("calibrate", 0.15), ("dev", 0.35))
SCOPE_PAIR_EDITS = 1500
"""Edits taken of the large file of question variants; it would drown the others."""


@dataclass(frozen=True, slots=True)
class ScopeQuery:
    """A query, and the edit whose scope it is in.

    Attributes:
        text: The query.
        edit: Text of the edit that it is about, or ``None`` if it is about none.
        against: For an out-of-scope query, the edit it was written to be confused with.
        kind: What it is: ``prompt``, ``paraphrase``, ``alias``, ``neighborhood``,
            ``same_subject``, ``unrelated`` or ``everyday``.
        source: The data set it comes from.
        part: What it is used for: ``fit``, ``calibrate`` or ``dev``.
    """

    text: str
    edit: str | None
    against: str | None
    kind: str
    source: str
    part: Part


@dataclass(frozen=True, slots=True)
class ScopeData:
    """Training queries, and the edits that are in memory while they are asked.

    Attributes:
        queries: The queries.
        edits: Texts of the edits.
        left_out: How many queries were left out, by reason.
    """

    queries: tuple[ScopeQuery, ...]
    edits: tuple[str, ...]
    left_out: dict[str, int]


def read_scope_data(folder: Path, seed: int = 0) -> ScopeData:
    """Read every training file of a data folder.

    Args:
        folder: The folder that holds ``counterfact/``, ``zsre/`` and so on.
        seed: Decides which subjects are for fitting, calibration and dev.

    Raises:
        ErrataError: A file is missing or malformed.
    """
    facts = list(_facts_not_reported_on(folder))
    everything = [
        *_counterfact(folder, facts, seed),
        *_zsre(folder, seed),
        *_scope_pairs(folder, seed),
        *_knowedit(folder, seed),
        *_everyday(folder, facts, seed),
    ]
    edited = {folded(fact["prompt"]) for fact in facts}
    edited |= {folded(query.text) for query in everything if query.kind == "prompt"}
    queries, left_out = _apart(everything, texts_reported_on(folder), edited)
    edits = [statement(fact) for fact in facts]
    edits += [edit for query in queries for edit in (query.edit, query.against) if edit]
    return ScopeData(tuple(queries), tuple(dict.fromkeys(edits)), left_out)


def folded(text: str) -> str:
    """Return a text as it is compared with others: without case and closing punctuation."""
    return " ".join(text.casefold().split()).rstrip(" ?.!")


def texts_reported_on(folder: Path) -> frozenset[str]:
    """Return all queries, folded, that figures are reported on."""
    texts = [record["question"] for record in _everyday_records(folder, reported=True)]
    for record in records(folder / "counterfact" / "test.jsonl"):
        rewrite = record["requested_rewrite"]
        texts.append(rewrite["prompt"].format(rewrite["subject"]))
        texts += record["paraphrase_prompts"] + record["neighborhood_prompts"]
    for record in records(folder / "zsre" / "test.jsonl"):
        texts += [record["src"], record["rephrase"], _without_mark(record["loc"])]
    for record in records(folder / "knowedit" / "zsre.jsonl"):
        texts += [record["prompt"], record["rephrase_prompt"], *_prompts(record)]
    for case in records(folder / "mquake" / "cases.jsonl"):
        if case["split"] != "train":
            hops = case["single_hops"] + case["new_single_hops"]
            texts += [text for hop in hops for text in (hop["question"], hop["cloze"])]
    return frozenset(map(folded, texts))


def reported_subjects(folder: Path) -> frozenset[str]:
    """Return the subjects, folded, of the CounterFact records that figures are reported on."""
    found = records(folder / "counterfact" / "test.jsonl")
    return frozenset(folded(record["requested_rewrite"]["subject"]) for record in found)


def _apart(
    everything: list[ScopeQuery], reported: frozenset[str], edited: set[str]
) -> tuple[list[ScopeQuery], dict[str, int]]:
    """Leave out what would blur the parts or the labels; a text stays where it comes first."""
    first_part: dict[str, Part] = {}
    kept = []
    left_out: Counter[str] = Counter()
    for query in everything:
        text = folded(query.text)
        if text in reported:
            left_out["reported on"] += 1
        elif query.edit is None and text in edited:
            left_out["in the scope of another edit"] += 1
        elif first_part.setdefault(text, query.part) != query.part:
            left_out["in another part already"] += 1
        else:
            kept.append(query)
    return kept, dict(left_out)


def part_of(group: str, seed: int) -> Part:
    """Return the part of a group, such as a subject: the same in every data set."""
    digest = hashlib.blake2b(f"{seed} {folded(group)}".encode(), digest_size=8).digest()
    at = int.from_bytes(digest, "big") / 2**64
    for part, share in SHARES:
        at -= share
        if at < 0:
            return part
    return "dev"


def _counterfact(folder: Path, facts: list[dict[str, Any]], seed: int) -> Iterator[ScopeQuery]:
    source = "counterfact"
    found = list(records(folder / source / "train.jsonl"))
    edited = EditedSubjects(facts, found)
    for record in found:
        rewrite = record["requested_rewrite"]
        part = part_of(rewrite["subject"], seed)
        prompt = rewrite["prompt"].format(rewrite["subject"])
        edit = f"{prompt} {rewrite['target_new']['str']}"
        yield ScopeQuery(prompt, edit, None, "prompt", source, part)
        for text in record["paraphrase_prompts"]:
            yield ScopeQuery(text, edit, None, "paraphrase", source, part)
        for text in dict.fromkeys(record["neighborhood_prompts"]):
            covered = edited.nearly_cover(text, rewrite["relation_id"])
            if not covered and not edited.cover_wording(text):
                yield ScopeQuery(text, None, edit, "neighborhood", source, part)


def _zsre(folder: Path, seed: int) -> Iterator[ScopeQuery]:
    source = "zsre"
    for record in records(folder / source / "train.jsonl"):
        part = part_of(record["subject"], seed)
        edit = f"{record['src']} {record['alt']}"
        yield ScopeQuery(record["src"], edit, None, "prompt", source, part)
        yield ScopeQuery(record["rephrase"], edit, None, "paraphrase", source, part)
        yield ScopeQuery(_without_mark(record["loc"]), None, edit, "unrelated", source, part)


def _scope_pairs(folder: Path, seed: int) -> Iterator[ScopeQuery]:
    found = list(records(folder / "mquake" / "scope_pairs.jsonl"))
    chance = random.Random(seed)  # noqa: S311
    for record in chance.sample(found, min(SCOPE_PAIR_EDITS, len(found))):
        part = part_of(record["edit"], seed)
        for text in record["questions"]:
            yield ScopeQuery(text, record["edit"], None, "paraphrase", "scope_pairs", part)


def _knowedit(folder: Path, seed: int) -> Iterator[ScopeQuery]:
    for source in ("wiki_counterfact", "wiki_recent"):
        for record in records(folder / "knowedit" / f"{source}_train.jsonl"):
            part = part_of(record["subject"], seed)
            edit = f"{record['prompt']} {record['target_new']}"
            yield ScopeQuery(record["prompt"], edit, None, "prompt", source, part)
            for item in record["portability"].get("Subject_Aliasing", []):
                yield ScopeQuery(item["prompt"], edit, None, "alias", source, part)
            for item in record["locality"].get("Relation_Specificity", []):
                yield ScopeQuery(item["prompt"], None, edit, "same_subject", source, part)


def _everyday(folder: Path, facts: list[dict[str, Any]], seed: int) -> Iterator[ScopeQuery]:
    """Yield everyday questions but for those that ask for what an edit says."""
    replaced = ReplacedAnswers(facts)
    for record in _everyday_records(folder, reported=False):
        text = record["question"]
        if replaced.answer(text, everyday_answers(record)):
            continue
        yield ScopeQuery(text, None, None, "everyday", "everyday", part_of(text, seed))


def everyday_answers(record: dict[str, Any]) -> list[str]:
    """Return the answers that a record of everyday questions has."""
    return record.get("answers") or record.get("answer") or []


def _everyday_records(folder: Path, *, reported: bool) -> Iterator[dict[str, Any]]:
    """Yield everyday questions: the first half of each file, or the half reported on."""
    for name in ("nq_open.jsonl", "webquestions.jsonl"):
        found = list(records(folder / "questions" / name))
        half = len(found) // 2
        yield from found[half:] if reported else found[:half]


def _prompts(record: dict[str, Any]) -> list[str]:
    """Return the aliases and the other relations that a KnowEdit record asks for."""
    items = record["portability"].get("Subject_Aliasing", [])
    return [
        item["prompt"] for item in [*items, *record["locality"].get("Relation_Specificity", [])]
    ]


def _without_mark(text: str) -> str:
    """Return zsRE's unrelated question as a question."""
    return text.removeprefix("nq question: ") + "?"


def _facts_not_reported_on(folder: Path) -> Iterator[dict[str, Any]]:
    reported = {record["case_id"] for record in records(folder / "counterfact" / "test.jsonl")}
    for record in records(folder / "counterfact" / "facts.jsonl"):
        if record["case_id"] not in reported:
            yield record


def statement(record: dict[str, Any]) -> str:
    """Return the text of a CounterFact edit."""
    return f"{record['prompt']} {record['target_new']}"


def records(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSONL file.

    Raises:
        ErrataError: It is missing or malformed.
    """
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except OSError:
        raise ErrataError(f"{file} is missing; name the data folder with --data") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ErrataError(f"{file} is not JSONL: {error}") from None
