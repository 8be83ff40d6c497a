"""Recordings in EDF and EDF+ files, read with edfio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from acquisition.errors import SourceError
from acquisition.files.series import FileMarker, Series, require_sampled, require_signal
from acquisition.spec import RecordingSpec

if TYPE_CHECKING:
    import edfio
from acquisition.streams import channel_index, known_unit, unit_of_kind

RESERVED = -32768
"""The digital minimum, which exports of this program use for missing samples."""

GAP = "gap "
"""Prefix of the annotations of missing samples; the signal's label follows."""


class EdfSignal(NamedTuple):
    """Label, unit as written in the file, and rate of a signal."""

    label: str
    unit: str
    rate_hz: float


@dataclass(frozen=True, slots=True)
class EdfFile:
    """An EDF or EDF+C file; its signals are read when they are asked for."""

    path: Path
    edf: edfio.Edf

    @property
    def signals(self) -> tuple[EdfSignal, ...]:
        """The signals, in the order of the file."""
        return tuple(
            EdfSignal(signal.label, signal.physical_dimension, float(signal.sampling_frequency))
            for signal in self.edf.signals
        )

    @property
    def annotations(self) -> tuple[FileMarker, ...]:
        """The annotations that have a text."""
        return tuple(FileMarker(note.onset, note.text) for note in self.edf.annotations if note.text.strip())

    def series(self, spec: RecordingSpec) -> Series:
        """Return one signal in its physical unit.

        EDF has no missing values. In a file with annotations ``gap LABEL``, as written by exports of this
        program, samples at the digital minimum are missing.

        Raises
        ------
        SourceError
            Naming the signals there are, or what is wrong with the file.
        """
        index = self._find(spec.column)
        label, unit, rate_hz = self.signals[index]
        where = f"{self.path}, signal {label!r}"
        require_sampled(spec.kind, spec.rate_hz, rate_hz, where)
        try:
            signal = self.edf.signals[index]
            values = np.array(signal.data, dtype=np.float64)
            if any(text == f"{GAP}{label}" for _, text in self.annotations):
                values[signal.digital == RESERVED] = np.nan
        except (ValueError, OSError) as error:
            raise SourceError(f"{where}: its samples cannot be read: {error}") from error
        require_signal(values, where)
        known = unit_of_kind(spec.kind, spec.unit or known_unit(unit))
        return Series(
            label=label,
            unit=known,
            rate_hz=rate_hz,
            times=np.arange(values.size) / rate_hz,
            values=values,
        )

    def _find(self, column: str | None) -> int:
        labels = [label for label, _, _ in self.signals]
        if (index := channel_index(labels, column)) is not None:
            return index
        asked = f"no single signal {column!r}" if column is not None else f"{len(labels)} signals: say which"
        raise SourceError(f"{self.path} has {asked}; it has {', '.join(labels) or 'none'}")


def read_edf(path: Path) -> EdfFile:
    """Open an EDF or EDF+C file.

    Raises
    ------
    SourceError
        If it cannot be read, is not EDF, or is discontinuous (EDF+D): the gaps of such a file are not visible
        in its samples.
    """
    import edfio  # noqa: PLC0415 - only EDF files need it

    try:
        edf = edfio.read_edf(path, header_encoding="latin-1")
        continuous = edf.is_continuous
        names = edf.labels
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # edfio raises many types of error for damaged files
        raise SourceError(f"{path} is not an EDF file ({type(error).__name__}: {error})") from error
    if not continuous:
        raise SourceError(f"{path} is discontinuous (EDF+D); convert it to EDF+C, for example in EDFbrowser")
    if not names:
        raise SourceError(f"{path} holds no signal, only annotations")
    return EdfFile(path, edf)
