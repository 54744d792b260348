from pathlib import Path

import pytest
from chat_fakes import RecordingModel
from fakes import FakeBase, FakeCompletionBase
from tiny_models import byte_tokenizer, tiny_base, tiny_llama

from memory_store.errors import ModelError
from serac.bases import CompletionModel, load_base
from serac.langchain_base import LangChainBase
from serac.transformers_base import TransformersBase


@pytest.mark.parametrize("base", [FakeBase(), FakeCompletionBase(), tiny_base()])
def test_a_base_model_is_taken_as_it_is(base):
    assert load_base(base) is base


def test_a_chat_model_of_langchain_is_wrapped():
    model = RecordingModel()

    base = load_base(model)

    assert isinstance(base, LangChainBase)
    assert base.model is model


@pytest.mark.parametrize("as_path", [True, False])
def test_a_folder_is_loaded(tmp_path, as_path):
    tiny_llama(257).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)

    base = load_base(Path(tmp_path) if as_path else str(tmp_path), device="cpu")

    assert isinstance(base, TransformersBase)
    assert base.name == str(tmp_path)


@pytest.mark.parametrize(
    "spec",
    [7, object(), ["gpt2"], "langchain:", "langchain:openai", "langchain::gpt", "/no/such/folder"],
)
def test_what_is_no_base_model_is_a_one_line_error(spec):
    with pytest.raises(ModelError) as caught:
        load_base(spec, device="cpu")

    assert "\n" not in str(caught.value)


def test_only_a_model_that_continues_text_is_a_completion_model():
    assert isinstance(FakeCompletionBase(), CompletionModel)
    assert not isinstance(FakeBase(), CompletionModel)
    assert not isinstance(LangChainBase(RecordingModel()), CompletionModel)


@pytest.mark.model
@pytest.mark.parametrize("spec", [None, "embedded"])
def test_the_embedded_model_is_the_default(spec):
    base = load_base(spec, device="cpu")

    assert base.name == "SmolLM2-135M-Instruct"
    assert isinstance(base, CompletionModel)
