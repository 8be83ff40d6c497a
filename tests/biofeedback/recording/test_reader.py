import numpy as np
import pytest

from biofeedback.errors import RecordingError
from biofeedback.recording.reader import read_recording


@pytest.fixture
def session(tmp_path, make_recorder, play):
    """Directory of a closed session of a second."""
    with make_recorder(tmp_path / "Übung") as recorder:
        play(recorder, 20)
    return tmp_path / "Übung"


def test_truncated_at_every_byte_it_opens_and_loses_at_most_its_last_half_second(
    tmp_path, session, make_recorder
):
    path = session / "session.xdf"
    data = path.read_bytes()
    with make_recorder(tmp_path / "empty"):
        headers = (tmp_path / "empty" / "session.xdf").stat().st_size
    assert read_recording(session).complete
    found = []
    for cut in range(headers, len(data)):
        path.write_bytes(data[:cut])
        recording = read_recording(session)
        counter = recording.streams["ecg"].samples[:, 0]
        markers = recording.streams["markers"].json()
        assert not recording.complete
        assert counter.tolist() == list(range(counter.size))
        assert markers == tuple({"step": step + 1} for step in range(len(markers)))
        assert abs(len(markers) / 20 - counter.size / 100) <= 0.5
        found.append(counter.size)
    assert found == sorted(found)
    assert sorted(set(found)) == [0, 50, 100]


def test_truncated_within_its_headers_it_reads_the_streams_declared_until_then(session):
    path = session / "session.xdf"
    whole = read_recording(session)
    path.write_bytes(path.read_bytes()[:1500])
    recording = read_recording(session)
    assert not recording.complete
    assert list(recording.streams) == list(whole.streams)[: len(recording.streams)]
    assert 0 < len(recording.streams) < len(whole.streams)


def test_a_directory_without_a_session_is_one_clear_line(tmp_path):
    for directory in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordingError, match="holds no session") as caught:
            read_recording(directory)
        assert "\n" not in str(caught.value)


def test_a_file_in_place_of_a_directory_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RecordingError, match="holds no session"):
        read_recording(tmp_path / "file")


@pytest.mark.parametrize(
    ("text", "complaint"), [("{", "cannot be read"), ("[]", "t0_s"), ('{"t0_s": "0"}', "t0_s")]
)
def test_a_description_that_is_none_is_one_clear_line(session, text, complaint):
    (session / "session.json").write_text(text)
    with pytest.raises(RecordingError, match=complaint):
        read_recording(session)


def test_a_session_without_its_recording_says_which_file_is_missing(session):
    (session / "session.xdf").unlink()
    with pytest.raises(RecordingError, match=r"session\.xdf is missing"):
        read_recording(session)


@pytest.mark.parametrize("data", [b"", b"RIFF", b"XDF"])
def test_a_recording_that_is_none_names_the_file(session, data):
    (session / "session.xdf").write_bytes(data)
    with pytest.raises(RecordingError, match=r"session\.xdf cannot be read"):
        read_recording(session)


def test_columns_are_found_by_label_and_a_wrong_one_is_told_the_right_ones(session):
    recording = read_recording(session)
    np.testing.assert_array_equal(recording.streams["ecg"].column("II"), np.arange(100.0))
    with pytest.raises(RecordingError, match="hr_bpm, hr_quality"):
        recording.streams["features"].column("pulse")
    with pytest.raises(RecordingError, match="no numeric column"):
        recording.streams["markers"].column("json")


def test_numbers_are_not_json(session):
    with pytest.raises(RecordingError, match="numbers"):
        read_recording(session).streams["ecg"].json()
