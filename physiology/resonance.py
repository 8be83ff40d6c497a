"""Assessment of the resonance rate: the pace of breathing at which the heart rate swings most.

Breathing is paced from step to step half a breath per minute slower, two minutes each, and the rate with the
largest swing of the heart rate is taken.

Notes
-----
After Shaffer and Meehan 2020 (doi 10.3389/fnins.2020.570400). Deviation: they weigh six criteria by eye; here
the amplitude of the sinusoid at the paced rate decides, and it counts only where it explains enough of the
variation. Which steps can be judged, and what stands out, are conventions of this project.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from physiology.samples import FloatArray
from physiology.state import Beat, BeatAction
from physiology.variability import Intervals

SETTLING_S = 20.0
"""The beginning of a step is left out, while breathing takes up the new pace. Convention."""

LEAST_WINDOW_S = 60.0
"""Good intervals that a step needs: four breaths at 4 a minute. Convention."""

LEAST_USABLE = 0.75
"""Share of a step that must be good intervals. Convention."""

LEAST_SHARE = 0.5
"""Share of the variation that the sinusoid must explain. Convention; of what the heart rate does by itself
about 0.1 Hz, a sinusoid at the pace may explain half."""

LEAST_AMPLITUDE_BPM = 1.0
"""A smaller swing does not count as following the breath. Convention."""

LEAST_STEPS = 3
"""So many steps must be judged. Convention; fewer have no middle."""

LEAST_EXCESS = 0.1
"""The largest swing must exceed the smallest by this share. Convention."""

MOST_OFF_PACE_PER_MIN = 0.75
"""Who breathes further from the pace did not follow it. Convention: one and a half steps."""

NO_VARIATION = 1e-9
"""A heart rate that varies less about its line is constant, and nothing is to be explained."""

_OFF_PACE_PER_MIN = np.linspace(-0.25, 0.25, 5)
"""Nobody breathes exactly as paced: the sinusoid is sought up to half a step away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacedStep:
    """The heart rate while breathing was paced.

    Attributes
    ----------
    rate_per_min : float
        The pace.
    amplitude_bpm : float or None
        Amplitude of the sinusoid at the pace (half of its swing from trough to peak); None where it cannot be
        determined.
    share : float or None
        0 to 1: the part of the variation about a straight line that this sinusoid explains.
    usable_share : float
        0 to 1: seconds of good intervals over those looked at.
    reason : str
        Why there is no amplitude; else empty.
    """

    rate_per_min: float
    amplitude_bpm: float | None = None
    share: float | None = None
    usable_share: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The result of all steps together.

    Attributes
    ----------
    rate_per_min : float or None
        The pace at which the heart rate swung most; None where that cannot be determined.
    reason : str
        One sentence: why it is this one, or why none.
    steps : tuple of PacedStep
        In the order in which they were given.
    """

    rate_per_min: float | None
    reason: str
    steps: tuple[PacedStep, ...]


def paced_step(
    beats: Iterable[Beat],
    *,
    rate_per_min: float,
    begin_s: float,
    end_s: float,
    breathing_per_min: float | None = None,
) -> PacedStep:
    """Measure the swing of the heart rate during one step.

    Parameters
    ----------
    beats : iterable of Beat
        Lines of the beat log, as they came: moved and withdrawn beats are taken as such. Beats outside the
        step do no harm.
    rate_per_min : float
        The pace of breathing.
    begin_s, end_s : float
        The step, engine seconds.
    breathing_per_min : float, optional
        How the listener breathed in the step's second half, where that was measured. The heart rate swings
        by itself at about 6 per min: a listener who does not breathe at the pace would be given that rate.

    Returns
    -------
    PacedStep
        Without an amplitude if less than 60 s or three quarters of the step are good intervals, or if
        breathing is known to have been more than 0.75 per min from the pace.

    Notes
    -----
    Least squares of the rate of each good interval, put at its middle and weighted by its length, by a
    straight line and a sinusoid within 0.25 per min of the pace. Good is what is neither corrected nor beside
    a beat of quality below 0.3. The first 20 s are left out.
    """
    begin_s += SETTLING_S
    looked_at_s = max(0.0, end_s - begin_s)
    middles_s, rr_s = _good_intervals(beats, begin_s, end_s)
    good_s = float(rr_s.sum())
    usable = min(1.0, good_s / looked_at_s) if looked_at_s else 0.0
    reason = ""
    if breathing_per_min is not None and abs(breathing_per_min - rate_per_min) > MOST_OFF_PACE_PER_MIN:
        reason = f"the listener breathed {breathing_per_min:.1f} times per min, not {rate_per_min:g}"
    elif good_s < LEAST_WINDOW_S:
        reason = f"only {good_s:.0f} s of good intervals; {LEAST_WINDOW_S:.0f} s are needed"
    elif usable < LEAST_USABLE:
        reason = f"{100 * usable:.0f} % of the step are good intervals; {100 * LEAST_USABLE:.0f} % are needed"
    if reason:
        return PacedStep(rate_per_min=rate_per_min, usable_share=usable, reason=reason)
    found = [_sinusoid(middles_s, rr_s, (rate_per_min + off) / 60.0) for off in _OFF_PACE_PER_MIN]
    amplitude, share = max(found)
    return PacedStep(rate_per_min=rate_per_min, amplitude_bpm=amplitude, share=share, usable_share=usable)


def assess(steps: Sequence[PacedStep]) -> Assessment:
    """Return the pace at which the heart rate swung most, or why there is none.

    There is none with fewer than three steps that can be judged, and where the largest swing is below 1 bpm,
    explains less than half of the variation (the listener breathed otherwise), or exceeds the smallest
    by less than a tenth, or stands beside a pace that was tried and cannot be judged: the resonance may lie
    there. Of two steps at the same pace the later counts.
    """
    rate_per_min, reason = _best(steps)
    return Assessment(rate_per_min=rate_per_min, reason=reason, steps=tuple(steps))


def _best(steps: Sequence[PacedStep]) -> tuple[float | None, str]:
    """Return the best pace or None, and the reason."""
    tried = sorted({step.rate_per_min for step in steps})
    amplitudes = {
        step.rate_per_min: (step.amplitude_bpm, step.share)
        for step in steps
        if step.amplitude_bpm is not None and step.share is not None
    }
    if len(amplitudes) < LEAST_STEPS:
        text = f"only {len(amplitudes)} of {len(steps)} steps can be judged; {LEAST_STEPS} are needed"
        why = next((f": {step.reason}" for step in steps if step.reason), "")
        return None, text + why
    best = max(amplitudes, key=lambda rate: amplitudes[rate])
    amplitude, share = amplitudes[best]
    if refusal := _refusal(best, amplitude, share, min(amplitudes.values())[0]):
        return None, refusal
    place = tried.index(best)
    beside = {*tried[max(0, place - 1) : place + 2]} - {*amplitudes}
    if beside:
        unknown = " and ".join(f"{rate:g}" for rate in sorted(beside))
        reason = f"of those judged {best:g} per min is best, but beside it {unknown} per min cannot be judged"
        return None, reason
    reason = f"the heart rate swung most at {best:g} breaths per min, by {2 * amplitude:.1f} bpm"
    if best in {tried[0], tried[-1]}:
        most, more = ("slowest", "slower") if best == tried[0] else ("fastest", "faster")
        reason += f"; it is the {most} tried, a {more} one may do more"
    return best, reason


def _refusal(rate: float, amplitude: float, share: float, least: float) -> str:
    if amplitude < LEAST_AMPLITUDE_BPM:
        return f"the heart rate hardly swung with breathing: by {2 * amplitude:.1f} bpm at most"
    if share < LEAST_SHARE:
        return (
            f"breathing at {rate:g} per min explains only {100 * share:.0f} % of how the heart rate varied: "
            "it did not follow the pace"
        )
    if amplitude < (1 + LEAST_EXCESS) * least:
        return (
            f"no rate stands out: the heart rate swung by {2 * least:.1f} to {2 * amplitude:.1f} bpm at all"
        )
    return ""


def _good_intervals(beats: Iterable[Beat], begin_s: float, end_s: float) -> tuple[FloatArray, FloatArray]:
    """Return the middles and lengths, in s, of the good intervals that lie between two times."""
    final: dict[int, Beat] = {}
    for line in beats:
        if line.action is BeatAction.WITHDRAWN:
            final.pop(line.beat_id, None)
        else:
            final[line.beat_id] = line
    intervals = Intervals(sorted(final.values(), key=lambda beat: beat.r_time_s), end_s)
    times, rr_s = intervals.times, intervals.rr_ms / 1000
    good = intervals.good & (times - np.nan_to_num(rr_s) >= begin_s) & (times <= end_s)
    return times[good] - rr_s[good] / 2, rr_s[good]


def _sinusoid(middles_s: FloatArray, rr_s: FloatArray, hz: float) -> tuple[float, float]:
    """Return the amplitude of the sinusoid in the heart rate, bpm, and the share of variation it explains."""
    weights = np.sqrt(rr_s)[:, None]
    phase = 2 * np.pi * hz * middles_s
    line = np.column_stack([np.ones_like(phase), middles_s - middles_s.mean()])
    rate = weights[:, 0] * 60.0 / rr_s

    def remainder(columns: FloatArray) -> tuple[FloatArray, float]:
        found = np.asarray(np.linalg.lstsq(weights * columns, rate)[0], dtype=np.float64)
        return found, float(np.sum((rate - (weights * columns) @ found) ** 2))

    _, about_the_line = remainder(line)
    found, unexplained = remainder(np.column_stack([line, np.cos(phase), np.sin(phase)]))
    share = 1.0 - unexplained / about_the_line if about_the_line > NO_VARIATION else 0.0
    return float(np.hypot(found[2], found[3])), share
