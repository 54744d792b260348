import errno
import io

import pytest

from memory_store.errors import MemoryStoreError
from memory_store.transfer import writing_lines


@pytest.mark.parametrize("error", [OSError(errno.EIO, "the caller's own"), ValueError("its own")])
def test_what_the_caller_raises_comes_out_as_it_is_and_leaves_nothing(tmp_path, error):
    with pytest.raises(type(error)) as caught, writing_lines(tmp_path / "out") as write:
        write("half")
        raise error

    assert caught.value is error
    assert list(tmp_path.iterdir()) == []


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    file = tmp_path / "out"
    file.write_text("old")
    file.chmod(0o600)

    with writing_lines(file) as write:
        write("new\u2028\n")
        assert file.read_text() == "old"

    assert file.read_bytes() == "new\u2028\n".encode()
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["no/such/folder", "nul\0"])
def test_a_path_that_can_not_be_opened_is_named(tmp_path, name):
    with pytest.raises(MemoryStoreError, match="can't be written"), writing_lines(tmp_path / name):
        pytest.fail("nothing was opened")


def test_a_device_that_takes_no_more_is_named():
    told = r"/dev/full: can't be written \(No space"
    with pytest.raises(MemoryStoreError, match=told), writing_lines("/dev/full") as write:
        write("text")


def test_text_that_can_not_be_encoded_is_named_and_nothing_is_left(tmp_path):
    told = pytest.raises(MemoryStoreError, match="surrogates")
    with told, writing_lines(tmp_path / "out") as write:
        write("\ud800")

    assert list(tmp_path.iterdir()) == []


def test_an_open_file_is_written_to_and_left_open():
    stream = io.StringIO()

    with writing_lines(stream) as write:
        write("text")

    assert stream.getvalue() == "text"


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_a_memory_is_never_written_over(memory, path, end):
    memory.add("Before.")
    with pytest.raises(MemoryStoreError, match="is a memory"):
        memory.export_jsonl(f"{path}{end}")
    assert memory.check().ok
    assert [edit.text for edit in memory.list()] == ["Before."]
