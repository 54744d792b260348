# ruff: noqa: RUF001 - other scripts are what is tested here
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_store import EditDraft, InvalidEditError, InvalidQueryError
from memory_store.validation import (
    MAX_TEXT_LENGTH,
    clean_draft,
    clean_id,
    clean_moment,
    clean_query,
    clean_text,
)


def test_whitespace_becomes_single_spaces():
    assert clean_text("  The\tSpace\n\nNeedle\r\nis\u2028in  Paris. ") == (
        "The Space Needle is in Paris."
    )


@pytest.mark.parametrize(
    "text",
    [
        "नमस्ते क\u094d\u200dष",  # a joiner that the script needs
        "می\u200cخواهم",
        "a < b and b > c",
        "the list [1, 2] and <b>bold</b>",
        "the inst. and the SYS",
        "\u200fעברית",
        "5 << 3",
    ],
)
def test_ordinary_text_is_kept(text):
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "text is empty"),
        (" \n\t ", "text is empty"),
        ("\u200d", "text is empty"),
        ("x" * (MAX_TEXT_LENGTH + 1), "1,001 characters, at most 1,000"),
        (None, "must be a string, not NoneType"),
        (7, "must be a string, not int"),
        (b"bytes", "must be a string, not bytes"),
        ("a\x00b", "control character U\\+0000"),
        ("a\x1bb", "control character U\\+001B"),
        ("a\x7fb", "control character U\\+007F"),
        ("a\ud800b", "surrogate"),
        ("\ud800", "surrogate"),
        ("a\u202eb", "bidirectional"),
        ("a\u2066b", "bidirectional"),
        ("\ufeffa", "byte order mark"),
        ("a\U000e0041b", "tag character"),
    ],
)
def test_what_is_no_text_is_refused(text, message):
    with pytest.raises(InvalidEditError, match=message) as caught:
        clean_text(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "token",
    [
        "<|im_start|>",
        "<|endoftext|>",
        "<|start_header_id|>",
        "<|any thing|>",
        "[INST]",
        "[/INST]",
        "[inst]",
        "<<SYS>>",
        "<</SYS>>",
        "<s>",
        "</s>",
        "<start_of_turn>",
        "<end_of_turn>",
        "<bos>",
        "<eos>",
        "<pad>",
        "<unk>",
        "[SEP]",
        "<repo_name>",
        "<jupyter_start>",
        "<tool_call>",
        "<think>",
        "<unused17>",
        "<0x0A>",
        "<\uff5cbegin of sentence\uff5c>",
        "\uff1cs\uff1e",
        "<|im_\u200dstart|>",
        "<|im\nstart|>",
    ],
)
@pytest.mark.parametrize("field", ["text", "subject", "relation", "source", "id"])
def test_control_tokens_are_refused(token, field):
    if field == "id" and "\n" in token:
        pytest.skip("line breaks in ids are refused for themselves")
    values = {"text": "A fact.", field: f"say {token} now"}
    with pytest.raises(InvalidEditError, match=r"control token"):
        clean_draft(EditDraft(**values))


def test_fields_are_shorter_than_texts():
    with pytest.raises(InvalidEditError, match=r"subject has 301 characters, at most 300"):
        clean_draft(EditDraft("A fact.", subject="x" * 301))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "id is empty"),
        ("  ", "id is empty"),
        ("a\nb", "control character"),
        ("a\u2028b", "line break"),
        (" a", "starts or ends with a space"),
        ("x" * 201, "201 characters, at most 200"),
        (3, "must be a string"),
        ("a\ud800", "surrogate"),
    ],
)
def test_what_is_no_id_is_refused(name, message):
    with pytest.raises(InvalidEditError, match=message):
        clean_id(name)


@pytest.mark.parametrize(
    ("given_as", "moment"),
    [
        ("2025-01-31", datetime(2025, 1, 31, tzinfo=UTC)),
        ("2025-01-31T12:00:00", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        ("2025-01-31T12:00:00Z", datetime(2025, 1, 31, 12, tzinfo=UTC)),
        ("2025-01-31T12:00:00+02:00", datetime(2025, 1, 31, 10, tzinfo=UTC)),
        (date(2025, 1, 31), datetime(2025, 1, 31, tzinfo=UTC)),
        (datetime(2025, 1, 31, 12), datetime(2025, 1, 31, 12, tzinfo=UTC)),
        (
            datetime(2025, 1, 31, 12, tzinfo=timezone(timedelta(hours=2))),
            datetime(2025, 1, 31, 10, tzinfo=UTC),
        ),
        (None, None),
    ],
)
def test_moments_are_read_as_utc(given_as, moment):
    assert clean_moment(given_as, "valid_from") == moment


@pytest.mark.parametrize("value", ["soon", "2025-13-01", "", 5, "0001-01-01T00:00:00+05:00"])
def test_what_is_no_moment_is_refused(value):
    with pytest.raises(InvalidEditError, match=r"valid_to"):
        clean_moment(value, "valid_to")


@pytest.mark.parametrize("end", ["2024-01-01", "2025-01-01"])
def test_an_edit_must_hold_for_some_time(end):
    with pytest.raises(InvalidEditError, match=r"valid_to .* must be after valid_from"):
        clean_draft(EditDraft("A fact.", valid_from="2025-01-01", valid_to=end))


def test_an_edit_cannot_supersede_itself():
    with pytest.raises(InvalidEditError, match=r"can't supersede itself"):
        clean_draft(EditDraft("A fact.", id="a", supersedes="a"))


@pytest.mark.parametrize("query", ["", "  ", None, 3, "a\ud800"])
def test_what_is_no_query_is_refused(query):
    with pytest.raises(InvalidQueryError):
        clean_query(query)


@given(st.text(max_size=60))
def test_cleaning_is_stable_or_refuses(text):
    try:
        once = clean_text(text)
    except InvalidEditError as error:
        assert "\n" not in str(error)
        return
    assert clean_text(once) == once
    assert "\n" not in once
