"""A session's music, rebuilt from its recording alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biofeedback.errors import RecordingError
from biofeedback.models import STEPS_PER_SECOND
from biofeedback.recording.reader import RecordedStream, Recording
from generator.events import write_events
from generator.midi import write_midi
from generator.player import Player, Sounded
from generator.render import SoundFile
from generator.score import BeatEvent, NoteEvent
from generator.state import LAYERS, STATE_COLUMNS, MusicState, Piece

_ROUNDING_S = 1e-6
"""More than the rounding of n/20, less than anything that happens in a session."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the rebuilt notes compare with those recorded.

    Attributes
    ----------
    recorded, equal : int
        Notes in the recording, and how many of them came out the same: sample, pitch, velocity, layer.
    """

    recorded: int
    equal: int

    def __str__(self) -> str:
        return f"{self.equal} of {self.recorded} recorded notes were rebuilt exactly"


class Replay:
    """Plays again what a session asked of the music, step by step.

    Parameters
    ----------
    recording : Recording
        Closed or cut off.

    Raises
    ------
    RecordingError
        If nothing was recorded before the session was cut off.

    Attributes
    ----------
    piece : Piece
        What stayed the same in the music.
    steps : int
        From the session's start to the last thing that was recorded.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.piece = _piece(recording.streams["music"])
        self.steps = _steps(recording)

    def play(self, player: Player) -> Iterator[Sounded]:
        """Take a fresh player of `piece` through every step."""
        t0_s = self._recording.t0_s
        asked = deque(_states(self._recording.streams["music"]))
        markers = self._recording.streams["markers"]
        cues = deque(zip(markers.times, markers.json(), strict=True))
        state = MusicState(sounding=False)
        for step in range(self.steps):
            t = t0_s + step / STEPS_PER_SECOND + _ROUNDING_S
            while cues and cues[0][0] <= t:
                _, cue = cues.popleft()
                if cue["type"] == "end fade":
                    player.end(cue["fade_s"])
                elif cue["type"] == "emergency stop":
                    player.stop()
            while asked and asked[0][0] <= t:
                _, state = asked.popleft()
            yield player.step(state)

    def compare(self, notes: Sequence[NoteEvent]) -> Agreement:
        """Compare rebuilt notes with those recorded."""
        stream = self._recording.streams["notes"]
        columns = [stream.column(label) for label in ("frame", "pitch", "velocity", "layer")]
        recorded = [tuple(int(value) for value in row) for row in zip(*columns, strict=True)]
        rebuilt = [(note.frame, note.pitch, note.velocity, LAYERS.index(note.layer)) for note in notes]
        equal = sum(ours == theirs for ours, theirs in zip(rebuilt, recorded, strict=False))
        return Agreement(recorded=len(recorded), equal=equal)


def _piece(music: RecordedStream) -> Piece:
    constants = music.desc
    return Piece(tonic=int(constants["tonic"]), palette=constants["palette"], seed=int(constants["seed"]))


def _steps(recording: Recording) -> int:
    if recording.complete:
        return round(float(recording.meta["end"]["duration_s"]) * STEPS_PER_SECOND) + 1
    newest = [stream.times[-1] for stream in recording.streams.values() if stream.times.size]
    if not newest:
        raise RecordingError(f"{recording.directory}: nothing was recorded before the session was cut off")
    return int((max(newest) - recording.t0_s) * STEPS_PER_SECOND + _ROUNDING_S) + 1


def _states(music: RecordedStream) -> Iterator[tuple[float, MusicState]]:
    for t, row in zip(music.times, music.samples, strict=True):
        values = dict(zip(music.labels, row.tolist(), strict=True))
        fields: dict[str, Any] = {name: values[name] for name in STATE_COLUMNS}
        fields["layers"] = int(fields["layers"])
        fields["sounding"] = bool(fields["sounding"])
        yield t, MusicState(**fields)


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
        Told what share is done, 0 to 1.

    Returns
    -------
    Agreement
        How the notes compare with those that were recorded.
    """
    again = Replay(recording)
    notes: list[NoteEvent] = []
    beats: list[BeatEvent] = []
    with ExitStack() as stack:
        player = stack.enter_context(Player(again.piece, sound=wav is not None))
        file = None
        if wav is not None:
            file = stack.enter_context(SoundFile(wav, latency_frames=player.latency_frames))
        for number, sounded in enumerate(again.play(player), start=1):
            notes += sounded.notes
            beats += sounded.beats
            if file is not None and sounded.audio is not None:
                file.write(sounded.audio)
            if progress is not None:
                progress(number / again.steps)
    if midi is not None:
        write_midi(midi, notes, beats)
    if events is not None:
        write_events(events, notes)
    return again.compare(notes)
