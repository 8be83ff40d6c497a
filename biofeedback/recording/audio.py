"""The sound of a session: recorded as a WAV file that is whole at every moment, kept as FLAC.

WAV is RIFF up to 4 GiB and RF64 (EBU Tech 3306) beyond; 8 hours take 8.3 GB. Its header is written anew after
each addition, so a file that was cut off opens in every program and lacks at most what was being added.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from biofeedback.errors import RecordingError
from biofeedback.recording.storage import atomic_path, write_at
from generator.score import SAMPLE_RATE

WAV_NAME, FLAC_NAME = "audio.wav", "audio.flac"

CHANNELS, SAMPLE_BYTES = 2, 3
FRAME_BYTES = CHANNELS * SAMPLE_BYTES
HEADER_BYTES = 80
LONGEST_RIFF = 2**32 - 1
"""The largest size that RIFF can state."""

BLOCK_FRAMES = 4096
"""Of a FLAC file, too: what is read of one that was cut off ends with its last whole block."""

_TOTAL_SAMPLES = slice(21, 26)
"""Bytes of a FLAC file whose last 36 bits count its samples, 0 where it was not closed (RFC 9639, 8.2)."""

_NOT_READ = 1
"""What no sample of 24 bits is, in the upper part of 32."""

Samples = npt.NDArray[np.int32]
"""Shape (n, 2), 24 bits in the upper part of 32."""


def wav_header(data_bytes: int) -> bytes:
    """Return the header of a WAV file of 24-bit stereo that holds so many bytes of samples.

    The chunk that holds the sizes of RF64 is there from the beginning, as ``JUNK``: the samples begin at the
    same place in both.
    """
    riff_bytes = HEADER_BYTES - 8 + data_bytes
    is_rf64 = riff_bytes > LONGEST_RIFF
    sizes = struct.pack("<QQQI", riff_bytes, data_bytes, data_bytes // FRAME_BYTES, 0)
    form = struct.pack(
        "<HHIIHH", 1, CHANNELS, SAMPLE_RATE, SAMPLE_RATE * FRAME_BYTES, FRAME_BYTES, 8 * SAMPLE_BYTES
    )
    return b"".join(
        (
            b"RF64" if is_rf64 else b"RIFF",
            struct.pack("<I", LONGEST_RIFF if is_rf64 else riff_bytes),
            b"WAVE",
            _chunk(b"ds64", sizes) if is_rf64 else _chunk(b"JUNK", bytes(len(sizes))),
            _chunk(b"fmt ", form),
            b"data",
            struct.pack("<I", LONGEST_RIFF if is_rf64 else data_bytes),
        )
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


class GrowingWav:
    """A WAV file of 24-bit stereo that grows by additions and can be opened after each.

    Parameters
    ----------
    path : Path
        Written over if it exists.
    write : callable
        What writes.

    Raises
    ------
    OSError
        If it cannot be written, as on a full disk; the file then ends where it ended before.
    """

    def __init__(self, path: Path, *, write: Any = os.write) -> None:
        self._write = write
        self._bytes = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, 0o666)
        self.closed = False
        write_at(self._descriptor, 0, memoryview(wav_header(0)), write)

    def write(self, samples: Samples) -> None:
        """Append samples; errors as for the class."""
        data = samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
        end = HEADER_BYTES + self._bytes
        try:
            write_at(self._descriptor, end, memoryview(data), self._write)
            write_at(self._descriptor, 0, memoryview(wav_header(self._bytes + len(data))), self._write)
        except OSError:
            os.ftruncate(self._descriptor, end)
            raise
        self._bytes += len(data)

    def close(self) -> None:
        """Bring it to the disk and let go of it; closing twice is harmless."""
        if not self.closed:
            self.closed = True
            try:
                os.fsync(self._descriptor)
            finally:
                os.close(self._descriptor)


def sound_path(directory: Path) -> Path | None:
    """Return the file of a session's sound; None where none was kept."""
    return next((path for name in (FLAC_NAME, WAV_NAME) if (path := directory / name).exists()), None)


@contextmanager
def open_sound(path: Path) -> Iterator[soundfile.SoundFile]:
    """Yield a sound file opened for reading, also a FLAC file that was not closed.

    Raises
    ------
    RecordingError
        If it cannot be read.
    """
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(_CountedFlac(path) if _is_open_flac(path) else path.open("rb"))
            sound = stack.enter_context(soundfile.SoundFile(raw))
        except (soundfile.SoundFileError, OSError) as error:
            raise RecordingError(f"{path} cannot be read: {error}") from None
        yield sound


def sound_blocks(sound: soundfile.SoundFile) -> Iterator[Samples]:
    """Yield the samples of a sound file, up to the last whole block of one that was not closed."""
    whole = True
    while whole:
        block = np.full((BLOCK_FRAMES, sound.channels), _NOT_READ, np.int32)
        try:
            read = len(sound.read(out=block))
        except soundfile.SoundFileError:  # raised after the last whole block of such a file was read
            whole, read = False, int(np.count_nonzero(block[:, 0] != _NOT_READ))
        if not read:
            return
        yield block[:read]


def keep_as_flac(source: Path) -> float:
    """Write a sound file as ``audio.flac`` beside it, sample for sample, and delete a WAV file then.

    Returns
    -------
    float
        Seconds; 0 where it holds no sound, and is left as it is.

    Raises
    ------
    RecordingError
        If it cannot be read or written; `source` is left as it is.
    """
    target = source.with_name(FLAC_NAME)
    with open_sound(source) as sound:
        first = next(blocks := sound_blocks(sound), None)
        if first is None:
            return 0.0
        with atomic_path(target) as part:
            frames = write_sound_file(part, sound, chain((first,), blocks), form="FLAC", name=target)
    if source.suffix == ".wav":
        source.unlink()
    return frames / SAMPLE_RATE


def write_sound_file(
    path: Path, like: soundfile.SoundFile, blocks: Iterable[Samples], *, form: str, name: Path
) -> int:
    """Write samples of 24 bits with the rate and channels of another file; return how many frames there are.

    Parameters
    ----------
    path : Path
        The file.
    like : SoundFile
        The other file.
    blocks : iterable of ndarray
        The samples.
    form : str
        ``FLAC``, ``WAV`` or ``RF64``.
    name : Path
        How errors call the file.

    Raises
    ------
    RecordingError
        If it cannot be written, or does not hold all samples.
    """
    frames = 0
    try:
        with soundfile.SoundFile(
            path, "w", like.samplerate, like.channels, subtype="PCM_24", format=form
        ) as copy:
            for block in blocks:
                copy.write(block)
                frames += len(block)
        if (written := soundfile.info(path).frames) != frames:
            raise RecordingError(f"{name} holds {written} of {frames} samples")
    except (soundfile.SoundFileError, OSError) as error:
        raise RecordingError(f"{name} cannot be written: {error}") from None
    return frames


def is_unfinished(path: Path) -> bool:
    """Return whether a session's sound was cut off before it was kept as a FLAC file."""
    return path.suffix == ".wav" or _is_open_flac(path)


def _is_open_flac(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_TOTAL_SAMPLES.stop)
    return head[:4] == b"fLaC" and not int.from_bytes(head[_TOTAL_SAMPLES], "big") % 2**36


class _CountedFlac(io.FileIO):
    """A FLAC file that states more samples than it can hold: libsndfile reads none whose length is 0.

    Versions up to 0.1 recorded FLAC, which has its length only once it is closed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        head = self.read(_TOTAL_SAMPLES.stop)
        most = int.from_bytes(head[_TOTAL_SAMPLES], "big") + 2**36 - 1
        self._head = head[: _TOTAL_SAMPLES.start] + most.to_bytes(5, "big")
        self.seek(0)

    def readinto(self, buffer: Any) -> int:
        start = self.tell()
        count = super().readinto(buffer)
        if start < len(self._head):
            known = self._head[start : start + count]
            buffer[: len(known)] = known
        return count
