import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from tiny_models import (
    CHAT_TEMPLATE,
    byte_tokenizer,
    tiny_base,
    tiny_gpt2,
    tiny_llama,
    word_tokenizer,
)

from memory_store.errors import InvalidQueryError, ModelError
from serac.bases import CompletionModel
from serac.conversation import Turn
from serac.transformers_base import TransformersBase

HELLO = (Turn("user", "Hello there"),)


@pytest.fixture(scope="module")
def base():
    return tiny_base()


def said_by_hand(base, prompt, count):
    """The greedy continuation, one forward pass a token, without ``generate``."""
    tokens = base.tokenizer(prompt, return_tensors="pt")["input_ids"]
    read = tokens.shape[1]
    with torch.inference_mode():
        for _ in range(count):
            best = base.model(tokens).logits[0, -1].argmax()
            tokens = torch.cat([tokens, best.view(1, 1)], dim=1)
    return base.tokenizer.decode(tokens[0, read:], skip_special_tokens=True)


class Watch:
    """Counts the forward passes of a model, and can make them wait or fail."""

    def __init__(self, model, seconds=0.0, fails_at=None):
        self.calls = 0

        def before(module, args):
            self.calls += 1
            time.sleep(seconds)
            if self.calls == fails_at:
                raise RuntimeError("out of memory")

        self.hook = model.register_forward_pre_hook(before)


class TestPrompt:
    def test_a_chat_template_is_followed(self, base):
        turns = (Turn("system", "Be brief."), *HELLO)

        inputs = base.chat_inputs(turns)

        assert base.tokenizer.decode(inputs["input_ids"][0]) == (
            "system: Be brief.\nuser: Hello there\nassistant: "
        )
        assert set(inputs) == {"input_ids", "attention_mask"}

    def test_without_a_chat_template_turns_are_lines(self):
        base = tiny_base(tokenizer=byte_tokenizer())

        inputs = base.chat_inputs((Turn("user", "one"), Turn("user", "two")))

        assert base.tokenizer.decode(inputs["input_ids"][0]) == "one\ntwo"

    def test_what_a_template_refuses_is_a_query_error(self, base):
        with pytest.raises(InvalidQueryError, match="an assistant can not begin"):
            base.reply((Turn("assistant", "Hi"), *HELLO))

    @pytest.mark.parametrize("ask", ["reply", "stream", "generate"])
    def test_an_over_long_conversation_is_refused_at_once(self, base, ask):
        with pytest.raises(InvalidQueryError, match=r"tokens and the model reads 512; shorten it"):
            getattr(base, ask)((Turn("user", "a" * 600),))

    def test_an_over_long_completion_is_refused_at_once(self, base):
        with pytest.raises(InvalidQueryError, match="600 tokens"):
            base.complete("a" * 600)

    def test_tokens_are_counted_without_special_ones(self, base):
        assert base.count_tokens("abc") == 3
        assert base.count_tokens("") == 0


class TestAnswer:
    @pytest.mark.parametrize("kind", ["llama", "gpt2"])
    def test_it_is_the_greedy_continuation_of_the_prompt(self, kind):
        base = tiny_base(kind, byte_tokenizer(chat_template=CHAT_TEMPLATE), max_new_tokens=8)

        assert base.reply(HELLO) == said_by_hand(base, "user: Hello there\nassistant: ", 8)

    def test_the_same_question_gets_the_same_answer(self, base):
        assert base.reply(HELLO) == base.reply(HELLO)

    def test_a_completion_continues_the_plain_prompt(self, base):
        assert "".join(base.complete("abc", max_new_tokens=6)) == said_by_hand(base, "abc", 6)

    def test_it_is_a_completion_model(self, base):
        assert isinstance(base, CompletionModel)

    def test_tokens_are_counted(self, base):
        done = base.generate(HELLO, max_new_tokens=5)

        assert (done.input_tokens, done.output_tokens) == (29, 5)
        assert done.finish_reason == "length"

    @pytest.mark.parametrize("asked", [1, 7])
    def test_max_new_tokens_of_a_call_goes_before_the_general_one(self, base, asked):
        assert base.generate(HELLO, max_new_tokens=asked).output_tokens == asked
        assert base.generate(HELLO).output_tokens == base.max_new_tokens

    @pytest.mark.parametrize("asked", [0, -3])
    def test_no_tokens_can_not_be_asked_for(self, base, asked):
        with pytest.raises(InvalidQueryError, match="max_new_tokens"):
            base.reply(HELLO, max_new_tokens=asked)
        with pytest.raises(InvalidQueryError, match="max_new_tokens"):
            list(base.stream(HELLO, max_new_tokens=asked))

    @pytest.mark.parametrize("ask", ["generate", "stream"])
    def test_an_answer_ends_where_the_model_has_no_more_positions(self, ask):
        base = tiny_base("gpt2", byte_tokenizer(), max_new_tokens=1000)

        if ask == "stream":
            assert "".join(base.stream(HELLO)) == base.reply(HELLO)
        else:
            done = base.generate(HELLO)
            assert done.input_tokens + done.output_tokens == 64
            assert done.finish_reason == "length"

    def test_an_answer_that_ends_by_itself_is_not_cut(self):
        base = tiny_base(max_new_tokens=4)
        first = base.model.generate(**base.chat_inputs(HELLO), max_new_tokens=4, pad_token_id=0)
        written = first[0, -4:].tolist()
        end = next(token for at, token in enumerate(written) if token not in written[:at])

        base.model.generation_config.eos_token_id = end
        done = base.generate(HELLO)

        assert done.finish_reason == "stop"
        assert done.output_tokens == written.index(end) + 1

    def test_an_end_that_comes_with_the_last_token_is_an_end(self):
        base = tiny_base(max_new_tokens=1)
        output = base.model.generate(**base.chat_inputs(HELLO), max_new_tokens=1, pad_token_id=0)
        base.model.generation_config.eos_token_id = [255, int(output[0, -1])]

        assert base.generate(HELLO).finish_reason == "stop"

    def test_generation_settings_are_handed_on(self):
        sampled = tiny_base(do_sample=True, temperature=5.0)

        assert len({sampled.reply(HELLO) for _ in range(5)}) > 1

    def test_a_model_without_any_end_or_pad_token_answers(self):
        tokenizer = byte_tokenizer()
        tokenizer.eos_token = None
        base = tiny_base(tokenizer=tokenizer)

        assert base.tokenizer.pad_token_id is None
        assert base.generate(HELLO).output_tokens == 24

    def test_dropout_is_off(self):
        model = tiny_llama(257).train()

        assert not TransformersBase(model, byte_tokenizer()).model.training


class TestStop:
    @pytest.fixture
    def base(self):
        return tiny_base(tokenizer=word_tokenizer())

    def test_text_ends_before_the_stop_word(self, base):
        whole = base.reply(HELLO)
        stop = whole[5:7]

        assert base.reply(HELLO, stop=[stop]) == whole[: whole.index(stop)]
        assert "".join(base.stream(HELLO, stop=[stop])) == whole[: whole.index(stop)]
        assert base.generate(HELLO, stop=[stop]).finish_reason == "stop"

    def test_writing_ends_there_too(self, base):
        stop = base.reply(HELLO)[5:7]

        assert base.generate(HELLO, stop=[stop]).output_tokens < base.max_new_tokens

    @pytest.mark.parametrize("stop", [None, [], ["never written by it"]])
    def test_a_stop_word_that_does_not_come_changes_nothing(self, base, stop):
        assert base.reply(HELLO, stop=stop) == base.reply(HELLO)


TOKENIZERS = {"bytes": byte_tokenizer, "words": word_tokenizer}


class TestStream:
    @pytest.mark.parametrize("kind", ["llama", "gpt2"])
    @pytest.mark.parametrize("tokenizer", TOKENIZERS)
    def test_it_gives_what_a_reply_gives(self, kind, tokenizer):
        for seed in range(3):
            base = tiny_base(kind, TOKENIZERS[tokenizer](), seed, max_new_tokens=30)
            for prompt in ("the tower", "Paris is in", "é ! ?"):
                turns = (Turn("user", prompt),)
                pieces = list(base.stream(turns))
                assert "".join(pieces) == base.reply(turns)
                assert all(pieces)

    def test_it_comes_in_pieces(self):
        base = tiny_base(tokenizer=word_tokenizer(), max_new_tokens=30)

        assert len(list(base.stream(HELLO))) > 5

    def test_nothing_is_asked_before_it_is_read(self):
        base = tiny_base()
        watch = Watch(base.model)

        stream = base.stream(HELLO)

        assert watch.calls == 0
        assert "".join(stream)
        assert watch.calls > 0

    @pytest.mark.timeout(60)
    def test_who_stops_reading_leaves_the_model_free(self):
        base = tiny_base(tokenizer=word_tokenizer(), max_new_tokens=400)
        watch = Watch(base.model, seconds=0.01)

        stream = base.stream(HELLO)
        next(stream)
        stream.close()
        written = watch.calls

        assert written < 100
        assert base.reply(HELLO, max_new_tokens=2) is not None
        assert watch.calls == written + 2

    @pytest.mark.timeout(60)
    def test_a_stream_that_is_dropped_leaves_the_model_free(self):
        base = tiny_base(tokenizer=word_tokenizer(), max_new_tokens=400)
        watch = Watch(base.model, seconds=0.01)

        for _ in base.stream(HELLO):
            break

        assert base.reply(HELLO, max_new_tokens=2) is not None
        assert watch.calls < 100

    @pytest.mark.timeout(60)
    def test_a_slow_reader_keeps_nobody_waiting(self):
        base = tiny_base(tokenizer=word_tokenizer(), max_new_tokens=40)
        stream = base.stream(HELLO)
        first = next(stream)

        between = base.reply(HELLO)

        assert first + "".join(stream) == between

    @pytest.mark.timeout(60)
    @pytest.mark.parametrize("fails_at", [1, 5])
    def test_a_failure_reaches_the_reader(self, fails_at):
        base = tiny_base(tokenizer=word_tokenizer())
        watch = Watch(base.model, fails_at=fails_at)

        with pytest.raises(RuntimeError, match="out of memory"):
            list(base.stream(HELLO))

        watch.hook.remove()
        assert "".join(base.stream(HELLO)) == base.reply(HELLO)

    @pytest.mark.timeout(60)
    def test_a_tokenizer_that_fails_does_not_hang_the_reader(self):
        class Broken:
            chat_template = None
            eos_token_id = 0

            def __init__(self):
                self.whole = byte_tokenizer()

            def __call__(self, *args, **options):
                return self.whole(*args, **options)

            def decode(self, *args, **options):
                raise ValueError("no such token")

        base = TransformersBase(tiny_llama(257), Broken(), max_new_tokens=5)

        with pytest.raises(ValueError, match="no such token"):
            list(base.stream(HELLO))

    def test_the_counts_come_last(self, base):
        *pieces, done = base.stream_counted(HELLO)

        assert "".join(pieces) == done.text
        assert done == base.generate(HELLO)


class TestThreads:
    @pytest.mark.timeout(120)
    def test_many_threads_get_the_answers_that_one_gets(self):
        base = tiny_base(max_new_tokens=12)
        prompts = [(Turn("user", f"Question number {n}" * (1 + n % 3)),) for n in range(16)]
        alone = [base.reply(turns) for turns in prompts]

        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(base.reply, prompts))
            streamed = list(pool.map(lambda turns: "".join(base.stream(turns)), prompts))

        assert together == alone
        assert streamed == alone

    @pytest.mark.timeout(60)
    def test_no_thread_is_left_behind(self):
        base = tiny_base(tokenizer=word_tokenizer(), max_new_tokens=50)
        before = threading.active_count()

        for _ in range(5):
            next(iter(base.stream(HELLO)))
        list(base.stream(HELLO))

        assert threading.active_count() == before


class TestLoad:
    @pytest.fixture
    def folder(self, tmp_path):
        tiny_llama(257).save_pretrained(tmp_path)
        byte_tokenizer(chat_template=CHAT_TEMPLATE).save_pretrained(tmp_path)
        return tmp_path

    def test_a_saved_model_answers_as_before(self, folder):
        loaded = TransformersBase.load(str(folder), device="cpu", max_new_tokens=24)

        assert loaded.reply(HELLO) == tiny_base().reply(HELLO)
        assert loaded.name == str(folder)
        assert loaded.model.dtype == torch.float32

    def test_name_precision_and_settings_may_be_given(self, folder):
        loaded = TransformersBase.load(
            str(folder), device="cpu", name="tiny", dtype=torch.bfloat16, max_new_tokens=3
        )

        assert (loaded.name, loaded.model.dtype) == ("tiny", torch.bfloat16)
        assert loaded.generate(HELLO).output_tokens == 3

    def test_a_model_stored_in_half_precision_runs_in_single_on_a_cpu(self, tmp_path):
        tiny_gpt2(257).to(torch.bfloat16).save_pretrained(tmp_path)
        byte_tokenizer().save_pretrained(tmp_path)

        assert TransformersBase.load(str(tmp_path), device="cpu").model.dtype == torch.float32

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda folder: [file.unlink() for file in folder.iterdir()],
            lambda folder: (folder / "config.json").write_text("{"),
            lambda folder: (folder / "config.json").write_text('{"model_type": "no_such"}'),
            lambda folder: (folder / "model.safetensors").unlink(),
            lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 64),
            lambda folder: (folder / "tokenizer.json").write_text("[]"),
        ],
        ids=["empty", "config", "kind", "no weights", "weights", "tokenizer"],
    )
    def test_a_folder_that_is_no_model_is_a_one_line_error(self, folder, spoil):
        spoil(folder)

        with pytest.raises(ModelError, match="as a causal LM") as caught:
            TransformersBase.load(str(folder), device="cpu")

        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["", "/no/such/folder"])
    def test_a_name_of_nothing_is_a_one_line_error(self, name):
        with pytest.raises(ModelError) as caught:
            TransformersBase.load(name, device="cpu")

        assert "\n" not in str(caught.value)

    def test_a_model_that_brings_its_own_code_is_not_run(self, folder):
        (folder / "config.json").write_text(
            '{"model_type": "own", "auto_map": {"AutoConfig": "own.C", '
            '"AutoModelForCausalLM": "own.M"}}'
        )
        (folder / "own.py").write_text("raise SystemExit('was run')")

        with pytest.raises(ModelError, match="as a causal LM"):
            TransformersBase.load(str(folder), device="cpu")

    def test_no_such_device(self, folder):
        with pytest.raises(ModelError, match="no device 'tpu'"):
            TransformersBase.load(str(folder), device="tpu")
