"""What an answer costs: time to its first token and tokens a second, beside the base model's.

The time to the first words is that until a reader of the stream has some: the last word is always
held back, and an answerer may hold back more, or ask again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.answerers import Answerers
from benchmarks.answers import ROUTES
from benchmarks.data import Case
from benchmarks.own import follow_ups
from benchmarks.rows import Rows
from serac.conversation import Turn, as_turns
from serac.overlay import FactOverlay
from serac.transformers_base import TransformersBase

TOKENS = 32


def add_speed(
    rows: Rows,
    overlay: FactOverlay,
    cases: Sequence[Case],
    progress: Callable[[int], None],
    by: Sequence[str] = ROUTES,
) -> None:
    """Add times to first token and first words and tokens a second, as ratios to the base's.

    Each case is asked of all in turn, so that what else runs on the machine weighs on all alike.
    """
    answerers = Answerers(overlay)
    routes = [route for route in ROUTES if route in by]
    firsts: dict[str, list[float]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    words: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        edits = (overlay.memory.get(str(case.edit)),)
        timed: dict[str, tuple[float, float]] = {}
        for route in ("base", *routes):
            how = answerers.prompted((route, case.query, edits))
            timed[route] = _timed(how.model, how.prompt)
        turns = as_turns(case.query)
        until = {"base": _first_words(answerers.base.stream, turns)}
        for route in routes:
            until[route] = _first_words(getattr(answerers, route).stream, turns, edits)
        for route in routes:
            words[route].append(until[route] / until["base"])
            firsts[route].append(timed[route][0] / timed["base"][0])
            rates[route].append(timed[route][1] / timed["base"][1])
        progress(1)
    for who in firsts:
        rows.add(
            "speed", "first token after, by the base model's", firsts[who], "p50", answerer=who
        )
        for statistic, name in (("p50", "first words after"), ("p90", "first words after, p90")):
            metric = f"{name}, by the base model's"
            rows.add("speed", metric, words[who], statistic, answerer=who)
        rows.add("speed", "tokens a second, by the base model's", rates[who], "p50", answerer=who)


def add_later_turns(
    rows: Rows, overlay: FactOverlay, most: int, progress: Callable[[int], None]
) -> None:
    """Add what deciding about later turns of our dev conversations takes, by the base's answer.

    Args:
        rows: Where rows go.
        overlay: With a rewriter, loaded or not.
        most: How many conversations are taken, a follow-up and an unrelated turn of each.
        progress: Told how many more turns are done.
    """
    taken: dict[str, list[float]] = defaultdict(list)
    for conversation in follow_ups("dev")[:most]:
        left = {"follow_up", "unrelated"}
        for turn, turns in conversation.read():
            if turn.kind in left:
                left.remove(turn.kind)
                ratio = _decided(overlay, turns) / _answered(overlay, turns)
                taken[turn.kind].append(ratio)
                progress(1)
    for kind, ratios in taken.items():
        for statistic in ("p50", "p90"):
            metric = f"deciding, {statistic}, by the base model's {TOKENS} tokens"
            rows.add(kind.replace("_", " "), metric, ratios, statistic, answerer="overlay")


def _decided(overlay: FactOverlay, turns: Sequence[Turn]) -> float:
    began = time.perf_counter()
    overlay.decide(turns)
    return time.perf_counter() - began


def _answered(overlay: FactOverlay, turns: Sequence[Turn]) -> float:
    began = time.perf_counter()
    overlay.base.reply(turns, max_new_tokens=TOKENS)
    return time.perf_counter() - began


def _first_words(stream: Callable[..., Iterator[str]], *asked: Any) -> float:
    """Return seconds until a stream gives its first piece; what follows isn't read."""
    began = time.perf_counter()
    next(stream(*asked), None)
    return time.perf_counter() - began


def _timed(model: TransformersBase, prompt: str) -> tuple[float, float]:
    """Return seconds to the first token, and tokens a second after it."""
    import torch

    inputs = model.tokenizer(prompt, return_tensors="pt").to(model.model.device)
    moments: list[float] = []

    class Clock:
        def put(self, tokens: Any) -> None:
            moments.append(time.perf_counter())

        def end(self) -> None:
            pass

    with torch.inference_mode():
        began = time.perf_counter()
        model.model.generate(
            **inputs,
            max_new_tokens=TOKENS,
            min_new_tokens=TOKENS,
            do_sample=False,
            streamer=Clock(),
        )
    # The first call hands over the prompt, before anything is computed.
    return moments[1] - began, (len(moments) - 2) / (moments[-1] - moments[1])
