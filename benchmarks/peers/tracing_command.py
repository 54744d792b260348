"""``python -m benchmarks tracing``: where the embedded model recalls facts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.peers.causal_tracing import Traces, TracingSettings, trace
from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.tracing_roles import ROLES, Fact, known_facts
from benchmarks.rows import RESULTS, code_version, summary
from classifiers.lora_training import check_out
from classifiers.pairs import records
from memory_store.devices import choose_device
from memory_store.errors import ErrataError
from serac.cli.options import err, progress_bar
from serac.embedded import load_embedded_base

FILE = "causal_tracing.json"
FACTS, SAMPLES = 200, TracingSettings().samples

DataOption = Annotated[Path, typer.Option("--data", help="Folder of the benchmark data.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the file.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Decides the noise.")]
FactsOption = Annotated[int, typer.Option("--facts", min=1, help="How many known facts, at most.")]
SamplesOption = Annotated[int, typer.Option("--samples", min=1, help="Noises of each.")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Where it runs: cpu, cuda.")]


def tracing(
    data: DataOption,
    out: OutOption = RESULTS,
    seed: SeedOption = 0,
    facts: FactsOption = FACTS,
    samples: SamplesOption = SAMPLES,
    device: DeviceOption = None,
) -> None:
    """Trace which states carry the facts of CounterFact's train files that the model knows."""
    check_out(out)
    where = choose_device(device)
    base = load_embedded_base(where)
    settings = replace(TracingSettings(), samples=samples, seed=seed)
    known = known_facts(LlamaBlocks(base.model), base.tokenizer, read_facts(data), facts)
    if not known:
        raise ErrataError("the model knows none of the facts; trace a larger one")
    with progress_bar("tracing", len(known)) as progress:
        traces = trace(base.model, base.tokenizer, known, settings, progress=progress)
    command = f"python -m benchmarks tracing --data DATA --seed {seed} --facts {facts}"
    command += f" --samples {samples}"
    told = {"command": command, "code": code_version(), "seed": seed, "samples": samples}
    out.mkdir(parents=True, exist_ok=True)
    file = out / FILE
    file.write_text(json.dumps({**told, **as_record(traces, seed)}) + "\n", encoding="utf-8")
    err.print(f"{len(known)} known facts, block {traces.decisive_block()} is decisive; {file}")


def read_facts(data: Path) -> list[Fact]:
    """Return the true facts of CounterFact's edits of the training splits.

    Raises:
        ErrataError: The file is missing or malformed.
    """
    file = data / "counterfact" / "facts.jsonl"
    try:
        return [
            Fact(record["prompt"], record["subject"], record["ground_truth"])
            for record in records(file)
            if record["split"] != "edit" and record["subject"] in record["prompt"]
        ]
    except (KeyError, TypeError) as error:
        raise ErrataError(f"{file} has a record that is no fact: {error!r}") from None


def as_record(traces: Traces, seed: int) -> dict[str, Any]:
    """Return averages as plain JSON values: effects by role and block, the total with an interval.

    Args:
        traces: What was traced.
        seed: Seed of the bootstrap.
    """
    total, low, high = summary(traces.total, "mean", seed)
    return {
        "n": len(traces.facts),
        "layers": next(iter(traces.effects.values())).shape[2],
        "roles": list(ROLES),
        "window": traces.window,
        "noise": traces.spread,
        "clean": float(traces.clean.mean()),
        "corrupted": float(traces.corrupted.mean()),
        "total": {"value": total, "low": low, "high": high},
        "decisive_block": traces.decisive_block(),
        **{kind: _plain(traces.average(kind)) for kind in traces.effects},
    }


def _plain(averages: Any) -> list[list[float]]:
    # A role that no prompt has had no effect.
    return [[round(float(one), 6) for one in row] for row in np.nan_to_num(averages)]
