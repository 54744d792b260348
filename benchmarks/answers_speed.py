"""What an answer costs: time to its first piece and pieces a second, beside the base model's."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.answerers import Answerers
from benchmarks.answers import ROUTES
from benchmarks.data import Case
from benchmarks.rows import Rows
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
    """Add, for each answerer, time to first token and tokens a second as ratios to the base's.

    Each case is asked of all in turn, so that what else runs on the machine weighs on all alike.
    """
    answerers = Answerers(overlay)
    routes = [route for route in ROUTES if route in by]
    firsts: dict[str, list[float]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        edits = (overlay.memory.get(str(case.edit)),)
        timed: dict[str, tuple[float, float]] = {}
        for route in ("base", *routes):
            how = answerers.prompted((route, case.query, edits))
            timed[route] = _timed(how.model, how.prompt)
        for route in routes:
            firsts[route].append(timed[route][0] / timed["base"][0])
            rates[route].append(timed[route][1] / timed["base"][1])
        progress(1)
    for who in firsts:
        rows.add(
            "speed", "first token after, by the base model's", firsts[who], "p50", answerer=who
        )
        rows.add("speed", "tokens a second, by the base model's", rates[who], "p50", answerer=who)


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
