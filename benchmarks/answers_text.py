"""Longer texts: fluency and consistency of what is generated, as in ROME.

GE, the generation entropy, is the mean of the entropies of bigrams and trigrams, in the ratio 1:2;
it falls where a model repeats itself. RS, the reference score, is the cosine of the TF-IDF vectors
of the text and of a reference about things that really have the new object. ROME took Wikipedia
pages for it; here it is made of the statements of all facts whose true object that is.
Meng et al., "Locating and Editing Factual Associations in GPT", NeurIPS 2022.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.data import records
from benchmarks.rows import Rows
from serac.conversation import as_turns
from serac.overlay import FactOverlay

TOKENS = 80
WEIGHTS = {2: 1 / 3, 3: 2 / 3}


def add_texts(
    rows: Rows, overlay: FactOverlay, folder: Path, most: int, progress: Callable[[int], None]
) -> None:
    """Add GE and RS of the base model and of the overlay with all edits in memory."""
    reference: dict[str, list[str]] = defaultdict(list)
    for fact in records(folder / "counterfact" / "facts.jsonl"):
        reference[fact["ground_truth"]].append(f"{fact['prompt']} {fact['ground_truth']}.")
    overlay.base.max_new_tokens = TOKENS  # type: ignore[attr-defined]
    entropies: dict[str, list[float]] = defaultdict(list)
    likenesses: dict[str, list[float]] = defaultdict(list)
    for record in list(records(folder / "counterfact" / "test.jsonl"))[:most]:
        prompt = record["generation_prompts"][0]
        texts = reference[record["requested_rewrite"]["target_new"]["str"]]
        reply = overlay.ask(prompt)
        base = overlay.base.reply(as_turns(prompt)) if reply.decision.in_scope else reply.text
        for by, text in (("base", base), ("auto", reply.text)):
            whole = f"{prompt} {text}"
            entropies[by].append(generation_entropy(whole.split()))
            if texts:
                likenesses[by].append(likeness(whole, " ".join(texts)))
        progress(1)
    for by in entropies:
        memory = "all edits in memory" if by == "auto" else "no edit"
        rows.add("generation", "GE (bits)", entropies[by], answerer=by, memory=memory)
        rows.add("generation", "RS", likenesses[by], answerer=by, memory=memory)


def generation_entropy(words: Sequence[str]) -> float:
    """Return the weighted mean of the entropies of a text's bigrams and trigrams, in bits."""
    return sum(weight * _entropy(words, n) for n, weight in WEIGHTS.items())


def likeness(text: str, reference: str) -> float:
    """Return the cosine of the TF-IDF vectors of two texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer().fit_transform([text, reference])
    return float((vectors[0] @ vectors[1].T).toarray()[0, 0])


def _entropy(words: Sequence[str], n: int) -> float:
    counts = Counter(zip(*(words[k:] for k in range(n)), strict=False))
    if not counts:
        return 0.0
    shares = np.array(list(counts.values())) / counts.total()
    return float(-(shares * np.log2(shares)).sum())
