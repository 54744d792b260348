import pytest
import torch

from benchmarks.peers.llama_blocks import LlamaBlocks
from benchmarks.peers.row_ends import RowEnds
from benchmarks.peers.tokens import tokenize

TEXTS = ("Ada lives in Rome", "A", "Ivo lives by the sea, and Ada lives")


def whole_rows(model, tokenizer, first):
    blocks = LlamaBlocks(model)
    texts = [tokenize(tokenizer, text) for text in TEXTS]
    ids, _ = blocks.batch(texts, 0)
    with torch.no_grad():
        hidden = blocks.run(blocks.embed(ids), end=first)
    return blocks, hidden, [len(text.ids) for text in texts]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("starts", [(2, 0, 5), (0, 0, 0)])
@pytest.mark.parametrize("first", [0, 2, 4])
def test_ends_are_as_the_whole_rows(model, tokenizer, attention, starts, first):
    model.set_attn_implementation(attention)
    blocks, hidden, lengths = whole_rows(model, tokenizer, first)
    places = torch.tensor(starts)
    ends = RowEnds(blocks, hidden, torch.tensor(lengths), places, first)
    change = torch.randn(len(TEXTS), 1, hidden.shape[2], requires_grad=True)
    found = ends.run(torch.cat([ends.hidden[:, :1] + change, ends.hidden[:, 1:]], 1))
    rows = torch.arange(len(TEXTS))
    whole = blocks.run(hidden.index_put((rows, places), change[:, 0], accumulate=True), first)
    gradients = []
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        one, other = found[row, : length - start], whole[row, start:length]
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        gradients.append(
            [
                torch.autograd.grad(part.square().sum(), change, retain_graph=True)[0]
                for part in (one, other)
            ]
        )
    for one, other in gradients:
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
