"""Reading a recorded session.

>>> from pathlib import Path
>>> from biofeedback.recording.reader import read_recording
>>> recording = read_recording(Path("tests/fixtures/version-0.1/silent"))
>>> recording.complete
True
>>> features = recording.streams["features"]
>>> seconds = features.times - recording.t0_s
>>> print(*(f"{bpm:.1f}" for bpm in features.column("hr_bpm")[-3:]))
72.0 72.0 72.0
>>> [command["name"] for command in recording.streams["commands"].json()]
['marker', 'pause', 'resume']
"""

from __future__ import annotations

import json
import mmap
import struct
import sys
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.storage import XDF_NAME, read_meta
from biofeedback.recording.streams import SECTION_KINDS, form_arc
from generator.composition.notation import SectionKind
from generator.score import SAMPLE_RATE, BeatEvent, NoteEvent, PlayedScore, SectionEvent
from generator.state import LAYERS, Metre, Piece

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordedStream:
    """One stream of a recording.

    Attributes
    ----------
    name : str
        ``features``, ``beats``, ``ecg`` …
    kind : str
        The stream's XDF type: ``ECG``, ``EDA``, ``Physiology``, ``Music``, ``Markers``, ``Clock`` …
    rate_hz : float
        Nominal rate; 0 for irregular streams.
    labels, units : tuple of str
        One per channel.
    times : ndarray, float64, shape (n,)
        Engine seconds, non-decreasing.
    samples : ndarray, float64, shape (n, channels)
        NaN where a value is missing. Shape (n, 0) for streams of text.
    texts : tuple of str
        The samples of a stream of text; empty for numeric streams.
    desc : mapping of str to str
        What else the file says of the stream (``seed``, ``palette``, ``layers`` …).
    """

    name: str
    kind: str
    rate_hz: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    times: FloatArray
    samples: FloatArray
    texts: tuple[str, ...]
    desc: Mapping[str, str]

    def column(self, label: str) -> FloatArray:
        """Return one channel as float64, shape (n,).

        Raises
        ------
        RecordingError
            Naming the channels there are.
        """
        if label not in self.labels or self.samples.shape[1] == 0:
            raise RecordingError(
                f"stream {self.name!r} has no numeric column {label!r}; it has {', '.join(self.labels)}"
            )
        return self.samples[:, self.labels.index(label)]

    def json(self) -> tuple[Any, ...]:
        """Return the samples of a stream of JSON texts, parsed, one for each of `times`.

        Raises
        ------
        RecordingError
            If the stream is numeric or a text is not JSON.
        """
        if self.samples.shape[1]:
            raise RecordingError(f"stream {self.name!r} holds numbers, not JSON")
        return tuple(parse_json(text, self.name) for text in self.texts)


def parse_json(text: str, stream: str) -> Any:
    """Return what a text of a stream of JSON holds.

    Raises
    ------
    RecordingError
        If it is not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordingError(f"stream {stream!r} holds a text that is not JSON: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """A session as it was recorded.

    Attributes
    ----------
    directory : Path
        Where it lies.
    meta : dict
        What ``session.json`` holds: ``protocol``, ``protocol_sha256``, ``piece``, ``composer_version``,
        ``samples_version``, ``seed``, ``versions``, ``t0_s``, ``t0_wall``, ``inputs``, ``streams``; once
        closed also ``end`` (``reason``, ``duration_s``, ``checksums``).
    streams : mapping of str to RecordedStream
        Every stream by its name, in the order of the file; empty ones too.
    complete : bool
        Whether the recording was closed. If not, its last second may be missing.
    """

    directory: Path
    meta: dict[str, Any]
    streams: Mapping[str, RecordedStream]
    complete: bool

    @property
    def t0_s(self) -> float:
        """Engine seconds of the session's start: ``times - t0_s`` counts from it."""
        return float(self.meta["t0_s"])

    @property
    def composer_version(self) -> int:
        """Version of the composer that made the music; recordings of before do not say it and are of 1."""
        return int(self.meta.get("composer_version", 1))

    @property
    def samples_version(self) -> str | None:
        """Version of the instruments' samples; None for recordings of before."""
        version = self.meta.get("samples_version")
        return None if version is None else str(version)


def read_recording(directory: Path) -> Recording:
    """Read a session directory; one that was cut off reads up to its last complete chunk.

    Raises
    ------
    RecordingError
        If there is no session in `directory`, or it cannot be read.
    """
    meta = read_meta(directory)
    stored = _stored(directory, Path.read_bytes)
    return Recording(
        directory=directory,
        meta=meta,
        streams={name: stream.read() for name, stream in stored.items()},
        complete=all(stream.closed for stream in stored.values()),
    )


BLOCK_SAMPLES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredStream:
    """One stream of a file that is open; its samples are read when they are asked for.

    Attributes
    ----------
    path : Path
        The file.
    header : StreamHeader
        As declared.
    closed : bool
        Whether its footer is there.
    data : memoryview
        Its content.
    places : array of int
        Where the content of each of its Samples chunks begins and ends, in turn.
    """

    path: Path
    header: xdf.StreamHeader
    closed: bool
    data: memoryview
    places: array[int]

    def blocks(self, samples: int = BLOCK_SAMPLES) -> Iterator[xdf.NumberBlock]:
        """Yield stamps and samples of a stream of numbers, about `samples` at a time.

        Raises
        ------
        RecordingError
            If a chunk is not as this program writes it.
        """
        width = 9 + 8 * len(self.header.labels)
        gathered: list[memoryview] = []
        size = 0
        for chunk in self._chunks():
            gathered.append(chunk)
            size += len(chunk)
            if size >= samples * width:
                yield self._numbers(gathered)
                gathered, size = [], 0
        if gathered:
            yield self._numbers(gathered)

    def texts(self) -> xdf.TextBlock:
        """Return stamps and texts of a stream of text, all of them; errors as for `blocks`."""
        pairs = [pair for chunk in self._chunks() for pair in self._pairs(chunk)]
        times = np.array([time for time, _ in pairs], dtype=np.float64)
        return xdf.TextBlock(times, tuple(text for _, text in pairs))

    def read(self) -> RecordedStream:
        """Return the stream with all its samples; errors as for `blocks`."""
        header = self.header
        texts: tuple[str, ...] = ()
        if header.text:
            times, texts = self.texts()
            samples = np.empty((len(texts), 0))
        else:
            times, samples = next(self.blocks(sys.maxsize), self._numbers([]))
        return RecordedStream(
            name=header.name,
            kind=header.kind,
            rate_hz=header.rate_hz,
            labels=header.labels,
            units=header.units,
            times=times,
            samples=samples,
            texts=texts,
            desc=header.desc,
        )

    def last_s(self) -> float | None:
        """Return the stamp of the last sample; None where there is none."""
        if not self.places:
            return None
        chunk = self.data[self.places[-2] : self.places[-1]]
        return self._pairs(chunk)[-1][0] if self.header.text else float(self._numbers([chunk]).times[-1])

    def _chunks(self) -> Iterator[memoryview]:
        for start, stop in zip(self.places[::2], self.places[1::2], strict=True):
            yield self.data[start:stop]

    def _numbers(self, chunks: list[memoryview]) -> xdf.NumberBlock:
        with _reading(f"{self.path}, stream {self.header.name!r},"):
            return xdf.decode_numbers(self.header, chunks)

    def _pairs(self, chunk: memoryview) -> list[tuple[float, str]]:
        with _reading(f"{self.path}, stream {self.header.name!r},"):
            return list(xdf.decode_texts(chunk))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredNotes(StoredStream):
    """The notes, with the lengths that they had where their ends are recorded.

    Attributes
    ----------
    ends : StoredStream
        The ends of the notes.
    """

    ends: StoredStream

    def blocks(self, samples: int = BLOCK_SAMPLES) -> Iterator[xdf.NumberBlock]:
        """Yield stamps and samples as `StoredStream` does, ``duration_s`` as it was in the end."""
        ends = self.ends.read()
        numbers, lengths = ends.column("note").astype(int), ends.column("duration_s")
        duration, first = self.header.labels.index("duration_s"), 0
        for times, rows in StoredStream.blocks(self, samples):
            here = (first <= numbers) & (numbers < first + times.size)
            rows[numbers[here] - first, duration] = lengths[here]
            first += times.size
            yield xdf.NumberBlock(times, rows)


def recorded_seconds(streams: Mapping[str, StoredStream], t0_s: float) -> float:
    """Return the last moment of which anything is recorded, in seconds from the session's start."""
    ends = [end_s for stream in streams.values() if (end_s := stream.last_s()) is not None]
    return max(0.0, max(ends, default=t0_s) - t0_s)


def open_streams(directory: Path) -> Mapping[str, StoredStream]:
    """Return every stream of a session's recording by its name, read up to the last whole chunk.

    Raises
    ------
    RecordingError
        If there is no recording in `directory`, or it cannot be read.
    """
    return _stored(directory, _mapped)


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _stored(directory: Path, content: Callable[[Path], bytes | mmap.mmap]) -> dict[str, StoredStream]:
    path = directory / XDF_NAME
    with _reading(str(path)):
        try:
            streams = {stream.header.name: stream for stream in _indexed(path, memoryview(content(path)))}
        except FileNotFoundError:
            raise RecordingError(f"{path} is missing: the session ended before its recording began") from None
    if "notes" in streams and "note_ends" in streams:  # recordings of before have no ends
        notes = {each.name: getattr(streams["notes"], each.name) for each in fields(StoredStream)}
        streams["notes"] = StoredNotes(**notes, ends=streams["note_ends"])
    return streams


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """Raise what goes wrong with the content of a file as RecordingError."""
    try:
        yield
    except KeyError as error:
        raise RecordingError(f"{what} cannot be read: a stream header lacks {error}") from None
    except struct.error as error:
        raise RecordingError(
            f"{what} cannot be read: a chunk is shorter than what is in it: {error}"
        ) from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{what} cannot be read: {error}") from None


def _indexed(path: Path, data: memoryview) -> Iterator[StoredStream]:
    if data[: len(xdf.MAGIC)] != xdf.MAGIC:
        raise ValueError("it does not begin with 'XDF:'")
    headers: dict[int, xdf.StreamHeader] = {}
    places: dict[int, array[int]] = {}
    closed: set[int] = set()
    for tag, start, stop in xdf.chunk_places(data):
        if tag not in (xdf.Tag.STREAM_HEADER, xdf.Tag.SAMPLES, xdf.Tag.STREAM_FOOTER):
            continue
        (stream_id,) = struct.unpack_from("<I", data[start:stop])
        if tag == xdf.Tag.STREAM_HEADER:
            headers[stream_id] = xdf.parse_header(data[start + 4 : stop])
            places[stream_id] = array("Q")
        elif stream_id not in headers:
            raise ValueError(f"stream {stream_id} has samples or a footer but no header")
        elif tag == xdf.Tag.SAMPLES:
            places[stream_id].extend((start + 4, stop))
        else:
            closed.add(stream_id)
    for key, header in headers.items():
        yield StoredStream(path=path, header=header, closed=key in closed, data=data, places=places[key])


def recorded_score(streams: Mapping[str, StoredStream], t0_s: float | None) -> PlayedScore:
    """Return what sounded in a session, in the order of time; nothing where there are no such streams.

    Parameters
    ----------
    streams : mapping of str to StoredStream
        Of the recording.
    t0_s : float or None
        Engine time of the session's start, from which frames count, 48 000 a second. With None they are those
        of the player, which in real time began earlier and had a clock of its own.

    Raises
    ------
    RecordingError
        If it names a layer or a kind of section that this program does not have.
    """
    notes, form = streams.get("notes"), streams.get("form")
    layers = _names(notes, "layers", LAYERS)
    kinds = _names(form, "section_kinds", SECTION_KINDS)
    return PlayedScore(
        notes=tuple(
            NoteEvent(
                frame=frame,
                number=number,
                duration_s=row["duration_s"],
                beat=row["beat"],
                bar=int(row["bar"]),
                pitch=int(row["pitch"]),
                velocity=int(row["velocity"]),
                layer=layers[int(row["layer"])],
            )
            for number, (frame, row) in enumerate(_framed(notes, t0_s))
        ),
        beats=tuple(
            BeatEvent(frame=frame, beat=int(row["beat"]), bar=int(row["bar"]), tempo_bpm=row["tempo_bpm"])
            for frame, row in _framed(streams.get("score"), t0_s)
        ),
        sections=tuple(
            SectionEvent(
                frame=frame,
                bar=int(row["bar"]),
                number=int(row["section"]),
                kind=SectionKind(kinds[int(row["section_kind"])]),
                arc=form_arc(row),
            )
            for frame, row in _framed(form, t0_s)
        ),
        metre=_metre(streams.get("music")),
    )


def _names(stream: StoredStream | None, key: str, known: Sequence[str]) -> list[str]:
    """Return the names that stand behind the codes of a stream."""
    names = ((stream.header.desc.get(key) if stream else None) or ",".join(known)).split(",")
    if unknown := {*names} - {*known}:
        raise RecordingError(f"the recording has unknown {key}: {', '.join(sorted(unknown))}")
    return names


def _metre(music: StoredStream | None) -> Metre:
    """Return the metre of the music; recordings of before name none and are in 4/4."""
    constants = music.header.desc if music else {}
    metre = constants.get("metre", Metre.COMMON.text)
    return Piece(metre=metre, seed=int(constants.get("seed", 0))).bar_metre


def _framed(stream: StoredStream | None, t0_s: float | None) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield each row with its frame: from `t0_s` on, or as the player counted."""
    if stream is None:
        return
    labels = stream.header.labels
    for times, samples in stream.blocks():
        for time, values in zip(times.tolist(), samples.tolist(), strict=True):
            row = dict(zip(labels, values, strict=True))
            yield int(row["frame"]) if t0_s is None else round((time - t0_s) * SAMPLE_RATE), row
