import pytest
import torch
from tiny_models import byte_tokenizer, tiny_base, tiny_llama, word_tokenizer

from serac.completing import TOKENS_IN_BATCH, batches, complete_all, likeliest_all
from serac.transformers_base import TransformersBase

PROMPTS = ["The Space Needle is in", "Oslo", "A longer prompt about a tower in Rome", "Hm", "Oslo"]
LONG = "x" * (TOKENS_IN_BATCH + 1)  # a token a byte


def alone(base, prompt, stop, limit=8):
    return "".join(base.complete(prompt, stop=stop, max_new_tokens=limit)).strip()


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("stop", [(), ("\n", "a"), ("e", "", "i")])
def test_a_batch_says_what_each_prompt_alone_does(kind, stop):
    base = tiny_base(kind, byte_tokenizer())
    done = []

    told = complete_all(base, PROMPTS, stop=stop, max_new_tokens=8, progress=done.append)

    assert told == [alone(base, prompt, stop) for prompt in PROMPTS]
    assert any(told) and told[1] == told[4]
    assert sum(done) == len(PROMPTS)


@pytest.mark.parametrize("stop", [(), ("\n", "Paris")])
def test_so_it_is_with_a_tokenizer_of_words(stop):
    base = tiny_base("llama", word_tokenizer())
    prompts = ["the tower in Paris", "Rome is", "a river of Oslo is in the river"]

    told = complete_all(base, prompts, stop=stop, max_new_tokens=8, progress=lambda more: None)

    assert told == [alone(base, prompt, stop) for prompt in prompts]


def test_an_answer_that_has_ended_does_not_go_on_because_others_do():
    base = tiny_base("llama", byte_tokenizer())
    ends = [base.tokenizer(text)["input_ids"][0] for text in "aeiou tn"]
    base.model.generation_config.eos_token_id = [base.tokenizer.eos_token_id, *ends]

    told = complete_all(base, PROMPTS, stop=(), max_new_tokens=30, progress=lambda more: None)

    assert told == [alone(base, prompt, (), 30) for prompt in PROMPTS]
    assert len(set(map(len, told))) > 1


def test_no_prompt_gives_no_answer():
    done = []
    base = tiny_base()
    assert complete_all(base, [], stop=(), max_new_tokens=3, progress=done.append) == []
    assert done == []


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_is_filled_up_on_one_side(side):
    base = tiny_base()
    ((places, tensors),) = batches(base, ["abc", "a"], side)

    end, (a, b, c) = base.tokenizer.eos_token_id, base.tokenizer("abc")["input_ids"]
    assert places == [1, 0]  # the shortest first
    rows = [[end, end, a] if side == "left" else [a, end, end], [a, b, c]]
    assert torch.equal(tensors["input_ids"], torch.tensor(rows))
    mask = [[0, 0, 1] if side == "left" else [1, 0, 0], [1, 1, 1]]
    assert torch.equal(tensors["attention_mask"], torch.tensor(mask))


def test_the_tokenizer_s_own_padding_is_used_where_it_has_one():
    tokenizer = byte_tokenizer(pad_token="<end>")
    tokenizer.pad_token_id = 7
    base = TransformersBase(tiny_llama(257), tokenizer)

    ((_, tensors),) = batches(base, ["abc", "a"], "right")

    assert tensors["input_ids"][0, 1:].tolist() == [7, 7]


def test_no_batch_holds_more_than_it_may_and_none_is_left_out():
    texts = ["x" * length for length in (900, 10, 1200, 2000, 2000, 1, 2000, 5)] + [LONG]

    found = list(batches(tiny_base(), texts, "left"))

    assert sorted(place for places, _ in found for place in places) == list(range(len(texts)))
    sizes = [tensors["input_ids"].numel() for _, tensors in found]
    assert all(size <= TOKENS_IN_BATCH for size in sizes[:-1])
    assert found[-1][0] == [len(texts) - 1]  # one that is too long is read alone
    assert len(found) < len(texts)
    lengths = [len(texts[place]) for places, _ in found for place in places]
    assert lengths == sorted(lengths)


# Several continuations


def beams(base, prompts, most=4):
    done = []
    found = likeliest_all(base, prompts, beams=most, max_new_tokens=5, progress=done.append)
    assert sum(done) == len(prompts)
    return found


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_each_prompt_has_its_likeliest_continuations_whatever_is_read_with_it(kind):
    base = tiny_base(kind, byte_tokenizer())
    found = beams(base, PROMPTS)

    assert all(len(own) == 4 for own in found)
    for prompt, own in zip(PROMPTS, found, strict=True):
        chances = [chance for _, chance in own]
        assert chances == sorted(chances, reverse=True) and 0 < sum(chances) <= 1.0001
        [alone] = beams(base, [prompt])
        assert [text for text, _ in alone] == [text for text, _ in own]
        assert [chance for _, chance in alone] == pytest.approx(chances, rel=1e-3)


def test_the_probability_is_that_of_the_whole_continuation():
    base, prompt = tiny_base("llama", word_tokenizer()), "the tower in Paris"
    tokens = base.tokenizer(prompt, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        first = base.model(tokens).logits[0, -1].softmax(-1)
        every = torch.arange(len(first))[:, None]
        both = torch.cat([tokens.expand(len(first), -1), every], 1)
        whole = first[:, None] * base.model(both).logits[:, -1].softmax(-1)
    own = likeliest_all(base, [prompt], beams=8, max_new_tokens=2, progress=lambda more: None)[0]

    assert own[0][1] == pytest.approx(float(whole.max()), rel=1e-3)
    for _, chance in own:
        assert (whole - chance).abs().min() < 1e-5


def test_a_prompt_of_one_token_and_no_prompt_can_be_read_too():
    base = tiny_base("llama", byte_tokenizer())
    assert len(beams(base, ["O"])[0]) == 4
    assert beams(base, []) == []


def test_few_prompts_are_read_at_once_since_each_has_many_beams(monkeypatch):
    base, rows = tiny_base("llama", byte_tokenizer()), []
    generate = base.model.generate

    def seen(**options):
        rows.append(len(options["input_ids"]))
        return generate(**options)

    monkeypatch.setattr(base.model, "generate", seen)
    beams(base, ["Oslo"] * 20 + ["x" * 600] * 2)
    assert rows == [8, 8, 4, 1, 1]


def test_a_continuation_ends_where_the_model_ends_it():
    base = tiny_base("llama", byte_tokenizer())
    ends = [base.tokenizer(text)["input_ids"][0] for text in "aeiou tn"]
    base.model.generation_config.eos_token_id = [base.tokenizer.eos_token_id, *ends]
    found = [text for own in beams(base, PROMPTS) for text, _ in own]
    assert len(set(map(len, found))) > 1
