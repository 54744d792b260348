import numpy as np
from fakes import FakeEncoder, FakeScorer

from benchmarks.remembering import RememberingEncoder, RememberingScorer
from classifiers import ScopeScorer
from memory_store import Encoder


class CountingEncoder(FakeEncoder):
    def __init__(self):
        super().__init__()
        self.texts = []

    def encode(self, texts):
        self.texts += texts
        return super().encode(texts)


def test_a_text_is_encoded_once():
    inner = CountingEncoder()
    encoder: Encoder = RememberingEncoder(inner)
    first = encoder.encode(["a b", "c", "a b"])
    assert np.array_equal(first, FakeEncoder().encode(["a b", "c", "a b"]))
    assert np.array_equal(encoder.encode(["c", "d"])[0], first[1])
    assert inner.texts == ["a b", "c", "d"]
    assert encoder.encode([]).shape == (0, inner.dimension)
    assert (encoder.fingerprint, encoder.dimension) == (inner.fingerprint, inner.dimension)


def test_a_pair_is_judged_once():
    inner = FakeScorer()
    scorer: ScopeScorer = RememberingScorer(inner)
    pairs = [("red boat", "red"), ("blue boat", "red"), ("red boat", "red")]
    assert scorer.score(pairs).tolist() == [1.0, 0.0, 1.0]
    assert scorer.score([*pairs, ("red", "red boat")]).tolist() == [1.0, 0.0, 1.0, 0.5]
    assert [len(call) for call in inner.calls] == [2, 1]
    assert scorer.score([]).shape == (0,)
