"""Sessions in real time: the recording, the sound's process, the outlets, and what happens when they fail."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pylsl
import pytest
import soundfile as sf

from biofeedback.analysis.session_log import session_log
from biofeedback.models import Snapshot
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.replay import replay
from biofeedback.report.page import render
from biofeedback.session import SessionConfig, run_session
from generator.live.devices import PACED
from protocols.loading import parse

pytestmark = pytest.mark.realtime

PROTOCOL = b"""\
id: live
version: 1
title: Live
rationale: as short as may be
sources: [none]
arm: closed-loop
cautions: [none]
phases:
  - {kind: baseline, name: baseline, duration_s: 5}
  - {kind: match, name: match, duration_s: 25, layers: 4, density: 0.6}
end_fade_s: 15
"""
LATEST_KILL_S = 14.0
"""Until then the kill waits for the spare process, so that a slow start is not taken for a slow return."""

MOST_LATENESS_MS = 1000.0
MOST_LATE_BLOCKS = 100
"""Of 1/60 s, in 40 s of music. A session that the machine kept waiting for longer is repeated."""

PATIENCE_S = 600.0
OUTLET = Path(__file__).parents[1] / "acquisition" / "lsl" / "fake_lsl_outlet.py"


def sound_processes(parent: int) -> list[int]:
    """The processes that play or wait to play, in order of their start: the first is the one that plays."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if (
                int(fields[1]) == parent
                and b"generator.live.audio_process" in (entry / "cmdline").read_bytes()
            ):
                found[int(entry.name)] = int(fields[19])
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda pid: (found[pid], pid))


@pytest.fixture(scope="module")
def plan(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> SessionConfig:
    return SessionConfig(
        protocol=parse(PROTOCOL, "live.yaml"),
        inputs=(f"ecg={recording}:ECG@125", f"eda={recording}:EDA_uS@125"),
        directory=tmp_path_factory.mktemp("live") / "session",
        seed=3,
        keep_sound=True,
        back_end=PACED,
    )


@pytest.fixture(scope="module")
def session(
    plan: SessionConfig, repeat_while_late: Callable[..., Recording], waits_for_work: Callable[[int], bool]
) -> Recording:
    """A session in real time whose sound is killed in the middle."""
    if sys.platform != "linux":
        pytest.skip("finds the sound's process in /proc")

    def attempt(number: int) -> Recording:
        killed: list[int] = []

        def kill_the_sound(snapshot: Snapshot) -> None:
            if snapshot.elapsed_s < 10 or killed:
                return
            playing, spare = sound_processes(os.getpid())
            if waits_for_work(spare) or snapshot.elapsed_s >= LATEST_KILL_S:
                killed.append(playing)
                os.kill(playing, signal.SIGKILL)

        once = replace(plan, directory=plan.directory.with_name(f"session-{number}"))
        assert run_session(once, watch=kill_the_sound) == "the protocol is complete"
        recording = read_recording(once.directory)
        end = recording.meta["end"]
        assert end["punctuality"]["lateness_worst_ms"] < MOST_LATENESS_MS, end
        assert end["sound"]["late_blocks"] <= MOST_LATE_BLOCKS, end
        return recording

    return repeat_while_late(attempt, lambda: True)


def test_the_session_goes_on_and_is_complete(session: Recording) -> None:
    assert session.complete
    assert session.meta["end"]["sound"]["restarts"] == 1
    assert session.meta["end"]["punctuality"]["steps"] >= 44 * 20


def test_the_report_tells_in_words_what_happened_to_the_sound(session: Recording) -> None:
    told = [m["text"] for m in session.streams["markers"].json() if m["type"] == "audio"]
    assert any("killed" in text for text in told)
    assert any("The sound is back" in text for text in told)
    assert all(text in render(session).replace("&#39;", "'") for text in told)
    log = [(entry.kind, entry.occurrences[0][1]) for entry in session_log(session)]
    assert [text for kind, text in log if kind == "fault" and text in told] == told
    assert not any("cue" in text for _, text in log)


def test_the_sound_comes_back_with_a_ramp(session: Recording) -> None:
    samples, rate = sf.read(session.directory / "audio.flac")
    loud = np.abs(samples).max(axis=1)
    sounds = np.flatnonzero(loud > 0)
    markers = session.streams["markers"]
    died_s = next(
        t - session.t0_s
        for t, m in zip(markers.times, markers.json(), strict=True)
        if m["type"] == "audio" and "killed" in m["text"]
    )
    # On a slow machine there are other holes.
    gaps = np.where(sounds[1:] > died_s * rate, np.diff(sounds), 0)
    died = np.flatnonzero(gaps > 0.1 * rate)[0]
    assert gaps[died] / rate < 6  # a slow machine; the benchmark holds it to 2 s
    back = sounds[died + 1]
    parts = (samples[back + a * rate : back + (a + 2) * rate] for a in (0, 7))
    first, later = (np.sqrt(np.mean(part[part != 0] ** 2)) for part in parts)
    assert first < 0.3 * later


def test_notes_and_beats_carry_the_time_at_which_they_sounded(session: Recording) -> None:
    notes, score = session.streams["notes"], session.streams["score"]
    assert (np.diff(notes.times) >= 0).all()
    seconds = score.times - session.t0_s
    assert 5.0 < seconds[0] < 6.0
    beats, tempi = score.column("beat"), score.column("tempo_bpm")
    following = np.diff(beats) == 1
    assert np.allclose(np.diff(seconds)[following], 60 / tempi[:-1][following], rtol=0.01)


def test_both_takes_of_the_music_are_rebuilt_from_the_recording(session: Recording, tmp_path: Path) -> None:
    wav = tmp_path / "again.flac"
    agreement = replay(session, wav=wav)
    assert agreement.equal == agreement.recorded > 20
    kept, again = (sf.read(path)[0] for path in (session.directory / "audio.flac", wav))
    before_the_kill = slice(5 * 48_000, 9 * 48_000)
    kept, again = kept[before_the_kill], again[before_the_kill]
    # On a slow machine there are holes, into which the sound falls and from which it rises in 5 ms.
    near_a_hole = np.convolve(np.abs(kept).max(axis=1) == 0, np.ones(601), "same") > 0.5
    heard = ~near_a_hole
    assert heard.mean() > 0.5
    assert np.abs(kept - again)[heard].max() < 1e-6


def test_virtual_time_gives_the_same_beats_and_decisions(
    session: Recording, plan: SessionConfig, tmp_path: Path
) -> None:
    run_session(
        replace(plan, directory=tmp_path / "v", back_end=None, keep_sound=False), watch=lambda _: None
    )
    virtual = read_recording(tmp_path / "v")
    beats = [r.streams["beats"].column("r_time_s") - r.t0_s for r in (virtual, session)]
    common = min(len(each) for each in beats)
    assert common >= 30
    assert np.allclose(beats[0][:common], beats[1][:common], atol=1e-6)
    tempi = [[d["music"]["tempo_bpm"] for d in r.streams["decisions"].json()] for r in (virtual, session)]
    assert tempi[0] == pytest.approx(tempi[1], abs=0.25)


def test_from_an_outlet_to_outlets_until_ctrl_c(tmp_path: Path) -> None:
    protocol, out = tmp_path / "live.yaml", tmp_path / "nächste"
    protocol.write_bytes(PROTOCOL)
    name = f"e2e-{os.getpid()}"
    device = subprocess.Popen([sys.executable, str(OUTLET), name, "--labels", "index,stamp"])
    arguments = [
        *("run", "--protocol", str(protocol), "--cautions-confirmed"),
        *("--audio", "none", "--lsl-out", "--out", str(out)),
        *("--input", f"ecg=lsl:name={name}&channel=index"),
    ]
    process = subprocess.Popen([sys.executable, "-m", "biofeedback", *arguments], stdout=subprocess.DEVNULL)
    inlet = None
    try:
        source_id = f"biofeedback:{out.name}:markers"
        (found,) = pylsl.resolve_byprop("source_id", source_id, 1, PATIENCE_S)
        assert found.type() == "Markers"
        (features,) = pylsl.resolve_byprop("source_id", f"biofeedback:{out.name}:features", 1, PATIENCE_S)
        inlet = pylsl.StreamInlet(features)
        described = inlet.info(PATIENCE_S)
        assert described.get_channel_labels()[0] == "hr_bpm"
        sample, first_s = inlet.pull_sample(PATIENCE_S)
        assert len(sample) == described.channel_count()
        stamp = first_s
        while stamp < first_s + 2.0:  # something to record
            _, stamp = inlet.pull_sample(PATIENCE_S)
        assert stamp == pytest.approx(pylsl.local_clock(), abs=5.0)
        device.kill()
        (markers,) = pylsl.resolve_byprop("source_id", source_id, 1, PATIENCE_S)
        notices = pylsl.StreamInlet(markers)
        told = ""
        while '"source"' not in told:
            told = (notices.pull_sample(PATIENCE_S)[0] or ["nothing came"])[0]
            assert told != "nothing came"
        notices.close_stream()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
    finally:
        if inlet is not None:
            inlet.close_stream()
        for each in (device, process):
            each.kill()
            each.wait()
    recorded = read_recording(out)
    assert recorded.complete
    assert recorded.meta["end"]["reason"] == "it was stopped"
    index = recorded.streams["ecg"].samples[:, 0]
    assert len(index) > 250
    assert (np.diff(index) == 1).all()
    lost = [m for m in recorded.streams["markers"].json() if m["type"] == "source"]
    assert lost[0]["text"].startswith(f"{recorded.meta['inputs'][0]['name']}: no samples for ")
    clock = recorded.streams["clock"]
    assert clock.times.size
