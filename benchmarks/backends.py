"""Runtimes and precisions for the cross-encoder: time for a batch, and agreement with float32."""

from __future__ import annotations

import copy
import importlib
import random
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Rows
from classifiers import CROSS_ENCODER, CrossEncoderScorer, ScopeScorer, written
from classifiers.artifact_files import read_config, read_hashed
from classifiers.cross_encoder import ADAPTER_FILE, Runtime, load_body, merge
from memory_store.errors import ArtifactError
from serac.cli.options import progress_bar

Pairs = Sequence[tuple[str, str]]
REFERENCE = "float32"
BATCHES = {12: 200, 256: 20}
"""Pairs of a batch to how often it is timed."""

COMPARED = 2_000
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class NotInstalledError(Exception):
    """A runtime is not there."""


def measure_backends(folder: Path, seed: int, *, named: bool) -> Rows:
    """Return rows of every runtime that is installed, timed in turn in one run.

    Args:
        folder: Where the cross-encoder lies.
        seed: Draws the pairs.
        named: Whether the folder is another than the shipped one.
    """
    scorers, missing = runtime_scorers(folder)
    trained = CrossEncoderScorer.load(folder)
    command = f"python -m benchmarks backends --seed {seed}" + " --scope FOLDER" * named
    rows = Rows(
        "backends", seed, command, scope_classifier=trained.fingerprint, not_installed=missing
    )
    add_time_rows(rows, scorers, seed, BATCHES)
    threshold = trained.threshold_for().choices[-1].threshold  # that of the largest memory
    add_agreement_rows(rows, scorers, threshold, written_pairs(COMPARED, seed + 1))
    return rows


def runtime_scorers(folder: Path) -> tuple[dict[str, ScopeScorer], list[str]]:
    """Return a scorer for each runtime that is installed, and the names of those that aren't.

    Raises:
        ArtifactError: The folder holds no cross-encoder, or a damaged one.
    """
    config = read_config(folder)
    if config["kind"] != CROSS_ENCODER:
        raise ArtifactError(f"{folder} holds no cross-encoder; name one with --scope")
    adapter = read_hashed(folder / ADAPTER_FILE, config["model_sha256"])
    model, tokenizer = load_body()
    merge(model, adapter, config["lora"]["alpha"] / config["lora"]["rank"])
    model.eval()
    scorers: dict[str, ScopeScorer] = {}
    missing = []
    for name, make in RUNTIMES.items():
        try:
            runtime = make(model)
        except NotInstalledError:
            missing.append(name)
        else:
            loaded = runtime, tokenizer
            scorers[name] = CrossEncoderScorer(lambda loaded=loaded: loaded, config)  # type: ignore[misc]
    return scorers, missing


def add_time_rows(
    rows: Rows,
    scorers: Mapping[str, ScopeScorer],
    seed: int,
    batches: Mapping[int, int],
) -> None:
    """Add the time for a batch, each round by every scorer, and its share of the reference's."""
    with progress_bar("timing", sum(batches.values())) as advance:
        for size, rounds in batches.items():
            pairs = written_pairs(size * rounds, seed)
            times: dict[str, list[float]] = {name: [] for name in scorers}
            for scorer in scorers.values():
                scorer.score(pairs[:size])  # the first call is slow
            for start in range(0, len(pairs), size):
                for name, scorer in scorers.items():
                    started = time.perf_counter()
                    scorer.score(pairs[start : start + size])
                    times[name].append(1000 * (time.perf_counter() - started))
                advance(1)
            for name, found in times.items():
                rows.add(name, f"milliseconds for {size} pairs, p50", found, "p50")
                if name != REFERENCE:
                    shares = [
                        took / took_there
                        for took, took_there in zip(found, times[REFERENCE], strict=True)
                    ]
                    rows.add(name, f"share of {REFERENCE}'s time, {size} pairs", shares, "p50")


def add_agreement_rows(
    rows: Rows, scorers: Mapping[str, ScopeScorer], threshold: float, pairs: Pairs
) -> None:
    """Add how far the probabilities are from the reference's, and which decisions are the same."""
    with progress_bar("comparing", len(scorers)) as advance:
        found: dict[str, npt.NDArray[np.float64]] = {}
        for name, scorer in scorers.items():
            found[name] = scorer.score(pairs)
            advance(1)
    reference = found[REFERENCE]
    for name, probabilities in found.items():
        if name != REFERENCE:
            apart = np.abs(probabilities - reference)
            same = (probabilities >= threshold) == (reference >= threshold)
            rows.add(name, "largest difference of a probability", apart.tolist(), "p100")
            rows.add(name, "same decision", same.tolist(), threshold=threshold)


def written_pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """Return pairs of our own wordings: a query with its edit, and with edits close to it."""
    return list(islice(_written_pairs(random.Random(seed)), count))  # noqa: S311


def _written_pairs(chance: random.Random) -> Any:
    known = [r for r in written.relations() if any(written.subjects(k) for k in r.kinds)]
    while True:
        relation, other = chance.sample(known, 2)
        subject, stranger, thing = (_subject(relation, chance) for _ in range(3))
        query = chance.choice(relation.wordings).replace("{}", subject)
        if chance.random() < 1 / 3:
            query = f"{chance.choice(written.context()['leading'])} {query}"
        yield query, _statement(relation, subject, thing, chance)
        yield query, _statement(relation, stranger, thing, chance)
        yield query, _statement(other, subject, thing, chance)
        yield query, _statement(other, _subject(other, chance), thing, chance)


def _subject(relation: written.Relation, chance: random.Random) -> str:
    return chance.choice([name for kind in relation.kinds for name in written.subjects(kind)])


def _statement(relation: written.Relation, subject: str, thing: str, chance: random.Random) -> str:
    return chance.choice(relation.statements).replace("{}", subject).replace("[]", thing)


# Runtimes


def _float32(model: Any) -> Runtime:
    return lambda batch: model(**batch).logits.numpy()


def _bfloat16(model: Any) -> Runtime:
    import torch

    half = copy.deepcopy(model).to(torch.bfloat16)
    return lambda batch: half(**batch).logits.float().numpy()


def _int8(model: Any) -> Runtime:
    """Quantize the linear layers: weights ahead, activations as they come."""
    import torch

    if hasattr(torch.ao.quantization, "quantize_dynamic"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is deprecated in favour of torchao
            quantized = torch.ao.quantization.quantize_dynamic(
                copy.deepcopy(model), {torch.nn.Linear}, dtype=torch.qint8
            )
    else:
        torchao = _installed("torchao.quantization")
        quantized = copy.deepcopy(model)
        torchao.quantize_(quantized, torchao.Int8DynamicActivationInt8WeightConfig())
    return lambda batch: quantized(**batch).logits.numpy()


def _onnx(model: Any) -> Runtime:
    import torch

    runtime = _installed("onnxruntime")
    for needed in ("onnx", "onnxscript"):
        _installed(needed)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(folder) / "model.onnx"
        axes = {0: torch.export.Dim("pairs"), 1: torch.export.Dim("tokens")}
        torch.onnx.export(
            _Plain.of(model),
            _example(),
            str(file),
            input_names=list(INPUTS),
            dynamic_shapes=(axes, axes, axes),
            external_data=False,
            verbose=False,
        )
        session = runtime.InferenceSession(
            file.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    return lambda batch: session.run(None, {name: batch[name].numpy() for name in INPUTS})[0]


def _openvino(model: Any) -> Runtime:
    import torch

    openvino = _installed("openvino")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = openvino.convert_model(_Plain.of(model), example_input=_example())
    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = openvino.compile_model(converted, "CPU", settings)
    return lambda batch: compiled([batch[name].numpy() for name in INPUTS])[0]


RUNTIMES: dict[str, Callable[[Any], Runtime]] = {
    REFERENCE: _float32,
    "bfloat16": _bfloat16,
    "int8": _int8,
    "onnx": _onnx,
    "openvino": _openvino,
}


class _Plain:
    """Makes a model that takes its inputs by place and gives bare logits, as exporters want."""

    @staticmethod
    def of(model: Any) -> Any:
        import torch

        class Plain(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
                return self.model(
                    input_ids=input_ids,
                    attention_mask=attention_mask,
                    token_type_ids=token_type_ids,
                ).logits

        return Plain().eval()


def _example() -> tuple[Any, Any, Any]:
    import torch

    # Padded, and of two segments: an exporter must not take either for a constant.
    first = torch.arange(8) < 4
    mask = torch.stack([torch.ones(8), first]).long()
    return torch.full((2, 8), 2000), mask, (~first).long().repeat(2, 1)


def _installed(name: str) -> Any:
    """Import a module that may be absent.

    Raises:
        NotInstalledError: It is.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise NotInstalledError(name) from None
