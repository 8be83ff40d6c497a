"""Rebuilds the music of a session from its recording."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from biofeedback.errors import RecordingError
from biofeedback.events import EmergencyStopMarker, EndFadeMarker, PlayerMarker, VolumeMarker
from biofeedback.models import STEPS_PER_SECOND
from biofeedback.recording.reader import RecordedStream, Recording
from generator.events import write_events, write_midi
from generator.player import EMERGENCY_STOP_S, FADE_IN_S, PlaybackStep
from generator.player_events import EndRequest, PlaybackBegin, PlayerEvent, StopRequest, VolumeRequest
from generator.render import SoundFile, VirtualPlayer
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, BeatEvent, NoteEnd, NoteEvent, with_ends
from generator.state import LAYERS, STATE_COLUMNS, MasterVolume, Metre, MusicState, Piece
from generator.synthesis.synth import Synth

STEP_FRAMES = SAMPLE_RATE // STEPS_PER_SECOND
_ROUNDING_STEPS = 1e-4
"""More than the rounding of n/20, less than anything that happens in a session."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Comparison of the rebuilt notes with the recorded ones.

    Attributes
    ----------
    recorded, equal : int
        Number of recorded notes, and of those with the same sample, pitch, velocity and layer.
    """

    recorded: int
    equal: int

    def __str__(self) -> str:
        return f"{self.equal} of {self.recorded} recorded notes were rebuilt exactly"


class Replay:
    """Plays the music of a session again from the recorded player events.

    Parameters
    ----------
    recording : Recording
        Closed or cut off.

    Raises
    ------
    RecordingError
        If no music was recorded before the session was cut off.

    Attributes
    ----------
    piece : Piece
        The constants of the music.
    first_frame : int
        The frame at the session's start.
    frames : int
        The frame at its end.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.piece = _piece(recording.streams["music"])
        self._events = _live_events(recording) or _virtual_events(recording)
        self.first_frame = _first_frame(recording)
        self.frames = self.first_frame + _recorded_steps(recording) * STEP_FRAMES

    def play(self, *, sound: bool) -> Iterator[PlaybackStep]:
        """Play block by block; notes, their ends and beats are on the session's frames and counted on.

        Gaps between takes are silent.
        """
        takes = [index for index, event in enumerate(self._events) if isinstance(event.action, PlaybackBegin)]
        ends = [self._events[index].frame for index in takes[1:]] + [self.frames]
        notes = 0
        for first, last, end in zip(takes, [*takes[1:], len(self._events)], ends, strict=True):
            played = 0
            for sounded in self._take(self._events[first:last], end, sound=sound):
                played += len(sounded.notes)
                yield _shifted(sounded, self._events[first], notes, self.piece.bar_metre)
            notes += played

    def _take(self, events: Sequence[PlayerEvent], end: int, *, sound: bool) -> Iterator[PlaybackStep]:
        begin, *rest = events
        assert isinstance(begin.action, PlaybackBegin)  # noqa: S101 - a take is what lies between two of them
        waiting = deque(rest)
        state = MusicState(sounding=False)
        with VirtualPlayer(self.piece, sound=sound, fade_in_s=begin.action.fade_in_s) as player:
            for frame in range(begin.frame, end, BLOCK_FRAMES):
                while waiting and waiting[0].frame <= frame:
                    state = _tell(player, waiting.popleft(), state)
                yield player.play([state])

    def compare(self, notes: Sequence[NoteEvent]) -> Agreement:
        """Compare rebuilt notes with those recorded."""
        stream = self._recording.streams["notes"]
        columns = [stream.column(label) for label in ("frame", "pitch", "velocity", "layer")]
        recorded = [tuple(int(value) for value in row) for row in zip(*columns, strict=True)]
        rebuilt = [(note.frame, note.pitch, note.velocity, LAYERS.index(note.layer)) for note in notes]
        equal = sum(ours == theirs for ours, theirs in zip(rebuilt, recorded, strict=False))
        return Agreement(recorded=len(recorded), equal=equal)


def _piece(music: RecordedStream) -> Piece:
    # what earlier recordings did not have
    earlier = {"nature": "none", "nature_db": "-12.0", "unwanted": "", "register_range": "0.0,1.0"}
    earlier |= {"metre": Metre.COMMON.text, "form": "none", "tonal_plan": "none"}
    constants = {**earlier, **music.desc}
    low, high = constants["register_range"].split(",")
    return Piece(
        tonic=int(constants["tonic"]),
        palette=constants["palette"],
        nature=constants["nature"],
        nature_db=float(constants["nature_db"]),
        unwanted=tuple(constants["unwanted"].split(",")) if constants["unwanted"] else (),
        register_range=(float(low), float(high)),
        metre=constants["metre"],
        form=constants["form"],
        tonal_plan=constants["tonal_plan"],
        seed=int(constants["seed"]),
    )


def _tell(player: VirtualPlayer, event: PlayerEvent, state: MusicState) -> MusicState:
    """Tell the player of an end or a volume; return the state in force from here on."""
    match event.action:
        case MusicState():
            return event.action
        case EndRequest(fade_s):
            player.end(fade_s)
        case StopRequest(seconds):
            player.stop(seconds)
        case VolumeRequest(volume_db):
            player.set_volume(MasterVolume.of_gain(volume_db))
    return state


def _shifted(sounded: PlaybackStep, begin: PlayerEvent, notes: int, metre: Metre) -> PlaybackStep:
    """Return what sounded in a take on the frames, notes, beats and bars of the session."""
    assert isinstance(begin.action, PlaybackBegin)  # noqa: S101 - given by the caller
    frame, beat, bar = begin.frame, begin.action.beat, begin.action.bar

    def note(each: NoteEvent) -> NoteEvent:
        return replace(
            each,
            frame=each.frame + frame,
            number=each.number + notes,
            beat=each.beat + bar * metre.bar,
            bar=each.bar + bar,
        )

    return replace(
        sounded,
        notes=tuple(map(note, sounded.notes)),
        note_ends=tuple(
            replace(end, frame=end.frame + frame, note=end.note + notes) for end in sounded.note_ends
        ),
        beats=tuple(
            replace(each, frame=each.frame + frame, beat=each.beat + beat, bar=each.bar + bar)
            for each in sounded.beats
        ),
    )


def _live_events(recording: Recording) -> list[PlayerEvent]:
    markers = recording.streams["markers"].json()
    return [PlayerMarker.from_json(each).event for each in markers if each["type"] == PlayerMarker.type]


def _virtual_events(recording: Recording) -> list[PlayerEvent]:
    """Derive the events of a session in virtual time, where the player follows in the step it is told."""
    markers = recording.streams["markers"]
    told: list[tuple[float, MusicState | EndRequest | StopRequest | VolumeRequest]] = list(
        _states(recording.streams["music"])
    )
    for t, marker in zip(markers.times, markers.json(), strict=True):
        if marker["type"] == EndFadeMarker.type:
            told.append((t, EndRequest(marker["fade_s"])))
        elif marker["type"] == EmergencyStopMarker.type:
            told.append((t, StopRequest(EMERGENCY_STOP_S)))
        elif marker["type"] == VolumeMarker.type:
            told.append((t, VolumeRequest(marker["volume_db"])))
    begin = PlayerEvent(0, PlaybackBegin(beat=0, bar=0, fade_in_s=FADE_IN_S))
    events = [PlayerEvent(_step(t - recording.t0_s) * STEP_FRAMES, what) for t, what in told]
    return [begin, *sorted(events, key=lambda event: event.frame)]


def _step(seconds: float) -> int:
    return round(seconds * STEPS_PER_SECOND)


def _first_frame(recording: Recording) -> int:
    """Return the frame that sounded at the session's start: a live player begins a little earlier."""
    notes = recording.streams["notes"]
    if not notes.times.size:
        return 0
    return round(float(notes.column("frame")[0]) - (float(notes.times[0]) - recording.t0_s) * SAMPLE_RATE)


def _recorded_steps(recording: Recording) -> int:
    if recording.complete:
        return _step(float(recording.meta["end"]["duration_s"])) + 1
    newest = [stream.times[-1] for stream in recording.streams.values() if stream.times.size]
    if not newest:
        raise RecordingError(f"{recording.directory}: nothing was recorded before the session was cut off")
    return int((max(newest) - recording.t0_s) * STEPS_PER_SECOND + _ROUNDING_STEPS) + 1


def _states(music: RecordedStream) -> Iterator[tuple[float, MusicState]]:
    for t, row in zip(music.times, music.samples, strict=True):
        values = dict(zip(music.labels, row.tolist(), strict=True))
        exact = {"layers": int(values["layers"]), "sounding": bool(values["sounding"])}
        yield t, MusicState(**{name: values[name] for name in STATE_COLUMNS} | exact)


def replay(
    recording: Recording,
    *,
    wav: Path | None = None,
    midi: Path | None = None,
    events: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Agreement:
    """Rebuild a session's music and write what was asked for.

    Parameters
    ----------
    recording : Recording
        Closed or cut off.
    wav, midi, events : Path, optional
        Sound (WAV or FLAC by its ending, 24 bits), Standard MIDI File, table of notes.
    progress : callable, optional
        Called with the share done, 0 to 1.

    Returns
    -------
    Agreement
        Comparison with the recorded notes.
    """
    again = Replay(recording)
    notes: list[NoteEvent] = []
    note_ends: list[NoteEnd] = []
    beats: list[BeatEvent] = []
    with ExitStack() as stack:
        file = None
        if wav is not None:
            file = stack.enter_context(
                SoundFile(wav, latency_frames=Synth.latency_frames + again.first_frame)
            )
        for number, sounded in enumerate(again.play(sound=wav is not None), start=1):
            notes += sounded.notes
            note_ends += sounded.note_ends
            beats += sounded.beats
            if file is not None and sounded.audio is not None:
                file.write(sounded.audio)
            if progress is not None:
                progress(min(1.0, number * BLOCK_FRAMES / again.frames))
    ours = [replace(note, frame=note.frame - again.first_frame) for note in with_ends(notes, note_ends)]
    if midi is not None:
        heard = [replace(beat, frame=beat.frame - again.first_frame) for beat in beats]
        write_midi(midi, ours, heard, again.piece.bar_metre)
    if events is not None:
        write_events(events, ours)
    return again.compare(notes)
