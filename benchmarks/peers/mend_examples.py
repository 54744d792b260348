"""What MEND is trained on: edits, what they must carry over to, and what they must leave alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.tokens import (
    Targets,
    TokenizedText,
    pad_token,
    padded,
    targets_of,
    tokenize,
)
from classifiers.pairs import records

DEV_SHARE = 0.1

MOST_KEPT = 16
"""Tokens of an unrelated answer that are looked at: a few are sentences, and all rows would be
filled up to their length."""


@dataclass(frozen=True, slots=True)
class MendExample:
    """An edit to train on.

    Attributes:
        prompt: What the object continues.
        target: The object that shall hold.
        rephrased: Other prompts that it shall continue too.
        unrelated: Prompts whose answers must stay, each with an answer, whose places are looked at.
    """

    prompt: str
    target: str
    rephrased: tuple[str, ...]
    unrelated: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MendBatch:
    """Groups of edits, and the rows that each group's update is judged by.

    Attributes:
        size: Edits in a group.
        edits: The edits, group after group.
        ids: (groups * 3 * size, t) tokens: of each group first its prompts, then as many rephrased
            ones, then as many unrelated ones.
        edited: The objects' tokens; unrelated rows have none.
        unrelated: The unrelated answers' tokens; other rows have none.
    """

    size: int
    edits: tuple[TokenizedText, ...]
    ids: torch.Tensor
    edited: Targets
    unrelated: Targets


def read_examples(data: Path, seed: int) -> tuple[list[MendExample], list[MendExample]]:
    """Return what to train on, and what to choose the best step by, of the two sets' train files.

    Args:
        data: The data folder.
        seed: Decides which examples are held back.

    Raises:
        ErrataError: A file is missing.
    """
    found = [*_zsre(data), *_counterfact(data)]
    random.Random(seed).shuffle(found)  # noqa: S311
    held_back = max(1, round(DEV_SHARE * len(found)))
    return found[held_back:], found[:held_back]


def _zsre(data: Path) -> Iterator[MendExample]:
    for record in records(data / "zsre" / "train.jsonl"):
        if not record["alt"].strip():  # two have no object
            continue
        question = record["loc"].removeprefix("nq question: ") + "?"
        unrelated = (question, record.get("loc_ans") or record["answers"][0])
        yield MendExample(record["src"], record["alt"], (record["rephrase"],), (unrelated,))


def _counterfact(data: Path) -> Iterator[MendExample]:
    for record in records(data / "counterfact" / "train.jsonl"):
        rewrite: dict[str, Any] = record["requested_rewrite"]
        old = rewrite["target_true"]["str"]
        yield MendExample(
            rewrite["prompt"].format(rewrite["subject"]),
            rewrite["target_new"]["str"],
            tuple(record["paraphrase_prompts"]),
            tuple((prompt, old) for prompt in record["neighborhood_prompts"]),
        )


def make_batch(
    blocks: LlamaBlocks,
    tokenizer: Any,
    examples: Sequence[MendExample],
    size: int,
    chance: random.Random,
) -> MendBatch:
    """Return a batch of groups of ``size`` edits; which rephrasings are taken is drawn.

    Args:
        blocks: The model.
        tokenizer: Its tokenizer.
        examples: The edits, a multiple of ``size``.
        size: Edits in a group.
        chance: What draws.
    """
    edits = tuple(tokenize(tokenizer, one.prompt, one.target) for one in examples)
    rows: list[TokenizedText] = []
    kept: list[bool] = []
    for start in range(0, len(examples), size):
        group = examples[start : start + size]
        rows += edits[start : start + size]
        rows += [
            tokenize(tokenizer, chance.choice(one.rephrased or (one.prompt,)), one.target)
            for one in group
        ]
        rows += [_short(tokenize(tokenizer, *chance.choice(one.unrelated))) for one in group]
        kept += [False] * 2 * len(group) + [True] * len(group)
    silent = [TokenizedText(row.ids, len(row.ids)) for row in rows]
    edited = [quiet if out else row for row, quiet, out in zip(rows, silent, kept, strict=True)]
    unrelated = [row if out else quiet for row, quiet, out in zip(rows, silent, kept, strict=True)]
    device = blocks.device
    return MendBatch(
        size,
        edits,
        padded(rows, pad_token(tokenizer), device),
        targets_of(edited, device),
        targets_of(unrelated, device),
    )


def _short(text: TokenizedText) -> TokenizedText:
    return TokenizedText(text.ids[: text.read + MOST_KEPT], text.read)
