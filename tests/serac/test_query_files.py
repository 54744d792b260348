import json

import pytest

from memory_store.errors import InvalidQueryError
from serac.query_files import read_query_texts


@pytest.fixture
def write(tmp_path):
    def write_one(content, name="queries.txt"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write_one


def test_text_is_one_query_a_line(write):
    file = write("\ufeffWhere is it?\r\n\n  Who are you? \nIs it a\u2028b?")
    assert read_query_texts(file) == ["Where is it?", "Who are you?", "Is it a\u2028b?"]


@pytest.mark.parametrize("name", ["queries.jsonl", "queries.JSONL"])
def test_jsonl_has_them_under_query(write, name):
    lines = [{"query": "Where is it?", "id": 1}, {"query": ' "{}"\n? '}]
    file = write("\n".join(map(json.dumps, lines)) + "\n\n", name)
    assert read_query_texts(file) == ["Where is it?", ' "{}"\n? ']


@pytest.mark.parametrize(
    "line, told",
    [
        ("{oops", "not JSON"),
        ("[]", 'needs an object with "query"'),
        ('{"id": 1}', 'needs an object with "query"'),
        ('{"query": 1}', 'needs an object with "query"'),
        ('{"query": " "}', "empty"),
        ('{"query": "\\ud800"}', "surrogate"),
        ("[" * 10_000, "not JSON"),
    ],
)
def test_a_malformed_line_is_named(write, line, told):
    file = write(f'{{"query": "a"}}\n\n{line}\n', "queries.jsonl")
    with pytest.raises(InvalidQueryError, match=rf"queries.jsonl, line 3: .*{told}"):
        read_query_texts(file)


def test_a_line_that_is_too_long_is_named(write):
    with pytest.raises(InvalidQueryError, match="line 2: a turn has"):
        read_query_texts(write("a\n" + "x" * 1_000_001))


@pytest.mark.parametrize(
    "content, told", [("", "holds no query"), (" \n\n", "holds no query"), (b"\xff\xfe", "UTF-8")]
)
def test_a_file_of_no_use_is_named(write, content, told):
    with pytest.raises(InvalidQueryError, match=told):
        read_query_texts(write(content))


def test_what_can_not_be_read_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "none.txt"):
        with pytest.raises(InvalidQueryError, match="can't read"):
            read_query_texts(path)
