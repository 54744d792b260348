"""The scope cross-encoder: query and edit are read together by the body of the embedded encoder.

A LoRA adapter (Hu et al., ICLR 2022) and a head on all-MiniLM-L6-v2 are the whole artifact; the
body comes with its package. The adapter is merged into the weights when it is loaded, so that
judging costs no more than the body does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.artifact_files import (
    CONFIG_FILE,
    TrainedScorer,
    check_numbers,
    read_config,
    read_hashed,
)
from classifiers.lora_training import ADAPTER_FILE
from classifiers.scope import Probabilities
from memory_store.devices import choose_device, has_bfloat16_instructions
from memory_store.encoder import EMBEDDED_FINGERPRINT, embedded_folder
from memory_store.errors import ArtifactError
from memory_store.quiet import quiet_transformers

KIND = "cross-encoder"
MAX_TOKENS = 192
"""Tokens of a pair that are read. Of the longer text the beginning is cut off: the question stands
at the end of a query, and what is new at the end of an edit."""

BATCH = 64
Runtime = Callable[[Any], Any]
"""From the tokens of n pairs, as tensors by name, to (n, 1) logits."""

_HEAD = (
    "classifier.weight",
    "classifier.bias",
    "bert.pooler.dense.weight",
    "bert.pooler.dense.bias",
)


class CrossEncoderScorer(TrainedScorer):
    """Scores (query, edit) pairs with the merged cross-encoder. Thread-safe.

    Args:
        load: Returns what gives (n, 1) logits for the tokens of n pairs, and the tokenizer;
            called when a pair is first judged.
        config: What the artifact says of itself: thresholds, calibration, recall floor, facts.
    """

    def __init__(self, load: Callable[[], tuple[Runtime, Any]], config: dict[str, Any]) -> None:
        super().__init__(config)
        self._load = load
        self._loaded: tuple[Runtime, Any] | None = None
        self.slope = float(config["calibration"]["slope"])
        self.offset = float(config["calibration"]["offset"])
        # Fast tokenizers keep padding as state: two threads in one of them fail.
        self._lock = threading.Lock()

    def score(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) probabilities that each query is in the scope of the edit beside it."""
        return calibrated(self.logits(pairs), self.slope, self.offset)

    def logits(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return (n,) logits before calibration; pairs of like length share a batch."""
        found = np.empty(len(pairs), dtype=np.float64)
        order = sorted(range(len(pairs)), key=lambda n: len(pairs[n][0]) + len(pairs[n][1]))
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            found[places] = self._forward([pairs[place] for place in places])
        return found

    def _forward(self, pairs: list[tuple[str, str]]) -> Probabilities:
        import torch

        with self._lock:
            self._loaded = self._loaded or self._load()
            runtime, tokenizer = self._loaded
            batch = encode_pairs(tokenizer, pairs, padding=True, return_tensors="pt")
        with torch.inference_mode():
            return np.asarray(runtime(batch), dtype=np.float64)[:, 0]

    @classmethod
    def load(
        cls, folder: Path, device: str | None = None, precision: str = "auto"
    ) -> CrossEncoderScorer:
        """Read an artifact and merge it into the embedded body.

        Args:
            folder: Where the artifact lies.
            device: Where to run; by default the best device there is.
            precision: ``float32``, ``bfloat16``, or ``auto``: the faster one here.

        Raises:
            ArtifactError: A file is missing or damaged, or was made for another body.
            ModelError: The body is not installed, or there is no such device.
        """
        config = read_config(folder)
        body, scale = config.get("body"), _scale(folder, config)
        if body != EMBEDDED_FINGERPRINT:
            raise ArtifactError(
                f"the classifier in {folder} was trained on {body}, not on "
                f"{EMBEDDED_FINGERPRINT}; train it again"
            )
        adapter = read_hashed(folder / ADAPTER_FILE, config["model_sha256"])

        def load() -> tuple[Runtime, Any]:
            model, tokenizer = load_body()
            merge(model, adapter, scale)
            return runtime_of(model, device, precision), tokenizer

        return cls(load, config)


def calibrated(logits: Probabilities, slope: float, offset: float) -> Probabilities:
    """Return (n,) probabilities for (n,) logits (Platt, 1999)."""
    return np.asarray(1 / (1 + np.exp(-(slope * logits + offset))), dtype=np.float64)


def encode_pairs(tokenizer: Any, pairs: Sequence[tuple[str, str]], **options: Any) -> Any:
    """Return the tokens of pairs, the edit first."""
    return tokenizer(
        [edit for _, edit in pairs],
        [query for query, _ in pairs],
        truncation="longest_first",
        max_length=MAX_TOKENS,
        **options,
    )


def load_body() -> tuple[Any, Any]:
    """Return the embedded body with a fresh head of one logit, and its tokenizer."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = embedded_folder()
    with quiet_transformers():
        model = AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=1, problem_type="multi_label_classification", dtype="float32"
        )
        return model, AutoTokenizer.from_pretrained(folder, truncation_side="left")


def merge(model: Any, adapter: bytes, scale: float) -> None:
    """Add an adapter to the weights of its body.

    Args:
        model: The body.
        adapter: The adapter as a safetensors file, its tensors named as peft does.
        scale: What the product of its factors is multiplied with (alpha / rank).

    Raises:
        ArtifactError: It is damaged or doesn't fit.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    weights = model.state_dict()
    try:
        tensors = {
            name.removeprefix("base_model.model."): tensor.float()
            for name, tensor in load(adapter).items()
        }
        with torch.no_grad():
            if not all(tensor.isfinite().all() for tensor in tensors.values()):
                raise KeyError("numbers that are not finite")
            for name, tensor in tensors.items():
                if name.endswith("lora_A.weight"):
                    module = name.removesuffix(".lora_A.weight")
                    up = tensors[f"{module}.lora_B.weight"]
                    weights[f"{module}.weight"] += scale * (up @ tensor)
                elif name in _HEAD:
                    weights[name].copy_(tensor)
                elif not name.endswith("lora_B.weight"):
                    raise KeyError(name)
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise ArtifactError("the adapter of the scope classifier doesn't fit its body") from error


def _scale(folder: Path, config: dict[str, Any]) -> float:
    """Return LoRA's scale; the numbers of the config are checked.

    Raises:
        ArtifactError: One of them is missing, or no number.
    """
    file = folder / CONFIG_FILE
    try:
        lora, calibration = config["lora"], config["calibration"]
        rank, alpha = lora["rank"], lora["alpha"]
        check_numbers(file, [rank, alpha, calibration["slope"], calibration["offset"]])
        return float(alpha / rank)
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise ArtifactError(f"{file} is damaged; train again") from error


def runtime_of(model: Any, device: str | None, precision: str) -> Runtime:
    """Return what judges with a model, on its device and in its precision."""
    import torch

    place = choose_device(device)
    ready = model.eval().to(place, dtype=getattr(torch, chosen_precision(precision, place)))
    return lambda batch: ready(**batch.to(place)).logits.float().cpu().numpy()


def chosen_precision(precision: str, device: str) -> str:
    """Return ``bfloat16`` or ``float32``; for ``auto`` the faster one on this device."""
    if precision != "auto":
        return precision
    quick = device != "cpu" or has_bfloat16_instructions()
    return "bfloat16" if quick else "float32"
