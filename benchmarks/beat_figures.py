"""Beats of ECG and pulse on real recordings, next to NeuroKit2 offline; run by ``physiology.py``.

"Live" scores beats as first reported: one taken back later is false, one reported more than 1 s late is
missed. "Confirmed" scores the log as it stands in the end. Times are those of R maxima, annotations as
they are in the database; matching is one to one, the first 5 s excluded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neurokit2 as nk
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.feeding import stream
from benchmarks.pulse_figures import camera, missed_pulses, wrist
from physiology.pipeline import PhysiologyUpdate
from physiology.state import Beat, BeatAction

FloatArray = npt.NDArray[np.float64]
EXCLUDED_S = 5.0
LATEST_S = 1.0
NOISE_FROM_S = 40.0
ECG_LAGS_S = {"lag_median_s": 0.35, "lag_p95_s": 0.6}
PPG_LAGS_S = {"lag_median_s": 0.3, "lag_p95_s": 0.5}
PPG_FLOOR, PPG_HR_TOLERANCE_BPM = 0.985, 0.3
HR_GIVEN = (0.95, 0.70, 0.10, 0.0)
HR_TOLERANCE_BPM, HR_RIGHT_BPM = 1.0, 5.0
HR_RIGHT = 0.95
MIT_BIH = ("100", "105", "119")
NOISE_STRESS = ("118e24", "118e12", "118e06", "118e00")
"""Noise at 24, 12, 6 and 0 dB."""


@dataclass(frozen=True)
class Floors:
    """Least sensitivity and precision: of all MIT-BIH beats, of record 105, of good beats in noise."""

    mit: dict[str, float]
    noisiest: dict[str, float]
    noise_ppv: float
    wrist_error_bpm: float


GOALS = Floors(
    mit={"se": 0.997, "ppv": 0.996}, noisiest={"se": 0.99, "ppv": 0.988}, noise_ppv=0.97, wrist_error_bpm=1.5
)
REACHED = Floors(
    mit={"se": 0.9972, "ppv": 0.9968},
    noisiest={"se": 0.993, "ppv": 0.991},
    noise_ppv=0.97,
    wrist_error_bpm=1.9,
)
"""What must not be lost again; it only rises."""


def first_reported(update: PhysiologyUpdate, since: float = EXCLUDED_S) -> list[Beat]:
    """Return the beats as first reported, in order of time."""
    lines = [b for b in update.beats if b.action in {BeatAction.NEW, BeatAction.INSERTED}]
    return sorted((b for b in lines if b.r_time_s > since), key=lambda b: b.r_time_s)


def times_of(beats: list[Beat]) -> FloatArray:
    """Return the times of beats."""
    return np.array([b.r_time_s for b in beats])


def withdrawn(update: PhysiologyUpdate) -> set[int]:
    """Return the beats that were taken back."""
    return {b.beat_id for b in update.beats if b.action is BeatAction.WITHDRAWN}


def live_counts(
    truth: FloatArray, update: PhysiologyUpdate, tolerance_s: float, since: float = EXCLUDED_S
) -> npt.NDArray[np.int64]:
    """Return how many were found, missed and false: taken back is false, more than 1 s late is missed."""
    first, gone = first_reported(update, since), withdrawn(update)
    kept = [b for b in first if b.beat_id not in gone]
    punctual = times_of([b for b in kept if b.known_at_s - b.r_time_s <= LATEST_S])
    found = hits(truth, punctual, tolerance_s)
    false = len(first) - len(kept) + len(kept) - hits(truth, times_of(kept), tolerance_s)
    return np.array([found, truth.size - found, false])


def rates(counts: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return sensitivity and positive predictive value."""
    found, missed, false = counts.tolist()
    return {"se": round(found / (found + missed), 4), "ppv": round(found / max(1, found + false), 4)}


def lags(update: PhysiologyUpdate) -> dict[str, float]:
    """Return how long after a beat it was first reported."""
    delays = [b.known_at_s - b.r_time_s for b in first_reported(update)]
    return {
        "lag_median_s": round(float(np.median(delays)), 3),
        "lag_p95_s": round(float(np.percentile(delays, 95)), 3),
    }


def hits(reference: FloatArray, estimate: FloatArray, tolerance_s: float) -> int:
    """Return how many can be matched one to one, in order of time."""
    count = i = j = 0
    while i < reference.size and j < estimate.size:
        if abs(estimate[j] - reference[i]) <= tolerance_s:
            count, i, j = count + 1, i + 1, j + 1
        elif estimate[j] < reference[i]:
            j += 1
        else:
            i += 1
    return count


def agreement(
    reference: FloatArray, estimate: FloatArray, tolerances_s: tuple[float, ...]
) -> dict[str, float]:
    """Return sensitivity and positive predictive value per tolerance."""
    figures = {}
    for tolerance_s in tolerances_s:
        found = hits(reference, estimate, tolerance_s)
        figures[f"se_{tolerance_s * 1000:.0f}ms"] = round(found / reference.size, 4)
        figures[f"ppv_{tolerance_s * 1000:.0f}ms"] = round(found / estimate.size, 4)
    return figures


def offline_ecg(values: FloatArray, rate_hz: float) -> FloatArray:
    """Return R times by NeuroKit2 over the whole recording."""
    clean = nk.ecg_clean(values, sampling_rate=rate_hz)
    return np.asarray(nk.ecg_findpeaks(clean, sampling_rate=rate_hz)["ECG_R_Peaks"]) / rate_hz


def mit_bih_record(data: Path, name: str) -> tuple[FloatArray, FloatArray]:
    """Return an ECG at 360 Hz and the times of its annotated beats."""
    ecg = pd.read_csv(data / f"{name}_lead1_mV_360hz.csv.gz").iloc[:, 0].to_numpy(np.float64)
    truth = pd.read_csv(data / f"{name}_rpeaks.csv")["time_s"].to_numpy(np.float64)
    return ecg, truth[truth > EXCLUDED_S]


def noise_stress_record(data: Path, name: str) -> tuple[FloatArray, FloatArray]:
    """Return an ECG at 360 Hz with noise added, and the times of its annotated beats."""
    ecg = pd.read_csv(data / f"{name}.csv", header=None).iloc[:, 0].to_numpy(np.float64)
    return ecg, pd.read_csv(data / f"{name}_ann.csv", header=None).iloc[:, 0].to_numpy(np.float64) / 360


def mit_bih(data: Path) -> dict[str, Any]:
    """Compare with the annotations of three records."""
    records: dict[str, Any] = {}
    pooled = {tolerance: np.zeros(3, dtype=np.int64) for tolerance in (0.05, 0.15)}
    for name in MIT_BIH:
        ecg, truth = mit_bih_record(data, name)
        update, cpu_s = stream({"ecg": (360.0, "mV", ecg)})
        offline = offline_ecg(ecg, 360)
        gone, latest = withdrawn(update), {b.beat_id: b.r_time_s for b in update.beats}
        standing = np.sort([at for beat_id, at in latest.items() if beat_id not in gone and at > EXCLUDED_S])
        live = {tolerance: live_counts(truth, update, tolerance) for tolerance in pooled}
        for tolerance, counts in live.items():
            pooled[tolerance] += counts
        records[name] = {
            **{f"live_{tolerance * 1000:.0f}ms": rates(counts) for tolerance, counts in live.items()},
            "confirmed": agreement(truth, standing, (0.05, 0.15)),
            "offline_neurokit2": agreement(truth, offline[offline > EXCLUDED_S], (0.05, 0.15)),
            **lags(update),
            "withdrawn": len(gone),
            "cpu_s_per_hour": round(cpu_s / ecg.size * 360 * 3600, 1),
        }
    return {"records": records, "pooled": {f"{k * 1000:.0f}ms": rates(v) for k, v in pooled.items()}}


def noise_stress(data: Path) -> dict[str, Any]:
    """Say of record 118 with noise at 24, 12, 6 and 0 dB whether what is given after 40 s is right."""
    records = {}
    for name in NOISE_STRESS:
        ecg, truth = noise_stress_record(data, name)
        update, _ = stream({"ecg": (360.0, "mV", ecg)})
        good = times_of([b for b in first_reported(update, NOISE_FROM_S) if b.quality >= 0.5])
        states = [s for s in update.states if s.t > NOISE_FROM_S]
        given = [(s.t, s.hr_bpm.value) for s in states if s.hr_bpm.value is not None]
        right = sum(abs(hr - median_rate(truth, t)) <= HR_RIGHT_BPM for t, hr in given)
        offline = offline_ecg(ecg, 360)
        noisy = truth[truth > NOISE_FROM_S]
        records[name] = {
            "live_50ms": rates(live_counts(noisy, update, 0.05, NOISE_FROM_S)),
            "good_beats": int(good.size),
            "ppv_of_quality_0.5": round(hits(noisy, good, 0.05) / good.size, 4) if good.size else None,
            "hr_given": round(len(given) / len(states), 3),
            "hr_right_where_given": round(right / max(1, len(given)), 3),
            "offline_neurokit2": agreement(noisy, offline[offline > NOISE_FROM_S], (0.05,)),
        }
    return records


def median_rate(truth: FloatArray, t: float) -> float:
    """Return the rate of the median interval of the last 30 s."""
    return float(60 / np.median(np.diff(truth)[(truth[1:] > t - 30) & (truth[1:] <= t)]))


def rest_8_min(data: Path) -> dict[str, Any]:
    """Compare the median heart rate of a rest with NeuroKit2's, with ECG, EDA and belt together."""
    table = pd.read_csv(data / "bio_resting_8min_100hz.csv")
    ecg, eda, rsp = (table[name].to_numpy(np.float64) for name in ("ECG", "EDA", "RSP"))
    update, cpu_s = stream(
        {"ecg": (100.0, "mV", ecg), "eda": (100.0, "uS", eda), "rsp": (100.0, "a.u.", rsp)}
    )
    rates = [s.hr_bpm.value for s in update.states if s.hr_bpm.value is not None]
    offline = nk.signal_rate(np.rint(offline_ecg(ecg, 100) * 100), sampling_rate=100, desired_length=ecg.size)
    return {
        "hr_median_bpm": round(float(np.median(rates)), 2),
        "offline_neurokit2_hr_median_bpm": round(float(np.median(offline)), 2),
        "seconds_with_hr": len(rates),
        "scrs": len(update.scrs),
        "cpu_s_per_hour": round(cpu_s / ecg.size * 100 * 3600, 1),
    }


def rest_5_min(data: Path) -> dict[str, Any]:
    """Compare beats of PPG and ECG of one person, the pulse's median delay taken away."""
    table = pd.read_csv(data / "bio_resting_5min_100hz.csv")
    ecg, _ = stream({"ecg": (100.0, "mV", table["ECG"].to_numpy(np.float64))})
    ppg, cpu_s = stream({"ppg": (100.0, "a.u.", table["PPG"].to_numpy(np.float64))})
    r_times, pulses = times_of(first_reported(ecg)), times_of(first_reported(ppg))
    following = np.searchsorted(pulses, r_times[:-2])
    delay_s = float(np.median(pulses[following] - r_times[:-2]))
    both = [
        (e.hr_bpm.value, p.hr_bpm.value)
        for e, p in zip(ecg.states, ppg.states, strict=True)
        if e.hr_bpm.value is not None and p.hr_bpm.value is not None
    ]
    means = np.mean(both, axis=0)
    expected = r_times + delay_s
    expected = expected[(expected > EXCLUDED_S) & (expected < pulses[-1] + 0.1)]
    return {
        "pulse_delay_s": round(delay_s, 3),
        "ppg_against_ecg_100ms": rates(live_counts(expected, ppg, 0.1)),
        "hr_mean_bpm": {"ecg": round(float(means[0]), 2), "ppg": round(float(means[1]), 2)},
        "seconds_with_both": len(both),
        **lags(ppg),
        "cpu_s_per_hour": round(cpu_s / len(table) * 100 * 3600, 1),
    }


def missed_floors(figures: dict[str, Any], floors: Floors) -> list[str]:
    """Return the floors that were missed, in words."""
    pooled, rest = figures["mit_bih"]["pooled"]["50ms"], figures["rest_8_min"]
    missed = [f"MIT-BIH {k} {pooled[k]} < {floor}" for k, floor in floors.mit.items() if pooled[k] < floor]
    noisiest = figures["mit_bih"]["records"]["105"]["live_50ms"]
    missed += [f"105 {k} {noisiest[k]} < {v}" for k, v in floors.noisiest.items() if noisiest[k] < v]
    ecgs = {f"MIT-BIH {name}": record for name, record in figures["mit_bih"]["records"].items()}
    for limits, records in ((ECG_LAGS_S, ecgs), (PPG_LAGS_S, {"PPG": figures["rest_5_min"]})):
        for name, record in records.items():
            missed += [f"{name} {k} {record[k]} > {v}" for k, v in limits.items() if record[k] > v]
    ppg = figures["rest_5_min"]["ppg_against_ecg_100ms"]
    missed += [f"PPG {k} {v} < {PPG_FLOOR}" for k, v in ppg.items() if v < PPG_FLOOR]
    means = figures["rest_5_min"]["hr_mean_bpm"]
    if abs(means["ecg"] - means["ppg"]) > PPG_HR_TOLERANCE_BPM:
        missed.append(f"PPG mean heart rate {means['ppg']} against {means['ecg']}")
    records = figures["noise_stress"].items()
    for (name, record), share in zip(records, HR_GIVEN, strict=True):
        ppv = record["ppv_of_quality_0.5"]
        if ppv is not None and ppv < floors.noise_ppv:
            missed.append(f"{name} PPV of good beats {ppv} < {floors.noise_ppv}")
        if record["hr_given"] and record["hr_right_where_given"] < HR_RIGHT:
            missed.append(f"{name} heart rate right {record['hr_right_where_given']} < {HR_RIGHT}")
        if record["hr_given"] < share:
            missed.append(f"{name} heart rate given {record['hr_given']} < {share}")
    difference = abs(rest["hr_median_bpm"] - rest["offline_neurokit2_hr_median_bpm"])
    if difference > HR_TOLERANCE_BPM:
        missed.append(f"median heart rate at rest is {difference:.2f} bpm off")
    return missed + missed_pulses(figures["camera"], figures["wrist"], floors.wrist_error_bpm)


def figures(data: Path) -> dict[str, Any]:
    """Measure everything."""
    return {
        "mit_bih": mit_bih(data / "mitbih"),
        "noise_stress": noise_stress(data / "nstdb"),
        "rest_8_min": rest_8_min(data / "neurokit"),
        "rest_5_min": rest_5_min(data / "neurokit"),
        "camera": camera(data / "welltory_ppg_rr"),
        "wrist": wrist(data / "stress_predict"),
    }


def goals_not_reached(figures: dict[str, Any]) -> list[str]:
    """Return the goals that are not reached yet, in words."""
    return missed_floors(figures, GOALS)


def missed(figures: dict[str, Any]) -> list[str]:
    """Return what was reached once and is lost, in words."""
    return missed_floors(figures, REACHED)
