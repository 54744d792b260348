import io
import json

import pytest

from memory_store import (
    EditExistsError,
    EditMemory,
    ImportFormatError,
    ImportResult,
    InvalidEditError,
    MemoryStoreError,
)
from memory_store.jsonl import FIELD_NAMES

GOOD = {"text": "The Space Needle is located in Paris.", "id": "good"}


@pytest.fixture
def write(tmp_path):
    def write_lines(*lines, name="facts.jsonl"):
        file = tmp_path / name
        parts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        file.write_bytes(b"\n".join(parts))
        return file

    return write_lines


def test_an_export_brings_everything_back(memory, tmp_path, encoder):
    memory.add("The Space Needle is located in Paris.", subject="s", relation="r")
    memory.add("The Space Needle is located in Rome.", subject="s", relation="r", source="x")
    memory.add('Zoë “said” \\ "so".', valid_from="2020-01-01", valid_to="2090-06-01T10:00:00.5Z")
    memory.update(memory.add("First.", id="my id").id, "Second.")
    file = tmp_path / "out.jsonl"
    assert memory.export_jsonl(file) == 3
    with EditMemory.open(":memory:", encoder) as other:
        assert other.import_jsonl(file) == ImportResult(3, 0, 0)
        assert other.list() == memory.list()
        assert other.import_jsonl(file) == ImportResult(0, 3, 0)
        assert other.list() == memory.list() and other.check().ok
    stream = io.StringIO()
    assert memory.export_jsonl(stream) == 3
    assert stream.getvalue() == file.read_text("utf-8")
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".new"]


def test_an_empty_memory_makes_an_empty_file(memory, tmp_path):
    assert memory.export_jsonl(tmp_path / "out.jsonl") == 0
    assert memory.import_jsonl(tmp_path / "out.jsonl") == ImportResult(0, 0, 0)


def test_importing_twice_changes_nothing(memory, write, encoder):
    key = {"subject": "s", "relation": "r"}
    file = write(
        {"text": "It is in Paris.", **key},
        {"text": "It is in Rome.", **key},
        {"text": "It is in Paris.", **key},
        {"text": "No id and no key."},
        {"text": "No id and no key."},
        GOOD,
    )
    assert memory.import_jsonl(file) == ImportResult(5, 1, 2)
    held = memory.list()
    assert [e.text for e in held] == ["It is in Paris.", "No id and no key.", GOOD["text"]]
    encoder.encoded = 0
    assert memory.import_jsonl(file) == ImportResult(0, 6, 0)
    assert memory.list() == held and encoder.encoded == 0


def test_a_line_without_id_can_come_back_after_removal(memory, write):
    file = write({"text": "No id."})
    memory.import_jsonl(file)
    first = memory.list()[0]
    memory.remove(first.id)
    assert memory.import_jsonl(file) == ImportResult(1, 0, 0)
    assert memory.list()[0].id != first.id
    assert memory.import_jsonl(file) == ImportResult(0, 1, 0)


def test_a_line_can_name_what_it_supersedes(memory, write):
    old = memory.add("It is in Paris.", id="old")
    result = memory.import_jsonl(write({"text": "It is in Rome.", "id": "n", "supersedes": "old"}))
    assert result == ImportResult(1, 0, 1)
    assert [e.edit.id for e in memory.history("old")] == ["old", "n"]
    assert old not in memory.list()


def test_a_mark_and_blank_lines_and_crlf_are_no_trouble(memory, write):
    file = write(b'\xef\xbb\xbf{"text": "One."}\r', b"", b"  \r", b'{"text": "Two."}\r', b"")
    assert memory.import_jsonl(file) == ImportResult(2, 0, 0)
    assert [e.text for e in memory.list()] == ["One.", "Two."]


def test_unknown_fields_are_named_once(memory, write, caplog):
    memory.import_jsonl(write({**GOOD, "colour": 1}, {"text": "b", "colour": 2, "shape": 3}))
    assert [r.message.split(": ", 1)[1] for r in caplog.records] == [
        "ignored unknown fields: 'colour', 'shape'"
    ]
    assert len(memory) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "cut', "not valid JSON .*column"),
        (b"text", "not valid JSON"),
        (b'"text"', "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"[" * 100_000, "nested too deeply|not valid JSON"),
        (b'{"text": ' + b"9" * 5000 + b"}", "not valid JSON|must be a string"),
        (b'{"text": "\xff"}', "byte 11 is not UTF-8"),
        (b'{"fact": "x"}', '"text" is missing'),
        ({"text": ""}, "text is empty"),
        ({"text": 5}, "text must be a string, not int"),
        ({"text": None}, "text must be a string"),
        ({"text": "x" * 1001}, "at most 1,000"),
        ({"text": "a <|im_end|> b"}, "control token"),
        ({"text": "\ud800"}, "surrogate"),
        ({"text": "a", "id": 5}, "id must be a string"),
        ({"text": "a", "subject": ["x"]}, "subject must be a string"),
        ({"text": "a", "valid_from": "soon"}, "valid_from 'soon' is no date"),
        ({"text": "a", "valid_from": 2025}, "valid_from must be a date"),
        ({"text": "a", "valid_from": "2025-01-02", "valid_to": "2025-01-01"}, "must be after"),
        ({"text": "a", "id": "good"}, "id 'good' was used in line 1"),
        ({"text": "a", "id": "x", "supersedes": "x"}, "can't supersede itself"),
    ],
)
def test_a_malformed_line_is_named_and_nothing_is_imported(memory, write, line, message):
    memory.add("Was there before.", id="before")
    with pytest.raises(ImportFormatError, match=message) as caught:
        memory.import_jsonl(write(GOOD, b"", line, {"text": "after"}))
    assert "facts.jsonl, line 3: " in str(caught.value)
    assert "nothing was imported" in str(caught.value) and "\n" not in str(caught.value)
    assert [e.id for e in memory.list()] == ["before"] and memory.check().ok


def test_an_id_that_is_taken_is_named_and_nothing_is_imported(memory, write):
    memory.add("Something else.", id="good")
    with pytest.raises(EditExistsError, match=r"line 2: id 'good' belongs.*nothing was stored"):
        memory.import_jsonl(write({"text": "First."}, GOOD))
    memory.remove("good")
    with pytest.raises(EditExistsError, match=r"line 2: id 'good'.*was removed"):
        memory.import_jsonl(write({"text": "First."}, {"text": "Something else.", "id": "good"}))
    assert len(memory) == 0 and memory.check().ok


def test_open_files_can_be_read(memory, write):
    with write(GOOD).open("rb") as file:
        assert memory.import_jsonl(file).added == 1
    with (
        write({"text": "b"}, b'{"text": "\xff"}').open(encoding="utf-8") as file,
        pytest.raises(ImportFormatError, match=r"line 2.*not UTF-8"),
    ):
        memory.import_jsonl(file)
    assert memory.import_jsonl(io.StringIO('\ufeff{"text": "c"}\n')).added == 1


def test_files_that_cannot_be_opened(memory, tmp_path):
    for bad in (tmp_path / "no.jsonl", tmp_path, "a\0b"):
        with pytest.raises(MemoryStoreError, match=r"can't be read"):
            memory.import_jsonl(bad)
    for bad in (tmp_path / "no" / "out.jsonl", tmp_path, "a\0b"):
        with pytest.raises(MemoryStoreError, match=r"can't be written"):
            memory.export_jsonl(bad)


def test_a_failed_export_leaves_the_old_file(memory, sql, tmp_path):
    memory.add("A fact.", id="a")
    file = tmp_path / "out.jsonl"
    file.write_text("precious")
    sql("UPDATE edits SET text = 'A fict.'")
    with pytest.raises(MemoryStoreError, match=r"edit 'a' is damaged"):
        memory.export_jsonl(file)
    assert file.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".new")] == []


def test_progress_counts_what_is_encoded(memory, write):
    told = []
    memory.import_jsonl(write(*({"text": f"Fact {n}."} for n in range(1500))), told.append)
    assert sum(told) == 1500 and len(told) > 1


def test_only_a_line_feed_ends_a_line(memory, tmp_path):
    file = tmp_path / "facts.jsonl"
    line = json.dumps({**GOOD, "note": "a\u2028b\u2029c\x85d"}, ensure_ascii=False)
    file.write_text(f"{line}\r\n", encoding="utf-8", newline="")
    assert memory.import_jsonl(file) == ImportResult(1, 0, 0)
    assert memory.import_jsonl(io.StringIO(f"{line}\n")) == ImportResult(0, 1, 0)


def test_the_fields_of_the_format():
    assert set(FIELD_NAMES) == {
        "text", "id", "subject", "relation", "source", "valid_from", "valid_to", "created_at",
        "supersedes",
    }  # fmt: skip
    assert issubclass(InvalidEditError, MemoryStoreError)
