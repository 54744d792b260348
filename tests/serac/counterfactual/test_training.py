import pytest
from data_folder import write_data_folder

from classifiers.lora_training import ADAPTER_FILE
from memory_store.errors import ErrataError
from serac.counterfactual.examples import Example
from serac.counterfactual.model import CounterfactualModel
from serac.counterfactual.prompt import counterfactual_prompt
from serac.counterfactual.training import (
    TrainingSettings,
    _continued,
    figures,
    train_counterfactual,
)

TINY = TrainingSettings(
    steps=2, batch_size=2, warmup_steps=1, rank=1, first_layer=28, evaluate_every=1, examples=6
)
EXAMPLE = Example(("The pool is red.",), "The pool is", "red", "kind", "red", "The pool is")


@pytest.mark.model
def test_a_few_steps_make_an_artifact_that_loads(tmp_path, embedded_base):
    folder, out = write_data_folder(tmp_path / "data"), tmp_path / "model"

    model = train_counterfactual(folder, out, settings=TINY, dev_examples=4)

    assert {file.name for file in out.iterdir()} == {ADAPTER_FILE, "config.json"}
    loaded = CounterfactualModel.load(embedded_base, out)
    assert loaded.facts == {**model.facts, "format": 1}
    assert loaded.facts["best_step"] in (1, 2)
    assert loaded.facts["dev"][0]["kind"] == "all" and loaded.facts["dev"][0]["n"] == 4


def test_a_file_in_the_way_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ErrataError, match="is no folder"):
        train_counterfactual(tmp_path, tmp_path / "file")


def test_the_answer_is_what_continues_the_prompt():
    assert _continued(EXAMPLE) == (counterfactual_prompt(EXAMPLE.query, EXAMPLE.edits), " red")


class Parrot:
    """Answers from the last word of the first edit."""

    def answer(self, turns, edits):
        return edits[0].text.rstrip(".").rpartition(" ")[2]


def test_figures_are_shares_of_each_kind_with_intervals():
    wrong = Example(("The pool is red.",), "Q", "green", "other", "green", "Q")
    rows = {row["kind"]: row for row in figures(Parrot(), [EXAMPLE, EXAMPLE, wrong])}
    assert rows["kind"]["right"] == 1 and rows["other"]["right"] == 0
    assert rows["all"]["right"] == pytest.approx(2 / 3) and rows["all"]["n"] == 3
    assert rows["all"]["low"] < 2 / 3 < rows["all"]["high"]
