"""LoRA adapters beside a body that others use: the weights are shared, nothing of it is changed."""

from __future__ import annotations

import copy
import re
import threading
from itertools import chain
from typing import Any

from memory_store.errors import ArtifactError
from serac.transformers_base import TransformersBase

_ADAPTING = threading.Lock()
"""Held while an adapter is put beside a body: what the body's tensors are marked by is changed
meanwhile, and put back."""

ENDS = ("bos_token_id", "eos_token_id", "pad_token_id")
"""What an adapter keeps of its body's settings for generation: others were not trained with."""

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a Llama block, by name."""


class AdaptedBase(TransformersBase):
    """A body with a LoRA adapter on it (Hu et al., ICLR 2022).

    It has modules of its own around the very tensors of the body, so one set of weights in memory
    serves both, and the body computes as if there were no adapter.

    Args:
        body: The model that the adapter was trained on.
        name: What to call the adapter.
        adapter: The adapter as a safetensors file, its tensors named as peft does.
        rank: Rank of its factors.
        alpha: Its scale is alpha / rank.
        first_layer: The block that it begins at.

    Raises:
        ArtifactError: The adapter is damaged, or doesn't fit the body.
    """

    def __init__(
        self,
        body: TransformersBase,
        name: str,
        adapter: bytes,
        *,
        rank: int,
        alpha: float,
        first_layer: int = 0,
    ) -> None:
        tensors = _read(adapter, name)
        super().__init__(
            _adapted(body.model, name, tensors, rank, alpha, first_layer),
            body.tokenizer,
            max_new_tokens=body.max_new_tokens,
            name=f"{body.name} with {name}",
            prompting="completion",
        )


def _read(adapter: bytes, name: str) -> dict[str, Any]:
    """Return the tensors of an adapter's file, in float32."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        found = {
            key.removeprefix("base_model.model."): t.float() for key, t in load(adapter).items()
        }
    except SafetensorError as error:
        raise ArtifactError(f"the {name} adapter is damaged ({error}); train again") from error
    if not all(tensor.isfinite().all() for tensor in found.values()):
        raise ArtifactError(f"the {name} adapter is damaged; train again")
    return found


def _adapted(
    model: Any, name: str, tensors: dict[str, Any], rank: int, alpha: float, first_layer: int
) -> Any:
    """Return a model around the tensors of another, with an adapter on its linear layers."""
    with _ADAPTING:
        return _put_on(model, name, tensors, rank, alpha, first_layer)


def _put_on(
    model: Any, name: str, tensors: dict[str, Any], rank: int, alpha: float, first_layer: int
) -> Any:
    from peft import inject_adapter_in_model, set_peft_model_state_dict
    from transformers import GenerationConfig

    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if shapes != _shapes(model, rank, first_layer):
        raise ArtifactError(f"the {name} adapter doesn't fit its body; train again")
    shared = list(chain(model.parameters(), model.buffers()))
    wanted_gradients = [tensor.requires_grad for tensor in shared]
    twin = copy.deepcopy(model, {id(tensor): tensor for tensor in shared})
    ends = {key: getattr(model.generation_config, key) for key in ENDS}
    twin.generation_config = GenerationConfig(**ends)
    inject_adapter_in_model(lora_config(model, rank, alpha, first_layer), twin, name)
    set_peft_model_state_dict(twin, tensors, name)
    for tensor, wanted in zip(shared, wanted_gradients, strict=True):  # peft freezes them
        tensor.requires_grad_(wanted)
    return twin.requires_grad_(False) if not any(wanted_gradients) else twin


def lora_config(model: Any, rank: int, alpha: float, first_layer: int = 0) -> Any:
    """Return peft's config of an adapter on the linear layers of a model.

    Args:
        model: A causal LM.
        rank: Rank of the factors.
        alpha: The scale is alpha / rank.
        first_layer: The block that it begins at; the blocks before stay as they are.
    """
    from peft import LoraConfig

    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=list(TARGETS),
        layers_to_transform=list(range(first_layer, model.config.num_hidden_layers)),
        lora_dropout=0.0,
    )


def _shapes(model: Any, rank: int, first_layer: int) -> dict[str, tuple[int, int]]:
    """Return the shapes that the factors of an adapter must have, by name."""
    shapes = {}
    for path, layer in model.named_modules():
        block = re.search(r"\.layers\.(\d+)\.", path)
        if block and int(block[1]) >= first_layer and path.rpartition(".")[2] in TARGETS:
            shapes[f"{path}.lora_A.weight"] = (rank, layer.in_features)
            shapes[f"{path}.lora_B.weight"] = (layer.out_features, rank)
    return shapes
