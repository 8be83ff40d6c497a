"""Recordings as EDF and EDF+, read through edfio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import edfio
import numpy as np

from acquisition.errors import SourceError
from acquisition.files.series import Series, require_sampled, require_signal
from acquisition.spec import RecordingSpec
from acquisition.streams import known_unit, unit_of_kind

RESERVED = -32768
"""The digital minimum: where exports of this program use it, it means that a sample is missing."""

GAP = "gap "
"""How their annotations of missing samples begin; the signal's label follows."""


@dataclass(frozen=True, slots=True)
class EdfFile:
    """An EDF or EDF+C file, read as far as a signal is asked for."""

    path: Path
    edf: edfio.Edf

    @property
    def signals(self) -> tuple[tuple[str, str, float], ...]:
        """Label, unit as it is written, and rate in Hz of each signal, in the order of the file."""
        return tuple(
            (signal.label, signal.physical_dimension, float(signal.sampling_frequency))
            for signal in self.edf.signals
        )

    @property
    def annotations(self) -> tuple[tuple[float, str], ...]:
        """Onset in seconds from the start, and text, of each annotation that has a text."""
        return tuple((note.onset, note.text) for note in self.edf.annotations if note.text.strip())

    def series(self, spec: RecordingSpec) -> Series:
        """Return one signal in its physical unit.

        EDF has no missing values. Where an annotation ``gap LABEL`` is laid over samples at the digital
        minimum, as exports of this program do, they are missing.

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
            origin_s=0.0,
            absolute=False,  # EDF holds a local time of an unknown zone.
        )

    def _find(self, column: str | None) -> int:
        labels = [label for label, _, _ in self.signals]
        if column is None and len(labels) == 1:
            return 0
        if column is not None and labels.count(column) == 1:
            return labels.index(column)
        if column is not None and column.isdecimal() and int(column) < len(labels):
            return int(column)
        asked = f"no single signal {column!r}" if column is not None else f"{len(labels)} signals: say which"
        raise SourceError(f"{self.path} has {asked}; it has {', '.join(labels) or 'none'}")


def read_edf(path: Path) -> EdfFile:
    """Open an EDF or EDF+C file.

    Raises
    ------
    SourceError
        If it cannot be read, is not EDF, or is discontinuous (EDF+D), whose signals have holes that its
        samples alone do not tell.
    """
    try:
        edf = edfio.read_edf(path, header_encoding="latin-1")
        continuous = edf.is_continuous
        names = edf.labels
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # edfio raises whatever its parsing of damaged bytes runs into
        raise SourceError(f"{path} is not an EDF file ({type(error).__name__}: {error})") from error
    if not continuous:
        raise SourceError(f"{path} is discontinuous (EDF+D); convert it to EDF+C, for example in EDFbrowser")
    if not names:
        raise SourceError(f"{path} holds no signal, only annotations")
    return EdfFile(path, edf)
