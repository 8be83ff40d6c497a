"""Whole sessions through the command line."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pyxdf
import soundfile as sf

from biofeedback.cli import exit_status
from biofeedback.command_inbox import CommandInbox
from biofeedback.models import Snapshot
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.replay import replay
from biofeedback.session import SessionConfig, run_session
from generator.state import LAYERS
from protocols.loading import load, override

PATIENCE_S = 600.0
BIOFEEDBACK = [sys.executable, "-m", "biofeedback"]
LONGER = ["--set", "sustain.duration_s=60"]
"""So that a session is not over before another process, on a busy machine, has seen how far it is."""

STREAMS = {
    *("ecg", "eda", "features", "beats", "scrs", "music", "score", "notes", "note_ends", "form"),
    *("decisions", "markers", "ratings", "commands", "clock"),
}


@dataclass
class Begun:
    """A session in a process of its own, and how far its recording had come."""

    process: subprocess.Popen[bytes]
    out: Path
    reached_s: float


@pytest.fixture(scope="module")
def session(session_arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sessions") / "Straße"
    assert exit_status([*session_arguments, "--audio", "file", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def recorded(session: Path) -> Recording:
    return read_recording(session)


def test_a_session_leaves_every_stream_and_says_it_was_closed(recorded: Recording) -> None:
    assert set(recorded.streams) == STREAMS
    assert recorded.complete
    assert recorded.meta["end"]["reason"] == "the protocol is complete"
    assert recorded.meta["end"]["faults"] == []


def test_the_raw_signal_is_kept_sample_for_sample(recorded: Recording, recording: Path) -> None:
    given = np.loadtxt(recording, delimiter=",", skiprows=1)
    ecg, eda = recorded.streams["ecg"], recorded.streams["eda"]
    assert np.array_equal(ecg.samples[:, 0], given[: len(ecg.times), 0])
    assert np.array_equal(eda.samples[:, 0], given[: len(eda.times), 1])
    assert np.allclose(np.diff(ecg.times), 1 / 125)


def test_phases_follow_one_another_as_the_protocol_says(recorded: Recording) -> None:
    phases = [m for m in recorded.streams["markers"].json() if m["type"] == "phase"]
    begun = [(m["name"], m["event"]) for m in phases]
    assert begun[:6] == [
        (name, event) for name in ("baseline", "match", "sustain") for event in ("begin", "end")
    ]
    assert begun[6] == ("end", "begin")


def test_the_music_begins_at_the_heart_rate_and_never_in_the_baseline(recorded: Recording) -> None:
    music = recorded.streams["music"]
    sounding = music.column("sounding") > 0
    assert not sounding[music.times < 30].any()
    first_tempo = music.column("tempo_bpm")[sounding][0]
    features = recorded.streams["features"]
    known = features.column("hr_bpm")[features.times <= music.times[sounding][0]]
    assert first_tempo == pytest.approx(known[-1], abs=1.0)
    assert recorded.streams["notes"].times.min() >= 30


def test_a_baseline_that_will_be_too_short_is_asked_about_in_time(
    recorded: Recording,
) -> None:
    markers = recorded.streams["markers"]
    asked = [(t, m) for t, m in zip(markers.times, markers.json(), strict=True) if m["type"] == "question"]
    assert [(t, m["kind"], m["text"]) for t, m in asked] == [
        (15.05, "baseline", "The baseline may not be usable (too short): extend it?")
    ]


def test_every_decision_says_why(recorded: Recording) -> None:
    decisions = recorded.streams["decisions"].json()
    assert len(decisions) >= 60 / 5
    assert all(decision["why"].endswith(".") for decision in decisions)


def test_notes_stay_within_the_layers_asked_for(recorded: Recording) -> None:
    layers = recorded.streams["notes"].column("layer")
    most = recorded.streams["music"].column("layers").max()
    assert layers.max() < most <= len(LAYERS)


def test_the_sound_is_as_long_as_the_session_and_silent_in_the_baseline(session: Path) -> None:
    samples, rate = sf.read(session / "audio.flac")
    seconds = len(samples) / rate
    duration = read_recording(session).meta["end"]["duration_s"]
    assert seconds == pytest.approx(duration + 0.05, abs=0.06)
    assert np.all(samples[: 29 * rate] == 0)
    assert np.abs(samples[40 * rate : 60 * rate]).max() > 0.01
    assert np.abs(samples[-10:]).max() < 1e-3


def test_the_same_seed_gives_the_same_bytes(
    session: Path, session_arguments: list[str], tmp_path: Path
) -> None:
    assert exit_status([*session_arguments, "--audio", "file", "--out", str(tmp_path)]) == 0
    for name in ("session.xdf", "audio.flac", "score.mid"):
        assert (tmp_path / name).read_bytes() == (session / name).read_bytes()


def test_another_seed_gives_other_music(session: Path, session_arguments: list[str], tmp_path: Path) -> None:
    assert exit_status([*session_arguments, "--audio", "none", "--seed", "6", "--out", str(tmp_path)]) == 0
    pitches = read_recording(tmp_path).streams["notes"].column("pitch")
    assert not np.array_equal(pitches, read_recording(session).streams["notes"].column("pitch"))


def test_what_the_form_adds_is_recorded_apart_from_what_is_asked_for(
    session: Path, session_arguments: list[str], tmp_path: Path
) -> None:
    shaped = ["--set", "piece.form=full", "--metre", "3/4", "--audio", "none", "--out", str(tmp_path)]
    assert exit_status([*session_arguments, *shaped]) == 0
    with_form, without = read_recording(tmp_path), read_recording(session)
    assert (with_form.streams["form"].column("added_level_db") < 0).any()
    assert not without.streams["form"].samples[:, 4:].any()
    music, before = with_form.streams["music"], without.streams["music"]
    assert music.column("level_db").tolist() == before.column("level_db").tolist()
    assert (music.desc["form"], music.desc["metre"]) == ("full", "3/4")
    assert np.bincount(with_form.streams["score"].column("bar").astype(int))[0] == 3
    agreement = replay(with_form, events=tmp_path / "again.csv")
    assert (
        str(agreement) == f"{agreement.recorded} of {agreement.recorded} recorded notes were rebuilt exactly"
    )


def test_without_sound_the_recording_is_the_same(
    session: Path, session_arguments: list[str], tmp_path: Path
) -> None:
    assert exit_status([*session_arguments, "--audio", "none", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "session.xdf").read_bytes() == (session / "session.xdf").read_bytes()
    assert not (tmp_path / "audio.flac").exists()


def test_every_note_of_a_closed_session_has_ended(session: Path) -> None:
    recorded = read_recording(session)
    notes, ends = recorded.streams["notes"], recorded.streams["note_ends"]
    numbers = ends.column("note").astype(int)
    assert sorted(numbers) == list(range(notes.times.size))
    assert np.array_equal(notes.column("duration_s")[numbers], ends.column("duration_s"))
    assert ends.times == pytest.approx(notes.times[numbers] + ends.column("duration_s"), abs=1e-4)


def test_replay_rebuilds_the_sound_sample_for_sample(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wav, midi = tmp_path / "again.flac", tmp_path / "again.mid"
    assert exit_status(["replay", str(session), "--wav", str(wav), "--midi", str(midi)]) == 0
    notes = len(read_recording(session).streams["notes"].times)
    assert f"{notes} of {notes} recorded notes were rebuilt exactly" in capsys.readouterr().out
    assert np.array_equal(sf.read(wav)[0], sf.read(session / "audio.flac")[0])
    assert midi.read_bytes() == (session / "score.mid").read_bytes()


def test_input_that_ends_ends_the_session_with_a_fade(
    protocol_file: Path, tmp_path: Path, recording: Path
) -> None:
    lines = recording.read_text(encoding="utf-8").splitlines()
    short = tmp_path / "short.csv"
    short.write_text("\n".join(lines[: 30 * 125 + 1]), encoding="utf-8")
    out = tmp_path / "out"
    arguments = ["run", "--protocol", str(protocol_file), "--set", "baseline.duration_s=15"]
    arguments += ["--input", f"ecg={short}:ECG@125", "--audio", "file", "--out", str(out)]
    assert exit_status(arguments) == 0
    recorded = read_recording(out)
    assert recorded.meta["end"]["reason"] == "input ended"
    samples, rate = sf.read(out / "audio.flac")
    assert len(samples) / rate == pytest.approx(30 + 15, abs=1.0)
    assert np.abs(samples[-10:]).max() < 1e-3


def test_a_session_directory_is_never_written_over(
    session: Path, session_arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (session / "session.xdf").read_bytes()
    assert exit_status([*session_arguments, "--out", str(session)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()[-1:]) == 1
    assert (session / "session.xdf").read_bytes() == before


def test_the_report_is_made_from_the_session(session: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert exit_status(["report", str(session), "--out", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "Kürzeste Sitzung &lt;kurz&gt;" in text
    assert "not for diagnosis, monitoring or treatment" in text


@pytest.mark.realtime
def test_ctrl_c_fades_closes_the_recording_and_exits_130(
    session_arguments: list[str], tmp_path: Path, repeat_while_late: Callable[..., Begun]
) -> None:
    begun = repeat_while_late(
        lambda number: begin(session_arguments, tmp_path / str(number), seconds=40), lambda: True
    )
    begun.process.send_signal(signal.SIGINT)
    assert begun.process.wait(timeout=PATIENCE_S) == 130
    recorded = read_recording(begun.out)
    assert recorded.complete
    assert recorded.meta["end"]["reason"] == "it was stopped"
    assert [command["name"] for command in recorded.streams["commands"].json()] == ["stop"]


def test_a_second_ctrl_c_silences_the_music_within_a_second(
    recording: Path, protocol_file: Path, tmp_path: Path
) -> None:
    inbox = CommandInbox()

    def insist(snapshot: Snapshot) -> None:
        if snapshot.elapsed_s in (25.0, 27.0):
            inbox.interrupt()

    plan = SessionConfig(
        protocol=override(load(protocol_file), "baseline.duration_s=15"),
        inputs=(f"ecg={recording}:ECG@125",),
        directory=tmp_path / "out",
        seed=1,
        keep_sound=True,
    )
    assert run_session(plan, watch=insist, inbox=inbox) == "it was stopped"
    samples, rate = sf.read(tmp_path / "out" / "audio.flac")
    assert np.abs(samples[26 * rate : 27 * rate]).max() > 0.001
    assert len(samples) / rate < 28.1
    recorded = read_recording(tmp_path / "out")
    assert recorded.complete
    assert "emergency stop" in [marker["type"] for marker in recorded.streams["markers"].json()]


@pytest.mark.realtime
@pytest.mark.parametrize("seconds", [3, 33, 47, 62])
def test_killed_at_any_moment_it_opens_and_its_music_can_be_rebuilt(
    session_arguments: list[str], tmp_path: Path, seconds: int, repeat_while_late: Callable[..., Begun]
) -> None:
    begun = repeat_while_late(
        lambda number: begin(session_arguments, tmp_path / str(number), seconds=seconds), lambda: True
    )
    begun.process.kill()
    begun.process.wait()
    streams, _ = pyxdf.load_xdf(
        begun.out / "session.xdf", dejitter_timestamps=False, synchronize_clocks=False, verbose=False
    )
    last = {s["info"]["name"][0]: s["time_stamps"][-1] for s in streams if len(s["time_stamps"])}
    assert last["ecg"] >= begun.reached_s - 0.02
    assert last["ecg"] - last["features"] <= 1.05
    recorded = read_recording(begun.out)
    assert not recorded.complete
    notes = recorded.streams["notes"]
    events = tmp_path / "events.csv"
    assert exit_status(["replay", str(begun.out), "--events", str(events)]) == 0
    rebuilt = events.read_text(encoding="utf-8").splitlines()[1:]
    assert [float(line.split(",")[0]) for line in rebuilt[: len(notes.times)]] == pytest.approx(
        notes.times.tolist(), abs=1e-5
    )


def begin(arguments: list[str], out: Path, *, seconds: float) -> Begun:
    """Start a session and return it once the newest ECG sample on disk lies behind `seconds`.

    It fails if the session, in virtual time, was over before this process had looked.
    """
    process = subprocess.Popen(
        [*BIOFEEDBACK, *arguments, *LONGER, "--audio", "none", "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        try:
            times = read_recording(out).streams["ecg"].times
        except Exception:  # noqa: BLE001, S112 - not begun yet, or caught in the middle of a write
            continue
        if times.size and times[-1] >= seconds:
            return Begun(process, out, float(times[-1]))
    raise AssertionError(f"the session ended with status {process.returncode} before it was to be stopped")


def test_json_of_the_session_names_what_is_needed_to_repeat_it(session: Path) -> None:
    meta = json.loads((session / "session.json").read_text(encoding="utf-8"))
    assert meta["seed"] == 5
    assert len(meta["protocol_sha256"]) == 64
    assert set(meta["end"]["checksums"]) == {"session.xdf", "audio.flac", "score.mid"}
    assert {"biofeedback-music", "neurokit2", "pyo"} <= set(meta["versions"])


def test_a_script_s_commands_are_carried_out_and_recorded_with_their_answers(
    session_arguments: list[str], tmp_path: Path
) -> None:
    script = ["--command", '10:{"name": "resume"}', "--command", '20:{"name": "stop"}']
    assert exit_status([*session_arguments, "--audio", "none", *script, "--out", str(tmp_path)]) == 0
    commands = read_recording(tmp_path).streams["commands"]
    assert commands.times.tolist() == [10.0, 20.0]
    stop = commands.json()[1]
    assert stop == {
        "name": "stop",
        "args": {},
        "origin": "script",
        "key": "script 2",
        "accepted": True,
        "answer": "The session ends now.",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("soon:{}", "'soon' is not a time"),
        ("5:resume", "no JSON after the time"),
        ('5:{"name": "dance"}', "'pause'"),
        ('5:{"name": "override", "field": "level_db", "value": 3}', "level_db is 3; it must lie between"),
        ('5:{"name": "extend", "seconds": 1}', "seconds"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_in_one_line(
    session_arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    complaint: str,
) -> None:
    assert exit_status([*session_arguments, "--command", text, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip()
    assert complaint in said
    assert "\n" not in said
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def commanded(session_arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session in which much is said."""
    out = tmp_path_factory.mktemp("commanded")
    told = (
        (5, {"name": "marker", "text": "door", "at_s": 4.0}),
        (12, {"name": "skip"}),
        (14, {"name": "override", "field": "level_db", "value": -6.0}),
        (15, {"name": "volume", "db": -10.0}),
        (17, {"name": "intensify"}),
        (20, {"name": "hold"}),
        (25, {"name": "resume"}),
        (30, {"name": "pause"}),
        (34, {"name": "resume"}),
        (35, {"name": "release"}),
        (36, {"name": "rating", "scale": "relaxation-vas", "value": 70}),
        (37, {"name": "adverse event", "text": "cough", "severity": "mild"}),
        (38, {"name": "extend", "seconds": 10}),
        (40, {"name": "volume", "db": -2.0}),
        (44, {"name": "emergency stop"}),
    )
    script = [part for at, what in told for part in ("--command", f"{at}:{json.dumps(what)}")]
    assert exit_status([*session_arguments, "--audio", "file", *script, "--out", str(out)]) == 0
    return out


def test_every_command_is_recorded_with_its_origin_and_answer(commanded: Path) -> None:
    recorded = read_recording(commanded)
    commands = recorded.streams["commands"]
    assert len(commands.times) == 15
    for command in commands.json():
        assert command["origin"] == "script"
        assert command["accepted"] is True
        assert command["answer"].endswith(".")
    markers = recorded.streams["markers"].json()
    kinds = [marker["type"] for marker in markers]
    assert kinds.count("volume") == 4  # two that were asked for, and a hold with its resume
    assert {"marker", "adverse event", "emergency stop"} <= set(kinds)
    assert next(marker for marker in markers if marker["type"] == "marker")["at_s"] == 4.0
    baseline = next(marker for marker in markers if marker["type"] == "baseline")
    assert baseline["verdict"] == "too short"  # it was skipped, and frozen with what there was
    rating = recorded.streams["ratings"].json()[0]
    assert (rating["scale"], rating["value"], rating["phase"]) == ("relaxation-vas", 70.0, "match")
    assert recorded.meta["end"]["reason"] == "it was stopped at once"
    assert recorded.meta["end"]["duration_s"] < 45


def test_a_hold_silences_the_music_within_four_seconds(commanded: Path) -> None:
    samples, rate = sf.read(commanded / "audio.flac")
    assert np.abs(samples[18 * rate : 20 * rate]).max() > 0.001
    assert np.abs(samples[int(24.2 * rate) : 25 * rate]).max() < 1e-4  # nobody hears −80 dB
    assert np.abs(samples[33 * rate : 35 * rate]).max() > 0.001
    assert np.abs(samples[-10:]).max() < 1e-3


def test_a_session_with_commands_is_rebuilt_sample_for_sample(commanded: Path, tmp_path: Path) -> None:
    agreement = replay(read_recording(commanded), wav=tmp_path / "again.flac")
    assert agreement.equal == agreement.recorded > 0
    again, _ = sf.read(tmp_path / "again.flac")
    kept, _ = sf.read(commanded / "audio.flac")
    assert np.array_equal(again[: len(kept)], kept[: len(again)])
    assert abs(len(again) - len(kept)) <= 2400
