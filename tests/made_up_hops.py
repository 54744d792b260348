"""Made-up multi-hop cases in the shape of MQuAKE: a person, a firm, a town, a land, its head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fakes import FunctionScorer

KINDS = ("Ada", "Firm", "Town", "Land", "Head")
QUESTIONS = ("Who employs {}?", "Where does {} sit?", "Which land is {} in?", "Who heads {}?")
CLOZES = ("{} works for", "{} has its seat in", "{} lies in", "The head of {} is")
FAR = 100
"""An edit leads from a chain to the one that many numbers on."""


def made_up_case(
    number: int, hops: int = 2, edited: tuple[int, ...] = (0,), split: str = "test"
) -> dict[str, Any]:
    """A case whose hops at some places are edited; without ids of edits."""
    old = [_hop(place, number, number) for place in range(hops)]
    new, rewrites, at = [], [], number
    for place in range(hops):
        after = at + FAR if place in edited else at
        new.append(_hop(place, at, after))
        if place in edited:
            rewrites.append(_rewrite(place, at, after))
        at = after
    return {
        "case_id": number,
        "split": split,
        "requested_rewrite": rewrites,
        "questions": [f" What is at the end of chain {number}, wording {n}?" for n in range(3)],
        "answer": old[-1]["answer"],
        "answer_alias": old[-1]["answer_alias"],
        "new_answer": new[-1]["answer"],
        "new_answer_alias": new[-1]["answer_alias"],
        "single_hops": old,
        "new_single_hops": new,
        "masked_edit_ids": [],
    }


def made_up_plan(number: int, hops: int = 2) -> str:
    """The right plan of a case, as text."""
    steps = [QUESTIONS[0].format(f"Ada{number}")]
    steps += [QUESTIONS[place].format(f"#{place}") for place in range(1, hops)]
    return "\n".join(f"{n}. {step}" for n, step in enumerate(steps, start=1))


def write_cases(folder: Path, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write cases with their edits numbered, and all edits; return the cases."""
    edits: list[dict[str, Any]] = []
    for case in cases:
        case["edit_ids"] = []
        for rewrite in case["requested_rewrite"]:
            case["edit_ids"].append(len(edits))
            new = rewrite["target_new"]["str"]
            edits.append({**rewrite, "edit_id": len(edits), "target_new": new})
    for name, records in (("cases", cases), ("edits", edits)):
        file = folder / "mquake" / f"{name}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return cases


def right_scorer() -> FunctionScorer:
    """A scorer that knows which edit answers a question: each relation has a cloze of its own."""

    def judge(query: str, edit: str) -> float:
        for question, cloze in zip(QUESTIONS, CLOZES, strict=True):
            before, _, after = question.partition("{}")
            subject = query.removeprefix(before).removesuffix(after)
            if before + subject + after == query:
                return 0.9 if edit.startswith(cloze.format(subject) + " ") else 0.1
        return 0.0

    return FunctionScorer(judge)


def _hop(place: int, subject: int, answer: int) -> dict[str, Any]:
    about = f"{KINDS[place]}{subject}"
    return {
        "question": QUESTIONS[place].format(about),
        "cloze": CLOZES[place].format(about),
        "answer": f"{KINDS[place + 1]}{answer}",
        "answer_alias": [f"The Old {KINDS[place + 1]} {answer}", "🏴"],
    }


def _rewrite(place: int, subject: int, answer: int) -> dict[str, Any]:
    about = f"{KINDS[place]}{subject}"
    return {
        "subject": about,
        "prompt": CLOZES[place],
        "relation_id": f"P{place}",
        "question": QUESTIONS[place].format(about),
        "target_new": {"str": f"{KINDS[place + 1]}{answer}"},
        "target_true": {"str": f"{KINDS[place + 1]}{subject}"},
    }
