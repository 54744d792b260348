"""Loaders of the benchmark data, which lies outside the project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.edited_subjects import EditedSubjects
from classifiers.pairs import read_scope_data
from memory_store.errors import ErrataError


@dataclass(frozen=True, slots=True)
class Case:
    """A query of a benchmark.

    Attributes:
        kind: What it is, as the benchmark calls it: ``exact``, ``paraphrase`` and so on.
        query: The query.
        right: Ids of the edits in whose scope it is; empty for an out-of-scope query.
        new: The answer under the edit, or ``None``.
        old: The answer without it, or ``None``.
    """

    kind: str
    query: str
    right: frozenset[str] = frozenset()
    new: str | None = None
    old: str | None = None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Edits to be in memory all at once, and the cases asked while they are.

    Attributes:
        name: Name of the set.
        edits: Records that can be imported: ``id``, ``text`` and perhaps ``subject``.
        cases: The cases.
        notes: Counts that a reader needs, such as what was dropped.
    """

    name: str
    edits: tuple[dict[str, Any], ...]
    cases: tuple[Case, ...]
    notes: dict[str, int]


def counterfact(folder: Path) -> Benchmark:
    """All CounterFact edits, and the cases of the test split.

    A neighbourhood prompt counts as out of scope only if no edit in memory has its subject
    and relation. Some prompts stand in several edits with different objects: any is right.
    """
    facts = list(records(folder / "counterfact" / "facts.jsonl"))
    tests = list(records(folder / "counterfact" / "test.jsonl"))
    trains = list(records(folder / "counterfact" / "train.jsonl"))
    edited = EditedSubjects(facts, [*tests, *trains])
    same_prompt = _ids_by(facts, "prompt", "case_id")
    cases: list[Case] = []
    dropped = 0
    for record in tests:
        rewrite = record["requested_rewrite"]
        prompt = rewrite["prompt"].format(rewrite["subject"])
        right = same_prompt[prompt]
        new, old = rewrite["target_new"]["str"], rewrite["target_true"]["str"]
        cases.append(Case("exact", prompt, right, new, old))
        cases += [
            Case("paraphrase", text, right, new, old) for text in record["paraphrase_prompts"]
        ]
        for text in dict.fromkeys(record["neighborhood_prompts"]):
            if edited.cover(text, rewrite["relation_id"]):
                dropped += 1
            else:
                cases.append(Case("neighborhood", text, old=old))
    cases += [Case("everyday", text) for text in everyday(folder)]
    edits = tuple(
        {
            "id": str(fact["case_id"]),
            "text": f"{fact['prompt']} {fact['target_new']}",
            "subject": fact["subject"],
        }
        for fact in facts
    )
    notes = {
        "neighborhood_dropped": dropped,
        "edits_of_unknown_relation": edited.unknown_wordings,
        "prompts_in_several_edits": sum(len(ids) > 1 for ids in same_prompt.values()),
    }
    return Benchmark("counterfact", edits, tuple(cases), notes)


def zsre(folder: Path) -> Benchmark:
    """All edits of the zsRE test set, their rephrasings and the unrelated NQ questions."""
    tests = list(records(folder / "zsre" / "test.jsonl"))
    same_prompt = _ids_by(tests, "src")
    cases = []
    for record in tests:
        right = same_prompt[record["src"]]
        new, old = record["alt"], record["answers"][0]
        cases.append(Case("exact", record["src"], right, new, old))
        cases.append(Case("rephrase", record["rephrase"], right, new, old))
        cases.append(Case("nq", record["loc"].removeprefix("nq question: ") + "?"))
    edits = tuple(
        {"id": str(place), "text": f"{record['src']} {record['alt']}"}
        for place, record in enumerate(tests)
    )
    return Benchmark("zsre", edits, tuple(cases), _several(same_prompt))


def knowedit_zsre(folder: Path) -> Benchmark:
    """KnowEdit's zsRE: rephrasings in scope, other relations of the same subject out of scope."""
    tests = list(records(folder / "knowedit" / "zsre.jsonl"))
    same_prompt = _ids_by(tests, "prompt")
    cases = []
    for record in tests:
        right = same_prompt[record["prompt"]]
        new, old = record["target_new"], record["ground_truth"][0]
        cases.append(Case("exact", record["prompt"], right, new, old))
        cases.append(Case("rephrase", record["rephrase_prompt"], right, new, old))
        cases += _other_relations(record)
    return Benchmark("knowedit_zsre", _edits(tests), tuple(cases), _several(same_prompt))


def wiki_counterfact(folder: Path) -> Benchmark:
    """KnowEdit's wiki_counterfact: the dev part, which the scope classifier was not fitted on."""
    everything = list(records(folder / "knowedit" / "wiki_counterfact_train.jsonl"))
    same_prompt = _ids_by(everything, "prompt")
    held_back = {
        query.edit or query.against
        for query in read_scope_data(folder).queries
        if query.part == "dev" and query.kind in ("alias", "same_subject", "prompt")
    }
    cases: list[Case] = []
    for record in everything:
        if f"{record['prompt']} {record['target_new']}" not in held_back:
            continue
        right = same_prompt[record["prompt"]]
        new, old = record["target_new"], record["ground_truth"]
        cases.append(Case("exact", record["prompt"], right, new, _first(old)))
        for item in record["portability"].get("Subject_Aliasing", []):
            cases.append(Case("alias", item["prompt"], right, new, _first(old)))
        cases += _other_relations(record)
    return Benchmark("wiki_counterfact", _edits(everything), tuple(cases), _several(same_prompt))


def wiki_recent(folder: Path) -> Benchmark:
    """KnowEdit's wiki_recent: real recent facts."""
    everything = list(records(folder / "knowedit" / "wiki_recent_train.jsonl"))
    same_prompt = _ids_by(everything, "prompt")
    cases: list[Case] = []
    for record in everything:
        right = same_prompt[record["prompt"]]
        cases.append(Case("exact", record["prompt"], right, record["target_new"]))
        for item in record["portability"].get("Subject_Aliasing", []):
            cases.append(Case("alias", item["prompt"], right, record["target_new"]))
        cases += _other_relations(record)
    return Benchmark("wiki_recent", _edits(everything), tuple(cases), _several(same_prompt))


def everyday(folder: Path) -> list[str]:
    """Everyday questions of the second half; the first half is for choosing thresholds."""
    found = []
    for name in ("nq_open.jsonl", "webquestions.jsonl"):
        questions = [record["question"] for record in records(folder / "questions" / name)]
        found += questions[len(questions) // 2 :]
    return found


def records(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSONL file.

    Raises:
        ErrataError: The file is missing.
    """
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except FileNotFoundError:
        raise ErrataError(f"{file} is missing; name the data folder with --data") from None


def _ids_by(
    facts: list[dict[str, Any]], field: str, id_field: str | None = None
) -> dict[str, frozenset[str]]:
    """Return, for each prompt, the ids of all edits that have it."""
    ids: dict[str, set[str]] = {}
    for place, fact in enumerate(facts):
        ids.setdefault(fact[field], set()).add(str(fact[id_field] if id_field else place))
    return {prompt: frozenset(found) for prompt, found in ids.items()}


def _edits(facts: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"id": str(place), "text": f"{fact['prompt']} {fact['target_new']}"}
        for place, fact in enumerate(facts)
    )


def _other_relations(record: dict[str, Any]) -> list[Case]:
    items = record["locality"].get("Relation_Specificity", [])
    return [Case("relation_specificity", item["prompt"]) for item in items]


def _several(same_prompt: dict[str, frozenset[str]]) -> dict[str, int]:
    return {"prompts_in_several_edits": sum(len(ids) > 1 for ids in same_prompt.values())}


def _first(answer: str | list[str]) -> str:
    return answer if isinstance(answer, str) else str(answer[0])
