"""MEND's networks, which turn the gradient of an edit into an update that generalises.

Mitchell et al., *Fast Model Editing at Scale*, ICLR 2022, section 3. The gradient of a matrix is a
sum over tokens of outer products: of what went in, u, and of the gradient of what came out, δ. A
network maps each pair to another pair, the same one for all matrices of one shape, with a scale
and an offset of each matrix's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from benchmarks.peers.llama_blocks import PROJECTIONS, LlamaBlocks
from benchmarks.peers.tokens import TokenizedText

LAST_BLOCKS = 3
"""Of so many blocks at the end every projection of the MLP is edited: gate, up and down."""

SMALLEST = 1e-3
"""Least spread of a feature, as a share of all features' mean: some are next to constant."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix that is edited.

    Attributes:
        layer: Its block.
        name: Which projection it is.
        inputs: Size of what goes in.
        outputs: Size of what comes out.
    """

    layer: int
    name: str
    inputs: int
    outputs: int

    @property
    def shape_name(self) -> str:
        """What the network is called that it shares with all of its shape."""
        return f"{self.inputs}x{self.outputs}"


@dataclass(frozen=True, slots=True)
class Factors:
    """The update of one matrix as a sum of outer products, for each of n groups of edits.

    Attributes:
        inputs: (n, t, in) u, or what the network made of it; 0 where a place has no token.
        gradients: (n, t, out) δ, or what the network made of it; 0 where a place has no token.
        rate: How much of the sum is taken off the weight: a number, or a tensor of one.
    """

    inputs: torch.Tensor
    gradients: torch.Tensor
    rate: torch.Tensor | float = 1.0

    def grouped(self, size: int) -> Factors:
        """Return the factors of groups of ``size`` edits, whose updates are summed."""
        count = len(self.inputs) // size
        return Factors(
            self.inputs.reshape(count, -1, self.inputs.shape[-1]),
            self.gradients.reshape(count, -1, self.gradients.shape[-1]),
            self.rate,
        )

    def update(self) -> torch.Tensor:
        """Return the (out, in) sum over all groups and tokens, times the rate."""
        return self.rate * torch.einsum("nto,nti->oi", self.gradients, self.inputs)

    def output(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return what the update adds to the output for rows of inputs, each under its own group.

        Args:
            inputs: (n * r, s, in) inputs, the r rows of a group after one another.
        """
        groups = len(self.inputs)
        rows = inputs.reshape(groups, -1, inputs.shape[-1])
        # Never as matrices: a group's update has the rank of its tokens.
        out = -self.rate * (rows @ self.inputs.mT) @ self.gradients
        return out.reshape(*inputs.shape[:-1], -1)


def edited_matrices(blocks: LlamaBlocks, last: int = LAST_BLOCKS) -> tuple[Matrix, ...]:
    """Return the matrices that are edited: the MLP's projections of the last blocks."""
    found = []
    for layer in range(max(0, blocks.depth - last), blocks.depth):
        for name in PROJECTIONS:
            projection = blocks.projection(layer, name)
            found.append(Matrix(layer, name, projection.in_features, projection.out_features))
    return tuple(found)


class FactorNetwork(torch.nn.Module):
    """Maps the pairs (u, δ) of matrices of one shape: two residual layers of low rank.

    z ← z + f(s ⊙ (U V z + b) + o), with f the ramp in the first layer and nothing in the second,
    so that a feature can go either way. U begins at 0: at first it is the identity.

    Args:
        width: Size of u and δ together.
        matrices: How many matrices share it.
        rank: Rank of U V.
    """

    def __init__(self, width: int, matrices: int, rank: int) -> None:
        super().__init__()
        self.narrow = torch.nn.Parameter(torch.randn(2, width, rank) / math.sqrt(width))
        self.widen = torch.nn.Parameter(torch.zeros(2, rank, width))
        self.bias = torch.nn.Parameter(torch.zeros(2, width))
        self.scale = torch.nn.Parameter(torch.ones(matrices, 2, width))
        self.offset = torch.nn.Parameter(torch.zeros(matrices, 2, width))

    def forward(self, pairs: torch.Tensor, matrix: int) -> torch.Tensor:
        """Return (..., width) pairs for (..., width) pairs of the n-th matrix that shares it."""
        for n in range(2):
            inner = pairs @ self.narrow[n] @ self.widen[n] + self.bias[n]
            step = inner * self.scale[matrix, n] + self.offset[matrix, n]
            # Not relu: at 0, where everything begins, it lets no gradient through.
            pairs = pairs + (step.clamp(min=0) if n == 0 else step)
        return pairs


class MendNetwork(torch.nn.Module):
    """The networks of all shapes, the edit rates, and what the pairs are normalised by.

    A pair is brought to mean 0 and spread 1 of each feature, mapped, and brought back; so at first
    the update is the plain gradient, times the matrix's rate.

    Args:
        matrices: The matrices that are edited.
        rank: Rank of the networks' layers.
    """

    means: torch.Tensor
    spreads: torch.Tensor

    def __init__(self, matrices: Sequence[Matrix], rank: int) -> None:
        super().__init__()
        self.matrices = tuple(matrices)
        shapes = [matrix.shape_name for matrix in self.matrices]
        self.places = [shapes[:n].count(shape) for n, shape in enumerate(shapes)]
        widths = {m.shape_name: m.inputs + m.outputs for m in self.matrices}
        self.networks = torch.nn.ModuleDict(
            {
                shape: FactorNetwork(width, shapes.count(shape), rank)
                for shape, width in widths.items()
            }
        )
        self.log_rates = torch.nn.Parameter(torch.zeros(len(shapes)))
        widest = max(widths.values())
        self.register_buffer("means", torch.zeros(len(shapes), widest))
        self.register_buffer("spreads", torch.ones(len(shapes), widest))

    def forward(self, raw: Sequence[Factors], real: torch.Tensor) -> list[Factors]:
        """Return the updates of n edits, each alone.

        Args:
            raw: The gradient of each matrix; see :func:`gradient_factors`.
            real: (n, t) whether a place has a token with a gradient.
        """
        return [self._mapped(n, factors, real[..., None]) for n, factors in enumerate(raw)]

    def _mapped(self, n: int, raw: Factors, real: torch.Tensor) -> Factors:
        matrix = self.matrices[n]
        width = matrix.inputs + matrix.outputs
        mean, spread = self.means[n, :width], self.spreads[n, :width]
        pairs = (torch.cat([raw.inputs, raw.gradients], dim=-1) - mean) / spread
        mapped = self.networks[matrix.shape_name](pairs, self.places[n])
        back = torch.where(real, mapped * spread + mean, 0.0)
        inputs, gradients = back.split([matrix.inputs, matrix.outputs], dim=-1)
        return Factors(inputs, gradients, self.log_rates[n].exp())

    @torch.no_grad()
    def normalise_by(self, seen: Sequence[tuple[Sequence[Factors], torch.Tensor]]) -> None:
        """Take the means and spreads of pairs: (gradients of all matrices, real places) each."""
        for n, matrix in enumerate(self.matrices):
            pairs = torch.cat(
                [torch.cat([raw[n].inputs, raw[n].gradients], dim=-1)[real] for raw, real in seen]
            )
            spreads = pairs.std(0, correction=0)
            for part in spreads.split([matrix.inputs, matrix.outputs]):
                part.clamp_(min=float(SMALLEST * part.mean()) or 1.0)
            self.means[n, : len(spreads)] = pairs.mean(0)
            self.spreads[n, : len(spreads)] = spreads


def gradient_factors(
    blocks: LlamaBlocks, matrices: Sequence[Matrix], texts: Sequence[TokenizedText], padding: int
) -> tuple[list[Factors], torch.Tensor]:
    """Return the gradient of each matrix as factors, of each of n edits alone, and the real places.

    The loss is the mean negative log-probability of a token of the edit's object. The weights need
    no gradients: those of what came out of each projection are all that is taken.

    Returns:
        The factors of each matrix, and (n, t) whether a place has a token with a gradient.
    """
    first = min(matrix.layer for matrix in matrices)
    with torch.no_grad():
        ids, targets = blocks.batch(texts, padding)
        hidden = blocks.run(blocks.embed(ids), end=first)
    seen: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def seer(n: int) -> Callable[..., None]:
        def see(module: torch.nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
            seen[n] = (inputs[0].detach(), output)

        return see

    hooks = [
        blocks.projection(m.layer, m.name).register_forward_hook(seer(n))
        for n, m in enumerate(matrices)
    ]
    try:
        with torch.enable_grad():
            loss = blocks.losses(blocks.run(hidden.requires_grad_(True), first), targets).sum()
        gradients = torch.autograd.grad(loss, [seen[n][1] for n in range(len(matrices))])
    finally:
        for hook in hooks:
            hook.remove()
    lengths = torch.tensor([len(text.ids) for text in texts], device=blocks.device)
    # A text's last token predicts nothing, so it has no gradient either.
    real = torch.arange(ids.shape[1], device=blocks.device)[None] < lengths[:, None] - 1
    return [Factors(seen[n][0], gradients[n]) for n in range(len(matrices))], real


@contextmanager
def updated(
    blocks: LlamaBlocks, matrices: Sequence[Matrix], updates: Sequence[Factors]
) -> Iterator[None]:
    """Have the blocks run as if each group of rows had a model with its own update.

    Inside, what is run must be (n * r, s, d) hidden states: the r rows of each of the n groups
    that the updates have, after one another. Gradients flow into the updates.
    """

    def adder(factors: Factors) -> Callable[..., torch.Tensor]:
        def add(
            module: torch.nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor
        ) -> torch.Tensor:
            return output + factors.output(inputs[0])

        return add

    hooks = [
        blocks.projection(m.layer, m.name).register_forward_hook(adder(factors))
        for m, factors in zip(matrices, updates, strict=True)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
