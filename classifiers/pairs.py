"""Queries with the edits that they are about, read from a folder of benchmark data.

Only the files and parts that are meant for training are read, so whatever is learned here
has seen no record that figures are reported on.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from classifiers.edited_subjects import EditedSubjects
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
        part: What it is used for: ``fit``, ``calibrate`` or ``dev``.
    """

    text: str
    edit: str | None
    against: str | None
    kind: str
    part: Part


@dataclass(frozen=True, slots=True)
class ScopeData:
    """Training queries, and the edits that are in memory while they are asked."""

    queries: tuple[ScopeQuery, ...]
    edits: tuple[str, ...]


def read_scope_data(folder: Path, seed: int = 0) -> ScopeData:
    """Read every training file of a data folder.

    Args:
        folder: The folder that holds ``counterfact/``, ``zsre/`` and so on.
        seed: Decides which records are for fitting, calibration and dev.

    Raises:
        ErrataError: A file is missing or malformed.
    """
    chance = random.Random(seed)  # noqa: S311
    queries = [
        *_counterfact(folder, chance),
        *_zsre(folder, chance),
        *_scope_pairs(folder, chance),
        *_wiki_counterfact(folder, chance),
        *_everyday(folder, chance),
    ]
    edits = [_statement(record) for record in _facts_not_reported_on(folder)]
    edits += [edit for query in queries for edit in (query.edit, query.against) if edit]
    return ScopeData(tuple(queries), tuple(dict.fromkeys(edits)))


def _part(chance: random.Random) -> Part:
    at = chance.random()
    for part, share in SHARES:
        at -= share
        if at < 0:
            return part
    return "dev"


def _counterfact(folder: Path, chance: random.Random) -> Iterator[ScopeQuery]:
    records = list(_records(folder / "counterfact" / "train.jsonl"))
    edited = EditedSubjects(_facts_not_reported_on(folder), records)
    for record in records:
        part = _part(chance)
        rewrite = record["requested_rewrite"]
        prompt = rewrite["prompt"].format(rewrite["subject"])
        edit = f"{prompt} {rewrite['target_new']['str']}"
        yield ScopeQuery(prompt, edit, None, "prompt", part)
        for text in record["paraphrase_prompts"]:
            yield ScopeQuery(text, edit, None, "paraphrase", part)
        for text in dict.fromkeys(record["neighborhood_prompts"]):
            if not edited.cover(text, rewrite["relation_id"]):
                yield ScopeQuery(text, None, edit, "neighborhood", part)


def _zsre(folder: Path, chance: random.Random) -> Iterator[ScopeQuery]:
    for record in _records(folder / "zsre" / "train.jsonl"):
        part = _part(chance)
        edit = f"{record['src']} {record['alt']}"
        yield ScopeQuery(record["src"], edit, None, "prompt", part)
        yield ScopeQuery(record["rephrase"], edit, None, "paraphrase", part)
        unrelated = record["loc"].removeprefix("nq question: ")
        yield ScopeQuery(f"{unrelated}?", None, edit, "unrelated", part)


def _scope_pairs(folder: Path, chance: random.Random) -> Iterator[ScopeQuery]:
    records = list(_records(folder / "mquake" / "scope_pairs.jsonl"))
    for record in chance.sample(records, min(SCOPE_PAIR_EDITS, len(records))):
        part = _part(chance)
        for text in record["questions"]:
            yield ScopeQuery(text, record["edit"], None, "paraphrase", part)


def _wiki_counterfact(folder: Path, chance: random.Random) -> Iterator[ScopeQuery]:
    for record in _records(folder / "knowedit" / "wiki_counterfact_train.jsonl"):
        part = _part(chance)
        edit = f"{record['prompt']} {record['target_new']}"
        yield ScopeQuery(record["prompt"], edit, None, "prompt", part)
        for item in record["portability"].get("Subject_Aliasing", []):
            yield ScopeQuery(item["prompt"], edit, None, "alias", part)
        for item in record["locality"].get("Relation_Specificity", []):
            yield ScopeQuery(item["prompt"], None, edit, "same_subject", part)


def _everyday(folder: Path, chance: random.Random) -> Iterator[ScopeQuery]:
    """Yield the everyday questions of the first half; figures are reported on the second."""
    for name in ("nq_open.jsonl", "webquestions.jsonl"):
        records = list(_records(folder / "questions" / name))
        for record in records[: len(records) // 2]:
            yield ScopeQuery(record["question"], None, None, "everyday", _part(chance))


def _facts_not_reported_on(folder: Path) -> Iterator[dict[str, Any]]:
    reported = {record["case_id"] for record in _records(folder / "counterfact" / "test.jsonl")}
    for record in _records(folder / "counterfact" / "facts.jsonl"):
        if record["case_id"] not in reported:
            yield record


def _statement(record: dict[str, Any]) -> str:
    return f"{record['prompt']} {record['target_new']}"


def _records(file: Path) -> Iterator[dict[str, Any]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except FileNotFoundError:
        raise ErrataError(f"{file} is missing; name the data folder with --data") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ErrataError(f"{file} is not JSONL: {error}") from None
