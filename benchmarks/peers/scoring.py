"""One model asked many plain prompts at once: what it writes, and how likely a text is to it.

Everything here reads prompts padded on the left, so that what counts stands at the end of every
row. What all prompts of a call begin with is read once, since an editor may put the same thousand
facts before each of them; and a prompt is read once for all continuations that are scored after
it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers.editor import EditedModel
from memory_store.errors import ModelError

BATCH = {"cpu": 64, "cuda": 512}
"""Most prompts in a batch, by kind of device."""

READ_AT_ONCE = {"cpu": 4096, "cuda": 65_536}
"""Tokens of a batch that are read, padding included, by kind of device."""

HELD_AT_ONCE = 4
"""So many times as many tokens are kept in the cache of a batch at most."""

SHARED_FROM = 64
"""Tokens that prompts must begin with in common for these to be read once."""


class PlainModel:
    """A causal LM that continues plain prompts; fits :class:`benchmarks.peers.editor.EditedModel`.

    Args:
        model: A causal LM of transformers, on its device.
        tokenizer: Its tokenizer.
        batch: Most prompts in a batch; :data:`BATCH` of its device when ``None``.
    """

    def __init__(self, model: Any, tokenizer: Any, batch: int | None = None) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.batch = batch or BATCH.get(model.device.type, BATCH["cpu"])

    @property
    def positions(self) -> int:
        """How many tokens the model can hold, prompt and continuation together."""
        return int(self.model.config.get_text_config().max_position_embeddings)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text has, without special ones."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float64]:
        """Return, for (prompt, continuation) pairs, the (n,) mean log-probability of a token.

        As in ROME's evaluation: a space stands before the continuation.

        Raises:
            ModelError: A prompt doesn't fit the model.
        """
        import torch

        found = np.empty(len(pairs))
        prompts = list(dict.fromkeys(prompt for prompt, _ in pairs))
        places: dict[str, list[int]] = {prompt: [] for prompt in prompts}
        for place, (prompt, _) in enumerate(pairs):
            places[prompt].append(place)
        told = [self._tokens(f" {continuation.lstrip()}", False) for _, continuation in pairs]
        longest = max(map(len, told), default=0)
        for rows, read in self._batches(prompts, longest):
            asked = [(row, place) for row, n in enumerate(rows) for place in places[prompts[n]]]
            with torch.inference_mode():
                scores = read.score([row for row, _ in asked], [told[place] for _, place in asked])
            for (_, place), score in zip(asked, scores, strict=True):
                found[place] = score
        return found

    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        """Return what follows each prompt, decoded greedily.

        Raises:
            ModelError: A prompt doesn't fit the model.
        """
        import torch

        texts = [""] * len(prompts)
        for rows, read in self._batches(prompts, max_new_tokens):
            with torch.inference_mode():
                written = read.write(max_new_tokens, self._ends())
            for row, tokens in zip(rows, written, strict=True):
                texts[row] = self.tokenizer.decode(tokens, skip_special_tokens=True)
        return texts

    def _ends(self) -> set[int]:
        ends = self.model.generation_config.eos_token_id
        known = [] if ends is None else ends if isinstance(ends, list) else [ends]
        return {*known, *([] if self.tokenizer.eos_token_id is None else [self._filling()])}

    def _filling(self) -> int:
        end = self.tokenizer.eos_token_id
        return 0 if end is None else int(end)

    def _tokens(self, text: str, special: bool = True) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def _batches(self, prompts: Sequence[str], more: int) -> Iterator[tuple[list[int], _Read]]:
        """Yield (places, the prompts read) for prompts of like length; ``more`` tokens follow."""
        import torch

        tokens = [self._tokens(prompt) for prompt in prompts]
        if not tokens:
            return
        if min(map(len, tokens)) == 0:
            raise ModelError("a prompt is empty; give one with a word at least")
        if max(map(len, tokens)) + more > self.positions:
            raise ModelError(
                f"a prompt has {max(map(len, tokens)):,} tokens and the model holds "
                f"{self.positions:,}, with {more:,} to come; put less before the query"
            )
        shared = _shared(tokens) if len(tokens) > 1 else 0
        with torch.inference_mode():
            before = self._cache(tokens[0][:shared]) if shared else None
            order = sorted(range(len(tokens)), key=lambda n: len(tokens[n]))
            start = 0
            while start < len(order):
                end = start + 1
                while end < len(order) and self._fits(
                    len(tokens[order[end]]) - shared, shared + more, end + 1 - start
                ):
                    end += 1
                rows = order[start:end]
                part = [tokens[row][shared:] for row in rows]
                yield rows, _Read(self.model, part, before, shared, self._filling())
                start = end

    def _fits(self, length: int, beside: int, rows: int) -> bool:
        most = READ_AT_ONCE.get(self.model.device.type, READ_AT_ONCE["cpu"])
        held = (length + beside) * rows <= HELD_AT_ONCE * most
        return rows <= self.batch and length * rows <= most and held

    def _cache(self, tokens: Sequence[int]) -> Any:
        """Return the keys and values of tokens that several prompts begin with."""
        import torch

        ids = torch.tensor([list(tokens)], device=self.model.device)
        return self.model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values


class _Read:
    """A batch of prompts that was read: what may come next, and the keys and values so far."""

    def __init__(
        self, model: Any, tokens: Sequence[Sequence[int]], before: Any, shared: int, filling: int
    ) -> None:
        import torch

        self.model, self.filling = model, filling
        longest = max(map(len, tokens))
        ids = [[filling] * (longest - len(row)) + list(row) for row in tokens]
        mask = [[1] * shared + [0] * (longest - len(row)) + [1] * len(row) for row in tokens]
        past: Any = copy.deepcopy(before)
        if past is not None:
            past.batch_repeat_interleave(len(tokens))
        self.mask = torch.tensor(mask, device=model.device)
        self.past = past
        self.next = self._forward(torch.tensor(ids, device=model.device), keep=1)[:, -1]

    def _forward(self, ids: Any, keep: int) -> Any:
        """Read (rows, t) more tokens, which the mask has already; return (rows, keep, v) logits."""
        places = (self.mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        told = self.model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=places,
            past_key_values=self.past,
            use_cache=True,
            logits_to_keep=keep,
        )
        self.past = told.past_key_values
        return told.logits[:, -keep:].float()

    def score(self, rows: Sequence[int], told: Sequence[Sequence[int]]) -> list[float]:
        """Return the mean log-probability of continuations, each after the prompt of its row."""
        import torch

        at = torch.tensor(list(rows), device=self.model.device)
        length = max(map(len, told))
        logs = [torch.log_softmax(self.next[at], -1)[:, None]]
        filled = [[*one, *[self.filling] * (length - len(one))] for one in told]
        ids = torch.tensor(filled, device=self.model.device)
        if length > 1:
            real = [[1] * len(one) + [0] * (length - len(one)) for one in told]
            tail = torch.tensor(real, device=self.model.device)[:, :-1]
            self.mask = torch.cat([self.mask[at], tail], dim=1)
            self.past.batch_select_indices(at)
            logs.append(torch.log_softmax(self._forward(ids[:, :-1], length - 1), -1))
        each = torch.cat([part.gather(2, n) for part, n in _by_place(logs, ids)], 1)[..., 0]
        return [float(row[: len(one)].mean()) for row, one in zip(each, told, strict=True)]

    def write(self, most: int, ends: set[int]) -> list[list[int]]:
        """Return the tokens that follow greedily, at most so many, up to a token that ends."""
        import torch

        chosen = self.next.argmax(-1)
        written = [chosen]
        ended = torch.zeros_like(chosen, dtype=torch.bool)
        last = torch.tensor(sorted(ends), device=chosen.device, dtype=chosen.dtype)
        for _ in range(most - 1):
            ended |= torch.isin(chosen, last)
            if bool(ended.all()):
                break
            self.mask = torch.cat([self.mask, torch.ones_like(self.mask[:, :1])], dim=1)
            chosen = self._forward(chosen[:, None], 1)[:, -1].argmax(-1)
            chosen = torch.where(ended, torch.full_like(chosen, self.filling), chosen)
            written.append(chosen)
        rows = torch.stack(written, 1).tolist()
        return [_until(row, ends) for row in rows]


def _by_place(logs: Sequence[Any], ids: Any) -> Iterator[tuple[Any, Any]]:
    """Yield logits (n, t, v) with the (n, t, 1) tokens whose logits are wanted."""
    start = 0
    for part in logs:
        yield part, ids[:, start : start + part.shape[1], None]
        start += part.shape[1]


def _until(tokens: list[int], ends: set[int]) -> list[int]:
    place = next((n for n, token in enumerate(tokens) if token in ends), len(tokens))
    return tokens[:place]


def _shared(tokens: Sequence[list[int]]) -> int:
    """Return how many tokens all rows begin with, if these are many; each keeps one of its own."""
    most = min(map(len, tokens)) - 1
    first = tokens[0]
    common = min(next((n for n in range(most) if row[n] != first[n]), most) for row in tokens)
    return common if common >= SHARED_FROM else 0


class Remembered:
    """A model that never changes, asked each thing once; fits ``EditedModel``.

    What the unedited model says is what many editors answer with, and what all are held against.

    Args:
        model: The model.
    """

    def __init__(self, model: EditedModel) -> None:
        self.model = model
        self._scores: dict[tuple[str, str], float] = {}
        self._texts: dict[tuple[str, int], str] = {}

    def log_probabilities(self, pairs: Sequence[tuple[str, str]]) -> npt.NDArray[np.float64]:
        """Return, for (prompt, continuation) pairs, the (n,) mean log-probability of a token."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._scores]
        if new:
            self._scores.update(zip(new, self.model.log_probabilities(new).tolist(), strict=True))
        return np.array([self._scores[pair] for pair in pairs], dtype=np.float64)

    def generate(self, prompts: Sequence[str], max_new_tokens: int) -> list[str]:
        """Return what follows each prompt, decoded greedily."""
        new = [p for p in dict.fromkeys(prompts) if (p, max_new_tokens) not in self._texts]
        if new:
            written = self.model.generate(new, max_new_tokens)
            self._texts.update(
                ((prompt, max_new_tokens), text) for prompt, text in zip(new, written, strict=True)
            )
        return [self._texts[prompt, max_new_tokens] for prompt in prompts]
