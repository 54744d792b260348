"""Commands about the edits in a memory."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.table import Table

from memory_store import Edit, EditDraft
from memory_store.errors import DamagedMemoryError, ErrataError, MemoryStoreError
from memory_store.validation import clean_draft
from serac.cli.options import (
    DEFAULT_MEMORY,
    DEFAULT_NAMESPACE,
    DeviceOption,
    JsonOption,
    MemoryOption,
    NamespaceOption,
    ScopeOption,
    err,
    open_memory,
    out,
    progress_bar,
    show,
)
from serac.cli.preview import show_preview

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The edit.")]
TextArgument = Annotated[str, typer.Argument(metavar="TEXT", help="The statement that shall hold.")]
SubjectOption = Annotated[str | None, typer.Option(help="What the statement is about.")]
RelationOption = Annotated[str | None, typer.Option(help="Which property of the subject it sets.")]
SourceOption = Annotated[str | None, typer.Option(help="Where the statement comes from.")]
FromOption = Annotated[str | None, typer.Option(help="ISO 8601 moment from which on it holds.")]
ToOption = Annotated[
    str | None, typer.Option(help="ISO 8601 moment from which on it no longer holds.")
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Store nothing; show how many everyday questions it answers."),
]
ReferenceOption = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        metavar="FILE",
        help="With --dry-run: questions to hold it against, one a line or JSONL; the shipped "
        "everyday ones otherwise.",
    ),
]


def add(
    text: TextArgument,
    subject: SubjectOption = None,
    relation: RelationOption = None,
    source: SourceOption = None,
    valid_from: FromOption = None,
    valid_to: ToOption = None,
    dry_run: DryRunOption = False,
    reference: ReferenceOption = None,
    scope: ScopeOption = None,
    device: DeviceOption = None,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Add an edit and print its id.

    The id is printed once the edit is durable. With --dry-run nothing is stored: it shows how
    many everyday questions would be answered from the edit, and warns if they are many;
    --reference, --scope and --device are for that alone.
    """
    if dry_run:
        clean_draft(EditDraft(text, None, subject, relation, source, valid_from, valid_to))
        show_preview(
            text,
            memory,
            namespace,
            reference=reference,
            scope=scope,
            device=device,
            as_json=as_json,
        )
        return
    if (reference, scope, device) != (None, None, None):
        raise ErrataError("--reference, --scope and --device need --dry-run; add it")
    with open_memory(memory, namespace, create=True) as opened:
        edit = opened.add(
            text,
            subject=subject,
            relation=relation,
            source=source,
            valid_from=valid_from,
            valid_to=valid_to,
        )
        show(_record(edit), as_json, lambda: edit.id)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="One edit a line.")],
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Add the edits of a JSONL file, all or none."""
    with (
        _opened(file) as lines,  # first: a file that is not there begins no memory
        open_memory(memory, namespace, create=True) as opened,
        progress_bar("embedding", None) as advance,
    ):
        result = opened.import_jsonl(lines, progress=advance)
    show(
        asdict(result),
        as_json,
        lambda: (
            f"{result.added} added, {result.unchanged} unchanged, {result.superseded} superseded"
        ),
    )


def list_(
    contains: Annotated[str | None, typer.Option(help="Only edits whose text has this.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Most edits to show.")] = None,
    offset: Annotated[int, typer.Option(min=0, help="How many to pass over.")] = 0,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """List the edits that hold.

    A terminal gets a table; otherwise each edit is one line of id, text, subject, relation,
    valid_from and valid_to, parted by tabs.
    """
    with open_memory(memory, namespace) as opened:
        found = opened.list(offset=offset, limit=limit, contains=contains)
    if as_json:
        show([_record(edit) for edit in found], True, str)
        return
    if not found:
        err.print("no edits")
        return
    if not sys.stdout.isatty():
        for edit in found:
            typer.echo(_tabbed(edit))
        return
    table = Table("id", "text", "subject", "relation", "valid", box=None)
    for edit in found:
        table.add_row(edit.id, edit.text, edit.subject or "", edit.relation or "", _validity(edit))
    out.print(table)


def show_edit(
    id: IdArgument,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Show one edit with all its fields."""
    with open_memory(memory, namespace) as opened:
        record = _record(opened.get(id))
    show(record, as_json, lambda: _lines(record))


def update(
    id: IdArgument,
    text: TextArgument,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Replace an edit and print the new id.

    The new version supersedes the old one, which stays in the history.
    """
    with open_memory(memory, namespace) as opened:
        edit = opened.update(id, text)
        show(_record(edit), as_json, lambda: edit.id)


def remove(
    id: IdArgument,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Take an edit back.

    The next query no longer sees it; its history stays.
    """
    with open_memory(memory, namespace) as opened:
        edit = opened.remove(id)
        show(_record(edit), as_json, lambda: f"removed {edit.id}")


def history(
    id: IdArgument,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Show all versions of an edit.

    Oldest first, with when and why each one ended.
    """
    with open_memory(memory, namespace) as opened:
        entries = opened.history(id)
    records = [
        {
            **_record(entry.edit),
            "ended_at": _moment(entry.ended_at),
            "ended_by": entry.ended_by,
            "superseded_by": entry.superseded_by,
        }
        for entry in entries
    ]
    show(records, as_json, lambda: "\n\n".join(map(_lines, records)))


def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE.jsonl]", help="Stdout when left out.")
    ] = None,
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Write the edits that hold as JSONL.

    The file can be imported again.
    """
    with open_memory(memory, namespace) as opened:
        count = opened.export_jsonl(file if file is not None else sys.stdout)
    if file is not None:
        show({"exported": count}, as_json, lambda: f"{count} exported")


def check(
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Check the file, the edits and the index.

    The exit code is 2 if something is wrong.
    """
    with open_memory(memory, namespace) as opened:
        report = opened.check()
    lines = [f"{report.edits} edits, {report.vectors} vectors, index of {report.index_size}"]
    show(
        {**asdict(report), "ok": report.ok},
        as_json,
        lambda: "\n".join([*lines, *(report.problems or ["all is well"]), *report.notes]),
    )
    if not report.ok:
        raise DamagedMemoryError(f"{memory} is not in order: {report.problems[0]}")


def rebuild(
    memory: MemoryOption = DEFAULT_MEMORY,
    namespace: NamespaceOption = DEFAULT_NAMESPACE,
    as_json: JsonOption = False,
) -> None:
    """Make vectors and index anew from the edits.

    All namespaces are rebuilt, whichever encoder the old vectors come from.
    """
    count = 0
    with progress_bar("embedding", None) as advance:

        def encoded(more: int) -> None:
            nonlocal count
            count += more
            advance(more)

        with open_memory(memory, namespace, rebuild=True, progress=encoded):
            pass  # opening it did the work: with another encoder's vectors it opens no other way
    show({"rebuilt": count}, as_json, lambda: f"{count} rebuilt")


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for name, command in (
        ("add", add),
        ("import", import_),
        ("list", list_),
        ("show", show_edit),
        ("update", update),
        ("remove", remove),
        ("history", history),
        ("export", export),
        ("check", check),
        ("rebuild", rebuild),
    ):
        app.command(name)(command)


def _opened(file: Path) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as error:
        raise MemoryStoreError(
            f"{file}: can't be read ({error.strerror}); check the path"
        ) from None


def _tabbed(edit: Edit) -> str:
    values = (
        edit.id,
        edit.text,
        edit.subject,
        edit.relation,
        _moment(edit.valid_from),
        _moment(edit.valid_to),
    )
    return "\t".join(value or "" for value in values)  # none holds a tab or a line break


def _record(edit: Edit) -> dict[str, Any]:
    return {
        name: _moment(value) if isinstance(value, datetime) else value
        for name, value in asdict(edit).items()
    }


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _validity(edit: Edit) -> str:
    if edit.valid_from is None and edit.valid_to is None:
        return ""
    return f"{_moment(edit.valid_from) or '…'} – {_moment(edit.valid_to) or '…'}"  # noqa: RUF001


def _lines(record: dict[str, Any]) -> str:
    width = max(map(len, record))
    return "\n".join(
        f"{name:<{width}}  {value}" for name, value in record.items() if value is not None
    )
