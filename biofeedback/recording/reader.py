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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from biofeedback.errors import RecordingError
from biofeedback.recording import xdf
from biofeedback.recording.recorder import META_NAME, XDF_NAME

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
