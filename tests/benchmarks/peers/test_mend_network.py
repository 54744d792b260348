import pytest
import torch

from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.mend_network import (
    MendNetwork,
    edited_matrices,
    gradient_factors,
    updated,
)
from benchmarks.peers.tokens import tokenize

PAIRS = [("Ada lives in", "Rome"), ("The song Ivo is by", "Eve"), ("A", "b"), ("Who?", "Bo")]


@pytest.fixture
def blocks(model):
    return LlamaBlocks(model.requires_grad_(False))


@pytest.fixture
def texts(tokenizer):
    return [tokenize(tokenizer, *pair) for pair in PAIRS]


def disturbed(matrices, size=0.05):
    """Networks that are no longer the identity."""
    torch.manual_seed(1)
    network = MendNetwork(matrices, 4)
    with torch.no_grad():
        for parameter in network.networks.parameters():
            parameter += size * torch.randn_like(parameter)
    return network


def test_the_last_three_blocks_are_edited(blocks):
    matrices = edited_matrices(blocks)
    assert [(m.layer, m.name) for m in matrices[:4]] == [
        (1, "gate_proj"),
        (1, "up_proj"),
        (1, "down_proj"),
        (2, "gate_proj"),
    ]
    assert len(matrices) == 9
    assert len(edited_matrices(blocks, 100)) == 12
    assert set(MendNetwork(matrices, 4).networks) == {"32x48", "48x32"}


def test_the_factors_are_the_gradient(blocks, texts):
    matrices = edited_matrices(blocks)
    raw, _ = gradient_factors(blocks, matrices, texts, 0)
    weights = [blocks.weight(m.layer, m.name).requires_grad_(True) for m in matrices]
    ids, targets = blocks.batch(texts, 0)
    with torch.enable_grad():
        loss = blocks.losses(blocks.run(blocks.embed(ids)), targets).sum()
    for factors, gradient in zip(raw, torch.autograd.grad(loss, weights), strict=True):
        torch.testing.assert_close(factors.update(), gradient, rtol=1e-4, atol=1e-6)


def test_at_first_the_update_is_the_plain_gradient(blocks, texts):
    matrices = edited_matrices(blocks)
    raw, real = gradient_factors(blocks, matrices, texts, 0)
    network = MendNetwork(matrices, 4)
    network.normalise_by([(raw, real)])
    for before, after in zip(raw, network(raw, real), strict=True):
        torch.testing.assert_close(after.update(), before.update(), rtol=1e-3, atol=1e-5)


def test_places_without_a_token_count_for_nothing(blocks, texts):
    matrices = edited_matrices(blocks)
    network = disturbed(matrices)
    together = network(*gradient_factors(blocks, matrices, texts, 0))
    for n, text in enumerate(texts):
        alone = network(*gradient_factors(blocks, matrices, [text], 0))
        for many, one in zip(together, alone, strict=True):
            length = one.inputs.shape[1]
            torch.testing.assert_close(many.inputs[n, :length], one.inputs[0], atol=1e-4, rtol=1e-3)
            assert not many.inputs[n, length:].any()
            assert not many.gradients[n, length:].any()


@pytest.mark.parametrize("size", [1, 2])
def test_a_batch_of_updates_is_as_each_in_a_model_of_its_own(blocks, tokenizer, texts, size):
    matrices = edited_matrices(blocks)
    raw, real = gradient_factors(blocks, matrices, texts, 0)
    updates = [factors.grouped(size) for factors in disturbed(matrices)(raw, real)]
    ids, _ = blocks.batch([tokenize(tokenizer, "Ada is")], 0)
    groups = len(texts) // size
    with torch.no_grad():
        hidden = blocks.run(blocks.embed(ids), end=1).expand(2 * groups, -1, -1)
        with updated(blocks, matrices, updates):
            together = blocks.run(hidden, 1)
        plain = blocks.run(hidden[:1], 1)
        for n in range(groups):
            for matrix, factors in zip(matrices, updates, strict=True):
                change = torch.einsum("to,ti->oi", factors.gradients[n], factors.inputs[n])
                blocks.weight(matrix.layer, matrix.name).sub_(factors.rate * change)
            alone = blocks.run(hidden[:1], 1)[0]
            torch.testing.assert_close(together[2 * n], alone, rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(together[2 * n + 1], alone, rtol=1e-3, atol=1e-4)
            assert not torch.allclose(alone, plain[0], atol=1e-3)
            for matrix, factors in zip(matrices, updates, strict=True):
                change = torch.einsum("to,ti->oi", factors.gradients[n], factors.inputs[n])
                blocks.weight(matrix.layer, matrix.name).add_(factors.rate * change)
