"""What is known of beats afterwards: artefacts by the whole series, not only by what came before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import neurokit2 as nk
import numpy as np
import numpy.typing as npt

from physiology.samples import FloatArray

IntArray = npt.NDArray[np.int64]

CLASSES = ("ectopic", "missed", "extra", "longshort")
"""Kinds of artefact: a beat at the wrong time, one not seen, one too many, a wrong length of interval."""

LEAST_BEATS = 12
STEPS_PER_SECOND = 10_000
INSERTED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """A series of beats after correction.

    Attributes
    ----------
    times_s : ndarray, float64, shape (m,)
        The beats: extra ones left out, missed ones put in, the others as they were given.
    rr_ms : ndarray, float64, shape (m − 1,)
        The intervals between them, those of ectopic beats and of wrong length interpolated.
    artefacts : mapping of str to ndarray of int
        By class (`CLASSES`), which of the beats given end an interval that is an artefact.
    share : float
        0 to 1: artefacts over beats given.
    """

    times_s: FloatArray
    rr_ms: FloatArray
    artefacts: Mapping[str, IntArray]
    share: float


def correct(times_s: FloatArray) -> Correction:
    """Find and correct artefacts in a series of beats without a gap.

    The method of Lipponen and Tarvainen 2019 (doi 10.1080/03091902.2019.1640306): a missed beat halves its
    interval, an extra one is left out, intervals of ectopic beats and of wrong length are interpolated. The
    classes are those of NeuroKit2 (``signal_fixpeaks(method="kubios")``, one pass). Its correction is not
    used: it moves beats instead of interpolating intervals, a good one beside each ectopic one too, and it
    reports the artefacts of its last repetition only, when most are gone. Deviations from the paper: once
    missed and extra beats are mended, the classes are found again, so that their neighbours are not taken for
    artefacts; the last two intervals are not judged, nor are fewer than 12 beats. Where more than half of the
    steps between intervals are of one size (a constant series), there is no threshold and nothing is found.

    Parameters
    ----------
    times_s : ndarray, shape (n,)
        Times of beats in seconds, increasing; artefacts are looked for at a resolution of 0.1 ms.
    """
    found: dict[str, set[int]] = {name: set() for name in CLASSES}
    kept, origin = times_s.astype(np.float64), list(range(times_s.size))
    ectopic: list[int] = []
    longshort: list[int] = []
    while kept.size >= LEAST_BEATS:
        artefacts = _classes(kept)
        ectopic, longshort = artefacts["ectopic"], artefacts["longshort"]
        extra, missed = artefacts["extra"], artefacts["missed"]
        fresh = {origin[place] for place in extra + missed} - found["extra"] - found["missed"] - {INSERTED}
        if not fresh:
            break
        found["extra"] |= {origin[place] for place in extra} & fresh
        found["missed"] |= {origin[place] for place in missed} & fresh
        kept, origin = _mended(kept, origin, extra, missed)
    rr_ms = 1000 * np.diff(kept)
    wrong = np.zeros(rr_ms.size, dtype=np.bool_)
    wrong[[place - 1 for place in ectopic + longshort if place > 0]] = True
    if not wrong.all():
        places = np.arange(rr_ms.size)
        rr_ms[wrong] = np.interp(places[wrong], places[~wrong], rr_ms[~wrong])
    known = found["extra"] | found["missed"] | {INSERTED}
    found["ectopic"] = {origin[place] for place in ectopic} - known
    found["longshort"] = {origin[place] for place in longshort} - known - found["ectopic"]
    return Correction(
        times_s=kept,
        rr_ms=rr_ms,
        artefacts={name: np.array(sorted(places), dtype=np.int64) for name, places in found.items()},
        share=sum(map(len, found.values())) / times_s.size if times_s.size else 0.0,
    )


def _classes(times_s: FloatArray) -> dict[str, list[int]]:
    peaks = np.rint((times_s - times_s[0]) * STEPS_PER_SECOND).astype(np.int64)
    artefacts, _ = nk.signal_fixpeaks(peaks, sampling_rate=STEPS_PER_SECOND, iterative=False, method="kubios")
    return {name: [int(place) for place in artefacts[name]] for name in CLASSES}


def _mended(
    times_s: FloatArray, origin: list[int], extra: list[int], missed: list[int]
) -> tuple[FloatArray, list[int]]:
    """Leave extra beats out and put missed ones in; return the beats and which of those given each one is."""
    left_out, ahead = set(extra), set(missed)
    times: list[float] = []
    followed: list[int] = []
    for place, (time_s, beat) in enumerate(zip(times_s.tolist(), origin, strict=True)):
        if place in left_out:
            continue
        if place in ahead and times:
            times.append((times[-1] + time_s) / 2)
            followed.append(INSERTED)
        times.append(time_s)
        followed.append(beat)
    return np.array(times), followed
