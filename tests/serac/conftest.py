"""Shared by the tests of who answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOR_TINY_LLAMA = {"rank": 2, "alpha": 4, "first_layer": 0}


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Run models on one thread: on few cores with other work, two wait for each other.

    A tiny model, or one token at a time, gains nothing from more.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def adapter_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes an artifact whose adapter, of random weights, fits the embedded model's tiny stand-in.

    A decomposer's gate lets every question through, or none, and is sure of all or of none.
    Further arguments go to the config.
    """

    def write(
        kind: str = "decomposer", *, passes: bool = True, sure: bool = False, **config: Any
    ) -> Path:
        folder = tmp_path / kind
        folder.mkdir()
        adapter = _random_adapter()
        (folder / "adapter_model.safetensors").write_bytes(adapter)
        facts: dict[str, Any] = {
            "format": 1,
            "kind": kind,
            "body": _fingerprint(),
            "lora": FOR_TINY_LLAMA,
            "model_sha256": hashlib.sha256(adapter).hexdigest(),
        }
        if kind == "decomposer":
            facts["gate"] = _gate(folder, passes, sure)
        (folder / "config.json").write_text(json.dumps({**facts, **config}), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def stand_in() -> Any:
    """A tiny model of random weights that passes for the embedded one."""
    from tiny_models import byte_tokenizer, tiny_llama

    from serac.transformers_base import TransformersBase

    return TransformersBase(
        tiny_llama(257, positions=2048),
        byte_tokenizer(),
        max_new_tokens=8,
        name="tiny",
        fingerprint=_fingerprint(),
        prompting="completion",
    )


def _fingerprint() -> str:
    from serac.embedded import FINGERPRINT

    return FINGERPRINT


def _random_adapter() -> bytes:
    import torch
    from peft import get_peft_model, get_peft_model_state_dict
    from safetensors.torch import save
    from tiny_models import tiny_llama

    from serac.adapters import lora_config

    model = tiny_llama(257)
    tuned = get_peft_model(model, lora_config(model, **FOR_TINY_LLAMA))
    tensors = get_peft_model_state_dict(tuned)
    torch.manual_seed(1)
    return bytes(save({name: torch.randn_like(tensor) for name, tensor in tensors.items()}))


def _gate(folder: Path, passes: bool, sure: bool) -> dict[str, Any]:
    import numpy as np
    from safetensors.numpy import save

    from mello.gate import FEATURES, GATE_FILE

    content = save({"weights": np.zeros(FEATURES, dtype=np.float16)})
    (folder / GATE_FILE).write_bytes(content)
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bias": 5.0 if passes else -5.0,
        "threshold": 0.5,
        "sure": 0.0 if sure else 1.5,
    }
