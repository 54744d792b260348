import numpy as np
import pytest
import torch

from benchmarks.peers.edited_weights import KeptWeights, WeightsModel
from memory_store.errors import InvalidQueryError

PAIRS = [("Ada lives in", "Rome"), ("A", "b"), ("The longest of all the prompts is", "this one")]


def test_a_batch_is_as_one_by_one(model, tokenizer):
    edited = WeightsModel(model, tokenizer, batch_size=2)
    alone = [edited.log_probabilities([pair])[0] for pair in PAIRS]
    found = edited.log_probabilities(PAIRS)
    np.testing.assert_allclose(found, alone, rtol=1e-4)
    assert found.shape == (3,)
    assert (found < 0).all()


def test_a_batch_is_generated_as_one_by_one(model, tokenizer):
    edited = WeightsModel(model, tokenizer, batch_size=3)
    prompts = [prompt for prompt, _ in PAIRS]
    alone = [edited.generate([prompt], 6)[0] for prompt in prompts]
    assert edited.generate(prompts, 6) == alone


def test_no_tokens_can_not_be_asked_for(model, tokenizer):
    with pytest.raises(InvalidQueryError, match="max_new_tokens"):
        WeightsModel(model, tokenizer).generate(["a"], 0)


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
