import json
import logging
from dataclasses import FrozenInstanceError, asdict, replace

import pytest
from data_folder import write_data_folder
from fakes import FakeBase, FakeEncoder, FakeScorer, FakeTrainedScorer

from classifiers import Threshold, ThresholdChoice
from classifiers.thresholds import by_rate
from classifiers.train_similarity import train_similarity
from memory_store import EditMemory
from memory_store.errors import ArtifactError, ErrataError, InvalidQueryError
from serac.calibration import (
    SETTING,
    Calibration,
    calibrate,
    forget,
    measured,
    remember,
    remembered,
)
from serac.overlay import FactOverlay

NEEDLE = "The Space Needle is located in Paris."
CHOICE = ThresholdChoice(0.005, 0.8, 0.004, 0.001, 0.01, 500)
CHOSEN = Threshold((CHOICE,))
TWO_RATES = json.dumps(
    {"classifier": "c", "choices": [asdict(CHOICE), asdict(replace(CHOICE, false_fire=0.1))]}
)


def in_hundredths(query, edit):
    """Queries end in their probability, in hundredths; other texts have none."""
    last = query.split()[-1]
    return int(last) / 100 if last.isdigit() else 0.0


def one_choice(calibration):
    [choice] = calibration.threshold.choices
    return choice


@pytest.fixture
def memory():
    with EditMemory.open(":memory:", FakeEncoder()) as one:
        yield one


def overlay_of(memory, function=in_hundredths, **options):
    memory.add(NEEDLE)
    return FactOverlay(memory, FakeTrainedScorer(function), 0.5, base=FakeBase(), **options)


QUERIES = [f"a query of {n}" for n in range(100)]


class TestCalibrate:
    def test_no_more_than_the_stated_share_fires_from_then_on(self, memory):
        overlay = overlay_of(memory)

        found = calibrate(overlay, QUERIES, 0.05)

        assert one_choice(found).false_fire == one_choice(found).observed == 0.05
        assert 0.94 < one_choice(found).threshold <= 0.95
        assert one_choice(found).low < 0.05 < one_choice(found).high
        assert one_choice(found).queries == 100
        assert (found.classifier, found.raised) == (overlay.scorer.fingerprint, False)
        with pytest.raises(FrozenInstanceError):
            found.raised = True

    def test_progress_tells_every_query_in_batches(self, memory):
        told = []

        calibrate(overlay_of(memory), QUERIES * 3, 0.05, told.append)

        assert told == [128, 128, 44]

    @pytest.mark.parametrize(
        "rate, n, needed", [(0.05, 19, "20"), (0.001, 100, "1,000"), (0.03, 33, "34")]
    )
    def test_too_few_queries_say_nothing(self, memory, rate, n, needed):
        with pytest.raises(ErrataError, match=rf"^{n} queries say nothing .* at least {needed} "):
            calibrate(overlay_of(memory), QUERIES[:n], rate)

    def test_as_many_as_are_needed_are_enough(self, memory):
        assert one_choice(calibrate(overlay_of(memory), QUERIES[:20], 0.05)).observed <= 0.05

    @pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan"), float("inf"), 1e-320])
    def test_a_rate_that_can_not_be_had_is_refused(self, memory, rate):
        with pytest.raises(ErrataError, match="rate"):
            calibrate(overlay_of(memory), QUERIES, rate)

    def test_queries_that_are_certain_to_be_in_scope_are_counted_and_refused(self, memory):
        queries = [f"a query of {100 if n < 7 else 0}" for n in range(100)]

        with pytest.raises(ErrataError, match=r"^7 of the 100 queries reach a probability of 1"):
            calibrate(overlay_of(memory), queries, 0.05)
        assert one_choice(calibrate(overlay_of(memory), queries, 0.07)).threshold <= 1

    def test_what_is_no_number_is_never_taken_for_harmless(self, memory):
        with pytest.raises(ErrataError, match="100 of the 100 queries"):
            calibrate(overlay_of(memory, lambda *_: float("nan")), QUERIES, 0.05)

    def test_queries_far_from_every_edit_do_not_open_the_gates(self, memory):
        overlay = overlay_of(memory, recall_floor=2.0)  # nothing is judged

        found = calibrate(overlay, QUERIES, 0.05)

        choice = one_choice(found)
        assert (choice.threshold, choice.observed, found.raised) == (0.25, 0.0, True)
        assert choice.low == 0.0 < choice.high < 0.05
        assert choice.false_fire == 0.05

    def test_it_rises_in_a_memory_that_has_outgrown_it(self, memory):
        overlay = overlay_of(memory, recall_floor=2.0)  # nothing is judged
        sized = [
            ThresholdChoice(rate, threshold, rate, 0.0, 1.0, 100, edits)
            for rate, edits, threshold in (
                (0.01, 5, 0.3),
                (0.01, 50, 0.9),
                (0.05, 5, 0.1),
                (0.05, 50, 0.4),
            )
        ]
        overlay.scorer.thresholds = by_rate(sized)

        found = calibrate(overlay, QUERIES, 0.05)

        assert [found.threshold.at(edits) for edits in (1, 5, 6, 1000)] == [0.1, 0.1, 0.4, 0.4]
        remember(memory, found)
        assert remembered(memory, overlay.scorer) == found.threshold
        stricter = calibrate(overlay, QUERIES, 0.02).threshold
        assert [stricter.at(edits) for edits in (1, 6)] == [0.3, 0.9]

    def test_without_edits_there_is_nothing_to_judge_by(self, memory):
        overlay = FactOverlay(memory, FakeTrainedScorer(), 0.5, base=FakeBase())

        with pytest.raises(ErrataError, match="has no edits to judge queries with; add them first"):
            calibrate(overlay, QUERIES, 0.05)

    def test_a_scorer_without_weights_can_not_be_calibrated(self, memory):
        overlay = FactOverlay(memory, FakeScorer(), 0.5, base=FakeBase())

        with pytest.raises(ErrataError, match="only a trained scope classifier"):
            calibrate(overlay, QUERIES, 0.05)

    def test_a_query_that_can_not_be_asked_is_refused(self, memory):
        with pytest.raises(InvalidQueryError):
            calibrate(overlay_of(memory), [*QUERIES, " "], 0.05)


class TestMeasured:
    def test_it_is_what_the_classifier_was_measured_at(self):
        scorer = FakeTrainedScorer()

        assert measured(scorer, 0.05).threshold == scorer.threshold_for(0.05)
        assert measured(scorer).threshold.false_fire == 0.01
        assert measured(scorer).classifier == scorer.fingerprint

    def test_what_was_not_measured_is_refused(self):
        with pytest.raises(ArtifactError, match="no threshold was measured"):
            measured(FakeTrainedScorer(), 0.02)


class TestRemember:
    def test_what_is_remembered_comes_back_until_it_is_forgotten(self, memory):
        scorer = FakeTrainedScorer()
        assert remembered(memory, scorer) is None

        remember(memory, Calibration(CHOSEN, scorer.fingerprint))

        assert remembered(memory, scorer) == CHOSEN
        assert forget(memory)
        assert remembered(memory, scorer) is None
        assert not forget(memory)

    def test_what_was_found_for_other_weights_is_not_used(self, memory, caplog):
        other = FakeTrainedScorer(weights="1" * 12).fingerprint
        remember(memory, Calibration(CHOSEN, other))

        with caplog.at_level(logging.WARNING):
            assert remembered(memory, FakeTrainedScorer()) is None
            assert remembered(memory, FakeScorer()) is None
        assert f"of another scope classifier ({other!r})" in caplog.text

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "{}", '{"choices": [{}]}', '{"classifier": "c", "choices": []}', "null"],
    )
    def test_what_can_not_be_read_is_not_used(self, memory, caplog, text):
        memory.set_setting(SETTING, text)

        with caplog.at_level(logging.WARNING):
            assert remembered(memory, FakeTrainedScorer()) is None
        assert "can't be read and is not used" in caplog.text

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *(("edits", text) for text in ("0", "-5", "true", "1.5", "1e308", "Infinity", '"x"')),
            *(("threshold", text) for text in ("NaN", "1.5", "-1", '"0.5"', "null")),
        ],
    )
    def test_a_number_that_can_not_be_one_is_not_used(self, memory, field, value):
        scorer = FakeTrainedScorer()
        remember(memory, Calibration(CHOSEN, scorer.fingerprint))
        record = json.loads(memory.get_setting(SETTING))
        record["choices"][0][field] = json.loads(value)
        memory.set_setting(SETTING, json.dumps(record))

        assert remembered(memory, scorer) is None


class TestOpen:
    def test_the_rate_asked_for_goes_before_what_was_remembered(self, tmp_path):
        artifact = tmp_path / "artifact"
        data = write_data_folder(tmp_path / "data")
        train_similarity(data, FakeEncoder(), seed=0).save(artifact)

        def threshold(**options):
            path, encoder = tmp_path / "facts.db", FakeEncoder()
            with FactOverlay.open(path, scope=artifact, encoder=encoder, **options) as overlay:
                return overlay.router.threshold

        with FactOverlay.open(
            tmp_path / "facts.db", scope=artifact, encoder=FakeEncoder()
        ) as overlay:
            scorer, default = overlay.scorer, overlay.router.threshold
            assert default == scorer.threshold_for().at(0)
            remember(overlay.memory, Calibration(CHOSEN, scorer.fingerprint))

        assert threshold() == CHOICE.threshold
        assert threshold(false_fire=0.01) == scorer.threshold_for(0.01).at(0)
        assert threshold(namespace="other") == default
        with pytest.raises(ArtifactError):
            threshold(false_fire=CHOICE.threshold)
