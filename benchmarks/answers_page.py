"""Draws ``docs/answers.md`` from the rows of ``python -m benchmarks answers``."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rows import Row, interval, number, read_rows

TITLES = {
    "answers_counterfact": "CounterFact, 21,919 edits",
    "answers_zsre": "zsRE, 737 edits",
    "answers_own": "Cases of our own writing",
    "answers_follow_ups": "Follow-ups of our own writing",
    "answers_prompted": "The same follow-ups, rewritten by a large chat model",
    "answers_convsent": "ConvSent: opinions of a persona",
    "answers_texts": "Longer texts",
    "answers_speed": "What an answer costs",
}

OPENING = """# What is said

Drawn from the rows in `benchmarks/results/` by `python -m benchmarks report`; don't edit by hand.
What still goes wrong, read by eye, is in [answers_errors.md](answers_errors.md).

The base model is the embedded SmolLM2-135M-Instruct; the counterfactual model is the shipped
adapter on it; IKE shows the base model the 4 demonstrations nearest to the edit, half copies and
half updates, and of a longer query the part that asks for the edit, and asks a second time where
an answer to a short query has no word of what the edit says beyond it; *auto*, the default, gives
the counterfactual model the short factual queries about one edit and IKE the rest. Answers are
generated freely and greedily, many prompts in a batch. An answer *follows the edit* if it holds
the new object and not the old one, case and punctuation folded. *Right edit given* leaves the
scope classifier out; in *one edit in memory* and *all edits in memory* it decides, at its default
threshold, and a query that no edit fires on goes to the base model. *The base model's own answer*
is given where nothing fires, which the tests show to be equal bit for bit. Cases are drawn by the
seed. The rows of *auto* were measured with the multi-hop route off; those of zsRE before IKE showed
these demonstrations and asked a second time, and before edits of different given subjects stopped
contradicting each other. An answer *speaks of the overlay* if it has its wording ("new fact",
"this note", a prompt's own labels).

ES, PS and NS are ROME's scores: the share of exact prompts and of paraphrases after which the new
object is likelier than the old one, and of neighbours after which the old one is; EM, PM and NM
are the mean differences of the probabilities (of the mean log-probability a token). The base
model is given the plain prompt, an answerer its own. GE is the entropy of bigrams and trigrams in
what is written; RS its likeness to a reference text, here made of the statements of facts that
really have the new object.

An *opinion* is an edit that the persona loves or dislikes a topic of ConvSent, and the question
what it thinks of it. Which opinion an answer states is told by a list of words of our own: those
of liking against those of dislike, turned round after a negation, the topic's name left out. How
often that list finds an opinion in the set's own texts, and how often it is then the one of the
set's label, stands below the answers.

Follow-ups and unrelated turns are those of our own test conversations, each with the turns before
it, read in all the ways in which the query rewriter makes it stand on its own and as it stands in
its conversation (the turn classifier), and held to the threshold for both together. With the
*right edit given* it is read in the likeliest of them. *Rewritten by a large chat model* replays
the one query that such a model, which is not named, wrote of each turn under the prompt of
`rewriter="prompted"`; it was shown that prompt alone, so neither edits, nor answers, nor later
turns. Then the turn classifier isn't asked, and rewritten turns are held to a threshold chosen on
such replies for dev conversations (`python -m benchmarks follow_ups --rewriter recorded`).

Costs are ratios to the base model's, asked in its chat: the time to the first token of a prompt as
it is, and the time until a reader of the stream has the first words, which IKE holds back until
they have something of the edit, a second asking included. *Deciding* about a later turn of a
conversation (of our dev set, with CounterFact's edits in memory), rewriting included, is held
against the time in which the base model answers it with 32 tokens.

Intervals are 95% percentile bootstraps over records, and exact ones where a share is 0 or 1.
"""


def answers_page(folder: Path) -> str:
    """Return the page for the rows in a folder."""
    parts = [OPENING]
    for name, title in TITLES.items():
        file = folder / f"{name}.jsonl"
        if file.is_file():
            parts.append(_section(title, read_rows(file)))
    return "\n".join(parts)


def _section(title: str, rows: list[Row]) -> str:
    made = "\n\n".join(f"{run}." for run in dict.fromkeys(map(_made_by, rows)))
    lines = [
        "| queries | figure | by | edits | value | 95% interval | n |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.kind} | {row.metric} | {row.setting.get('answerer', '')} "
        f"| {row.setting.get('memory', '')} | {number(row.value)} | {interval(row)} | {row.n:,} |"
        for row in rows
    ]
    table = "\n".join(lines)
    return f"## {title}\n\n{made}\n\n{table}\n"


def _made_by(row: Row) -> str:
    setting = row.setting
    return (
        f"`{row.command}` (seed {row.seed}; {setting['machine']}; code {setting['code']}; "
        f"{setting['scope_classifier']}; counterfactual model {setting['counterfactual_model']})"
    )
