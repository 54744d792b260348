"""A Llama-shaped model run block by block, so that what an edit leaves alone is run only once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.peers.tokens import Targets, TokenizedText, padded, targets_of
from memory_store.errors import ModelError

PROJECTIONS = ("gate_proj", "up_proj", "down_proj")


@contextmanager
def quick_products(device: torch.device) -> Iterator[None]:
    """Let a CUDA device multiply float32 as TF32 for a while: ten bits instead of 23, and faster.

    For what is searched for or averaged over noise, not for what is looked up or compared.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class LlamaBlocks:
    """The parts of a causal LM of transformers that is built as Llama is.

    Rows are filled up on the right and no attention mask is given: the attention is causal, so a
    token never sees what comes after it.

    Args:
        model: The model, in float32, already on its device.

    Attributes:
        model: It.
        depth: How many blocks it has.
        device: Where it is.

    Raises:
        ModelError: It is built otherwise, or in another precision.
    """

    def __init__(self, model: Any) -> None:
        try:
            blocks = model.model.layers
            [getattr(block.mlp, name) for block in blocks for name in PROJECTIONS]
            self._parts = (model.model.embed_tokens, model.model.norm, model.model.rotary_emb)
            weight = model.lm_head.weight
        except AttributeError as error:
            raise ModelError(
                f"{type(model).__name__} is not built as Llama is; edit another model"
            ) from error
        if weight.dtype != torch.float32:
            raise ModelError(f"the model is in {weight.dtype}; call its float() before editing it")
        self.model = model
        self.blocks = blocks
        self.depth = len(blocks)
        self.device: torch.device = weight.device

    def check_layer(self, layer: int) -> int:
        """Return the number of a block as it was given.

        Raises:
            ModelError: There is no such block.
        """
        if not 0 <= layer < self.depth:
            raise ModelError(f"there is no block {layer}; name one of 0 to {self.depth - 1}")
        return layer

    def projection(self, layer: int, name: str = "down_proj") -> torch.nn.Linear:
        """Return a projection of a block's MLP: ``gate_proj``, ``up_proj`` or ``down_proj``."""
        found: torch.nn.Linear = getattr(self.blocks[self.check_layer(layer)].mlp, name)
        return found

    def weight(self, layer: int, name: str = "down_proj") -> torch.nn.Parameter:
        """Return the (out, in) weight of a projection of a block's MLP."""
        found: Any = self.projection(layer, name).weight
        if not isinstance(found, torch.nn.Parameter):
            raise ModelError(f"the weights of block {layer} are packed; load the plain model")
        return found

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Return (n, t, d) embeddings of (n, t) tokens."""
        embedded: torch.Tensor = self._parts[0](ids)
        return embedded

    def run(
        self,
        hidden: torch.Tensor,
        first: int = 0,
        end: int | None = None,
        *,
        places: torch.Tensor | None = None,
        allowed: torch.Tensor | None = None,
        cache: Any = None,
    ) -> torch.Tensor:
        """Run (n, t, d) hidden states through the blocks ``first`` to ``end``, this one left out.

        Args:
            hidden: What goes into block ``first``.
            first: The first block.
            end: The block to stop before; all that are left when ``None``.
            places: (n, t) places of the states in their rows; 0 to t - 1 when ``None``.
            allowed: (n, t, k) which keys each state may attend to, where a cache puts others
                before the t of its row; those up to its own place when ``None``.
            cache: What keys and values go through, with the ``update`` of a ``Cache`` of
                transformers; they are used as they are made when ``None``.
        """
        if places is None:
            places = torch.arange(hidden.shape[1], device=hidden.device)[None]
        arguments = {
            "position_embeddings": self._parts[2](hidden, position_ids=places),
            "position_ids": places,
            "attention_mask": self._mask(hidden, allowed),
            "past_key_values": cache,
            "use_cache": cache is not None,
        }
        for block in self.blocks[first:end]:
            out = block(hidden, **arguments)
            hidden = out[0] if isinstance(out, tuple) else out
        return hidden

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return (..., v) logits of (..., d) hidden states that left the last block."""
        logits: torch.Tensor = self.model.lm_head(self._parts[1](hidden))
        return logits

    def losses(self, hidden: torch.Tensor, targets: Targets) -> torch.Tensor:
        """Return the (n,) mean negative log-probability of a token of each row's continuation.

        Logits are made for the places that predict one alone.
        """
        logits = self.logits(hidden[targets.rows, targets.places])
        each = torch.nn.functional.cross_entropy(logits, targets.tokens, reduction="none")
        return targets.mean_by_row(each)

    def batch(self, texts: Sequence[TokenizedText], padding: int) -> tuple[torch.Tensor, Targets]:
        """Return (n, t) tokens and targets of texts, on the model's device."""
        return padded(texts, padding, self.device), targets_of(texts, self.device)

    def fingerprint(self) -> str:
        """Return what names the weights: a hash of the embeddings and the down projections."""
        digest = hashlib.sha256()
        for weight in [
            self._parts[0].weight,
            *(self.projection(layer).weight for layer in range(self.depth)),
        ]:
            digest.update(weight.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:24]

    def _mask(self, hidden: torch.Tensor, allowed: torch.Tensor | None) -> torch.Tensor | None:
        """Return the mask that the attention wants; torch's own makes a causal one itself."""
        sdpa = self.model.config._attn_implementation == "sdpa"
        if allowed is None:
            if sdpa:
                return None
            length = hidden.shape[1]
            allowed = torch.ones(1, length, length, dtype=torch.bool, device=hidden.device).tril()
        if sdpa:
            return allowed[:, None]
        lowest = torch.finfo(hidden.dtype).min
        return torch.zeros_like(allowed, dtype=hidden.dtype).masked_fill(~allowed, lowest)[:, None]
