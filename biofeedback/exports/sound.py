"""The music of a session: its notes as MIDI, its sound as FLAC or WAV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from biofeedback.errors import RecordingError
from biofeedback.exports.source import SessionSource
from biofeedback.recording.recorder import FILES
from generator.events import write_midi
from generator.score import SAMPLE_RATE, BeatEvent, NoteEvent
from generator.state import LAYERS

FLAC_NAME = FILES[1]

BLOCK_FRAMES = 4096
"""Of a FLAC file, too: what is read of one that was cut off ends with its last whole block."""

LARGEST_WAV = 4_000_000_000
BYTES_PER_FRAME = 6

_TOTAL_SAMPLES = slice(21, 26)
"""Bytes of a FLAC file whose last 36 bits count its samples, 0 where it was not closed."""


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
    kept = source.directory / FLAC_NAME
    if not kept.exists():
        return 0
    kind = path.suffix[1:].upper()
    if kind == "WAV" and kept.stat().st_size * 2 > LARGEST_WAV:
        kind = "RF64"
    frames = 0
    try:
        with (
            kept.open("rb") as raw,
            soundfile.SoundFile(_Counted(raw)) as sound,
            soundfile.SoundFile(
                path, "w", sound.samplerate, sound.channels, subtype="PCM_24", format=kind
            ) as copy,
        ):
            for block in _blocks(sound):
                copy.write(block)
                frames += len(block)
    except (soundfile.SoundFileError, OSError) as error:
        raise RecordingError(f"{kept} cannot be read: {error}") from None
    return frames


def _blocks(sound: Any) -> Iterator[np.ndarray[Any, np.dtype[np.int32]]]:
    while True:
        try:
            block = sound.read(BLOCK_FRAMES, dtype="int32", always_2d=True)
        except soundfile.SoundFileError:
            return  # the end of a file that was not closed
        if not len(block):
            return
        yield block


class _Counted(io.RawIOBase):
    """A FLAC file that says how long it is: one that was not closed says more than it can be.

    libsndfile reads no file whose length is 0.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        head = bytearray(file.read(_TOTAL_SAMPLES.stop))
        count = int.from_bytes(head[_TOTAL_SAMPLES], "big")
        if len(head) == _TOTAL_SAMPLES.stop and not count % 2**36:
            head[_TOTAL_SAMPLES] = (count + 2**36 - 1).to_bytes(5, "big")
        self._head = bytes(head)
        file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        start = self._file.tell()
        count = int(self._file.readinto(buffer))
        if start < len(self._head):
            known = self._head[start : start + count]
            buffer[: len(known)] = known
        return count
