"""The second moment of an MLP's keys: which inputs a down projection is used to.

Meng et al. 2022 take it of Wikipedia. No corpus is at hand here, so it is taken of text that the
model writes by itself, drawn from its own probabilities.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.sampled_text import sampled_tokens
from memory_store.errors import ArtifactError

LENGTH = 128
BATCH = {"cuda": 256, "cpu": 128}
"""Texts that are written at once; it decides, beside the seed, what is drawn."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SecondMoments:
    """The second moment of the inputs of a block's down projection.

    Attributes:
        matrix: (k, k) mean of the outer products of keys with themselves, float64, on the CPU.
        tokens: How many keys it is the mean of.
    """

    matrix: torch.Tensor
    tokens: int

    def inverse_times(self, keys: torch.Tensor, ridge: float) -> torch.Tensor:
        """Return the (n, k) products of the inverse with (n, k) keys, float64, on the CPU.

        Args:
            keys: The keys.
            ridge: Share of the mean of the diagonal that is added to the diagonal first: few
                tokens, or keys that are nearly never used, make the matrix all but singular.
        """
        size = len(self.matrix)
        ridged = self.matrix + ridge * self.matrix.diagonal().mean() * torch.eye(size).double()
        factor = torch.linalg.cholesky(ridged)
        return torch.cholesky_solve(keys.double().cpu().T, factor).T


def second_moments(
    blocks: LlamaBlocks,
    tokenizer: Any,
    layer: int,
    *,
    tokens: int,
    seed: int,
    file: Path | None = None,
) -> SecondMoments:
    """Return a block's second moments: those in the file, where it has them, or new ones.

    Args:
        blocks: The model, unedited.
        tokenizer: Its tokenizer.
        layer: The block.
        tokens: How many keys to take, rounded up to whole texts.
        seed: Decides what the model writes.
        file: Where to keep them, as safetensors; nowhere when ``None``.

    Raises:
        ArtifactError: The file holds those of another model, block, number of tokens, batch or
            seed, or is damaged.
    """
    made_of = {
        "model": blocks.fingerprint(),
        "batch": str(_texts_at_once(blocks)),
        "layer": str(layer),
        "wanted": str(tokens),
        "seed": str(seed),
    }
    if file is not None and file.exists():
        return _read(file, made_of, blocks.projection(layer).in_features)
    made = measured(blocks, tokenizer, layer, tokens, seed)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        content = save(
            {"second_moment": made.matrix.float()}, metadata={**made_of, "tokens": str(made.tokens)}
        )
        aside = file.with_name(f".{file.name}.part")
        aside.write_bytes(content)
        aside.replace(file)
        # Float32 is what the file holds; a later run from the file is to be the same as this one.
        return _read(file, made_of, blocks.projection(layer).in_features)
    return made


@torch.no_grad()
def measured(
    blocks: LlamaBlocks, tokenizer: Any, layer: int, tokens: int, seed: int
) -> SecondMoments:
    """Have the model write, and return the second moments of the keys of what it wrote."""
    size = blocks.projection(layer).in_features
    total = torch.zeros(size, size, dtype=torch.float64)
    at_once = _texts_at_once(blocks)
    done = 0
    while done < tokens:
        texts = min(at_once, -(-(tokens - done) // LENGTH))
        ids = sampled_tokens(blocks.model, tokenizer, texts, LENGTH, seed + done)
        keys = keys_of(blocks, layer, blocks.run(blocks.embed(ids), end=layer))
        flat = keys.reshape(-1, size)
        total += (flat.T @ flat).double().cpu()
        done += len(flat)
        log.info("block %d: second moments of %d of %d tokens", layer, done, tokens)
    return SecondMoments(total / done, done)


def _texts_at_once(blocks: LlamaBlocks) -> int:
    return BATCH.get(blocks.device.type, BATCH["cpu"])


def keys_of(blocks: LlamaBlocks, layer: int, hidden: torch.Tensor) -> torch.Tensor:
    """Return the (n, t, k) inputs of a block's down projection, from what goes into the block."""
    return keys_and_output(blocks, layer, hidden)[0]


def keys_and_output(
    blocks: LlamaBlocks, layer: int, hidden: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the (n, t, k) inputs of a block's down projection, and what leaves the block."""
    seen: list[torch.Tensor] = []

    def see(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        seen.append(inputs[0])

    hook = blocks.projection(layer).register_forward_pre_hook(see)
    try:
        output = blocks.run(hidden, layer, layer + 1)
    finally:
        hook.remove()
    return seen[0], output


def _read(file: Path, wanted: dict[str, str], size: int) -> SecondMoments:
    """Return second moments from a file, if they are those that are wanted."""
    if file.is_dir():
        raise ArtifactError(f"{file} is a folder; name a file")
    try:
        with safe_open(file, framework="pt", device="cpu") as opened:
            noted = dict(opened.metadata() or {})
            matrix = opened.get_tensor("second_moment").double()
        tokens = int(noted["tokens"])
        torch.linalg.cholesky(matrix + 1e-4 * matrix.diagonal().mean() * torch.eye(len(matrix)))
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ArtifactError(f"{file} is damaged; remove it, and it is made again") from error
    if {name: noted.get(name) for name in wanted} != wanted:
        raise ArtifactError(
            f"{file} holds the second moments of another model, block, number of tokens, batch or "
            "seed; remove it, or name another file"
        )
    if len(matrix) != size:
        raise ArtifactError(f"{file} is damaged; remove it, and it is made again")
    return SecondMoments(matrix, tokens)
