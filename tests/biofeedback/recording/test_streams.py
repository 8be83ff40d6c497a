import json
import math
from dataclasses import replace

import numpy as np
import pytest

from acquisition.streams import Kind, StreamInfo
from biofeedback.recording import streams
from generator.composition.notation import FormArc, SectionKind
from generator.score import NoteEvent, SectionEvent
from generator.state import LAYERS, STATE_COLUMNS, MusicState, Piece
from physiology.state import Reading


def info(kind, stream_id="x"):
    return StreamInfo(stream_id=stream_id, name="n", kind=kind, unit="u", rate_hz=0.0, labels=("v",))


def test_every_stream_is_declared_from_the_start():
    names = [header.name for header in streams.catalogue(Piece(), [info(Kind.ECG)])]
    assert names == [
        "ecg",
        "features",
        "beats",
        "scrs",
        "music",
        "score",
        "notes",
        "note_ends",
        "form",
        "decisions",
        "markers",
        "ratings",
        "commands",
        "clock",
    ]


def test_a_second_input_of_a_kind_gets_a_suffix_and_markers_give_way_to_the_sessions_own():
    kinds = [Kind.ECG, Kind.EDA, Kind.ECG, Kind.MARKERS, Kind.ECG]
    assert streams.input_names([info(kind) for kind in kinds]) == (
        "ecg",
        "eda",
        "ecg_2",
        "markers_2",
        "ecg_3",
    )


def test_features_are_the_columns_of_the_features_table():
    assert ",".join(streams.FEATURES).startswith(
        "hr_bpm,hr_quality,rmssd_ms,scl_uS,scr_rate_per_min,phasic_auc,eda_quality,breathing_rate,"
        "activation,activation_0_100,confidence,hr_10s_bpm,sdnn_ms,pnn50,"
    )


def test_features_say_of_each_reading_what_it_stands_on(things):
    state = replace(
        things.state,
        sdnn_ms=Reading(40.0, 0.9, 0.5, 60.0, 0.95, 0.02),
        heart_source="ppg",
        breathing_source="ppg-derived",
    )
    row = dict(zip(streams.FEATURES, streams.feature_row(state), strict=True))
    assert [row[f"sdnn_{what}"] for what in ("ms", "quality", "window_s", "usable", "corrected")] == [
        40.0,
        0.9,
        60.0,
        0.95,
        0.02,
    ]
    assert streams.FEATURE_CODES["heart_sources"].split(",")[int(row["heart_source"])] == "ppg"
    assert (
        streams.FEATURE_CODES["breathing_sources"].split(",")[int(row["breathing_source"])] == "ppg-derived"
    )
    assert math.isnan(row["scl_window_s"])


def test_an_input_keeps_unit_rate_and_stable_id(things):
    header = streams.catalogue(Piece(), [things.ecg, things.eda])[1]
    assert (header.kind, header.units, header.rate_hz, header.source_id) == ("EDA", ("uS", "uS"), 0.0, "palm")
    assert header.desc == {"source_name": "Handfläche"}


def test_features_that_are_not_valid_are_nan_never_a_number(things):
    row = dict(zip(streams.FEATURES, streams.feature_row(things.state), strict=True))
    contract = list(streams.FEATURES)[: list(streams.FEATURES).index("confidence") + 1]
    assert {name for name in contract if math.isnan(row[name])} == {
        "rmssd_ms",
        "breathing_rate",
        "activation",
        "activation_0_100",
    }
    assert (row["hr_bpm"], row["hr_quality"], row["scl_uS"], row["eda_quality"]) == (61.0, 0.8, 4.5, 0.7)


@pytest.mark.parametrize(
    "state", [MusicState(), MusicState(mode=1.0, layers=8, sounding=False, level_db=-6.5)]
)
def test_a_music_state_is_rebuilt_from_its_row(state):
    row = dict(zip(streams.MUSIC, streams.music_row(state, 4), strict=True))
    assert row.pop("state") == 4
    assert MusicState(**{name: row[name] for name in STATE_COLUMNS}) == state


def test_a_note_is_rebuilt_from_its_row(things):
    row = dict(zip(streams.NOTES, streams.note_row(things.note), strict=True))
    assert NoteEvent(number=0, **{**row, "layer": LAYERS[row["layer"]]}) == things.note


def test_what_the_form_added_is_rebuilt_from_its_row():
    arc = FormArc(density=-0.25, register=0.1, brightness=0.2, layers=-1, level_db=-3.0)
    section = SectionEvent(frame=96_000, bar=4, number=2, kind=SectionKind.THINNING, arc=arc)
    row = dict(zip(streams.FORM, streams.form_row(section), strict=True))
    assert streams.form_arc(row) == arc
    assert streams.SECTION_KINDS[int(row["section_kind"])] == "thinning"
    assert (row["section"], row["bar"], row["frame"]) == (2, 4, 96_000)


def test_the_file_says_what_the_music_was_made_from():
    headers = {header.name: header for header in streams.catalogue(Piece(tonic=9, seed=42), [])}
    assert headers["music"].desc == {
        "seed": "42",
        "tonic": "9",
        "palette": "warm-pads",
        "nature": "none",
        "nature_db": "-12.0",
        "unwanted": "",
        "register_range": "0.0,1.0",
        "metre": "4/4",
        "form": "none",
        "tonal_plan": "none",
        "playback": "loudspeakers",
    }
    assert headers["notes"].desc["layers"].split(",") == list(LAYERS)


def test_decisions_are_json_objects_with_null_for_what_is_not_a_number(things):
    text = streams.json_text(things.decision)
    decision = json.loads(text, parse_constant=pytest.fail)
    assert decision["terms"] == {"z": None, "held": True}
    assert decision["music"]["tempo_bpm"] == 60.0
    assert (decision["phase"], decision["why"]) == ("Ruhe", "Weil.")


def test_json_is_ascii_and_takes_the_numbers_of_numpy():
    text = streams.json_text({"ü\ud800": (np.float64(1.5), np.int64(2), np.bool_(True), math.inf)})
    assert text.isascii()
    assert json.loads(text) == {"ü\ud800": [1.5, 2, True, None]}
