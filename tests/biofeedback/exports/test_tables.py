"""CSV and Parquet, read by pandas, are the recording to the last bit."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biofeedback.exports.export import export
from biofeedback.exports.tables import Column, Table, write_csv, write_parquet
from biofeedback.recording.reader import read_recording

RELATIVE = {"r_time_s", "onset_s", "peak_s"}


def read(path, dtype=None):
    """Return a table; `dtype` is that of all columns of a CSV, since Parquet has types of its own."""
    if path.suffix == ".csv":
        return pd.read_csv(path, float_precision="round_trip", dtype=dtype)
    return pd.read_parquet(path)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_numeric_stream_is_the_recording(session_directory, order, kind):
    folder = export([session_directory], order(kind)).folder / "sub-001" / "ses-001"
    recording = read_recording(session_directory)
    exported = {path.stem for path in folder.glob(f"*.{kind}")}
    held = {name for name, stream in recording.streams.items() if stream.times.size}
    assert exported == (held - {"clock"}) | {"phases"}
    for name in held - {"clock"}:
        stream = recording.streams[name]
        table = read(folder / f"{name}.{kind}")
        assert np.array_equal(table["time_s"], stream.times - recording.t0_s)
        if not stream.samples.shape[1]:
            continue
        for label, column in zip(stream.labels, stream.samples.T, strict=True):
            expected = column - recording.t0_s if label in RELATIVE else column
            name_in_table = "eda_1" if name == "eda" else label
            assert np.array_equal(table[name_in_table], expected, equal_nan=True), (name, label)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_what_was_decided_and_happened_is_there(session_directory, order, kind):
    folder = export([session_directory], order(kind)).folder / "sub-001" / "ses-001"
    decisions = read(folder / f"decisions.{kind}")
    assert decisions["why"].tolist()[3] == 'Weil; 3, "so".'
    assert decisions["music.tempo_bpm"].tolist() == [60.0] * 30 + [72.5] * 25
    assert decisions["terms.held"].tolist() == [second > 40 for second in range(55)]
    assert decisions["terms.a_ref"].isna().sum() == 30
    phases = read(folder / f"phases.{kind}")
    assert phases[["name", "kind", "begin_s", "end_s"]].to_numpy().tolist() == [
        ["Ruhe", "baseline", 0.0, 30.0],
        ["match", "match", 30.0, 55.0],
    ]
    markers = read(folder / f"markers.{kind}")
    baseline = markers[markers["type"] == "baseline"].iloc[0]
    assert (baseline["start_s"], baseline["end_s"]) == (0.0, 30.0)
    assert markers[markers["type"] == "protocol"]["text"].tolist() == ["Reiz an"]
    ratings = read(folder / f"ratings.{kind}")
    assert ratings[["time_s", "scale", "value"]].to_numpy().tolist() == [[50.0, "pain-nrs", 4.0]]


def test_text_stays_only_where_it_is_asked_for(session_directory, order, recorded, tmp_path):
    with_text = export([session_directory], order("csv", with_text=True)).folder
    notes = pd.read_csv(with_text / "sub-001" / "ses-001" / "markers.csv")
    assert recorded.secrets["note"] in notes["text"].tolist()
    marks = pd.read_csv(with_text / "sub-001" / "ses-001" / "markers_2.csv")
    assert marks["text"].tolist() == [recorded.secrets["mark"]]


def test_units_and_meanings_stand_in_parquet(session_directory, order):
    folder = export([session_directory], order("parquet")).folder / "sub-001" / "ses-001"
    schema = pq.read_schema(folder / "eda.parquet")
    assert schema.field("eda_1").metadata == {b"unit": b"uS", b"meaning": b"EDA as measured"}
    assert schema.metadata[b"nominal_rate_hz"] == b"4.0"


def test_every_column_is_described_in_the_readme(session_directory, order):
    folder = export([session_directory], order("csv")).folder
    text = (folder / "README.md").read_text(encoding="utf-8")
    for path in (folder / "sub-001" / "ses-001").glob("*.csv"):
        for column in pd.read_csv(path, nrows=0).columns:
            assert f"| {path.stem} | `{column}` |" in text


NUMBERS = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20)


@settings(max_examples=50)
@given(NUMBERS)
@example([-0.0])
def test_any_number_is_read_back_as_it_was(tmp_path_factory, numbers):
    folder = tmp_path_factory.mktemp("numbers")
    columns = (Column(name="time_s", unit="s", meaning="time"), Column(name='a, "b"', unit="", meaning=""))
    values = np.array(numbers)

    def batches():
        arrays = [pa.array(np.arange(values.size, dtype=float)), pa.array(values, mask=np.isnan(values))]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    schema = pa.schema({column.name: pa.float64() for column in columns})
    table = Table(name="ecg", rate_hz=0.0, columns=columns, schema=schema, batches=batches)
    write_csv(table, folder / "t.csv")
    write_parquet(table, folder / "t.parquet")
    for path in (folder / "t.csv", folder / "t.parquet"):
        # Read as integers, a column of "-0" would lose its sign.
        back = read(path, dtype=float)['a, "b"'].to_numpy()
        assert np.array_equal(back, values, equal_nan=True)
        assert [math.copysign(1, x) for x in back[back == 0]] == [
            math.copysign(1, x) for x in values[values == 0]
        ]
