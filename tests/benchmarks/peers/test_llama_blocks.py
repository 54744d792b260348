import pytest
import torch
from tiny_models import tiny_gpt2

from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.tokens import tokenize
from memory_store.errors import ModelError


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_run_block_by_block_it_is_the_model(model, tokenizer, attention):
    model.set_attn_implementation(attention)
    blocks = LlamaBlocks(model)
    texts = [tokenize(tokenizer, "Ada lives in"), tokenize(tokenizer, "A", "b")]
    ids, _ = blocks.batch(texts, 0)
    with torch.no_grad():
        half = blocks.run(blocks.embed(ids), end=2)
        logits = blocks.logits(blocks.run(half, 2))
        for row, text in enumerate(texts):
            alone = model(torch.tensor([text.ids])).logits[0]
            torch.testing.assert_close(logits[row, : len(text.ids)], alone)


def test_a_loss_is_the_mean_over_the_continuation(model, tokenizer):
    blocks = LlamaBlocks(model)
    texts = [tokenize(tokenizer, "Ada", "Rome"), tokenize(tokenizer, "Ivo lives", "by")]
    ids, targets = blocks.batch(texts, 0)
    with torch.no_grad():
        losses = blocks.losses(blocks.run(blocks.embed(ids)), targets)
        logs = model(torch.tensor([texts[0].ids])).logits[0].log_softmax(-1)
    places = range(texts[0].read, len(texts[0].ids))
    by_hand = -torch.stack([logs[n - 1, texts[0].ids[n]] for n in places]).mean()
    torch.testing.assert_close(losses[0], by_hand)


def test_the_fingerprint_changes_with_a_weight(model):
    blocks = LlamaBlocks(model)
    before = blocks.fingerprint()
    with torch.no_grad():
        blocks.projection(2).weight[0, 0] += 1
    assert blocks.fingerprint() != before


def test_another_build_is_refused():
    with pytest.raises(ModelError, match="not built as Llama is"):
        LlamaBlocks(tiny_gpt2(300))


def test_another_precision_is_refused(model):
    with pytest.raises(ModelError, match=r"call its float\(\)"):
        LlamaBlocks(model.half())


def test_a_block_that_is_not_there_is_refused(model):
    with pytest.raises(ModelError, match="one of 0 to 3"):
        LlamaBlocks(model).projection(4)
