import pytest
import torch
from safetensors.torch import save
from tiny_models import byte_tokenizer, tiny_gpt2, tiny_llama

from memory_store.errors import ArtifactError
from serac.adapters import AdaptedBase, lora_config
from serac.conversation import Turn
from serac.transformers_base import TransformersBase

TURNS = [Turn("user", "Where is the Space Needle?")]


def body():
    return TransformersBase(tiny_llama(257), byte_tokenizer(), max_new_tokens=8)


def adapter(model, rank=2, first_layer=0, seed=1, change=None):
    """The file of a random adapter for a model."""
    from peft import get_peft_model, get_peft_model_state_dict

    torch.manual_seed(seed)
    tuned = get_peft_model(model, lora_config(model, rank, rank, first_layer))
    tensors = {name: torch.randn_like(t) for name, t in get_peft_model_state_dict(tuned).items()}
    if change:
        change(tensors)
    return save(tensors)


def logits(base, text="The Space Needle"):
    with torch.inference_mode():
        return base.model(**base.chat_inputs([Turn("user", text)])).logits


def adapted(base, name="counterfactual", rank=2, first_layer=0, **options):
    content = adapter(tiny_llama(257), rank, first_layer, **options)
    return AdaptedBase(base, name, content, rank=rank, alpha=rank, first_layer=first_layer)


def test_the_body_is_the_same_bit_for_bit_and_the_adapted_one_another_model():
    base = body()
    before, said = logits(base), base.reply(TURNS)
    names = list(base.model.state_dict())

    model = adapted(base)
    changed = logits(model)
    assert not torch.allclose(changed, before)
    assert torch.equal(logits(base), before)
    assert "".join(model.complete("The Space Needle")) != "".join(base.complete("The Space Needle"))
    assert torch.equal(logits(base), before) and torch.equal(logits(model), changed)
    assert base.reply(TURNS) == said
    assert list(base.model.state_dict()) == names


def test_one_set_of_weights_serves_both():
    base = body()
    wanted = [weight.requires_grad for weight in base.model.parameters()]
    model = adapted(base)
    own = {weight.data_ptr() for weight in base.model.parameters()}
    added = [w for n, w in model.model.named_parameters() if w.data_ptr() not in own]
    assert len(added) == 2 * 7 * 2  # factors of seven layers in two blocks
    assert [weight.requires_grad for weight in base.model.parameters()] == wanted


def test_a_body_that_was_answered_beside_can_be_saved_and_loaded(tmp_path):
    base = body()
    adapted(base)
    base.model.save_pretrained(tmp_path)
    base.tokenizer.save_pretrained(tmp_path)
    assert torch.equal(logits(TransformersBase.load(str(tmp_path), device="cpu")), logits(base))


def test_it_does_what_peft_does():
    from peft import get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load

    content = adapter(tiny_llama(257), 2, 1)
    other = tiny_llama(257)
    peft_model = get_peft_model(other, lora_config(other, 2, 2, 1))
    set_peft_model_state_dict(peft_model, load(content))
    model = AdaptedBase(body(), "a", content, rank=2, alpha=2, first_layer=1)
    inputs = model.chat_inputs(TURNS)
    with torch.inference_mode():
        assert torch.equal(model.model(**inputs).logits, peft_model.eval()(**inputs).logits)


def test_two_adapters_on_one_body_keep_apart():
    base = body()
    before = logits(base)
    one, two = adapted(base, "one", seed=1), adapted(base, "two", seed=2)
    first, second = logits(one), logits(two)
    assert torch.equal(logits(one), first)
    assert not torch.allclose(first, second)
    assert torch.equal(logits(base), before)


def test_body_and_adapted_body_answer_from_many_threads_as_they_do_alone():
    from concurrent.futures import ThreadPoolExecutor

    base = body()
    model = adapted(base)
    alone = [base.reply(TURNS), "".join(model.complete("The Space Needle"))]

    def work(n):
        return base.reply(TURNS) if n % 2 == 0 else "".join(model.complete("The Space Needle"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(16))) == alone * 8


def drop_one(tensors):
    tensors.popitem()


def spoil(tensors):
    next(iter(tensors.values()))[0, 0] = float("nan")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"change": drop_one}, "doesn't fit"),
        ({"change": spoil}, "damaged"),
    ],
)
def test_a_wrong_adapter_is_refused_and_the_body_stays_whole(options, message):
    base = body()
    before = logits(base)
    with pytest.raises(ArtifactError, match=message):
        adapted(base, **options)
    assert torch.equal(logits(base), before)


@pytest.mark.parametrize("rank", [1, 3])
def test_an_adapter_of_another_rank_doesn_t_fit(rank):
    content = adapter(tiny_llama(257), 2)
    with pytest.raises(ArtifactError, match="doesn't fit"):
        AdaptedBase(body(), "a", content, rank=rank, alpha=rank)


def test_an_adapter_for_another_kind_of_model_doesn_t_fit():
    base = TransformersBase(tiny_gpt2(257), byte_tokenizer())
    with pytest.raises(ArtifactError, match="doesn't fit"):
        AdaptedBase(base, "a", adapter(tiny_llama(257)), rank=2, alpha=2)


def test_a_file_that_is_no_adapter_is_refused():
    with pytest.raises(ArtifactError, match="damaged"):
        AdaptedBase(body(), "a", b"nothing", rank=2, alpha=2)


def test_an_adapter_generates_plainly_whatever_its_body_is_set_to():
    options = {"do_sample": True, "top_k": 50, "temperature": 3.0}
    base = TransformersBase(tiny_llama(257), byte_tokenizer(), max_new_tokens=8, **options)
    base.model.generation_config.update(repetition_penalty=5.0, do_sample=True, top_k=3)
    model = adapted(base)
    assert len({"".join(model.complete("The Space Needle")) for _ in range(4)}) == 1

    own = model.model.generation_config
    assert not own.do_sample and own.repetition_penalty in (None, 1.0)
    assert own.eos_token_id == base.model.generation_config.eos_token_id
    assert base.model.generation_config.do_sample
