import pytest
from hashed_encoder import HashedEncoder

from memory_store import EditMemory, InvalidQueryError, MemoryBusyError
from memory_store.database import Database

FACT = "The Space Needle is located in Paris."


def test_what_was_never_set_is_none(memory):
    assert memory.get_setting("scope_threshold") is None
    memory.set_setting("scope_threshold", None)
    assert memory.get_setting("scope_threshold") is None


@pytest.mark.parametrize("value", ["", "0.5", '{"a": "ü\\n"}', "two\nlines"])
def test_a_setting_is_there_when_the_file_is_opened_again(open_memory, value):
    with open_memory() as memory:
        memory.set_setting("scope_threshold", "old")
        memory.set_setting("scope_threshold", value)
    assert open_memory().get_setting("scope_threshold") == value


def test_another_handle_sees_what_was_set_and_what_was_removed(open_memory):
    first, second = open_memory(), open_memory()
    assert second.get_setting("one") is None
    first.set_setting("one", "1")
    assert second.get_setting("one") == "1"
    second.set_setting("one", None)
    assert first.get_setting("one") is None


def test_namespaces_and_names_are_apart(open_memory):
    spaces = [open_memory(namespace=name) for name in ("a", "a:b", "setting")]
    for number, memory in enumerate(spaces):
        memory.set_setting("one", str(number))
        memory.set_setting("two", f"{number}!")
    spaces[1].set_setting("two", None)
    assert [memory.get_setting("one") for memory in spaces] == ["0", "1", "2"]
    assert [memory.get_setting("two") for memory in spaces] == ["0!", None, "2!"]


@pytest.mark.parametrize("name", ["", "b:one", "One", "1", "a b", "a\n"])
def test_a_name_that_could_be_mistaken_is_refused(memory, name):
    with pytest.raises(ValueError, match="can't name a setting"):
        memory.get_setting(name)
    with pytest.raises(ValueError, match="can't name a setting"):
        memory.set_setting(name, "1")


def test_edits_and_settings_do_not_disturb_each_other(memory):
    memory.add(FACT)
    memory.set_setting("one", "1")
    memory.rebuild()
    assert memory.get_setting("one") == "1"
    assert memory.check().ok
    assert [edit.text for edit in memory.list()] == [FACT]


def test_settings_are_not_exported(memory, tmp_path):
    memory.add(FACT)
    memory.set_setting("one", "secret")
    memory.export_jsonl(tmp_path / "edits.jsonl")
    assert "secret" not in (tmp_path / "edits.jsonl").read_text()
    with EditMemory.open(tmp_path / "other.db", HashedEncoder()) as other:
        other.import_jsonl(tmp_path / "edits.jsonl")
        assert other.get_setting("one") is None


def test_while_another_process_writes_nothing_is_set(open_memory, path):
    memory = open_memory(busy_timeout=0.05)
    memory.set_setting("one", "1")
    other = Database.open(path)
    with other.writing():
        with pytest.raises(MemoryBusyError):
            memory.set_setting("one", "2")
        assert memory.get_setting("one") == "1"
    other.close()
    memory.set_setting("one", "2")
    assert memory.get_setting("one") == "2"


def test_a_value_that_can_not_be_stored_leaves_the_old_one(memory):
    memory.set_setting("one", "1")
    with pytest.raises(InvalidQueryError):
        memory.set_setting("one", "\ud800")
    assert memory.get_setting("one") == "1"
