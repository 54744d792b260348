"""LoRA adapters beside a body that others share: on for one answer, off for everybody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from memory_store.errors import ArtifactError
from serac.transformers_base import TransformersBase

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a Llama block, by name."""


class AdaptedBase(TransformersBase):
    """A body with a LoRA adapter on it (Hu et al., ICLR 2022).

    The body's own weights are neither changed nor copied. The adapter is on only while this
    model writes; the body waits meanwhile, and computes without it as if it were not there.

    Args:
        body: The model that the adapter was trained on.
        name: What to call the adapter; one that is on the body already is not put on again.
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
        super().__init__(
            body.model,
            body.tokenizer,
            max_new_tokens=body.max_new_tokens,
            name=f"{body.name} with {name}",
            prompting="completion",
            **body.generation,
        )
        self._one_at_a_time = body._one_at_a_time
        self._adapter = name
        tensors = _read(adapter, name)
        with self._one_at_a_time:
            _put_on(body.model, name, tensors, rank, alpha, first_layer)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the model for one answer, with the adapter on."""
        with self._one_at_a_time:
            layers = _adapted_layers(self.model)
            for layer in layers:
                layer.set_adapter(self._adapter, inference_mode=True)
                layer.enable_adapters(True)
            try:
                yield
            finally:
                _switch_off(layers)


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


def _put_on(
    model: Any, name: str, tensors: dict[str, Any], rank: int, alpha: float, first_layer: int
) -> None:
    """Put an adapter around the linear layers of a model, switched off."""
    from peft import inject_adapter_in_model, set_peft_model_state_dict

    if any(name in layer.lora_A for layer in _adapted_layers(model)):
        return
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    if shapes != _shapes(model, rank, first_layer):
        raise ArtifactError(f"the {name} adapter doesn't fit its body; train again")
    inject_adapter_in_model(lora_config(model, rank, alpha, first_layer), model, name)
    set_peft_model_state_dict(model, tensors, name)
    _switch_off(_adapted_layers(model))
    model.eval()


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


def _adapted_layers(model: Any) -> list[Any]:
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [module for module in model.modules() if isinstance(module, BaseTunerLayer)]


def _switch_off(layers: list[Any]) -> None:
    for layer in layers:
        layer.enable_adapters(False)
