"""A session written down as it happens."""

from __future__ import annotations

import contextlib
import math
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from acquisition.streams import Chunk, ClockPair, Mark, StreamInfo
from biofeedback.errors import RecordingError
from biofeedback.models import Decision
from biofeedback.palette_files import recorded_piece
from biofeedback.recording import consent as consents
from biofeedback.recording import streams, xdf
from biofeedback.recording.consent import RecordedConsent
from biofeedback.recording.storage import (
    META_NAME,
    XDF_NAME,
    AppendFile,
    SyncThread,
    checksums,
    write_meta,
    write_whole,
)
from generator.composition import COMPOSER_VERSION
from generator.score import BeatEvent, NoteEnd, NoteEvent, SectionEvent
from generator.state import MusicState, Piece
from generator.synthesis.sample_cache import samples_version
from physiology.state import Beat, PhysiologyState, Scr

WRITE_EVERY_S = 0.5
BOUNDARY_EVERY_S = 1.0
_LATE_S = 1e-6
"""Steps of 1/20 s add up to slightly less than a period as often as to slightly more."""

_LIBRARIES = ("biofeedback-music", "neurokit2", "numpy", "pylsl", "pyo", "scipy")


class StreamBuffer:
    """A stream's samples since the last write, and what its footer will say.

    Parameters
    ----------
    stream_id : int
        Its number in the file.
    header : StreamHeader
        As declared.
    """

    def __init__(self, stream_id: int, header: xdf.StreamHeader) -> None:
        self.stream_id = stream_id
        self.header = header
        self.first_s: float | None = None
        self.last_s: float | None = None
        self.count = 0
        self._samples: list[bytes] = []
        self._gathered = 0

    def append(self, t: float, row: tuple[float, ...]) -> None:
        """Take one sample; errors as for `extend`."""
        self.extend(np.array([t]), np.array([row], dtype=np.float64))

    def append_text(self, t: float, text: str) -> None:
        """Take one text; errors as for `extend`."""
        self._take_in(t, t, 1, xdf.text_sample(t, text))

    def extend(self, times: xdf.FloatArray, samples: xdf.FloatArray) -> None:
        """Take samples.

        Raises
        ------
        RecordingError
            If there is not one value per channel, or a stamp is earlier than the one before it.
        """
        if not times.size:
            return
        if samples.shape != (times.size, len(self.header.labels)):
            raise RecordingError(
                f"stream {self.header.name!r}: samples of shape {samples.shape} are not "
                f"{times.size} of {len(self.header.labels)} channels"
            )
        if not (times[1:] >= times[:-1]).all():
            raise RecordingError(f"stream {self.header.name!r}: stamps within a chunk go backward")
        self._take_in(float(times[0]), float(times[-1]), times.size, xdf.numeric_samples(times, samples))

    def take(self) -> bytes:
        """Return what was taken since the last call as a Samples chunk, or nothing."""
        if not self._samples:
            return b""
        data = xdf.samples_chunk(self.stream_id, self._gathered, b"".join(self._samples))
        self._samples.clear()
        self._gathered = 0
        return data

    def _take_in(self, first_s: float, last_s: float, count: int, samples: bytes) -> None:
        before = first_s if self.last_s is None else self.last_s
        if not -math.inf < before <= first_s <= last_s < math.inf:
            raise RecordingError(
                f"stream {self.header.name!r}: a stamp of {first_s} s cannot follow one of {before} s"
            )
        self.first_s = first_s if self.first_s is None else self.first_s
        self.last_s = last_s
        self.count += count
        self._gathered += count
        self._samples.append(samples)


class Recorder:
    """Writes a session directory: ``session.xdf`` as the session happens, ``session.json`` about it.

    Every method that appends is cheap: samples gather in memory until `flush` finds them half a second
    old. A fault of the disk is raised as RecordingError by the call that meets it or, if it was met in the
    background, by the next `flush`, and by every call after that but `close`; the file then ends with its
    last complete chunk.

    Parameters
    ----------
    directory : Path
        Created by `open`; must not hold a session.
    protocol : mapping
        The protocol as it is carried out, JSON-serialisable.
    protocol_sha256 : str
        Its hash.
    piece : Piece
        What stays the same in the music.
    inputs : sequence of StreamInfo
        The raw streams; stable ids must differ.
    t0_s : float
        Engine time at which the session starts.
    t0_wall : datetime or None
        The same moment on the wall clock, with its offset from UTC; None where nobody knows it.
    arguments : mapping, optional
        How the session was started, JSON-serialisable; kept as it is.
    consent : RecordedConsent, optional
        What the client has agreed to; None for a session without a client.
    append_file : callable, optional
        Opens the file to append to.

    Raises
    ------
    RecordingError
        If two inputs have the same stable id.
    """

    def __init__(
        self,
        directory: Path,
        *,
        protocol: Mapping[str, Any],
        protocol_sha256: str,
        piece: Piece,
        inputs: Sequence[StreamInfo],
        t0_s: float,
        t0_wall: datetime | None,
        arguments: Mapping[str, Any] | None = None,
        consent: RecordedConsent | None = None,
        append_file: Callable[[Path], AppendFile] = AppendFile,
    ) -> None:
        self._directory = directory
        self._t0_s = self._t = self._written_s = self._bounded_s = t0_s
        self._buffers = {
            header.name: StreamBuffer(stream_id, header)
            for stream_id, header in enumerate(streams.catalogue(piece, inputs), start=1)
        }
        self._input_names = dict(
            zip((info.stream_id for info in inputs), streams.input_names(inputs), strict=True)
        )
        if len(self._input_names) < len(inputs):
            raise RecordingError("two inputs have the same stable id; each needs its own")
        self._state_ids: dict[MusicState, int] = {}
        self._append_file = append_file
        self._file: AppendFile | None = None
        self._sync: SyncThread | None = None
        self._fault = ""
        self._created: list[Path] = []
        self._meta: dict[str, Any] = {
            "t0_wall": None if t0_wall is None else t0_wall.isoformat(),
            "t0_s": t0_s,
            "seed": piece.seed,
            "piece": recorded_piece(piece),
            "composer_version": COMPOSER_VERSION,
            "samples_version": samples_version(),
            "protocol": protocol,
            "protocol_sha256": protocol_sha256,
            "arguments": arguments or {},
            "inputs": [
                {"stream": name, **asdict(info)}
                for name, info in zip(self._input_names.values(), inputs, strict=True)
            ],
            "streams": list(self._buffers),
            "versions": _versions(),
        }
        self._meta[consents.KEY] = None if consent is None else consent.entry(self._meta)

    def open(self) -> None:
        """Create the directory and its files, all streams declared, and start the sync thread.

        Raises
        ------
        RecordingError
            If the directory holds a session already or cannot be written; nothing is left behind then.
        """
        if any((self._directory / name).exists() for name in (XDF_NAME, META_NAME)):
            raise RecordingError(f"{self._directory} holds a session already; choose another directory")
        self._created = [path for path in (self._directory, *self._directory.parents) if not path.exists()]
        try:
            self._create()
        except BaseException:
            self.discard()
            raise

    def _create(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            headers = [
                xdf.stream_header(buffer.stream_id, buffer.header) for buffer in self._buffers.values()
            ]
        except (OSError, ValueError) as error:
            raise RecordingError(f"{self._directory} cannot become a session: {error}") from None
        write_meta(self._directory, self._meta)
        path = self._directory / XDF_NAME
        write_whole(path, xdf.file_header() + b"".join(headers))
        self._file = self._append_file(path)
        self._sync = SyncThread(self._file.sync)

    def discard(self) -> None:
        """Close an open recording and delete what `open` created, for a session that cannot begin.

        Other files of the session must be deleted before.
        """
        # First what recovery looks for, while the lock on the other file still keeps recovery away.
        self._delete(META_NAME, f"{META_NAME}.part")
        if self._sync is not None:
            _fault_of(self._sync.stop)
        if self._file is not None:
            self._file.close()
        self._file = self._sync = None
        self._delete(XDF_NAME, f"{XDF_NAME}.part")
        for directory in self._created:
            with contextlib.suppress(OSError):  # it was not created, or holds files of others
                directory.rmdir()

    def _delete(self, *names: str) -> None:
        for name in names:
            with contextlib.suppress(OSError):
                (self._directory / name).unlink()

    def raw(self, chunk: Chunk) -> None:
        """Append samples of an input."""
        name = self._input_names.get(chunk.stream.stream_id)
        if name is None:
            raise RecordingError(f"stream {chunk.stream.name!r} is not an input of this session")
        self._buffer(name).extend(chunk.times, chunk.samples)

    def mark(self, mark: Mark) -> None:
        """Append a mark of another program, stamped as it was."""
        self._buffer(self._input_names[mark.stream_id]).append_text(mark.time_s, mark.text)

    def clock(self, t: float, pair: ClockPair) -> None:
        """Append a moment read on an input's clock and on the engine's, stamped `t`."""
        index = list(self._input_names).index(pair.stream_id)
        self._buffer("clock").append(t, (index, pair.source_time_s, pair.engine_time_s))

    def features(self, state: PhysiologyState) -> None:
        """Append the 1-Hz state of physiology."""
        self._buffer("features").append(state.t, streams.feature_row(state))

    def beats(self, beats: Iterable[Beat]) -> None:
        """Append lines of the beat log, stamped with when they became known."""
        for beat in beats:
            self._buffer("beats").append(beat.known_at_s, streams.beat_row(beat))

    def scrs(self, scrs: Iterable[Scr]) -> None:
        """Append skin conductance responses, stamped with when they became known."""
        for scr in scrs:
            self._buffer("scrs").append(scr.known_at_s, streams.scr_row(scr))

    def music(self, t: float, state: MusicState) -> int:
        """Append a state asked of the music at `t`; return its id, the same for the same state."""
        state_id = self._state_ids.setdefault(state, len(self._state_ids))
        self._buffer("music").append(t, streams.music_row(state, state_id))
        return state_id

    def sounded(
        self,
        beats: Iterable[BeatEvent],
        notes: Iterable[NoteEvent],
        state: MusicState | None,
        time_of: Callable[[int], float],
    ) -> None:
        """Append what sounded, stamped with when it did.

        Parameters
        ----------
        beats, notes : iterable
            In the order of their frames.
        state : MusicState or None
            The state in force, one of those given to `music`; None where none is.
        time_of : callable
            Engine time at which a frame sounds.
        """
        state_id = math.nan if state is None else self._state_ids.get(state, math.nan)
        for beat in beats:
            self._buffer("score").append(time_of(beat.frame), streams.score_row(beat, state_id))
        for note in notes:
            self._buffer("notes").append(time_of(note.frame), streams.note_row(note))

    def note_ends(self, ends: Iterable[NoteEnd], time_of: Callable[[int], float]) -> None:
        """Append the lengths of notes, in the order of their ends, stamped with when they ended."""
        for end in ends:
            self._buffer("note_ends").append(time_of(end.frame), streams.note_end_row(end))

    def form(self, sections: Iterable[SectionEvent], time_of: Callable[[int], float]) -> None:
        """Append what the form does from some bar lines on, stamped with when they sounded."""
        for section in sections:
            self._buffer("form").append(time_of(section.frame), streams.form_row(section))

    def decision(self, decision: Decision) -> None:
        """Append a decision of the controller."""
        self._buffer("decisions").append_text(decision.t, streams.json_text(decision))

    def marker(self, t: float, marker: Mapping[str, Any]) -> None:
        """Append something that happened at `t`."""
        self._buffer("markers").append_text(t, streams.json_text(marker))

    def rating(self, t: float, rating: Mapping[str, Any]) -> None:
        """Append what the listener said of their state at `t`."""
        self._buffer("ratings").append_text(t, streams.json_text(rating))

    def command(self, t: float, command: object) -> None:
        """Append a command (mapping or dataclass) carried out at `t`."""
        self._buffer("commands").append_text(t, streams.json_text(command))

    def flush(self, t: float) -> None:
        """Write what is due at engine time `t`; to be called at each step.

        What is written survives the end of the program; what lies a second back, about, also survives that
        of the machine.

        Raises
        ------
        RecordingError
            If the disk fails or is full.
        """
        file, sync = self._opened()
        self._t = t
        if t < self._written_s + WRITE_EVERY_S - _LATE_S:
            return
        self._written_s = t
        bounded = t >= self._bounded_s + BOUNDARY_EVERY_S - _LATE_S
        try:
            # The boundary comes last: readers that skip an append cut off in the middle go on after the
            # next boundary they find, and that must be the end of the file.
            self._append(file, xdf.boundary() if bounded else b"")
            if bounded:
                self._bounded_s = t
                sync.request()
            else:
                sync.check()
        except RecordingError as error:
            self._fault = str(error)
            raise

    def close(self, reason: str, **about: Any) -> None:
        """Write the rest, the streams' footers and the end of ``session.json``. Closing twice is harmless.

        Other files of the session (sound, score) must be complete by now, for their checksums.

        Parameters
        ----------
        reason : str
            Why the session ended.
        **about : JSON-serialisable
            What else is to be said of the session as a whole, such as how well real time was kept.

        Raises
        ------
        RecordingError
            If the disk fails or is full.
        """
        if self._file is None or self._sync is None:
            return
        file, sync, self._file, self._sync = self._file, self._sync, None, None
        faults = [self._fault] if self._fault else []
        if not faults:
            faults += _fault_of(lambda: self._append(file, self._footers()))
        faults += _fault_of(sync.stop)
        try:
            self._meta["end"] = {
                "reason": reason,
                "duration_s": self._t - self._t0_s,
                "faults": list(dict.fromkeys(faults)),
                **about,
                "checksums": checksums(self._directory),
            }
            faults += _fault_of(lambda: write_meta(self._directory, self._meta))
        finally:
            file.close()  # last: until then the session is held, and nobody takes it for one that was cut off
        if faults and not self._fault:
            raise RecordingError(faults[0])

    def _opened(self) -> tuple[AppendFile, SyncThread]:
        if self._file is None or self._sync is None:
            raise RecordingError(f"the recording in {self._directory} is not open")
        if self._fault:
            raise RecordingError(self._fault)
        return self._file, self._sync

    def _buffer(self, name: str) -> StreamBuffer:
        self._opened()
        return self._buffers[name]

    def _append(self, file: AppendFile, last: bytes) -> None:
        if data := b"".join([buffer.take() for buffer in self._buffers.values()]) + last:
            file.append(data)

    def _footers(self) -> bytes:
        return b"".join(
            xdf.stream_footer(
                buffer.stream_id, first_s=buffer.first_s, last_s=buffer.last_s, count=buffer.count
            )
            for buffer in self._buffers.values()
        )


def _fault_of(action: Callable[[], None]) -> list[str]:
    """Return what went wrong, if anything: closing goes on to its end whatever fails on the way."""
    try:
        action()
    except RecordingError as error:
        return [str(error)]
    return []


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
