"""Longer texts: fluency and consistency of what is generated, as in ROME.

GE, the generation entropy, is the mean of the entropies of bigrams and trigrams, in the ratio 1:2;
it falls where a model repeats itself, but also with the length of a text, so the texts of a prompt
are cut to the length of the shortest. RS, the reference score, is the cosine of the TF-IDF vectors
of the text and of a reference about things that really have the new object. ROME took Wikipedia
pages for it; here it is made of the statements of all facts whose true object that is, and words
are weighed by how many of these references have them.
Meng et al., "Locating and Editing Factual Associations in GPT", NeurIPS 2022.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.rows import Rows
from classifiers.pairs import records
from serac.conversation import as_turns
from serac.overlay import FactOverlay

TOKENS = 80
WEIGHTS = {2: 1 / 3, 3: 2 / 3}


def add_texts(
    rows: Rows,
    overlay: FactOverlay,
    folder: Path,
    most: int,
    seed: int,
    progress: Callable[[int], None],
) -> None:
    """Add GE, RS and length of what the base model and the overlay with all edits write."""
    facts = list(records(folder / "counterfact" / "facts.jsonl"))
    statements: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        statements[fact["ground_truth"]].append(f"{fact['prompt']} {fact['ground_truth']}.")
    references = {value: " ".join(told) for value, told in statements.items()}
    weigh = TfidfVectorizer().fit(references.values())
    overlay.base.max_new_tokens = TOKENS  # type: ignore[attr-defined]
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    tests = list(records(folder / "counterfact" / "test.jsonl"))
    for record in random.Random(seed).sample(tests, min(most, len(tests))):  # noqa: S311
        prompt = record["generation_prompts"][0]
        reply = overlay.ask(prompt)
        in_scope = reply.decision.in_scope
        base = overlay.base.reply(as_turns(prompt)) if in_scope else reply.text
        written = {"base": f"{prompt} {base}".split(), "auto": f"{prompt} {reply.text}".split()}
        shortest = min(map(len, written.values()))
        reference = references.get(record["requested_rewrite"]["target_new"]["str"])
        for by, words in written.items():
            found[by, "words written"].append(len(words) - len(prompt.split()))
            found[by, "GE of as many words (bits)"].append(generation_entropy(words[:shortest]))
            if reference:
                found[by, "RS"].append(likeness(weigh, " ".join(words), reference))
        progress(1)
    for (by, metric), values in found.items():
        memory = "all edits in memory" if by == "auto" else "no edit"
        rows.add("generation", metric, values, answerer=by, memory=memory)


def generation_entropy(words: Sequence[str]) -> float:
    """Return the weighted mean of the entropies of a text's bigrams and trigrams, in bits."""
    return sum(weight * _entropy(words, n) for n, weight in WEIGHTS.items())


def likeness(weigh: TfidfVectorizer, text: str, reference: str) -> float:
    """Return the cosine of two texts' vectors, by a TF-IDF that was fitted before."""
    vectors = weigh.transform([text, reference])
    return float((vectors[0] @ vectors[1].T).toarray()[0, 0])


def _entropy(words: Sequence[str], n: int) -> float:
    counts = Counter(zip(*(words[k:] for k in range(n)), strict=False))
    if not counts:
        return 0.0
    shares = np.array(list(counts.values())) / counts.total()
    return float(-(shares * np.log2(shares)).sum())
