import dataclasses
import errno
import hashlib
import json
import math
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
import pyxdf

from acquisition.streams import Chunk, Kind, Mark, StreamInfo
from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.reader import open_streams, read_recording, recorded_score
from biofeedback.recording.storage import AppendFile
from biofeedback.recording.xdf import Tag
from generator.composition import COMPOSER_VERSION
from generator.score import NoteEnd
from generator.synthesis.sample_cache import samples_version


def record_everything(recorder, things):
    recorder.clock(0.0, things.pair)
    recorder.raw(Chunk(things.eda, np.array([0.1, 0.4]), np.array([[1.0, 2.0], [np.nan, 4.0]])))
    recorder.features(things.state)
    recorder.beats([things.beat])
    recorder.scrs([things.scr])
    recorder.music(0.5, things.slow)
    recorder.music(1.5, things.fast)
    recorder.music(2.5, things.slow)
    recorder.sounded([things.music_beat], [things.note], things.fast, things.time_of)
    recorder.form([things.section], things.time_of)
    recorder.decision(things.decision)
    recorder.marker(1.0, {"type": "phase", "name": "Ruhe"})
    recorder.rating(2.0, {"arousal": 3})
    recorder.command(3.0, {"name": "stop"})
    recorder.flush(3.0)
    recorder.close("completed")


@pytest.fixture
def recording(tmp_path, make_recorder, things):
    directory = tmp_path / "Sitzung für Zoë"
    recorder = make_recorder(directory)
    recorder.open()
    record_everything(recorder, things)
    return read_recording(directory)


def rows(recording, name):
    stream = recording.streams[name]
    return [(t, *row) for t, row in zip(stream.times.tolist(), stream.samples.tolist(), strict=True)]


def test_raw_samples_read_back_with_their_stamps_and_their_gaps(recording):
    eda = recording.streams["eda"]
    assert eda.times.tolist() == [0.1, 0.4]
    np.testing.assert_array_equal(eda.samples, [[1.0, 2.0], [np.nan, 4.0]])
    assert (eda.labels, eda.units, eda.kind) == (("a", "b"), ("uS", "uS"), "EDA")


def test_streams_without_samples_are_there_and_empty(recording):
    ecg = recording.streams["ecg"]
    assert (ecg.times.shape, ecg.samples.shape, ecg.rate_hz) == ((0,), (0, 1), 100.0)


def test_beats_and_responses_are_stamped_when_they_became_known(recording):
    (beat,) = rows(recording, "beats")
    assert math.isnan(beat[3])
    assert (*beat[:3], *beat[4:]) == (1.1, 3.0, 0.7, 0.9, 1.0, 0.0)
    assert rows(recording, "scrs") == [(1.4, 0.2, 0.9, 0.05)]


def test_features_are_stamped_with_their_moment(recording):
    features = recording.streams["features"]
    assert (features.times.tolist(), features.column("hr_bpm").tolist()) == ([1.0], [61.0])
    assert math.isnan(features.column("activation")[0])


def test_the_same_state_of_music_keeps_its_id_and_the_score_refers_to_it(recording):
    assert recording.streams["music"].column("state").tolist() == [0.0, 1.0, 0.0]
    assert recording.streams["music"].times.tolist() == [0.5, 1.5, 2.5]
    assert rows(recording, "score") == [(1.0, 2.0, 0.0, 66.0, 1.0, 48_000.0)]


def test_notes_are_stamped_when_they_sound(recording):
    assert rows(recording, "notes") == [(0.5, 62.0, 70.0, 0.4, 2.0, 1.5, 0.0, 24_000.0)]


def test_a_note_has_the_length_recorded_at_its_end(tmp_path, make_recorder, things):
    directory = tmp_path / "s"
    with make_recorder(directory) as recorder:
        for number in range(3):
            note = replace(things.note, number=number, frame=24_000 * number)
            recorder.sounded([], [note], None, things.time_of)
        for number, seconds in ((2, 0.7), (0, 2.5)):
            end = NoteEnd(frame=72_000 + round(48_000 * seconds), note=number, duration_s=seconds)
            recorder.note_ends([end], things.time_of)
        recorder.flush(5.0)
        recorder.flush(6.0)
    lengths = [2.5, 0.4, 0.7]  # the second has not ended
    recording = read_recording(directory)
    assert recording.streams["notes"].column("duration_s").tolist() == lengths
    assert rows(recording, "note_ends")[0] == (pytest.approx(2.2), 2.0, 0.7, 105_600.0)
    stored = open_streams(directory)
    assert [note.duration_s for note in recorded_score(stored, 0.0).notes] == lengths
    assert [row[2] for block in stored["notes"].blocks(1) for row in block.samples] == lengths
    theirs, _ = pyxdf.load_xdf(directory / "session.xdf", dejitter_timestamps=False, synchronize_clocks=False)
    (notes,) = (stream for stream in theirs if stream["info"]["name"] == ["notes"])
    assert notes["time_series"][:, 2].tolist() == [0.4] * 3  # what was known when they began


def test_what_the_form_does_is_apart_from_what_is_asked_for(recording):
    form, music = recording.streams["form"], recording.streams["music"]
    assert form.labels[4:] == (
        "added_density",
        "added_register",
        "added_brightness",
        "added_layers",
        "added_level_db",
    )
    assert form.samples[:, 4:].tolist() == [[-0.25, 0.0, 0.5, -1.0, -2.0]]
    assert form.desc["section_kinds"].split(",")[int(form.column("section_kind")[0])] == "contrast"
    assert set(music.column("level_db")) == {0.0}
    score = recorded_score(open_streams(recording.directory), 0.0)
    assert [(each.number, each.kind, each.bar) for each in score.sections] == [(1, "contrast", 2)]


def test_streams_of_json_read_back_as_objects(recording):
    assert recording.streams["markers"].json() == ({"type": "phase", "name": "Ruhe"},)
    assert recording.streams["ratings"].json() == ({"arousal": 3},)
    assert recording.streams["commands"].json() == ({"name": "stop"},)
    assert recording.streams["decisions"].json()[0]["why"] == "Weil."


def test_clock_pairs_name_the_input_they_belong_to(recording):
    clock = recording.streams["clock"]
    assert rows(recording, "clock") == [(0.0, 1.0, 1e9, 0.25)]
    assert clock.desc["streams"].split(",")[1] == "eda"


def test_pyxdf_reads_the_same(recording):
    streams, _ = pyxdf.load_xdf(
        recording.directory / "session.xdf", dejitter_timestamps=False, synchronize_clocks=False
    )
    assert [stream["info"]["name"][0] for stream in streams] == list(recording.streams)
    for stream in streams:
        ours = recording.streams[stream["info"]["name"][0]]
        np.testing.assert_array_equal(stream["time_stamps"], ours.times)
        if stream["info"]["channel_format"] == ["string"]:
            assert tuple(row[0] for row in stream["time_series"]) == ours.texts
        else:
            np.testing.assert_array_equal(stream["time_series"], ours.samples)
        assert stream["footer"]["info"]["sample_count"] == [str(ours.times.size)]


def test_sounded_without_a_state_in_force_has_no_id(tmp_path, make_recorder, things):
    with make_recorder(tmp_path / "s") as recorder:
        recorder.sounded([things.music_beat], [], None, things.time_of)
    assert np.isnan(read_recording(tmp_path / "s").streams["score"].column("state")).all()


def test_what_sounds_is_stamped_with_when_its_frame_reaches_the_ear(tmp_path, make_recorder, things):
    with make_recorder(tmp_path / "s", t0_s=5000.0) as recorder:
        recorder.sounded([things.music_beat], [things.note], None, lambda frame: 5000 + frame / 48_000)
    recording = read_recording(tmp_path / "s")
    assert recording.t0_s == 5000.0
    assert recording.streams["score"].times.tolist() == [5001.0]
    assert recording.streams["notes"].times.tolist() == [5000.5]


def test_nothing_begins_before_it_is_opened(tmp_path, make_recorder, things):
    threads = threading.active_count()
    recorder = make_recorder(tmp_path / "s")
    assert (threading.active_count(), list(tmp_path.iterdir())) == (threads, [])
    with pytest.raises(RecordingError, match="not open"):
        recorder.features(things.state)


def test_the_thread_ends_with_the_recording(tmp_path, make_recorder):
    threads = threading.active_count()
    recorder = make_recorder(tmp_path / "s")
    recorder.open()
    assert threading.active_count() == threads + 1
    recorder.close("completed")
    assert threading.active_count() == threads


def test_samples_are_in_the_file_half_a_second_later_at_most(tmp_path, make_recorder, play):
    with make_recorder(tmp_path / "s") as recorder:
        for step in range(1, 61):
            play(recorder, step, start=step)
            written = read_recording(tmp_path / "s").streams["ecg"].times
            assert written.size >= 5 * (step - 9)
            assert written.size == 50 * (step // 10)


def test_a_boundary_stands_at_the_end_of_each_second(tmp_path, make_recorder, play):
    with make_recorder(tmp_path / "s") as recorder:
        play(recorder, 60)
        data = (tmp_path / "s" / "session.xdf").read_bytes()
    assert [tag for tag, _, _ in xdf.chunk_places(memoryview(data))].count(Tag.BOUNDARY) == 3
    assert data.endswith(xdf.boundary())


def test_two_runs_give_the_same_bytes(tmp_path, make_recorder, things):
    for name in ("a", "b"):
        recorder = make_recorder(tmp_path / name)
        recorder.open()
        record_everything(recorder, things)
    first, second = ((tmp_path / name / "session.xdf").read_bytes() for name in ("a", "b"))
    assert first == second


def test_session_json_says_from_the_start_what_is_recorded(tmp_path, make_recorder):
    with make_recorder(tmp_path / "s", arguments={"out": "Küche\udce4"}):
        recording = read_recording(tmp_path / "s")
    assert not recording.complete
    meta = recording.meta
    assert "end" not in meta
    assert meta["protocol"] == {"id": "ruhe", "name": "Zur Ruhe"}
    assert (meta["protocol_sha256"], meta["seed"], meta["t0_s"]) == ("5e55", 7, 0.0)
    assert meta["t0_wall"] == "2026-03-01T09:30:00+00:00"
    assert meta["piece"] == {
        "tonic": 2,
        "palette": "warm-pads",
        "nature": "none",
        "nature_db": -12.0,
        "unwanted": [],
        "register_range": [0.0, 1.0],
        "metre": "4/4",
        "form": "none",
        "tonal_plan": "none",
        "playback": "loudspeakers",
        "seed": 7,
    }
    assert recording.composer_version == meta["composer_version"] == COMPOSER_VERSION
    assert recording.samples_version == meta["samples_version"] == samples_version()
    assert meta["arguments"] == {"out": "Küche\udce4"}
    assert [entry["stream"] for entry in meta["inputs"]] == ["ecg", "eda"]
    assert meta["streams"] == list(recording.streams)
    assert {"python", "numpy", "neurokit2"} <= set(meta["versions"])


def test_session_json_says_at_the_end_how_it_ended(recording):
    end = recording.meta["end"]
    assert recording.complete
    assert (end["reason"], end["duration_s"], end["faults"]) == ("completed", 3.0, [])
    data = (recording.directory / "session.xdf").read_bytes()
    assert end["checksums"] == {"session.xdf": hashlib.sha256(data).hexdigest()}


def test_checksums_cover_what_was_kept_beside(tmp_path, make_recorder):
    with make_recorder(tmp_path / "s"):
        (tmp_path / "s" / "score.mid").write_bytes(b"MThd")
    checksums = read_recording(tmp_path / "s").meta["end"]["checksums"]
    assert checksums["score.mid"] == hashlib.sha256(b"MThd").hexdigest()


def test_closing_twice_is_harmless_and_nothing_can_follow(tmp_path, make_recorder, things):
    recorder = make_recorder(tmp_path / "s")
    recorder.open()
    recorder.close("completed")
    before = (tmp_path / "s" / "session.json").read_bytes()
    recorder.close("again")
    assert (tmp_path / "s" / "session.json").read_bytes() == before
    with pytest.raises(RecordingError, match="not open"):
        recorder.flush(1.0)


def test_a_session_left_by_an_error_is_closed_and_says_so(tmp_path, make_recorder):
    with pytest.raises(ZeroDivisionError), make_recorder(tmp_path / "s"):
        raise ZeroDivisionError
    recording = read_recording(tmp_path / "s")
    assert (recording.complete, recording.meta["end"]["reason"]) == (True, "ZeroDivisionError")


def test_a_directory_that_holds_a_session_is_refused_and_left_as_it_is(tmp_path, make_recorder, play):
    with make_recorder(tmp_path / "s") as recorder:
        play(recorder, 20)
    before = {file: file.read_bytes() for file in (tmp_path / "s").iterdir()}
    with pytest.raises(RecordingError, match="holds a session already"):
        make_recorder(tmp_path / "s").open()
    assert {file: file.read_bytes() for file in (tmp_path / "s").iterdir()} == before


def test_a_directory_that_cannot_be_is_one_clear_line(tmp_path, make_recorder):
    (tmp_path / "file").write_text("here")
    with pytest.raises(RecordingError) as caught:
        make_recorder(tmp_path / "file" / "s").open()
    assert str(tmp_path / "file" / "s") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_inputs_with_one_id_are_refused(tmp_path, make_recorder, things):
    with pytest.raises(RecordingError, match="same stable id"):
        make_recorder(tmp_path / "s", inputs=[things.ecg, things.ecg])


def test_marks_of_another_program_are_kept_as_texts_with_their_own_stamps(tmp_path, make_recorder, things):
    marks = StreamInfo(
        stream_id="psy", name="markers", kind=Kind.MARKERS, unit="a.u.", rate_hz=0.0, labels=("mark",)
    )
    with make_recorder(tmp_path / "s", inputs=[things.ecg, marks]) as recorder:
        recorder.mark(Mark(stream_id="psy", time_s=0.512, text="Reiz für links"))
        recorder.mark(Mark(stream_id="psy", time_s=0.75, text="{not json"))
    kept = read_recording(tmp_path / "s").streams["markers_2"]
    assert kept.times.tolist() == [0.512, 0.75]
    assert list(kept.texts) == ["Reiz für links", "{not json"]
    streams, _ = pyxdf.load_xdf(
        tmp_path / "s" / "session.xdf", dejitter_timestamps=False, synchronize_clocks=False
    )
    (read,) = (stream for stream in streams if stream["info"]["name"] == ["markers_2"])
    assert read["time_series"] == [["Reiz für links"], ["{not json"]]


def test_labels_that_xdf_cannot_hold_are_refused(tmp_path, make_recorder, things):
    strange = dataclasses.replace(things.ecg, labels=("\x07",))
    with pytest.raises(RecordingError, match="character"):
        make_recorder(tmp_path / "s", inputs=[strange]).open()


@pytest.mark.parametrize("stamps", [[1.0, 0.5], [0.2], [math.nan], [math.inf], [1.0, math.nan]])
def test_stamps_never_go_backward(tmp_path, make_recorder, things, stamps):
    with make_recorder(tmp_path / "s") as recorder:
        recorder.raw(Chunk(things.ecg, np.array([0.9]), np.zeros((1, 1))))
        with pytest.raises(RecordingError, match="'ecg'"):
            recorder.raw(Chunk(things.ecg, np.array(stamps), np.zeros((len(stamps), 1))))
    assert read_recording(tmp_path / "s").streams["ecg"].times.tolist() == [0.9]


@pytest.mark.parametrize("stamp", [0.2, math.nan, math.inf, -math.inf])
def test_stamps_of_texts_never_go_backward(tmp_path, make_recorder, stamp):
    with make_recorder(tmp_path / "s") as recorder:
        recorder.marker(0.9, {})
        with pytest.raises(RecordingError, match="'markers'"):
            recorder.marker(stamp, {})
        recorder.marker(0.9, {})
    assert read_recording(tmp_path / "s").streams["markers"].times.tolist() == [0.9, 0.9]


def test_samples_of_a_stream_that_was_not_declared_are_refused(tmp_path, make_recorder, things):
    stranger = dataclasses.replace(things.ecg, stream_id="other")
    wider = dataclasses.replace(things.ecg, labels=("I", "II"))
    with make_recorder(tmp_path / "s") as recorder:
        with pytest.raises(RecordingError, match="not an input"):
            recorder.raw(Chunk(stranger, np.zeros(1), np.zeros((1, 1))))
        with pytest.raises(RecordingError, match="1 channels"):
            recorder.raw(Chunk(wider, np.zeros(1), np.zeros((1, 2))))


class FullDisk:
    """Takes so many bytes and no more, the last write in part, as disks do."""

    def __init__(self, room):
        self.room = room

    def __call__(self, descriptor, view):
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os.write(descriptor, view[: self.room])
        self.room -= written
        return written


def test_a_full_disk_is_one_clear_line_and_the_recording_ends_with_its_last_whole_chunk(
    tmp_path, make_recorder, play
):
    path = tmp_path / "s" / "session.xdf"
    recorder = make_recorder(tmp_path / "s", append_file=lambda p: AppendFile(p, write=FullDisk(2000)))
    recorder.open()
    with pytest.raises(RecordingError, match=r"session\.xdf cannot be written: No space left"):
        play(recorder, 200)
    size = path.stat().st_size
    with pytest.raises(RecordingError, match="No space left"):
        recorder.marker(20.0, {})
    recorder.close("disk full")
    recording = read_recording(tmp_path / "s")
    counted = recording.streams["ecg"].samples[:, 0]
    assert (path.stat().st_size, recording.complete) == (size, False)
    assert counted.tolist() == list(range(counted.size))
    assert counted.size == 50
    assert recording.meta["end"]["reason"] == "disk full"
    assert "No space left" in recording.meta["end"]["faults"][0]


def flush_many_times(recorder):
    for second in range(100_000):
        recorder.flush(float(second))


def test_a_disk_that_fails_in_the_background_is_told_by_a_later_call(tmp_path, make_recorder):
    def fail(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    recorder = make_recorder(tmp_path / "s", append_file=lambda p: AppendFile(p, sync=fail))
    recorder.open()
    with pytest.raises(RecordingError, match=r"session\.xdf cannot be written"):
        flush_many_times(recorder)
    recorder.close("fault")
    assert (
        "Input/output error" in json.loads((tmp_path / "s" / "session.json").read_text())["end"]["faults"][0]
    )


def test_a_disk_that_fails_at_the_close_is_told_by_the_close(tmp_path, make_recorder, play):
    recorder = make_recorder(tmp_path / "s", append_file=lambda p: AppendFile(p, write=FullDisk(10)))
    recorder.open()
    play(recorder, 5)
    with pytest.raises(RecordingError, match="No space left"):
        recorder.close("completed")
    assert read_recording(tmp_path / "s").meta["end"]["reason"] == "completed"
