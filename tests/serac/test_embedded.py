import os
import resource
import shutil
from pathlib import Path

import pytest
import torch
from tiny_models import byte_tokenizer, tiny_llama

from memory_store.errors import ArtifactError, MissingModelError, ModelError
from serac.conversation import Turn
from serac.embedded import (
    GGUF_FILE,
    INSTALL_LINE,
    MARK,
    cache_folder,
    converted_folder,
    installed_gguf,
    keep,
    load_embedded_base,
    read_gguf,
)

HELLO = (Turn("user", "Where is the Space Needle?"),)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("ERRATA_CACHE", str(folder))
    return folder


def test_the_cache_can_be_put_elsewhere(cache):
    assert cache_folder() == cache


def test_the_cache_is_the_users_own_otherwise(monkeypatch):
    monkeypatch.delenv("ERRATA_CACHE", raising=False)

    assert cache_folder().name == "errata"
    assert cache_folder().is_absolute()


def test_a_missing_package_is_answered_with_the_install_line():
    with pytest.raises(MissingModelError, match=f"run: {INSTALL_LINE}$"):
        installed_gguf("no_such_package_anywhere")


def test_a_package_without_the_file_is_answered_alike():
    with pytest.raises(MissingModelError, match=f"run: {INSTALL_LINE}$"):
        installed_gguf("json")


def test_another_file_is_not_read(cache, tmp_path):
    other = tmp_path / GGUF_FILE
    other.write_bytes(b"GGUF, but another")

    with pytest.raises(ArtifactError, match="not the expected file") as caught:
        converted_folder(other)

    assert INSTALL_LINE in str(caught.value)
    assert not cache.exists()


@pytest.mark.model
def test_a_cache_that_can_not_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path / "file"))

    with pytest.raises(ModelError, match=r"can't keep .* in .*/file .*ERRATA_CACHE") as caught:
        load_embedded_base("cpu")

    assert "\n" not in str(caught.value)


def test_a_full_cache_is_named_and_nothing_is_left(cache):
    """The limit is on the size of a file, which a full disk can't be told from."""
    model, tokenizer = tiny_llama(257), byte_tokenizer()
    aside = cache / "aside"
    aside.mkdir(parents=True)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ModelError, match=f"can't keep .* in {cache} .*ERRATA_CACHE"):
            keep(model, tokenizer, aside, cache / "whole")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert not (cache / "whole").exists()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache with a copy whose weights are lost; loading had to make it again."""
    good = converted_folder()
    cache = tmp_path_factory.mktemp("cache")
    damaged = cache / good.name
    shutil.copytree(good, damaged, ignore=shutil.ignore_patterns("*.safetensors"))
    with (damaged / "model.safetensors").open("wb") as weights:
        weights.truncate((good / "model.safetensors").stat().st_size)  # all zeros
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ERRATA_CACHE", str(cache))
        base = load_embedded_base("cpu")
    yield base, damaged
    shutil.rmtree(cache)  # half a gigabyte, which pytest would keep


@pytest.mark.model
class TestKeptCopy:
    def test_a_damaged_copy_is_made_again(self, kept, embedded_base):
        base, folder = kept

        assert base.reply(HELLO, max_new_tokens=8) == embedded_base.reply(HELLO, max_new_tokens=8)
        assert {MARK, "model.safetensors", "tokenizer.json"} <= {f.name for f in folder.iterdir()}

    def test_nothing_else_is_left_in_the_cache(self, kept):
        _, folder = kept

        assert list(folder.parent.iterdir()) == [folder]

    @pytest.mark.parametrize("lost", ["chat_template.jinja", "tokenizer.json", MARK])
    def test_a_copy_that_lost_a_file_is_not_taken(self, kept, cache, tmp_path, lost):
        _, folder = kept
        cache.mkdir()
        shutil.copytree(folder, cache / folder.name, copy_function=os.symlink)
        assert converted_folder(Path("not read")) == cache / folder.name

        (cache / folder.name / lost).unlink()

        with pytest.raises(FileNotFoundError, match="not read"):
            converted_folder(Path("not read"))

    @pytest.mark.timeout(300)
    def test_it_answers_bit_for_bit_as_the_file_it_was_read_from(self, kept):
        base, _ = kept
        model, tokenizer = read_gguf(installed_gguf())
        inputs = base.chat_inputs(HELLO)

        assert tokenizer.chat_template == base.tokenizer.chat_template
        assert tokenizer.get_vocab() == base.tokenizer.get_vocab()
        assert model.generation_config.to_dict() == base.model.generation_config.to_dict()
        with torch.inference_mode():
            assert torch.equal(model(**inputs).logits, base.model(**inputs).logits)
        weights = base.model.state_dict()
        assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())


def test_a_file_that_can_not_be_read_is_one_line(tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF, but no more")
    with pytest.raises(ModelError, match="can't read") as caught:
        read_gguf(tmp_path / "broken.gguf")
    assert "\n" not in str(caught.value)
