"""What it costs: importing, adding, routing; each beside what it is compared with, in one run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Rows
from memory_store import EditMemory, Encoder
from serac.conversation import Turn
from serac.overlay import FactOverlay
from serac.transformers_base import TransformersBase

ANSWER_TOKENS = 32


def timed_import(
    rows: Rows, memory: EditMemory, file: Path, encoder: Encoder, progress: Callable[[int], None]
) -> None:
    """Import a file, and encode the same texts once more by the encoder alone."""
    lines = file.read_text(encoding="utf-8").split("\n")
    texts = [json.loads(line)["text"] for line in lines if line]
    half = len(texts) // 2
    encoder.encode(texts[:256])  # the first call of a model is slow
    bare = seconds(lambda: encoder.encode(texts[:half]))  # half before and half after, since
    importing = seconds(lambda: memory.import_jsonl(file, progress=progress))  # machines are noisy
    bare += seconds(lambda: encoder.encode(texts[half:]))
    rows.add("import", "edits a second", [len(texts) / importing])
    rows.add("import", "share of the encoder's own batch rate", [bare / importing])


def timed_adds(rows: Rows, memory: EditMemory, encoder: Encoder, times: int = 100) -> None:
    """Add edits one by one, each beside one encoder call for a text of the same kind."""
    adds, calls = [], []
    for number in range(times):
        text = f"The keeper of lighthouse number {number} is Ada Quill the {number + 2}th."
        other = f"The keeper of windmill number {number} is Ivo Marsh the {number + 2}th."
        calls.append(seconds(lambda text=other: encoder.encode([text])))  # type: ignore[misc]
        adds.append(seconds(lambda text=text: memory.add(text)))  # type: ignore[misc]
    middle = sorted(calls)[len(calls) // 2]
    rows.add("add", "one durable add, milliseconds", [1000 * s for s in adds], "p50")
    rows.add("add", "one encoder call, milliseconds", [1000 * s for s in calls], "p50")
    rows.add("add", "one durable add / one encoder call", [s / middle for s in adds], "p50")
    for edit in memory.list(contains="The keeper of lighthouse number "):
        memory.remove(edit.id)


def timed_routes(
    rows: Rows, overlay: FactOverlay, queries: Mapping[str, Sequence[str]], answers: int = 12
) -> None:
    """Route queries one at a time, with answers of the base model in between.

    Args:
        rows: Where the figures go.
        overlay: The overlay; its base must be a transformers model.
        queries: By kind, queries that were not asked before: nothing is remembered of them.
        answers: How many answers of 32 tokens are written.
    """
    base = overlay.base
    assert isinstance(base, TransformersBase)  # noqa: S101
    turns = [Turn("user", "Tell me about the history of the city of Lisbon.")]
    exactly: dict[str, Any] = {"min_new_tokens": ANSWER_TOKENS, "max_new_tokens": ANSWER_TOKENS}
    base.generate(turns, **exactly)
    every = max(1, sum(map(len, queries.values())) // answers)
    routes: dict[str, list[tuple[float, bool]]] = {kind: [] for kind in queries}
    written: list[float] = []
    for place, (kind, query) in enumerate(
        (kind, query) for kind, texts in queries.items() for query in texts
    ):
        if place % every == 0:
            written.append(seconds(lambda: base.generate(turns, **exactly)))
        started = time.perf_counter()
        decision = overlay.decide(query)
        routes[kind].append((time.perf_counter() - started, bool(decision.candidates)))
    answer = sorted(written)[len(written) // 2]
    rows.add("base model", f"{ANSWER_TOKENS}-token answer, seconds", written, "p50")
    for kind, timed in routes.items():
        _add_route_rows(rows, f"route, {kind}", [time for time, _ in timed], answer)
        if len({judged for _, judged in timed}) == 2:
            for judged, name in ((True, "edits judged"), (False, "no edit judged")):
                times = [time for time, was in timed if was is judged]
                _add_route_rows(rows, f"route, {kind}, {name}", times, answer)


def _add_route_rows(rows: Rows, kind: str, times: Sequence[float], answer: float) -> None:
    shares = [time / answer for time in times]
    rows.add(kind, "milliseconds, p50", [1000 * time for time in times], "p50")
    rows.add(kind, "share of the base model's answer, p50", shares, "p50")
    rows.add(kind, "share of the base model's answer, p99", shares, "p99")


def memory_of_open(path: Path) -> float:
    """Return by how many MiB a fresh process grows when it opens a memory."""
    script = (
        "import sys, psutil\n"
        "from memory_store import EditMemory, LazyEncoder\n"
        "used = lambda: psutil.Process().memory_info().rss / 2**20\n"
        "before = used()\n"
        "memory = EditMemory.open(sys.argv[1], LazyEncoder())\n"
        "print(used() - before)\n"
    )
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    return float(told.stdout)


def seconds(do: Callable[[], object]) -> float:
    """Return how long it takes."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started
