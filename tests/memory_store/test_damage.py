import sqlite3
from contextlib import closing

import numpy as np
import pytest

from memory_store import DamagedMemoryError

PARIS = "The Space Needle is located in Paris."
LOUVRE = "The Louvre was built by Ada Lovelace."


@pytest.fixture
def two(open_memory):
    memory = open_memory()
    memory.add(PARIS, id="needle", subject="Space Needle", relation="located in")
    memory.add(LOUVRE, id="louvre")
    return memory


DAMAGE = [
    "UPDATE edits SET text = replace(text, 'Paris', 'Pariz') WHERE id = 'needle'",
    "UPDATE edits SET text = CAST(x'ff00fe' AS TEXT) WHERE id = 'needle'",
    "UPDATE edits SET text = x'ff00fe' WHERE id = 'needle'",
    "UPDATE edits SET subject = NULL WHERE id = 'needle'",
    "UPDATE edits SET valid_to = 'soon' WHERE id = 'needle'",
    "UPDATE edits SET digest = x'00' WHERE id = 'needle'",
    "UPDATE edits SET digest = 'text' WHERE id = 'needle'",
]


@pytest.mark.parametrize("statement", DAMAGE)
@pytest.mark.parametrize("reopen", [False, True])
def test_a_damaged_edit_is_noticed_and_never_answered_from(
    two, open_memory, sql, statement, reopen
):
    sql(statement)
    memory = open_memory() if reopen else two
    for action in (
        lambda: memory.get("needle"),
        lambda: memory.search(PARIS, k=1),
        lambda: memory.search_many([LOUVRE, PARIS]),
        lambda: memory.list(),
        lambda: memory.history("needle"),
        lambda: memory.update("needle", "New."),
        lambda: memory.add(PARIS, id="needle"),
    ):
        with pytest.raises(DamagedMemoryError, match=r"'needle' is damaged.*remove the edit"):
            action()
    assert memory.search(LOUVRE, k=1)[0].edit.id == "louvre"
    assert memory.get("louvre").text == LOUVRE
    report = memory.check()
    assert report.damaged_edits == ("needle",) and not report.ok
    assert "needle" in report.problems[0]
    assert len(memory) == 2
    assert memory.remove("needle").id == "needle"
    assert [h.edit.id for h in memory.search(PARIS)] == ["louvre"]
    report = memory.check()
    assert report.damaged_edits == () and report.damaged_history == ("needle",)


def test_an_edit_whose_name_is_damaged_is_listed(two, sql):
    sql("UPDATE edits SET namespace = 'defaulu' WHERE id = 'needle'")
    assert two.check().damaged_edits == ("defaulu:needle",)


def test_a_damaged_edit_stays_when_another_has_the_same_key(two, sql):
    sql(DAMAGE[0])
    two.add("It is in Rome.", subject="Space Needle", relation="located in")
    assert len(two) == 3 and two.check().damaged_edits == ("needle",)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM vectors",
        "DELETE FROM vectors WHERE key = 1",
        "UPDATE vectors SET vector = x'0102'",
        "UPDATE vectors SET vector = zeroblob(256)",
        "UPDATE vectors SET vector = 'text'",
        "UPDATE vectors SET digest = x'00'",
        "UPDATE vectors SET vector = (SELECT vector FROM vectors WHERE key = 2)",
    ],
)
def test_vectors_are_made_again_from_the_edits(two, open_memory, sql, statement, caplog):
    edits = two.list()
    two.close()
    sql(statement)
    memory = open_memory()
    assert "were missing or damaged and are made again" in caplog.text
    for edit in edits:
        hit = memory.search(edit.text, k=1)[0]
        assert hit.edit == edit and hit.similarity == pytest.approx(1, abs=1e-5)
    assert memory.check().ok
    caplog.clear()
    assert open_memory().check().ok and not caplog.records


def test_repairs_are_stored_once_nobody_else_writes(two, open_memory, sql, path, caplog):
    two.close()
    sql("DELETE FROM vectors")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        memory = open_memory(busy_timeout=0.05)
        assert "repaired vectors are not stored yet" in caplog.text
        assert memory.search(PARIS, k=1)[0].edit.id == "needle"
        assert memory.check().missing_vectors == ("needle", "louvre")
        other.execute("COMMIT")
    memory.search(PARIS)
    assert memory.check().ok


def test_vectors_that_are_not_finite_are_made_again(two, open_memory, sql):
    from memory_store.records import vector_digest

    (digest,) = sql("SELECT digest FROM edits WHERE key = 1")[0]
    blob = np.full(64, np.nan, dtype="<f4").tobytes()
    sql(
        "UPDATE vectors SET vector = ?, digest = ? WHERE key = 1", blob, vector_digest(blob, digest)
    )
    assert two.check().damaged_vectors == ("needle",)
    memory = open_memory()
    assert memory.search(PARIS, k=1)[0].edit.id == "needle" and memory.check().ok


def test_a_check_counts_and_changes_nothing(two, sql):
    sql("DELETE FROM vectors WHERE key = 1")
    sql("INSERT INTO vectors VALUES (99, x'00', x'00')")
    report = two.check()
    assert (report.edits, report.vectors, report.index_size) == (2, 1, 2)
    assert report.missing_vectors == ("needle",) and report.stray_vectors == 1
    assert "rebuild the memory" in report.problems[0] and report.integrity == "ok"
    assert two.check() == report
    assert two.rebuild() == 2
    assert two.check().ok


def test_a_rebuild_keeps_damaged_edits_to_be_seen(two, sql):
    sql(DAMAGE[0])
    assert two.rebuild() == 2
    assert two.check().damaged_edits == ("needle",)
    with pytest.raises(DamagedMemoryError):
        two.search(PARIS, k=1)


def test_a_vanished_edit_is_not_passed_over(two, sql):
    sql("DELETE FROM edits WHERE id = 'needle'")
    with pytest.raises(DamagedMemoryError, match=r"missing from the file"):
        two.search(PARIS)
    report = two.check()
    assert report.stray_vectors == 1 and report.index_size == 2 and not report.ok


def test_an_error_does_not_pin_an_old_state(two, open_memory, sql):
    """An exception that somebody keeps must not keep this handle from seeing changes."""
    sql(DAMAGE[0])
    kept = []
    for action in (two.list, lambda: two.search(PARIS), lambda: two.history("needle")):
        try:
            action()
        except DamagedMemoryError as error:
            kept.append(error)
    assert len(kept) == 3
    other = open_memory()
    other.remove("needle")
    assert [h.edit.id for h in two.search(PARIS)] == ["louvre"] and len(two) == 1


def test_a_removed_edit_is_gone_from_everything_but_the_history(two, open_memory, sql, path):
    vector = sql("SELECT vector FROM vectors WHERE key = 1")[0][0]
    two.remove("needle")
    assert "needle" not in [h.edit.id for h in two.search(PARIS, k=100)]
    assert [e.id for e in two.list()] == ["louvre"]
    lines = path.parent / "out.jsonl"
    two.export_jsonl(lines)
    assert "Needle" not in lines.read_text()
    two.close()
    for table in ("meta", "edits", "vectors", "changes"):
        assert "Needle" not in repr(sql(f"SELECT * FROM {table}"))
    assert PARIS in repr(sql("SELECT * FROM history"))
    sql("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    assert vector not in content and vector[:32] not in content
    assert content.count(PARIS.encode()) == 1  # the row of the history
    with open_memory() as again:
        assert "needle" not in [h.edit.id for h in again.search(PARIS)]
