"""What is known of beats afterwards: artefacts by the whole series, not only by what came before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import neurokit2 as nk
import numpy as np
import numpy.typing as npt

from physiology.state import FloatArray

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
        The beats: some moved, some left out, some put in.
    rr_ms : ndarray, float64, shape (m − 1,)
        The intervals between them.
    artefacts : mapping of str to ndarray of int
        By class (`CLASSES`), which of the beats given are artefacts. ``missed`` names the beat that ends the
        interval in which one was not seen.
    share : float
        0 to 1: artefacts over beats given.
    """

    times_s: FloatArray
    rr_ms: FloatArray
    artefacts: Mapping[str, IntArray]
    share: float


def correct(times_s: FloatArray) -> Correction:
    """Find and correct artefacts in a series of beats without a gap.

    The method of Lipponen and Tarvainen 2019 (doi 10.1080/03091902.2019.1640306), as NeuroKit2 implements it
    (``signal_fixpeaks(method="kubios")``), repeated while artefacts become fewer. NeuroKit2 reports the
    artefacts of its last repetition only, when most have been corrected away, and numbers them in the series
    as it is then; here each beat given has the class it first got. Deviations: the two beats at either end
    are left as they are, and fewer than 12 beats are not looked at. Where more than half of the steps between
    intervals are of one size (a constant series), the method has no threshold and finds nothing.

    Parameters
    ----------
    times_s : ndarray, shape (n,)
        Times of beats in seconds, increasing; resolved to 0.1 ms.
    """
    start = float(times_s[0]) if times_s.size else 0.0
    peaks = np.rint((times_s - start) * STEPS_PER_SECOND).astype(np.int64)
    found: dict[str, set[int]] = {name: set() for name in CLASSES}
    origin = list(range(times_s.size))
    fewest = np.inf
    while times_s.size >= LEAST_BEATS:
        artefacts, corrected = nk.signal_fixpeaks(
            peaks, sampling_rate=STEPS_PER_SECOND, iterative=False, method="kubios"
        )
        count = sum(len(artefacts[name]) for name in CLASSES)
        if count >= fewest or count == 0:
            break
        fewest = count
        known = set().union(*found.values())
        for name in CLASSES:
            found[name] |= {origin[place] for place in artefacts[name]} - known - {INSERTED}
        origin = _followed(origin, artefacts["extra"], artefacts["missed"])
        peaks = np.asarray(corrected, dtype=np.int64)
    kept = start + peaks / STEPS_PER_SECOND if fewest < np.inf else times_s.astype(np.float64)
    return Correction(
        times_s=kept,
        rr_ms=1000 * np.diff(kept),
        artefacts={name: np.array(sorted(places), dtype=np.int64) for name, places in found.items()},
        share=len(set().union(*found.values())) / times_s.size if times_s.size else 0.0,
    )


def _followed(origin: list[int], extra: list[int], missed: list[int]) -> list[int]:
    """Return which of the beats given each beat is, once extra ones are left out and missed ones put in."""
    left_out, ahead = set(extra), set(missed)
    followed: list[int] = []
    for place, beat in enumerate(origin):
        if place in ahead and place > 1:
            followed.append(INSERTED)
        if place not in left_out:
            followed.append(beat)
    return followed
