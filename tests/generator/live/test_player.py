"""The live player with its real process: in time, exactly what was asked, and back after every death."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generator.errors import SoundError, StateError
from generator.live.devices import PACED, BackEnd
from generator.live.player import LivePlayer
from generator.live.process_pipe import OrphanPolicy
from generator.performance.performance import Performance
from generator.player import NO_LATENCY, AudioIncident, ProcessEndCause, ProcessEnding, incident_text
from generator.player import AudioIncidentKind as Kind
from generator.player_events import EndRequest, PlaybackBegin, PlayerEvent, StopRequest, VolumeRequest
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, BeatEvent, NoteEnd, NoteEvent, SectionEvent
from generator.state import MasterVolume, MusicState, Piece, PlayedSound
from generator.synthesis.mastering import VolumeFader
from generator.synthesis.synth import Synth

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(os.name != "posix", reason="the tests kill processes by POSIX signals"),
]

PIECE = Piece(seed=7)
Repeat = Callable[[Callable[[int], object], Callable[[], bool]], Any]
LOSSES = {Kind.LATE, Kind.SKIPPED}
LIVELY = MusicState(tempo_bpm=120, density=0.7, layers=4)
PATIENCE_S = 600.0
MOST_STALL_S = 0.3
"""Longest step of these tests, in place of 20 ms, that does not count as late."""

PATIENT = OrphanPolicy(silence_s=PATIENCE_S)
"""A loaded machine may hold the tests up for seconds without the music fading."""


def player(**settings: object) -> LivePlayer:
    chosen = {
        "back_end": PACED,
        "clock": time.monotonic,
        "fade_in_s": 0.2,
        "orphan_policy": PATIENT,
        "keep_sound": True,
    }
    return LivePlayer(PIECE, **{**chosen, **settings})  # type: ignore[arg-type]


@dataclass
class Listener:
    """Steps a player in real time and keeps what it says."""

    live: LivePlayer
    notes: list[tuple[NoteEvent, float]] = field(default_factory=list)
    ends: list[tuple[NoteEnd, float]] = field(default_factory=list)
    sections: list[SectionEvent] = field(default_factory=list)
    beats: list[tuple[BeatEvent, float]] = field(default_factory=list)
    events: list[PlayerEvent] = field(default_factory=list)
    heard: list[object] = field(default_factory=list)
    pieces: list[np.ndarray] = field(default_factory=list)
    incidents: list[AudioIncident] = field(default_factory=list)
    early: list[float] = field(default_factory=list)
    stopped_s: float = 0.0
    stalled_s: float = 0.0
    pid: int | None = None

    def listen(self, state: MusicState, until: Callable[[], bool], at_most_s: float) -> None:
        """Step until something is so; fail if it is not in time."""
        stepped = time.monotonic()
        deadline = stepped + at_most_s
        while not until():
            assert time.monotonic() < deadline, (self.incidents, self.live.statistics())
            sounded = self.live.step(state)
            now = time.monotonic()
            self.stalled_s, stepped = max(self.stalled_s, now - stepped), now
            self.notes += [(note, sounded.time_of(note.frame)) for note in sounded.notes]
            self.ends += [(end, sounded.time_of(end.frame)) for end in sounded.note_ends]
            self.beats += [(beat, sounded.time_of(beat.frame)) for beat in sounded.beats]
            self.sections += sounded.sections
            events = (*sounded.notes, *sounded.note_ends, *sounded.beats)
            self.early += [sounded.time_of(event.frame) - now for event in events]
            self.events += sounded.events
            self.heard.append(sounded.heard)
            assert sounded.audio is not None
            self.pieces.append(sounded.audio)
            self.incidents += self.live.incidents()
            time.sleep(0.02)

    def play(self, state: MusicState, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.listen(state, lambda: time.monotonic() >= end, seconds + PATIENCE_S)

    def sees(self, kind: Kind, times: int = 1) -> bool:
        return sum(incident.kind == kind for incident in self.incidents) >= times

    def late(self) -> bool:
        """Whether the machine kept the sound waiting, by the player's record, or the steps."""
        record = self.live.statistics()
        return record.late_blocks > 0 or record.skipped_s > 0 or self.stalled_s > MOST_STALL_S

    @property
    def audio(self) -> np.ndarray:
        return np.concatenate(self.pieces)


def rebuild(
    events: list[PlayerEvent], frames: int, first_note: int = 0
) -> tuple[list[NoteEvent], np.ndarray]:
    """Play again what the events of one segment say, block by block."""
    begin = events[0].action
    assert isinstance(begin, PlaybackBegin)
    first, waiting = events[0].frame, events[1:]
    performance, synth = Performance(PIECE, fade_in_s=begin.fade_in_s), Synth(PIECE)
    fader = VolumeFader()
    state, notes, audio = MusicState(sounding=False), [], []
    for frame in range(first, first + frames, BLOCK_FRAMES):
        while waiting and waiting[0].frame <= frame:
            match waiting.pop(0).action:
                case MusicState() as state:
                    pass
                case EndRequest(fade_s):
                    performance.end(fade_s)
                case StopRequest(seconds):
                    performance.stop(seconds)
                case VolumeRequest(volume_db):
                    fader.set(volume_db)
        block = performance.block(state)
        notes += block.notes
        audio.append(fader.apply(synth.render(block)))
    synth.close()
    moved = [
        replace(
            note,
            frame=note.frame + first,
            number=note.number + first_note,
            bar=note.bar + begin.bar,
            beat=note.beat + begin.bar * PIECE.bar_metre.bar,
        )
        for note in notes
    ]
    return moved, np.concatenate(audio)


def segments(events: list[PlayerEvent]) -> list[list[PlayerEvent]]:
    """Split events where a performance begins."""
    starts = [n for n, event in enumerate(events) if isinstance(event.action, PlaybackBegin)]
    return [events[start:end] for start, end in pairwise([*starts, len(events)])]


# --- playing ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(repeat_while_late: Repeat) -> Iterator[Listener]:
    """Three seconds, a change on the way, an emergency stop."""
    with ExitStack() as opened:

        def attempt(number: int) -> Listener:
            live = opened.enter_context(player())
            listener = Listener(live)
            listener.play(LIVELY, 2.0)
            slower = replace(LIVELY, tempo_bpm=90.0, brightness=0.9)
            listener.play(slower, 1.5)
            listener.stopped_s = time.monotonic()
            live.stop(0.5)
            listener.listen(slower, lambda: live.finished, PATIENCE_S)
            listener.pid = live.statistics().pid
            assert not listener.late() or number >= 3  # a few late blocks can be judged as well
            return listener

        yield repeat_while_late(attempt, lambda: True)


def test_beats_fall_where_the_tempo_puts_them(played: Listener) -> None:
    beats = [time_s for beat, time_s in played.beats if beat.tempo_bpm == 120.0]
    assert len(beats) >= 4
    assert (beats[-1] - beats[0]) / (len(beats) - 1) == pytest.approx(0.5, rel=1e-3)
    assert played.beats[-1][0].tempo_bpm == 90.0


def test_what_is_reported_has_sounded(played: Listener) -> None:
    assert len(played.notes) > 5
    assert max(played.early) <= 1e-6
    for events in (played.notes, played.ends, played.beats):
        assert all(one <= other for (_, one), (_, other) in pairwise(events))


def test_the_ends_of_notes_and_sections_are_reported(played: Listener) -> None:
    notes = {note.number: note for note, _ in played.notes}
    assert list(notes) == list(range(len(played.notes)))
    assert {end.note for end, _ in played.ends} == set(notes)  # the stop has ended them all
    for end, _ in played.ends:
        assert end.duration_s == (end.frame - notes[end.note].frame) / SAMPLE_RATE
    (section,) = played.sections
    assert (section.number, section.bar, section.frame) == (0, 0, played.beats[0][0].frame)


def test_the_listeners_ear_follows(played: Listener) -> None:
    heard = [each for each in played.heard if each is not None]
    assert heard[0].novelty == 0.5  # the first sound
    assert heard[-1].tempo_bpm == 90.0
    assert played.heard[-1] is None


def test_the_cues_alone_rebuild_notes_and_sound(played: Listener) -> None:
    assert isinstance(played.events[0].action, PlaybackBegin)
    notes, audio = rebuild(played.events, len(played.audio) + BLOCK_FRAMES)
    recorded = [note for note, _ in played.notes]
    assert notes[: len(recorded)] == recorded
    same = np.all(audio[: len(played.audio)] == played.audio, axis=1)
    # all of it, but for the samples that came late on a loaded machine
    assert same.mean() > (0.999 if played.live.statistics().late_blocks == 0 else 0.5)


def test_the_sound_lies_where_its_frames_say(played: Listener) -> None:
    assert len(played.audio) == played.live.statistics().frames_played
    first, _ = played.notes[0]
    onset = int(np.flatnonzero(np.abs(played.audio).max(axis=1) > 1e-4)[0])
    assert onset == pytest.approx(first.frame + played.live.latency_frames, abs=0.25 * SAMPLE_RATE)


def test_an_emergency_stop_is_heard_within_a_second(played: Listener) -> None:
    last = int(np.flatnonzero(np.abs(played.audio).max(axis=1))[-1])
    beat, time_s = played.beats[0]
    ends_s = time_s + (last - played.live.latency_frames - beat.frame) / SAMPLE_RATE
    assert ends_s - played.stopped_s < 1.5  # 0.7 s on a machine that is not loaded
    assert played.live.finished


def test_an_interruption_at_the_terminal_does_not_reach_the_sound(played: Listener) -> None:
    assert os.getpgid(played.pid) != os.getpgid(0)


# --- deaths -----------------------------------------------------------------------------------------------


def gaps(audio: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of 50 ms and more without sound, between sounds."""
    sounding = np.flatnonzero(np.abs(audio).max(axis=1))
    return [(int(one), int(other)) for one, other in pairwise(sounding) if other - one > 0.05 * SAMPLE_RATE]


def level(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio))))


def test_the_sound_comes_back_three_times_and_then_it_is_said_that_it_does_not(
    repeat_while_late: Repeat, waits_for_work: Callable[[int], bool]
) -> None:
    listeners: list[Listener] = []

    def attempt(_number: int) -> None:
        with player(fade_in_s=1.0) as live:
            listeners.append(Listener(live))
            die_four_times(listeners[-1], waits_for_work)
        judge_the_returns(listeners[-1])

    repeat_while_late(attempt, lambda: any(listener.late() for listener in listeners[-1:]))


def die_four_times(listener: Listener, waits_for_work: Callable[[int], bool]) -> None:
    """Play, and kill the sound's process until no other takes its place."""
    live = listener.live
    listener.play(LIVELY, 2.5)
    listener.listen(LIVELY, lambda: waits_for_work(live._spare.pid), PATIENCE_S)
    live.set_volume(MasterVolume(db=-6.0))
    listener.listen(
        LIVELY, lambda: VolumeRequest(-6.0) in [event.action for event in listener.events], PATIENCE_S
    )
    for death in (1, 2, 3):
        pid = live.statistics().pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP if death == 3 else signal.SIGKILL)  # the third hangs
        listener.listen(LIVELY, lambda death=death: listener.sees(Kind.RESTARTED, death), PATIENCE_S)
        assert live.condition == "restarting"  # it rises
        listener.listen(LIVELY, lambda: live.condition == "on", PATIENCE_S)
    os.kill(live.statistics().pid, signal.SIGKILL)
    listener.listen(LIVELY, lambda: listener.sees(Kind.GAVE_UP), PATIENCE_S)
    assert live.condition == "lost"
    assert live.step(LIVELY).notes == ()
    assert not live.finished
    live.end(20.0)
    assert live.finished


def judge_the_returns(listener: Listener) -> None:
    """Check the incidents, the sound, the events and the notes of a performance with four deaths."""
    kinds = [incident.kind for incident in listener.incidents if incident.kind not in LOSSES]
    assert kinds == [
        *[Kind.PROCESS_ENDED, Kind.RESTARTING, Kind.RESTARTED] * 3,
        Kind.PROCESS_ENDED,
        Kind.GAVE_UP,
    ]
    texts = [incident_text(incident) for incident in listener.incidents]
    assert any("killed by signal 9" in text for text in texts)
    assert any("attempt 3 of 3" in text for text in texts)
    assert all(text.endswith(".") and "\n" not in text for text in texts)

    begins = [event.frame for event in listener.events if isinstance(event.action, PlaybackBegin)]
    silences = gaps(listener.audio)
    if listener.live.statistics().late_blocks:  # there are other holes
        silences = [gap for gap in silences if any(gap[0] < begin <= gap[1] for begin in begins[1:])]
    assert len(silences) == 3
    first, last = silences[0]
    assert (last - first) / SAMPLE_RATE < 4.0  # 0.2 s on a machine that is not loaded
    ramp = listener.audio[last : last + SAMPLE_RATE]
    assert level(ramp[:4800]) < level(ramp[-9600:]) / 3
    assert np.abs(ramp[:480]).max() < 0.01

    volumes = [
        (event.frame, event.action) for event in listener.events if isinstance(event.action, VolumeRequest)
    ]
    assert [what for _, what in volumes] == [VolumeRequest(-6.0)] * 4
    assert [frame for frame, _ in volumes[1:]] == begins[1:]

    frames = [beat.frame for beat, _ in listener.beats]
    bars = [beat.bar for beat, _ in listener.beats]
    assert all(one < other for one, other in pairwise(frames))
    assert sorted(bars) == bars
    played = [note for note, _ in listener.notes]
    assert [note.number for note in played] == list(range(len(played)))
    assert sorted(end.note for end, _ in listener.ends) == list(range(len(played)))
    assert all(end.duration_s > 0 for end, _ in listener.ends)
    assert all(one <= other for (_, one), (_, other) in pairwise(listener.ends))
    assert [section.number for section in listener.sections] == [0, 1, 2, 3]
    all_segments = segments(listener.events)
    for segment, following in zip_longest(all_segments, all_segments[1:]):
        begin, until = segment[0], segment[-1].frame + 2 * SAMPLE_RATE
        until = min(until, following[0].frame) if following else until
        mine = [note for note, _ in listener.notes if note.bar >= begin.action.bar and note.frame < until]
        mine = [note for note in mine if note.frame >= begin.frame][:10]
        notes, _ = rebuild(segment, until - begin.frame, mine[0].number)
        assert [note for note in notes if note.frame <= mine[-1].frame][: len(mine)] == mine


def test_a_pause_of_the_engine_lets_the_music_hold_then_fade_then_return(repeat_while_late: Repeat) -> None:
    policy = OrphanPolicy(silence_s=0.5, hold_s=0.7, fade_s=0.5)
    listeners: list[Listener] = []

    def attempt(_number: int) -> None:
        with player(orphan_policy=policy) as live:
            listener = Listener(live)
            listeners.append(listener)
            listener.play(LIVELY, 1.0)
            quiet = len(listener.audio)
            time.sleep(2.5)
            listener.listen(LIVELY, lambda: listener.sees(Kind.RESTARTED), PATIENCE_S)
            listener.play(LIVELY, 0.5)
        assert listener.incidents[0].ending == ProcessEnding(cause=ProcessEndCause.DESERTED)
        rest = listener.audio[quiet:]
        silences = gaps(rest)
        assert len(silences) == 1
        assert 1.2 < silences[0][0] / SAMPLE_RATE < 2.7
        held = rest[: int(0.9 * SAMPLE_RATE)]
        assert level(held[-4800:]) > 1e-3

    repeat_while_late(attempt, lambda: any(listener.late() for listener in listeners[-1:]))


def test_a_death_during_the_end_is_the_end() -> None:
    with player() as live:
        listener = Listener(live)
        listener.play(LIVELY, 1.0)
        live.end(20.0)
        os.kill(live.statistics().pid, signal.SIGKILL)
        listener.listen(LIVELY, lambda: live.finished, PATIENCE_S)
    kinds = [incident.kind for incident in listener.incidents if incident.kind not in LOSSES]
    assert kinds == [Kind.PROCESS_ENDED]


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has buried has ended too."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


ENGINE = """
import time
from generator.live.devices import PACED
from generator.live.process_pipe import OrphanPolicy
from generator.live.player import LivePlayer
from generator.state import MusicState, Piece

policy = OrphanPolicy(silence_s=0.4, hold_s=0.3, fade_s=0.5)
live = LivePlayer(Piece(), back_end=PACED, clock=time.monotonic, fade_in_s=0.2, orphan_policy=policy)
live.open()
print(live.statistics().pid, live._spare.pid, flush=True)
while True:
    live.step(MusicState(tempo_bpm=120))
    time.sleep(0.05)
"""


def test_the_sound_outlives_a_killed_engine_and_then_ends_by_itself() -> None:
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE)
    with engine:
        assert engine.stdout is not None
        pids = [int(pid) for pid in engine.stdout.readline().split()]
        engine.kill()
    assert not gone(pids[0])  # it holds, and fades
    deadline = time.monotonic() + PATIENCE_S
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- refusals ---------------------------------------------------------------------------------------------


def test_an_output_that_does_not_open_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "nobody-started-this-one")
    live = player(back_end=BackEnd(kind="jack", name="JACK", latency=NO_LATENCY))
    with pytest.raises(SoundError, match=r"^JACK does not open at 48 kHz: Jack unable to create client$"):
        live.open()
    assert capfd.readouterr() == ("", "")
    live.close()


def test_a_clock_that_another_process_cannot_import_is_refused() -> None:
    with pytest.raises(SoundError, match="a function of a module"):
        player(clock=lambda: 0.0).open()


def test_impossible_fades_are_refused_before_they_reach_the_sound() -> None:
    live = player()
    with pytest.raises(StateError, match="fade_s is -1"):
        live.end(-1)
    with pytest.raises(SoundError, match="not open"):
        live.step(LIVELY)


@pytest.mark.skipif(shutil.which("jackd") is None, reason="jackd is not installed")
def test_a_sound_device_takes_the_sound_in_real_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, repeat_while_late: Repeat
) -> None:
    listeners: list[Listener] = []

    def attempt(number: int) -> None:
        name = f"biofeedback-test-{os.getpid()}-{number}"
        monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
        command = ["jackd", "--no-mlock", "-n", name, "-r", "-d", "dummy", "-r", "48000", "-p", "512"]
        with (
            (tmp_path / "log").open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log) as server,
        ):
            live = player(back_end=BackEnd(kind="jack", name="JACK", latency=NO_LATENCY))
            listeners.append(Listener(live))
            try:
                opened(live)
                listeners[-1].play(LIVELY, 2.5)
            finally:
                live.close()
                server.terminate()
        beats = [time_s for _, time_s in listeners[-1].beats]
        assert len(beats) >= 4
        assert (beats[-1] - beats[0]) / (len(beats) - 1) == pytest.approx(0.5, rel=0.02)
        assert level(listeners[-1].audio[-SAMPLE_RATE:]) > 1e-3

    repeat_while_late(attempt, lambda: any(listener.late() for listener in listeners[-1:]))


def opened(live: LivePlayer) -> None:
    """Open a player whose server is just starting."""
    for _ in range(20):
        try:
            return live.open()
        except SoundError:
            time.sleep(0.5)
    return live.open()


def test_reference_noise_sounds_live_and_its_exposure_is_counted() -> None:
    with player(plays=PlayedSound.REFERENCE_NOISE) as live:
        listener = Listener(live)
        listener.listen(LIVELY, lambda: live.statistics().energy_s > 0.001, at_most_s=PATIENCE_S)
        assert len(np.concatenate(listener.pieces)) == live.statistics().frames_played
    sound = np.concatenate(listener.pieces)[SAMPLE_RATE // 2 :]
    sound = sound[np.any(sound != 0, axis=1)]  # without the holes that a slow machine leaves
    assert 20 * np.log10(np.std(sound)) == pytest.approx(-23.0, abs=4.0)
    assert abs(np.corrcoef(sound.T)[0, 1]) < 0.1
