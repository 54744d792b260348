import gc
import time

import pytest
import torch
from tiny_models import tiny_base

from benchmarks.peers.costs import Original, measured


def test_time_and_memory_of_a_block_are_measured():
    gc.collect()  # what earlier tests left would be given back meanwhile
    with measured("cpu") as cost:
        time.sleep(0.02)
        held = bytearray(b"x" * 200_000_000)
    assert cost.seconds > 0.02
    assert cost.mib > 20
    assert held


@pytest.fixture
def original():
    base = tiny_base()
    return Original(base.model, base.tokenizer, ("Oslo is", "a"))


def test_a_model_is_as_it_was_only_bit_for_bit(original):
    assert original.is_back()
    weight = original.model.model.layers[1].mlp.down_proj.weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight[0, 0] += 1e-6
    assert not original.is_back()
    assert original.changed_bytes() == weight.nbytes
    with torch.no_grad():
        weight.copy_(before)
    assert original.is_back()


def test_a_hook_that_is_left_shows_in_the_logits(original):
    hook = original.model.lm_head.register_forward_hook(lambda module, given, told: told + 1)
    assert original.changed_bytes() == 0
    assert not original.is_back()
    hook.remove()
    assert original.is_back()


def test_a_weight_that_is_no_number_is_like_itself(original):
    with torch.no_grad():
        original.model.lm_head.weight.fill_(float("nan"))
    again = Original(original.model, lambda text, **_: {"input_ids": torch.tensor([[1]])}, ("a",))
    assert again.is_back()
    assert not original.is_back()
