import shutil

import pytest

from benchmarks.own import FOLDER
from benchmarks.recorded_queries import later_prompts, recorded_conversations, recorded_rewriter
from memory_store.errors import ErrataError
from serac.conversation import Turn
from serac.query_rewriting.prompted import prompt_of
from serac.view import may_refer_back

TEST = "follow_up_queries_test.toml"


@pytest.mark.parametrize("part", ["dev", "test"])
def test_each_later_turn_has_a_reply(part):
    conversations = recorded_conversations(part)
    later = [
        turns
        for conversation in conversations
        for turn, turns in conversation.read()
        if turn.kind != "opening" and may_refer_back(turns)
    ]
    queries = recorded_rewriter(part).rewrite_all(later)
    assert len(queries) == sum(map(len, later_prompts(conversations)))
    rewritten = [query for query in queries if query is not None]
    assert len(queries) / 3 < len(rewritten) < len(queries)


def test_what_was_not_recorded_is_told():
    turns = [Turn("user", "Hi"), Turn("assistant", "Hi"), Turn("user", "And who are you?")]
    with pytest.raises(ErrataError, match="nothing was recorded"):
        recorded_rewriter("test").rewrite_all([turns])


def test_replies_to_other_prompts_are_refused(monkeypatch):
    def other(turns):
        return prompt_of(turns) + " "

    monkeypatch.setattr("benchmarks.recorded_queries.prompt_of", other)
    with pytest.raises(ErrataError, match="holds replies to other prompts"):
        recorded_rewriter("test")


def test_missing_replies_are_refused(tmp_path):
    shutil.copy(FOLDER / TEST, tmp_path)
    text = (tmp_path / TEST).read_text("utf-8")
    (tmp_path / TEST).write_text(text[: text.rindex("[[conversation]]")], "utf-8")
    with pytest.raises(ErrataError, match="holds replies to other prompts"):
        recorded_rewriter("test", tmp_path)
