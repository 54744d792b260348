import pytest

from benchmarks.own import follow_ups
from benchmarks.recorded_queries import FILE, later_prompts, recorded_rewriter
from memory_store.errors import ErrataError
from serac.conversation import Turn
from serac.query_rewriting.prompted import prompt_of
from serac.view import may_refer_back


def test_each_later_turn_has_a_reply():
    rewriter = recorded_rewriter()
    conversations = [
        turns for one in follow_ups("test") for _, turns in one.read() if may_refer_back(turns)
    ]
    queries = rewriter.rewrite_all(conversations)
    assert len(queries) == sum(map(len, later_prompts()))
    rewritten = [query for query in queries if query is not None]
    assert len(queries) / 3 < len(rewritten) < len(queries)


def test_what_was_not_recorded_is_told():
    turns = [Turn("user", "Hi"), Turn("assistant", "Hi"), Turn("user", "And who are you?")]
    with pytest.raises(ErrataError, match="nothing was recorded"):
        recorded_rewriter().rewrite_all([turns])


def test_replies_to_other_prompts_are_refused(tmp_path, monkeypatch):
    def other(turns):
        return prompt_of(turns) + " "

    monkeypatch.setattr("benchmarks.recorded_queries.prompt_of", other)
    with pytest.raises(ErrataError, match="holds replies to other prompts"):
        recorded_rewriter()


def test_missing_replies_are_refused(tmp_path):
    fewer = tmp_path / "queries.toml"
    text = FILE.read_text("utf-8")
    fewer.write_text(text[: text.rindex("[[conversation]]")], "utf-8")
    with pytest.raises(ErrataError, match="holds replies to other prompts"):
        recorded_rewriter(fewer)
