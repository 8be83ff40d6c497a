"""The music of a session: its notes as MIDI, its sound as FLAC or WAV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import soundfile

from biofeedback.errors import RecordingError
from biofeedback.exports.source import SessionSource
from biofeedback.recording.audio import open_sound, sound_blocks, sound_path
from generator.events import write_midi
from generator.score import SAMPLE_RATE, BeatEvent, NoteEvent
from generator.state import LAYERS

LARGEST_WAV = 4_000_000_000


def write_notes(source: SessionSource, path: Path) -> int:
    """Write the notes that sounded as a Standard MIDI File; return how many there are.

    Times are those from the session's start, as they sounded. Nothing is written where there are none.

    Raises
    ------
    RecordingError
        If the recording names a layer that this program does not have.
    """
    notes = list(_notes(source))
    if notes:
        write_midi(path, notes, list(_beats(source)))
    return len(notes)


def _notes(source: SessionSource) -> Iterator[NoteEvent]:
    stream = source.streams.get("notes")
    if stream is None:
        return
    layers = stream.header.desc.get("layers", ",".join(LAYERS)).split(",")
    if unknown := set(layers) - set(LAYERS):
        raise RecordingError(
            f"{source.directory}: its notes are of unknown layers: {', '.join(sorted(unknown))}"
        )
    for times, samples in source.blocks(stream):
        rows = [dict(zip(stream.header.labels, row, strict=True)) for row in samples.tolist()]
        for time, row in zip(times.tolist(), rows, strict=True):
            yield NoteEvent(
                frame=round(time * SAMPLE_RATE),
                duration_s=row["duration_s"],
                beat=row["beat"],
                bar=int(row["bar"]),
                pitch=int(row["pitch"]),
                velocity=int(row["velocity"]),
                layer=layers[int(row["layer"])],
            )


def _beats(source: SessionSource) -> Iterator[BeatEvent]:
    stream = source.streams.get("score")
    if stream is None:
        return
    for times, samples in source.blocks(stream):
        rows = [dict(zip(stream.header.labels, row, strict=True)) for row in samples.tolist()]
        for time, row in zip(times.tolist(), rows, strict=True):
            yield BeatEvent(
                frame=round(time * SAMPLE_RATE),
                beat=int(row["beat"]),
                bar=int(row["bar"]),
                tempo_bpm=row["tempo_bpm"],
            )


def write_sound(source: SessionSource, path: Path) -> int:
    """Write the sound anew, sample for sample, without tags; return how many frames there are.

    Nothing is written where no sound was kept. A sound file that was not closed is read up to its last whole
    block.

    Parameters
    ----------
    source : SessionSource
        The session.
    path : Path
        Ends in ``.flac`` or ``.wav``. A WAV file above 4 GB becomes RF64, as the EBU recommends.

    Raises
    ------
    RecordingError
        If the sound cannot be read.
    """
    kept = sound_path(source.directory)
    if kept is None:
        return 0
    kind = path.suffix[1:].upper()
    if kind == "WAV" and kept.stat().st_size * 2 > LARGEST_WAV:
        kind = "RF64"
    frames = 0
    with open_sound(kept) as sound:
        try:
            with soundfile.SoundFile(
                path, "w", sound.samplerate, sound.channels, subtype="PCM_24", format=kind
            ) as copy:
                for block in sound_blocks(sound):
                    copy.write(block)
                    frames += len(block)
        except (soundfile.SoundFileError, OSError) as error:
            raise RecordingError(f"{path} cannot be written: {error}") from None
    return frames
