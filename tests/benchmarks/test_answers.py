import pytest
from data_folder import write
from fakes import FakeEncoder, FunctionScorer
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.answers import OneEdit, alone
from benchmarks.rows import read_rows
from memory_store import Edit
from serac.conversation import as_turns

NEEDLE = Edit("e1", "The Space Needle is located in Paris.")


def test_one_edit_alone_is_decided_on_as_a_memory_of_it_would_be():
    scorer = FunctionScorer(lambda query, edit: 0.9 if "Needle" in query else 0.1)
    router = alone(OneEdit(NEEDLE, FakeEncoder()), scorer, 0.5)
    assert router.decide(as_turns("Where is the Needle?")).edits == (NEEDLE,)
    assert router.decide(as_turns("Where is Oslo?")).edits == ()


@pytest.fixture
def rows_of(folder, tmp_path):
    """Runs a part over a few of the made-up records and returns its rows by what they are."""

    def run(part, *more):
        options = ["--data", str(folder), "--out", str(tmp_path), "--small", "--only", part, *more]
        result = CliRunner().invoke(app, ["answers", *options])
        assert result.exit_code == 0, result.output
        rows = read_rows(tmp_path / f"answers_{part}.jsonl")
        told = tmp_path / f"told_answers_{part}.jsonl"
        assert told.is_file() == (part not in ("texts", "speed"))
        assert all(row.n > 0 for row in rows)
        return {
            (row.kind, row.metric, row.setting.get("answerer"), row.setting.get("memory")): row
            for row in rows
        }

    return run


@pytest.mark.model
def test_every_figure_of_a_set_is_measured(rows_of):
    rows = rows_of("counterfact")
    given, one, every = "right edit given", "one edit in memory", "all edits in memory"
    for kind in ("exact", "paraphrase"):
        for by in ("counterfactual", "ike"):
            assert rows[kind, "answer follows the edit", by, given].n >= 1
            assert rows[kind, "old object in the answer", by, given].n >= 1
        assert rows[kind, "asked a second time", "ike", given].n >= 1
        for memory in (one, every):
            assert rows[kind, "answer follows the edit", "auto", memory].n >= 1
    assert ("neighborhood", "the base model's own answer", "auto", every) in rows
    for kind, letter in (("exact", "E"), ("paraphrase", "P"), ("neighborhood", "N")):
        for by, memory in (("base", "no edit"), ("auto", every), ("ike", one)):
            assert rows[kind, f"{letter}S", by, memory].value in (0, 1)
            assert -1 <= rows[kind, f"{letter}M", by, memory].value <= 1


@pytest.mark.model
def test_our_own_cases_texts_and_speed_are_measured(rows_of):
    own = rows_of("own")
    said = "answer has what the edit says"
    assert own["beyond triples: all", said, "counterfactual", "right edit given"].n == 1
    for part in ("follow_ups", "prompted"):
        rows = rows_of(part)
        assert rows["follow up", said, "auto", "all edits in memory"].n >= 2
        assert rows["unrelated", "the base model's own answer", "auto", "all edits in memory"].n
    texts = rows_of("texts")
    assert (
        texts["generation", "GE of as many words (bits)", "auto", "all edits in memory"].value > 0
    )
    speed = rows_of("speed")
    for kind in ("follow up", "unrelated"):
        later = speed[kind, "deciding, p50, by the base model's 32 tokens", "overlay", None]
        assert later.value > 0
    for what in ("first token after", "first words after", "first words after, p90"):
        for by in ("ike", "counterfactual"):
            assert speed["speed", f"{what}, by the base model's", by, None].value > 0


@pytest.mark.model
def test_opinions_are_measured_and_one_answerer_again_alone(rows_of, folder):
    (folder / "convsent").mkdir()
    topics = [{"ent": f"Sea{n}", "pos": ["I love it.", "Hm."], "neg": ["Bad."]} for n in range(3)]
    write(folder / "convsent" / "val.jsonl", topics)
    stated = "answer states the edited opinion"
    given = "right edit given"
    first = rows_of("convsent")
    assert first["opinion", stated, "base", "no edit"].n == 2
    assert first["the set's own texts", "an opinion is found", None, None].value == 2 / 3

    again = rows_of("convsent", "--by", "ike")
    assert list(again) == list(first)
    for figure in again:
        measured = figure[2] in ("ike", None)
        assert again[figure].command.endswith("--by ike --small") is measured
    assert (
        again["opinion", stated, "ike", given].value == first["opinion", stated, "ike", given].value
    )


@pytest.mark.parametrize("option", ["--only", "--by"])
def test_what_there_is_not_is_refused(folder, tmp_path, option):
    options = ["--data", str(folder), "--out", str(tmp_path), option, "nothing"]
    result = CliRunner().invoke(app, ["answers", *options])
    assert result.exit_code != 0
    assert "there is no nothing" in str(result.exception)


def test_a_small_run_never_takes_the_place_of_the_results(folder):
    result = CliRunner().invoke(app, ["answers", "--data", str(folder), "--small"])
    assert result.exit_code != 0
    assert "a small run is no result" in str(result.exception)
