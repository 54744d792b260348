"""Loaders of the benchmark data, which lies outside the project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifiers.edited_subjects import EditedSubjects
from classifiers.pairs import everyday_answers, folded, read_scope_data, records
from classifiers.replaced_answers import ReplacedAnswers
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
    and relation. Where one has its subject and a near synonym of its relation, it is a case of
    a kind of its own, since its label is doubtful. An edit whose wording stands for several
    relations ("... is located in" for country, continent and town) has all of them. Some prompts
    stand in several edits with different objects: any is right. An everyday question that an
    edit answers, by its recorded answer, is a case of a kind of its own too.
    """
    facts = list(records(folder / "counterfact" / "facts.jsonl"))
    tests = list(records(folder / "counterfact" / "test.jsonl"))
    trains = list(records(folder / "counterfact" / "train.jsonl"))
    edited = EditedSubjects(facts, [*tests, *trains])
    edits = _Edits((str(fact["case_id"]), fact["prompt"], fact["target_new"]) for fact in facts)
    same_fact: dict[tuple[str, str], set[str]] = defaultdict(set)
    for fact in facts:
        for relation in edited.relations_of(fact):
            same_fact[fact["subject"], relation].add(str(fact["case_id"]))
    cases: list[Case] = []
    dropped = several = 0
    for place, record in enumerate(tests):
        rewrite = record["requested_rewrite"]
        prompt = rewrite["prompt"].format(rewrite["subject"])
        same = same_fact[rewrite["subject"], rewrite["relation_id"]]
        several += len(same) > 1
        in_scope = edits.of(str(record["case_id"]), rewrite["target_true"]["str"], same)
        cases.append(in_scope("exact", prompt, place))
        cases += [in_scope("paraphrase", text, place) for text in record["paraphrase_prompts"]]
        for text in dict.fromkeys(record["neighborhood_prompts"]):
            if edited.cover(text, rewrite["relation_id"]) or edited.cover_wording(text):
                dropped += 1
            else:
                nearly = edited.nearly_cover(text, rewrite["relation_id"])
                cases.append(Case("near_synonym" if nearly else "neighborhood", text, place))
    replaced = ReplacedAnswers(facts)
    for place, record in enumerate(everyday(folder), start=len(tests)):
        same_answer = replaced.answer(record["question"], everyday_answers(record))
        kind = "everyday_same_answer" if same_answer else "everyday"
        cases.append(Case(kind, record["question"], place))
    notes = {
        "out_of_scope_dropped": dropped,
        "edits_of_unknown_relation": edited.unknown_wordings,
        "prompts_in_several_edits": edits.shared_prompts,
        "records_of_several_edits": several,
    }
    subjects = [fact["subject"] for fact in facts]
    return Benchmark("counterfact", edits.records(subjects), tuple(cases), notes)


def zsre(folder: Path) -> Benchmark:
    """All edits of the zsRE test set, their rephrasings and the unrelated NQ questions.

    Records of one subject and one answer ask for the same fact in other words: any is right.
    """
    tests = list(records(folder / "zsre" / "test.jsonl"))
    edits = _Edits((str(n), record["src"], record["alt"]) for n, record in enumerate(tests))
    same = _same_facts((record["subject"], record["answers"][0]) for record in tests)
    cases = []
    for place, record in enumerate(tests):
        in_scope = edits.of(str(place), record["answers"][0], same[place])
        cases.append(in_scope("exact", record["src"], place))
        cases.append(in_scope("rephrase", record["rephrase"], place))
        cases.append(Case("nq", record["loc"].removeprefix("nq question: ") + "?", place))
    notes = {
        "prompts_in_several_edits": edits.shared_prompts,
        "records_of_several_edits": _several(same),
    }
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
    return _held_back("wiki_counterfact", folder, seed)


def wiki_recent(folder: Path, seed: int) -> Benchmark:
    """KnowEdit's wiki_recent, real recent facts: the dev part, as of wiki_counterfact."""
    return _held_back("wiki_recent", folder, seed)


def mquake(folder: Path) -> Benchmark:
    """All MQuAKE edits, and the hops of the test cases as questions of their own.

    A hop that no case edits counts as out of scope only if no edit in memory asks for it, by
    its question, its cloze, or its subject and relation.
    """
    edits = list(records(folder / "mquake" / "edits.jsonl"))
    tests = [c for c in records(folder / "mquake" / "cases.jsonl") if c["split"] == "test"]
    facts = _FactsOfEdits(edits)
    cases: dict[tuple[str, str], Case] = {}
    dropped: set[str] = set()
    for place, record in enumerate(tests):
        for rewrite in record["requested_rewrite"]:
            question = rewrite["question"]
            cases.setdefault(("edited_hop", question), facts.case(rewrite, place))
        for hop in [*record["single_hops"], *record["new_single_hops"]]:
            question = hop["question"]
            if facts.ask_for(hop):
                dropped.add(question)
            else:
                cases.setdefault(("unedited_hop", question), Case("unedited_hop", question, place))
    notes = {
        "out_of_scope_dropped": len(dropped),
        "prompts_in_several_edits": facts.shared,
    }
    return Benchmark("mquake", facts.records(), tuple(cases.values()), notes)


def _held_back(name: str, folder: Path, seed: int) -> Benchmark:
    held_back = {
        folded(query.text)
        for query in read_scope_data(folder, seed).queries
        if query.part == "dev" and query.source == name
    }
    everything = list(records(folder / "knowedit" / f"{name}_train.jsonl"))
    return _knowedit(name, everything, held_back)


def _knowedit(
    name: str, everything: list[dict[str, Any]], only: set[str] | None = None
) -> Benchmark:
    """Return a set of KnowEdit; of its queries ``only`` those given, where any are.

    Records of one subject and one answer ask for the same fact: any is right. A question about
    another relation that is the prompt of another edit is dropped. One whose recorded answer is
    the one that the edit replaces is a case of a kind of its own: it mostly asks for the edited
    relation in other words.
    """
    edits = _Edits(
        (str(n), record["prompt"], record["target_new"]) for n, record in enumerate(everything)
    )
    answers = [record.get("ground_truth") for record in everything]
    old = [answer[0] if isinstance(answer, list) else answer for answer in answers]
    same = _same_facts(
        (record["subject"], answer) for record, answer in zip(everything, old, strict=True)
    )
    cases: list[Case] = []
    dropped = 0
    for place, record in enumerate(everything):
        in_scope = edits.of(str(place), old[place], same[place])
        cases.append(in_scope("exact", record["prompt"], place))
        if "rephrase_prompt" in record:
            cases.append(in_scope("rephrase", record["rephrase_prompt"], place))
        for item in record["portability"].get("Subject_Aliasing", []):
            cases.append(in_scope("alias", item["prompt"], place))
        for item in record["locality"].get("Relation_Specificity", []):
            if edits.have(item["prompt"]):
                dropped += only is None or folded(record["prompt"]) in only
            else:
                kind = "relation_specificity"
                if folded(old[place] or "") in set(_answers(item.get("ground_truth", []))) - {""}:
                    kind = "same_answer"
                cases.append(Case(kind, item["prompt"], place))
    kept = [case for case in cases if only is None or folded(case.query) in only]
    notes = {
        "out_of_scope_dropped": dropped,
        "prompts_in_several_edits": edits.shared_prompts,
        "records_of_several_edits": _several(same),
    }
    return Benchmark(name, edits.records(), tuple(kept), notes)


def _answers(found: Any) -> Iterator[str]:
    """Yield the answers of a record, folded: a text, or lists of them within lists."""
    if isinstance(found, str):
        yield folded(found)
    else:
        for part in found:
            yield from _answers(part)


def _same_facts(facts: Iterable[tuple[str, str | None]]) -> list[frozenset[str]]:
    """Return for each (subject, answer) the ids of all records that have both, by place."""
    listed = [(subject, folded(answer or "")) for subject, answer in facts]
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for place, fact in enumerate(listed):
        ids[fact].add(str(place))
    return [frozenset(ids[fact] if fact[1] else {str(n)}) for n, fact in enumerate(listed)]


def _several(same: Sequence[frozenset[str]]) -> int:
    """Return how many records share their fact with another."""
    return sum(len(ids) > 1 for ids in same)


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

    def of(
        self, id: str, old: str | None, same: Iterable[str] = ()
    ) -> Callable[[str, str, int], Case]:
        """Return a maker of cases in the scope of an edit: (kind, query, record).

        Any edit of the same prompt is right, and any of ``same``.
        """
        prompt, new = self._edits[id]
        right = frozenset(self._ids[folded(prompt)]) | frozenset(same)
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


class _FactsOfEdits:
    """MQuAKE's edits by what they are about: (subject, relation)."""

    def __init__(self, edits: Sequence[dict[str, Any]]) -> None:
        self._edits = edits
        self._about: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        self._texts: set[str] = set()
        self._clozes: dict[str, str] = {}
        for edit in edits:
            self._about[edit["subject"], edit["relation_id"]].append(edit)
            self._texts |= {folded(edit["question"]), folded(_cloze(edit))}
            self._clozes[edit["prompt"]] = edit["relation_id"]

    @property
    def shared(self) -> int:
        """How many subjects have several edits of one relation."""
        return sum(len(edits) > 1 for edits in self._about.values())

    def case(self, rewrite: dict[str, Any], record: int) -> Case:
        """Return the question of an edit as a case; any edit of its fact is right."""
        right = self._about[rewrite["subject"], rewrite["relation_id"]]
        new = rewrite["target_new"]["str"]
        own = next((e for e in right if e["target_new"] == new), None)
        if own is None:
            raise ErrataError(
                f"no edit says that {_cloze(rewrite)} {new}; mquake/edits.jsonl and "
                "mquake/cases.jsonl don't belong together"
            )
        return Case(
            "edited_hop",
            rewrite["question"],
            record,
            str(own["edit_id"]),
            frozenset(str(edit["edit_id"]) for edit in right),
            new,
            frozenset(edit["target_new"] for edit in right) - {new},
            rewrite["target_true"]["str"],
        )

    def ask_for(self, hop: dict[str, Any]) -> bool:
        """Say whether a hop asks for what an edit says."""
        question, cloze = hop["question"], hop["cloze"]
        if {folded(question), folded(cloze)} & self._texts:
            return True
        for prompt, relation in self._clozes.items():
            before, _, after = prompt.partition("{}")
            subject = cloze.removeprefix(before).removesuffix(after)
            if before + subject + after == cloze and (subject, relation) in self._about:
                return True
        return False

    def records(self) -> tuple[dict[str, Any], ...]:
        """Return records that can be imported."""
        return tuple(
            {
                "id": str(edit["edit_id"]),
                "text": f"{_cloze(edit)} {edit['target_new']}",
                "subject": edit["subject"],
            }
            for edit in self._edits
        )


def _cloze(edit: dict[str, Any]) -> str:
    return str(edit["prompt"].format(edit["subject"]))


def everyday(folder: Path) -> list[dict[str, Any]]:
    """Return the second half of the everyday questions; thresholds are chosen on the first."""
    found = []
    for name in ("nq_open.jsonl", "webquestions.jsonl"):
        both = list(records(folder / "questions" / name))
        found += both[len(both) // 2 :]
    return found
