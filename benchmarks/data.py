"""Loaders of the benchmark data, which lies outside the project."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.edited_subjects import EditedSubjects
from classifiers.pairs import folded, read_scope_data
from memory_store.errors import ErrataError


@dataclass(frozen=True, slots=True)
class Case:
    """A query of a benchmark.

    Attributes:
        kind: What it is, as the benchmark calls it: ``exact``, ``paraphrase`` and so on.
        query: The query.
        record: Place of its record; cases of one record are not independent.
        edit: Id of the record's own edit; ``None`` for an out-of-scope query.
        right: Ids of all edits in whose scope it is, the own one included.
        new: The answer under the own edit, or ``None``.
        also: Answers under the other right edits.
        old: The answer without any edit, or ``None``.
    """

    kind: str
    query: str
    record: int
    edit: str | None = None
    right: frozenset[str] = frozenset()
    new: str | None = None
    also: frozenset[str] = frozenset()
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
    edits = _Edits((str(fact["case_id"]), fact["prompt"], fact["target_new"]) for fact in facts)
    cases: list[Case] = []
    dropped = 0
    for place, record in enumerate(tests):
        rewrite = record["requested_rewrite"]
        prompt = rewrite["prompt"].format(rewrite["subject"])
        in_scope = edits.of(str(record["case_id"]), rewrite["target_true"]["str"])
        cases.append(in_scope("exact", prompt, place))
        cases += [in_scope("paraphrase", text, place) for text in record["paraphrase_prompts"]]
        for text in dict.fromkeys(record["neighborhood_prompts"]):
            if edited.cover(text, rewrite["relation_id"]):
                dropped += 1
            else:
                cases.append(Case("neighborhood", text, place))
    cases += [
        Case("everyday", text, len(tests) + place) for place, text in enumerate(everyday(folder))
    ]
    notes = {
        "out_of_scope_dropped": dropped,
        "edits_of_unknown_relation": edited.unknown_wordings,
        "prompts_in_several_edits": edits.shared_prompts,
    }
    subjects = [fact["subject"] for fact in facts]
    return Benchmark("counterfact", edits.records(subjects), tuple(cases), notes)


def zsre(folder: Path) -> Benchmark:
    """All edits of the zsRE test set, their rephrasings and the unrelated NQ questions."""
    tests = list(records(folder / "zsre" / "test.jsonl"))
    edits = _Edits((str(n), record["src"], record["alt"]) for n, record in enumerate(tests))
    cases = []
    for place, record in enumerate(tests):
        in_scope = edits.of(str(place), record["answers"][0])
        cases.append(in_scope("exact", record["src"], place))
        cases.append(in_scope("rephrase", record["rephrase"], place))
        cases.append(Case("nq", record["loc"].removeprefix("nq question: ") + "?", place))
    notes = {"prompts_in_several_edits": edits.shared_prompts}
    return Benchmark("zsre", edits.records(), tuple(cases), notes)


def knowedit_zsre(folder: Path) -> Benchmark:
    """KnowEdit's zsRE: rephrasings in scope, other relations of the same subject out of scope."""
    return _knowedit("knowedit_zsre", list(records(folder / "knowedit" / "zsre.jsonl")))


def wiki_counterfact(folder: Path, seed: int) -> Benchmark:
    """KnowEdit's wiki_counterfact: the dev part, which the scope classifier was not fitted on.

    Args:
        folder: The data folder.
        seed: The seed that the scope classifier was trained with.
    """
    held_back = {
        folded(query.text)
        for query in read_scope_data(folder, seed).queries
        if query.part == "dev" and query.source == "wiki_counterfact"
    }
    everything = list(records(folder / "knowedit" / "wiki_counterfact_train.jsonl"))
    return _knowedit("wiki_counterfact", everything, held_back)


def wiki_recent(folder: Path) -> Benchmark:
    """KnowEdit's wiki_recent: real recent facts."""
    return _knowedit("wiki_recent", list(records(folder / "knowedit" / "wiki_recent_train.jsonl")))


def _knowedit(
    name: str, everything: list[dict[str, Any]], only: set[str] | None = None
) -> Benchmark:
    """Return a set of KnowEdit; of its queries ``only`` those given, where any are.

    A question about another relation that is the prompt of another edit is dropped.
    """
    edits = _Edits(
        (str(n), record["prompt"], record["target_new"]) for n, record in enumerate(everything)
    )
    cases: list[Case] = []
    dropped = 0
    for place, record in enumerate(everything):
        old = record.get("ground_truth")
        in_scope = edits.of(str(place), old[0] if isinstance(old, list) else old)
        cases.append(in_scope("exact", record["prompt"], place))
        if "rephrase_prompt" in record:
            cases.append(in_scope("rephrase", record["rephrase_prompt"], place))
        for item in record["portability"].get("Subject_Aliasing", []):
            cases.append(in_scope("alias", item["prompt"], place))
        for item in record["locality"].get("Relation_Specificity", []):
            if edits.have(item["prompt"]):
                dropped += 1
            else:
                cases.append(Case("relation_specificity", item["prompt"], place))
    kept = [case for case in cases if only is None or folded(case.query) in only]
    notes = {"out_of_scope_dropped": dropped, "prompts_in_several_edits": edits.shared_prompts}
    return Benchmark(name, edits.records(), tuple(kept), notes)


class _Edits:
    """The edits of a set: (id, prompt, object), of which several may have one prompt."""

    def __init__(self, edits: Iterable[tuple[str, str, str]]) -> None:
        self._edits = {id: (prompt, target) for id, prompt, target in edits}
        self._ids: dict[str, list[str]] = defaultdict(list)
        for id, (prompt, _) in self._edits.items():
            self._ids[folded(prompt)].append(id)

    @property
    def shared_prompts(self) -> int:
        """How many prompts stand in several edits."""
        return sum(len(ids) > 1 for ids in self._ids.values())

    def have(self, prompt: str) -> bool:
        """Say whether an edit has this prompt."""
        return folded(prompt) in self._ids

    def of(self, id: str, old: str | None) -> Callable[[str, str, int], Case]:
        """Return a maker of cases in the scope of an edit: (kind, query, record)."""
        prompt, new = self._edits[id]
        right = frozenset(self._ids[folded(prompt)])
        also = frozenset(self._edits[other][1] for other in right) - {new}
        return lambda kind, query, record: Case(kind, query, record, id, right, new, also, old)

    def records(self, subjects: Sequence[str] | None = None) -> tuple[dict[str, str], ...]:
        """Return records that can be imported."""
        found = [
            {"id": id, "text": f"{prompt} {target}"} for id, (prompt, target) in self._edits.items()
        ]
        for record, subject in zip(found, subjects or [], strict=False):
            record["subject"] = subject
        return tuple(found)


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
