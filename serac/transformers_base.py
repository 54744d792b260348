"""Any causal LM of transformers as a base model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

from memory_store.devices import choose_device
from memory_store.errors import InvalidQueryError, ModelError
from memory_store.quiet import quiet_transformers
from serac.beginnings import Beginnings, beginnings
from serac.conversation import Turn
from serac.stop_words import cut_at_stop
from serac.text_stream import TextStream

DEFAULT_MAX_NEW_TOKENS = 128

Prompting = Literal["chat", "completion"]


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model wrote, and how many tokens went in and came out."""

    text: str
    input_tokens: int
    output_tokens: int
    finish_reason: str


class TransformersBase:
    """Any causal LM of transformers with its tokenizer.

    Decoding follows the model's own generation config; keyword arguments given here
    are handed to ``generate`` as they are. Answers are given one at a time, so many
    threads may share one model.

    Args:
        model: A loaded causal LM, already on its device.
        tokenizer: Its tokenizer. Without a chat template, turns are joined by newlines.
        max_new_tokens: Length of an answer unless a call says otherwise.
        name: What to call it in records and tables.
        fingerprint: Names the weights, where adapters were trained on them.
        prompting: How facts are put before it: ``chat``, after the conversation, or
            ``completion``, in a plain prompt, which small models follow better; by default
            ``chat`` where the tokenizer has a chat template.
        **generation: Further arguments of ``generate``, such as ``do_sample``.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        max_new_tokens: int = DEFAULT_MAX_NEW_TOKENS,
        name: str = "transformers",
        fingerprint: str | None = None,
        prompting: Prompting | None = None,
        **generation: Any,
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.max_new_tokens = max_new_tokens
        self.name = name
        self.fingerprint = fingerprint
        self.prompting: Prompting = prompting or ("chat" if self.knows_turns else "completion")
        self.generation = generation
        self._one_at_a_time = threading.Lock()

    @classmethod
    def load(
        cls,
        name_or_folder: str,
        *,
        device: str | None = None,
        dtype: Any = None,
        name: str | None = None,
        **options: Any,
    ) -> TransformersBase:
        """Load a model by its folder or hub name.

        Args:
            name_or_folder: A local folder, or a name on the hub where one is reached.
            device: ``cuda``, ``mps``, ``cpu``; chosen by itself when ``None``.
            dtype: A torch dtype; float32 on a CPU and the stored one elsewhere when ``None``.
            name: What to call it; the name given when ``None``.
            **options: Passed to the constructor.

        Raises:
            ModelError: There is no such model, or it can't be loaded.
        """
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        place = choose_device(device)
        if dtype is None:
            dtype = torch.float32 if place == "cpu" else "auto"
        try:
            with quiet_transformers():
                # Named, since transformers would ask on the terminal otherwise.
                source: dict[str, Any] = {"trust_remote_code": False}
                tokenizer = AutoTokenizer.from_pretrained(name_or_folder, **source)
                # Safetensors alone: other checkpoints are pickles.
                model = AutoModelForCausalLM.from_pretrained(
                    name_or_folder, dtype=dtype, use_safetensors=True, **source
                )
        except Exception as error:
            told = " ".join(str(error).split())[:300] or type(error).__name__
            raise ModelError(f"can't load {name_or_folder!r} as a causal LM: {told}") from error
        return cls(model.to(place), tokenizer, name=name or name_or_folder, **options)

    def reply(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
    ) -> str:
        """Return the model's answer to the last turn."""
        return self.generate(turns, stop=stop, max_new_tokens=max_new_tokens).text

    def generate(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
        **generation: Any,
    ) -> Generation:
        """Return the answer with its token counts."""
        inputs = self.chat_inputs(turns)
        output = self._generate(inputs, stop, max_new_tokens, **generation)
        return self._as_generation(inputs, output, stop, max_new_tokens)

    def stream(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
        **generation: Any,
    ) -> Iterator[str]:
        """Yield the same answer piece by piece."""
        inputs = self.chat_inputs(turns)
        return cut_at_stop(self._pieces(inputs, stop, max_new_tokens, **generation), stop or ())

    def stream_counted(
        self,
        turns: Sequence[Turn],
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
        **generation: Any,
    ) -> Iterator[str | Generation]:
        """Yield the same answer piece by piece, and at the end all of it with its counts."""
        inputs = self.chat_inputs(turns)
        outputs: list[Any] = []
        pieces = self._pieces(inputs, stop, max_new_tokens, outputs, **generation)
        with closing(pieces):  # a stop word ends the reading before the writer is done
            yield from cut_at_stop(pieces, stop or ())
        yield self._as_generation(inputs, outputs[0], stop, max_new_tokens)

    def complete(
        self,
        prompt: str,
        *,
        stop: Sequence[str] | None = None,
        max_new_tokens: int | None = None,
        least: int = 1,
        begins: Sequence[str] = (),
    ) -> Iterator[str]:
        """Yield the continuation of a plain prompt piece by piece; see ``CompletionModel``."""
        inputs = self._checked(self.tokenizer(prompt, return_tensors="pt"), least)
        settings: dict[str, Any] = {}
        if begins:
            starts = beginnings(self.tokenizer, prompt, begins)
            limit = Beginnings([starts], int(inputs["input_ids"].shape[1]))
            others = self.generation.get("logits_processor") or ()
            settings["logits_processor"] = [*others, limit]
        return cut_at_stop(self._pieces(inputs, stop, max_new_tokens, **settings), stop or ())

    def chat_inputs(self, turns: Sequence[Turn]) -> dict[str, Any]:
        """Return ``input_ids`` and ``attention_mask`` (1, t) of a conversation."""
        if self.tokenizer.chat_template is None:
            text = "\n".join(turn.content for turn in turns)
            return self._checked(self.tokenizer(text, return_tensors="pt"))
        try:
            encoded = self.tokenizer.apply_chat_template(
                [{"role": turn.role, "content": turn.content} for turn in turns],
                add_generation_prompt=True,
                return_tensors="pt",
                return_dict=True,
            )
        except Exception as error:  # a template raises what its author chose
            raise InvalidQueryError(f"the model's chat template refuses this: {error}") from error
        return self._checked(encoded)

    @property
    def knows_turns(self) -> bool:
        """Say whether the model was made for conversations: its tokenizer has a template."""
        return self.tokenizer.chat_template is not None

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, without special ones."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _checked(self, encoded: Any, least: int = 1) -> dict[str, Any]:
        limit = self._positions()
        length = encoded["input_ids"].shape[1]
        if length == 0:
            raise InvalidQueryError("the conversation is empty for this model; ask something")
        if limit is not None and length + least > limit:
            raise InvalidQueryError(
                f"the conversation has {length:,} tokens and the model reads {limit:,}; shorten it"
            )
        return {
            key: encoded[key].to(self.model.device)
            for key in ("input_ids", "attention_mask")
            if key in encoded
        }

    def _generate(
        self,
        inputs: dict[str, Any],
        stop: Sequence[str] | None,
        max_new_tokens: int | None,
        **generation: Any,
    ) -> Any:
        import torch
        from transformers import StoppingCriteriaList

        settings: dict[str, Any] = {
            **self.generation,
            **generation,
            "max_new_tokens": self._room(inputs, max_new_tokens),
        }
        if stop:
            # Not stop_strings of transformers: they fail on tokenizers of whole words.
            others = settings.get("stopping_criteria") or ()
            ends = self.has_written(stop, int(inputs["input_ids"].shape[1]))
            settings["stopping_criteria"] = StoppingCriteriaList([*others, ends])
        if self.model.generation_config.pad_token_id is None:
            settings.setdefault("pad_token_id", self.tokenizer.eos_token_id)
        with self._one_at_a_time, torch.inference_mode():
            return self.model.generate(**inputs, **settings)

    def has_written(self, stop: Sequence[str], read: int) -> Callable[..., Any]:
        """Return a criterion: has a stop word been written after ``read`` tokens of prompt?"""
        words = [word for word in stop if word]

        def ended(tokens: Any, scores: Any, **_: Any) -> Any:
            texts = self.tokenizer.batch_decode(tokens[:, read:], skip_special_tokens=True)
            return tokens.new_tensor([any(w in t for w in words) for t in texts]).bool()

        return ended

    def _as_generation(
        self,
        inputs: dict[str, Any],
        output: Any,
        stop: Sequence[str] | None,
        max_new_tokens: int | None,
    ) -> Generation:
        read = inputs["input_ids"].shape[1]
        written = output[0][read:]
        text = self.tokenizer.decode(written, skip_special_tokens=True)
        cut = "".join(cut_at_stop([text], stop or ()))
        full = len(written) >= self._room(inputs, max_new_tokens)
        ended = cut != text or (len(written) > 0 and int(written[-1]) in self._end_tokens())
        return Generation(
            text=cut,
            input_tokens=read,
            output_tokens=len(written),
            finish_reason="length" if full and not ended else "stop",
        )

    def _room(self, inputs: dict[str, Any], max_new_tokens: int | None) -> int:
        """Return how many tokens may be written: no more than the model has positions for."""
        asked = self.max_new_tokens if max_new_tokens is None else max_new_tokens
        if asked < 1:
            raise InvalidQueryError(f"max_new_tokens is {asked}; give 1 or more")
        limit = self._positions()
        return asked if limit is None else min(asked, limit - int(inputs["input_ids"].shape[1]))

    def _positions(self) -> int | None:
        """Return how many tokens the model can hold, prompt and answer together."""
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    def _end_tokens(self) -> tuple[int, ...]:
        ends = self.model.generation_config.eos_token_id
        return () if ends is None else tuple(ends) if isinstance(ends, list) else (ends,)

    def _pieces(
        self,
        inputs: dict[str, Any],
        stop: Sequence[str] | None,
        max_new_tokens: int | None,
        outputs: list[Any] | None = None,
        **generation: Any,
    ) -> Generator[str, None, None]:
        """Generate in a thread and yield text as it comes; stop when nobody reads on.

        What ``generate`` returned is appended to ``outputs``.
        """
        from transformers import StoppingCriteriaList

        nobody_reads = threading.Event()
        failure: list[BaseException] = []
        streamer = TextStream(self.tokenizer)

        def write() -> None:
            try:
                output = self._generate(
                    inputs,
                    stop,
                    max_new_tokens,
                    streamer=streamer,
                    stopping_criteria=StoppingCriteriaList([lambda *_: nobody_reads.is_set()]),
                    **generation,
                )
                if outputs is not None:
                    outputs.append(output)
            except BaseException as error:  # handed to the reader below
                failure.append(error)
            finally:
                streamer.close()  # not every way of decoding tells a streamer that it is done

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        try:
            yield from streamer
        finally:
            nobody_reads.set()
            writer.join()
        if failure:
            raise failure[0]
