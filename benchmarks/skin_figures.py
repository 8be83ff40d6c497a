"""Skin conductance responses and activation on real recordings; run by ``physiology.py``.

Responses are compared with a list made by eye (``scr_times.csv``: onset and peak in seconds, nothing else).
The conductance was plotted, low-passed at 3 Hz without delay, in stretches of 6 to 50 s with a bar of
0.05 µS in each. The rules:

- a response is a rise from a trough to the next peak of at least 0.05 µS; its onset is where the curve
  leaves the trough, its peak the highest place;
- a shoulder on a rise, with no trough before it, is part of that rise (118.3 s of the event-related record);
- what begins before the record does, or in its first 5 s while the electrodes settle, is not listed (the rest
  begins on the way up to a peak at 1.7 s);
- the steps of the converter (0.012 µS in the rest) are no responses. Looked at and left out because smaller
  than 0.05 µS: event-related 17.6, 86.6, 105.3, 138.2, 142.3 and 144.6 s; rest 48.0, 123.5, 130.3 and 354 s.

A match is one to one, peaks at most 1 s apart. Activation is that of the interview against that of the two
relaxations beside it, means of the seconds that have one (``given``: where that is next to nothing, as for
S23 with the pulse of the wristband, so is what the comparison says), of three people with a wristband; the
baseline is their first segment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import neurokit2 as nk
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.feeding import stream
from physiology.pipeline import Physiology, SignalConfig
from physiology.state import PhysiologyState

FloatArray = npt.NDArray[np.float64]
TIMES = Path(__file__).with_name("scr_times.csv")
RECORDS = ("bio_eventrelated_100hz", "bio_resting_8min_100hz")
RATE_HZ = 100.0
EXCLUDED_S = 5.0
MATCH_S = 1.0
PEOPLE = ("S05", "S14", "S23")
LEAST_GIVEN = 0.1
GOALS = {"f1": 0.85, "onset_error_median_s": 0.2, "onset_error_p90_s": 0.5, "known_after_peak_max_s": 1.5}


def matched(truth: FloatArray, found: FloatArray) -> list[tuple[int, int]]:
    """Return which rows (onset, peak) belong together, one to one, the nearest peaks first."""
    near = [
        (abs(f - t), i, j)
        for i, t in enumerate(truth[:, 1])
        for j, f in enumerate(found[:, 1])
        if abs(f - t) <= MATCH_S
    ]
    pairs: list[tuple[int, int]] = []
    for _, i, j in sorted(near):
        if all(i != a and j != b for a, b in pairs):
            pairs.append((i, j))
    return pairs


def scored(truths: list[FloatArray], founds: list[FloatArray]) -> dict[str, float | int]:
    """Return how well responses are found in several records together."""
    pairs = [
        (truth[i], found[j])
        for truth, found in zip(truths, founds, strict=True)
        for i, j in matched(truth, found)
    ]
    errors = np.array([abs(found[0] - truth[0]) for truth, found in pairs])
    listed, told = sum(map(len, truths)), sum(map(len, founds))
    return {
        "listed": listed,
        "found": told,
        "matched": len(pairs),
        "f1": round(2 * len(pairs) / (listed + told), 4),
        "onset_error_median_s": round(float(np.median(errors)), 3),
        "onset_error_p90_s": round(float(np.percentile(errors, 90)), 3),
    }


def neurokit_responses(eda: FloatArray) -> FloatArray:
    """Return onsets and peaks by `nk.eda_process` over the whole recording, with its defaults."""
    _, info = nk.eda_process(eda, sampling_rate=int(RATE_HZ))
    rows = np.column_stack([info["SCR_Onsets"], info["SCR_Peaks"]]).astype(np.float64) / RATE_HZ
    return rows[np.isfinite(rows).all(axis=1)]


def responses(data: Path) -> dict[str, Any]:
    """Compare live responses, and NeuroKit2's offline, with the list."""
    listed = pd.read_csv(TIMES)
    truths, lives, offlines, delays, cost = [], [], [], [], {}
    for name in RECORDS:
        eda = pd.read_csv(data / f"{name}.csv")["EDA"].to_numpy(np.float64)
        truths.append(listed.loc[listed["record"] == name, ["onset_s", "peak_s"]].to_numpy(np.float64))
        update, cpu_s = stream({"eda": (RATE_HZ, "uS", eda)})
        scrs = [scr for scr in update.scrs if scr.peak_s > EXCLUDED_S]
        lives.append(np.array([(scr.onset_s, scr.peak_s) for scr in scrs]).reshape(-1, 2))
        delays += [scr.known_at_s - scr.peak_s for scr in scrs]
        offline = neurokit_responses(eda)
        offlines.append(offline[offline[:, 1] > EXCLUDED_S])
        cost[name] = round(1000 * cpu_s / (eda.size / RATE_HZ), 2)
    return {
        "live": {**scored(truths, lives), "known_after_peak_max_s": round(max(delays), 3)},
        "offline_neurokit2": scored(truths, offlines),
        "cpu_ms_per_s": cost,
    }


def read_e4(path: Path) -> tuple[float, float, FloatArray]:
    """Return Unix time of the first sample, rate and values of a wristband's file."""
    rows = pd.read_csv(path, header=None).iloc[:, 0].to_numpy(np.float64)
    return float(rows[0]), float(rows[1]), rows[2:]


def person(folder: Path, segments: pd.DataFrame, heart: str) -> dict[str, Any]:
    """Return mean activations per segment, with heart rate from the pulse or as the device gives it."""
    start, rate_hz, eda = read_e4(folder / "EDA.csv")
    kind, unit, file = {"pulse": ("ppg", "a.u.", "BVP.csv"), "device": ("hr", "bpm", "HR.csv")}[heart]
    heart_start, heart_hz, beats = read_e4(folder / file)
    signals = {
        "eda": (np.arange(eda.size) / rate_hz, eda),
        kind: (heart_start - start + np.arange(beats.size) / heart_hz, beats),
    }
    pipeline = Physiology([SignalConfig("eda", rate_hz, "uS"), SignalConfig(kind, heart_hz, unit)])
    rest_s = segments.loc["baseline", ["start_s", "end_s"]].to_numpy(np.float64)
    states: list[PhysiologyState] = []
    sentence = ""
    for t in range(1, int(eda.size / rate_hz)):
        for name, (times, values) in signals.items():
            first, last = np.searchsorted(times, (t - 1 if t > 1 else -np.inf, t), side="right")
            pipeline.push(name, times[first:last], values[first:last])
        states += pipeline.step(float(t)).states
        if t == int(rest_s[0]):
            pipeline.begin_baseline(float(t))
        if t == int(rest_s[1]):
            sentence = pipeline.freeze_baseline(float(t)).sentence
    within = {
        name: [s for s in states if segment["start_s"] < s.t <= segment["end_s"]]
        for name, segment in segments.loc[["relax1", "interview", "relax2"]].iterrows()
    }
    means = {name: averages(inside) for name, inside in within.items()}
    relaxed, stressed = averages(within["relax1"] + within["relax2"]), means["interview"]
    rises = {
        which: None
        if None in {stressed[which], relaxed[which]}
        else round(stressed[which] - relaxed[which], 2)
        for which in ("fused", "heart_only", "eda_only")
    }
    return {"baseline": sentence, "means": means, "interview_above_relax": rises}


def averages(states: list[PhysiologyState]) -> dict[str, Any]:
    """Return means of the activation where there is one, and how much of the time heart rate was given."""

    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return round(float(np.mean(known)), 2) if known else None

    return {
        "fused": mean([s.activation for s in states]),
        "heart_only": mean([s.heart_activation for s in states]),
        "eda_only": mean([s.eda_activation for s in states]),
        "confidence": mean([s.confidence for s in states]),
        "given": round(float(np.mean([s.activation is not None for s in states])), 2),
        "hr_given": round(float(np.mean([s.hr_bpm.value is not None for s in states])), 2),
    }


def people(data: Path) -> dict[str, Any]:
    """Say of three people whether an interview activates, by pulse and, for comparison, the device's rate."""
    segments = pd.read_csv(data / "segments.csv")
    return {
        name: {
            heart: person(data / name, segments[segments["subject"] == name].set_index("segment"), heart)
            for heart in ("pulse", "device")
        }
        for name in PEOPLE
    }


def figures(data: Path) -> dict[str, Any]:
    """Measure everything."""
    return {"responses": responses(data / "neurokit"), "people": people(data / "stress_predict")}


def goals_not_reached(figures: dict[str, Any]) -> list[str]:
    """Return the goals that are not reached yet, in words."""
    short = missed(figures)
    for name, measured in figures["people"].items():
        given = measured["pulse"]["means"]["interview"]["given"]
        if given < LEAST_GIVEN:
            short.append(f"{name}: activation is given for {given:.0%} of the interview: too little to tell")
    return short


def missed(figures: dict[str, Any]) -> list[str]:
    """Return what was reached once and is lost, in words."""
    live, short = figures["responses"]["live"], []
    for name, goal in GOALS.items():
        if live[name] < goal if name == "f1" else live[name] > goal:
            short.append(f"responses: {name} {live[name]}, {goal} is wanted")
    for name, measured in figures["people"].items():
        rise = measured["pulse"]["interview_above_relax"]["fused"]
        if rise is None or rise <= 0:
            short.append(f"{name}: activation in the interview is {rise} above relaxation")
    return short
