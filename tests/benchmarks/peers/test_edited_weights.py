import torch

from benchmarks.peers.edited_weights import KeptWeights


def test_weights_come_back_bit_for_bit(model):
    kept = KeptWeights()
    weight = model.model.layers[1].mlp.down_proj.weight
    old = weight.detach().clone()
    kept.keep(weight)
    with torch.no_grad():
        weight += 0.1
    assert torch.equal(kept.keep(weight), old)
    kept.restore()
    assert torch.equal(weight, old)
    assert len(kept) == 0
