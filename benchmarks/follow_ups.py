"""``python -m benchmarks follow_ups``: what fires on later turns of our dev conversations.

Every later turn of the dev conversations is decided about once, with all their edits in memory; the
probabilities then tell what would fire from which threshold on.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.own import Conversation, follow_ups
from benchmarks.recorded_queries import recorded_conversations, recorded_rewriter
from benchmarks.rows import RESULTS, Rows
from benchmarks.told import keep
from classifiers import SHIPPED as SCOPE
from classifiers import load_scope_classifier
from classifiers.lora_training import check_out
from memory_store import EditMemory, SentenceTransformerEncoder
from memory_store.errors import ErrataError
from serac.cli.options import err, progress_bar
from serac.decision import Decision
from serac.overlay import FactOverlay
from serac.query_rewriting import SHIPPED, read_config
from serac.turn_scope import load_turn_scope
from serac.view import may_refer_back

NAME = "follow_ups_dev"
COMMAND = "python -m benchmarks follow_ups"
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
RECORDED = "recorded"
RIGHT, WRONG, UNRELATED = "right edit fires", "another edit fires", "unrelated turn fires"

OutOption = Annotated[Path, typer.Option("--out", help="Folder of the rows.")]
RewriterOption = Annotated[
    str | None,
    typer.Option(
        "--rewriter",
        help="Folder of the query rewriter, or 'recorded' for a large chat model's queries; the "
        "shipped one if none.",
    ),
]
ScopeOption = Annotated[
    Path | None,
    typer.Option("--scope", help="Folder of the scope classifier; the shipped one if none."),
]
MostOption = Annotated[
    int | None,
    typer.Option("--conversations", min=1, help="How many are read, the newest; all otherwise."),
]


@dataclass(frozen=True, slots=True)
class Judged:
    """A later turn, and what would fire on it.

    Attributes:
        conversation: Number of its conversation.
        own: Text of the edit that answers it; ``None`` where none does.
        first: Text of the edit that fires first, if any fires.
        probability: What that one reaches; 0 if there is none.
        is_later: Whether it was judged with the turns before it.
    """

    conversation: int
    own: str | None
    first: str | None
    probability: float
    is_later: bool

    def fires(self, threshold: float, later: float) -> bool:
        """Say whether an edit fires.

        Args:
            threshold: Probability from which on one does where the turn was judged alone.
            later: The same where it was judged with those before it.
        """
        return self.probability >= (later if self.is_later else threshold)


def measure(
    overlay: FactOverlay,
    conversations: Sequence[Conversation],
    told: Callable[[dict[str, Any]], None],
    progress: Callable[[int], None],
) -> list[Judged]:
    """Return what would fire on each later turn, with all conversations' edits in memory."""
    for text in dict.fromkeys(text for one in conversations for text in one.edits):
        overlay.add(text)
    judged = []
    for number, conversation in enumerate(conversations):
        later = [(turn, turns) for turn, turns in conversation.read() if turn.kind != "opening"]
        decisions = overlay.decide_many([turns for _, turns in later])
        for (turn, turns), decision in zip(later, decisions, strict=True):
            own = None if turn.edit is None else conversation.edits[turn.edit]
            judged.append(_judged(number, own, decision, may_refer_back(turns)))
            record = {"kind": turn.kind, "user": turn.user, **asdict(judged[-1])}
            told({**record, "query": decision.rewritten})
            progress(1)
    return judged


def _judged(number: int, own: str | None, decision: Decision, is_later: bool) -> Judged:
    first = decision.candidates[0] if decision.candidates else None
    return Judged(
        number,
        own,
        first.edit.text if first else None,
        first.probability if first else 0.0,
        is_later,
    )


def add_rows(rows: Rows, judged: Sequence[Judged], threshold: float, held_to: float) -> None:
    """Add what fires from each of the thresholds on, and from the artifact's own.

    Args:
        rows: Where rows go.
        judged: What was measured.
        threshold: The scope classifier's own.
        held_to: What turns that are judged with those before them are held to in use.
    """
    levels = {f"from {at} on": at for at in THRESHOLDS}
    levels[f"from {held_to:.3f} on, as in use"] = held_to
    for kind, at in levels.items():
        found: dict[str, list[tuple[int, bool]]] = defaultdict(list)
        for one in judged:
            fires = one.fires(threshold, at)
            if one.own is None:
                found[UNRELATED].append((one.conversation, fires))
            else:
                found[RIGHT].append((one.conversation, fires and one.first == one.own))
                found[WRONG].append((one.conversation, fires and one.first != one.own))
        for metric, seen in found.items():
            groups = [group for group, _ in seen]
            rows.add(kind, metric, [hit for _, hit in seen], groups=groups)


def follow_ups_command(
    out: OutOption = RESULTS,
    rewriter: RewriterOption = None,
    scope: ScopeOption = None,
    conversations: MostOption = None,
) -> None:
    """What fires on the dev conversations' later turns, by the threshold they are held to."""
    folder_of = None if rewriter == RECORDED else Path(rewriter or SHIPPED)
    command = _command(folder_of, scope, conversations)
    if command != COMMAND and out.resolve() == RESULTS.resolve():
        raise ErrataError(
            "a part of the conversations, or another model, is no result; name a folder with --out"
        )
    check_out(out)
    encoder = SentenceTransformerEncoder.embedded()
    turns = load_turn_scope() if folder_of else None
    trained = load_scope_classifier(encoder, scope)
    rows = Rows(
        NAME,
        0,
        command,
        scope_classifier=trained.fingerprint,
        query_rewriter=read_config(folder_of)["model_sha256"][:12] if folder_of else RECORDED,
        turn_classifier=turns and turns.fingerprint,
    )
    told: list[dict[str, Any]] = []
    every = follow_ups("dev") if folder_of else recorded_conversations("dev")
    read = every[-(conversations or 0) :]
    with (
        tempfile.TemporaryDirectory() as folder,
        EditMemory.open(Path(folder) / "facts.db", encoder) as memory,
        progress_bar("dev conversations", None) as progress,
    ):
        overlay = FactOverlay(
            memory,
            trained,
            trained.threshold_for(),
            recall_floor=trained.recall_floor,
            rewriter=folder_of or recorded_rewriter("dev"),
            turn_scope=turns,
        )
        judged = measure(overlay, read, told.append, progress)
        usual = overlay.router.threshold
        later = turns.threshold if turns else overlay.router.turn_threshold
        add_rows(rows, judged, usual, max(usual, later))
    keep(told, out, NAME)
    file = rows.write(out)
    for row in rows.rows:
        ends = f"({row.low:.3f} - {row.high:.3f})"
        typer.echo(f"{row.kind:<24} {row.metric:<22} {row.value:.3f} {ends}")
    err.print(f"rows in {file}")


def _command(rewriter: Path | None, scope: Path | None, conversations: int | None) -> str:
    words = COMMAND
    if rewriter is None:
        words += f" --rewriter {RECORDED}"
    elif rewriter.resolve() != SHIPPED.resolve():
        words += " --rewriter FOLDER"
    words += "" if scope is None or scope.resolve() == SCOPE.resolve() else " --scope FOLDER"
    return words + (f" --conversations {conversations}" if conversations else "")
