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
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.recorder import META_NAME, XDF_NAME
from generator.score import SAMPLE_RATE, BeatEvent, NoteEvent
from generator.state import LAYERS

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
        try:
            return tuple(json.loads(text) for text in self.texts)
        except json.JSONDecodeError as error:
            raise RecordingError(f"stream {self.name!r} holds a text that is not JSON: {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """A session as it was recorded.

    Attributes
    ----------
    directory : Path
        Where it lies.
    meta : dict
        What ``session.json`` holds: ``protocol``, ``protocol_sha256``, ``piece``, ``seed``, ``versions``,
        ``t0_s``, ``t0_wall``, ``inputs``, ``streams``; once closed also ``end`` (``reason``,
        ``duration_s``, ``checksums``).
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


def read_recording(directory: Path) -> Recording:
    """Read a session directory; one that was cut off reads up to its last complete chunk.

    Raises
    ------
    RecordingError
        If there is no session in `directory`, or it cannot be read.
    """
    meta = read_meta(directory)
    path = directory / XDF_NAME
    try:
        decoded = xdf.decode(path.read_bytes())
    except FileNotFoundError:
        raise RecordingError(f"{path} is missing: the session ended before its recording began") from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
    streams = [_recorded(stream) for stream in decoded.values()]
    return Recording(
        directory=directory,
        meta=meta,
        streams={stream.name: stream for stream in streams},
        complete=all(stream.footer is not None for stream in decoded.values()),
    )


def read_meta(directory: Path) -> dict[str, Any]:
    """Return what a session's ``session.json`` holds.

    Raises
    ------
    RecordingError
        If it is missing, cannot be read, or is not the description of a session.
    """
    path = directory / META_NAME
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise RecordingError(f"{directory} holds no session: there is no {META_NAME} in it") from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
    if not isinstance(meta, dict) or not isinstance(meta.get("t0_s"), int | float):
        raise RecordingError(f"{path} is not the description of a session: it has no t0_s")
    return meta


def _recorded(stream: xdf.DecodedStream) -> RecordedStream:
    header = stream.header
    return RecordedStream(
        name=header.name,
        kind=header.kind,
        rate_hz=header.rate_hz,
        labels=header.labels,
        units=header.units,
        times=stream.times,
        samples=stream.samples,
        texts=stream.texts,
        desc=header.desc,
    )


BLOCK_SAMPLES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredStream:
    """One stream of a file that is open; its samples are read when they are asked for.

    Attributes
    ----------
    header : StreamHeader
        As declared.
    closed : bool
        Whether its footer is there.
    data : memoryview
        The file.
    places : array of int
        Where the content of each of its Samples chunks begins and ends, in turn.
    """

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
        for start, stop in self._contents():
            gathered.append(self.data[start:stop])
            size += stop - start
            if size >= samples * width:
                yield self._numbers(gathered)
                gathered, size = [], 0
        if gathered:
            yield self._numbers(gathered)

    def texts(self) -> xdf.TextBlock:
        """Return stamps and texts of a stream of text, all of them.

        Raises
        ------
        RecordingError
            If a chunk is not as this program writes it.
        """
        try:
            pairs = [
                pair for start, stop in self._contents() for pair in xdf.decode_texts(self.data[start:stop])
            ]
        except ValueError as error:
            raise self._damaged(error) from None
        times = np.array([time for time, _ in pairs], dtype=np.float64)
        return xdf.TextBlock(times, tuple(text for _, text in pairs))

    def last_s(self) -> float | None:
        """Return the stamp of the last sample; None where there is none."""
        if not self.places:
            return None
        content = self.data[self.places[-2] : self.places[-1]]
        if self.header.text:
            *_, (last, _) = xdf.decode_texts(content)
            return last
        return float(self._numbers([content])[0][-1])

    def _contents(self) -> Iterator[tuple[int, int]]:
        return zip(self.places[::2], self.places[1::2], strict=True)

    def _numbers(self, blocks: list[memoryview]) -> xdf.NumberBlock:
        try:
            return xdf.decode_numbers(self.header, blocks)
        except ValueError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: ValueError) -> RecordingError:
        return RecordingError(f"stream {self.header.name!r} cannot be read: {error}")


def open_streams(directory: Path) -> Mapping[str, StoredStream]:
    """Return every stream of a session's recording by its name, read up to the last whole chunk.

    Raises
    ------
    RecordingError
        If there is no recording in `directory`, or it cannot be read.
    """
    path = directory / XDF_NAME
    try:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        streams = list(_indexed(data))
    except FileNotFoundError:
        raise RecordingError(f"{path} is missing: the session ended before its recording began") from None
    except KeyError as error:
        raise RecordingError(f"{path} cannot be read: a stream header lacks {error}") from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
    return {stream.header.name: stream for stream in streams}


def _indexed(data: memoryview) -> Iterator[StoredStream]:
    if bytes(data[: len(xdf.MAGIC)]) != xdf.MAGIC:
        raise ValueError("it does not begin with 'XDF:'")
    headers: dict[int, xdf.StreamHeader] = {}
    places: dict[int, array[int]] = {}
    closed: set[int] = set()
    for tag, start, stop in xdf.chunk_places(data):
        if tag not in (xdf.Tag.STREAM_HEADER, xdf.Tag.SAMPLES, xdf.Tag.STREAM_FOOTER):
            continue
        stream_id = int.from_bytes(data[start : start + 4], "little")
        if tag == xdf.Tag.STREAM_HEADER:
            headers[stream_id] = xdf.parse_header(data[start + 4 : stop])
            places[stream_id] = array("Q")
        elif stream_id not in headers:
            raise ValueError(f"stream {stream_id} has samples or a footer but no header")
        elif tag == xdf.Tag.SAMPLES:
            places[stream_id].extend((start + 4, stop))
        else:
            closed.add(stream_id)
    for stream_id, header in headers.items():
        yield StoredStream(header=header, closed=stream_id in closed, data=data, places=places[stream_id])


class RecordedScore(NamedTuple):
    """What sounded in a session, in the order of time; frames count from its start, 48 000 a second."""

    notes: tuple[NoteEvent, ...]
    beats: tuple[BeatEvent, ...]


def recorded_score(streams: Mapping[str, StoredStream], t0_s: float) -> RecordedScore:
    """Return the notes and beats of a recording; none where it has no such streams.

    Raises
    ------
    RecordingError
        If it names a layer that this program does not have.
    """
    notes = streams.get("notes")
    layers = (notes.header.desc.get("layers") if notes else None) or ",".join(LAYERS)
    names = layers.split(",")
    if unknown := {*names} - {*LAYERS}:
        raise RecordingError(f"the recorded notes are of unknown layers: {', '.join(sorted(unknown))}")
    return RecordedScore(
        notes=tuple(
            NoteEvent(
                frame=frame,
                duration_s=row["duration_s"],
                beat=row["beat"],
                bar=int(row["bar"]),
                pitch=int(row["pitch"]),
                velocity=int(row["velocity"]),
                layer=names[int(row["layer"])],
            )
            for frame, row in _framed(notes, t0_s)
        ),
        beats=tuple(
            BeatEvent(frame=frame, beat=int(row["beat"]), bar=int(row["bar"]), tempo_bpm=row["tempo_bpm"])
            for frame, row in _framed(streams.get("score"), t0_s)
        ),
    )


def _framed(stream: StoredStream | None, t0_s: float) -> Iterator[tuple[int, dict[str, float]]]:
    if stream is None:
        return
    labels = stream.header.labels
    for times, samples in stream.blocks():
        for time, row in zip((times - t0_s).tolist(), samples.tolist(), strict=True):
            yield round(time * SAMPLE_RATE), dict(zip(labels, row, strict=True))
