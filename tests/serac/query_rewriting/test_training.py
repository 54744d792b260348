from dataclasses import replace

import pytest
from data_folder import write_data_folder

from classifiers.lora_training import ADAPTER_FILE, CHECKPOINTS
from memory_store.errors import ErrataError
from serac.conversation import Turn
from serac.query_rewriting import load_rewriter
from serac.query_rewriting.examples import RewritingExample
from serac.query_rewriting.training import TrainingSettings, figures, train_rewriter

TINY = replace(
    TrainingSettings(),
    steps=2,
    batch_size=2,
    warmup_steps=1,
    rank=1,
    first_layer=28,
    evaluate_every=1,
)


@pytest.mark.model
def test_a_few_steps_make_an_artifact_that_loads(tmp_path, embedded_base):
    out = tmp_path / "out"
    folder = write_data_folder(tmp_path / "data", people=40)
    made = train_rewriter(folder, out, settings=TINY, dev_examples=4, device="cpu")

    assert {file.name for file in out.iterdir()} == {ADAPTER_FILE, "config.json"}
    assert not (out / CHECKPOINTS).exists()
    loaded = load_rewriter(embedded_base, out)
    assert loaded.facts == {**made.facts, "format": 1}
    assert loaded.facts["best_step"] in (1, 2)
    assert {row["kind"]: row["n"] for row in loaded.facts["dev"]}["all"] == 4
    assert (loaded.facts["draw"], loaded.facts["begun_with"]) == (0, None)

    further = tmp_path / "further"
    again = train_rewriter(
        folder, further, settings=TINY, dev_examples=4, begin_with=out, device="cpu"
    )
    assert (again.facts["draw"], again.facts["begun_with"]) == (1, made.facts["model_sha256"])
    with pytest.raises(ErrataError, match="trained with another seed"):
        train_rewriter(folder, further, seed=1, settings=TINY, begin_with=out)


def test_a_file_in_the_way_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ErrataError, match="is no folder"):
        train_rewriter(tmp_path, tmp_path / "file")


def test_data_that_is_missing_is_told_before_the_work(tmp_path):
    with pytest.raises(ErrataError, match="is missing; name the data folder with --data"):
        train_rewriter(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_figure_is_the_share_of_the_very_query():
    class Says:
        def rewrite_all(self, conversations, progress):
            progress(len(conversations))
            return ["who made Salt?", None, "Where is Salt?"]

    turns = (Turn("user", "Salt"), Turn("assistant", "Yes?"), Turn("user", "Who made it?"))
    examples = [
        RewritingExample(turns, query, kind, ())
        for query, kind in (("Who made Salt?", "a, x"), (None, "b, x"), ("Who made Salt?", "a, y"))
    ]
    told = []
    rows = {row["kind"]: row for row in figures(Says(), examples, lambda *one: told.append(one))}

    assert {kind: row["right"] for kind, row in rows.items()} == {"a": 0.5, "b": 1.0, "all": 2 / 3}
    assert told == [("rewriting dev", 3, 3)]
