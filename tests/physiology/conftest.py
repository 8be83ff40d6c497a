"""Small generators of signals whose truth is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from physiology.pipeline import Physiology, PhysiologyUpdate, SignalConfig


def beat_times(duration_s, bpm=66.0, variability=0.03, seed=1):
    """R times from 0.5 s on; the RR interval swings with breathing and is a little noisy."""
    rng, times, t = np.random.default_rng(seed), [], 0.5
    while t < duration_s:
        times.append(t)
        swing = 1 + variability * np.sin(2 * np.pi * 0.2 * t) + 0.1 * variability * rng.standard_normal()
        t += 60 / bpm * swing
    return np.array(times)


def ecg(t, beats, noise=0.02, seed=2):
    """P, Q, R, S, T as Gaussians, R of 1 mV with its maximum at the beat, and baseline wander."""
    waves = (
        (-0.17, 0.12, 0.025),
        (-0.03, -0.1, 0.01),
        (0, 1.0, 0.012),
        (0.03, -0.2, 0.01),
        (0.27, 0.3, 0.05),
    )
    x = 0.1 * np.sin(2 * np.pi * 0.15 * t) + noise * np.random.default_rng(seed).standard_normal(t.size)
    for delay, height, width in waves:
        for beat in beats:
            a, b = np.searchsorted(t, (beat + delay - 5 * width, beat + delay + 5 * width))
            x[a:b] += height * np.exp(-0.5 * ((t[a:b] - beat - delay) / width) ** 2)
    return x


def ppg(t, beats, noise=0.01, seed=3):
    """A steep systolic and a lower diastolic wave, the systolic maximum near the beat."""
    x = 0.1 * np.sin(2 * np.pi * 0.1 * t) + noise * np.random.default_rng(seed).standard_normal(t.size)
    for beat in beats:
        since = t - beat + 0.15
        inside = (since > 0) & (since < 1.0)
        x[inside] += (since[inside] / 0.15) ** 2 * np.exp(2 * (1 - since[inside] / 0.15))
        x += 0.25 * np.exp(-0.5 * ((t - beat - 0.3) / 0.08) ** 2)
    return x


def eda(t, responses, *, level=5.0, slope=0.0, noise=0.002, seed=4):
    """A level in µS and responses (onset, amplitude) that peak 1.13 s after their onset."""
    x = level + slope * t + noise * np.random.default_rng(seed).standard_normal(t.size)
    for onset, amplitude in responses:
        since = np.clip(t - onset, 0, None)
        x += amplitude * (np.exp(-since / 2) - np.exp(-since / 0.7)) / 0.369
    return x


def seconds(duration_s, rate_hz):
    return np.arange(int(duration_s * rate_hz)) / rate_hz


def stream(data, *, steps=None, chunks=None, **options):
    """Pass ``{kind: (rate, unit, times, values)}`` through the pipeline and join the updates."""
    pipeline = Physiology([SignalConfig(k, rate, unit) for k, (rate, unit, _, _) in data.items()], **options)
    end = max(times[-1] for _, _, times, _ in data.values())
    steps = np.arange(1, int(end * 4) + 1) / 4 if steps is None else steps
    beats, scrs, states, fed = [], [], [], dict.fromkeys(data, 0)
    for t in steps:
        for kind, (_, _, times, values) in data.items():
            due = int(np.searchsorted(times, t, side="right"))
            for last in [*(c for c in (chunks or {}).get(kind, ()) if fed[kind] < c < due), due]:
                pipeline.push(kind, times[fed[kind] : last], values[fed[kind] : last])
                fed[kind] = last
        update = pipeline.step(float(t))
        beats += update.beats
        scrs += update.scrs
        states += update.states
    return PhysiologyUpdate(tuple(beats), tuple(scrs), tuple(states)), pipeline


@pytest.fixture(scope="session")
def synth():
    return SimpleNamespace(
        beat_times=beat_times, ecg=ecg, ppg=ppg, eda=eda, seconds=seconds, stream=stream, match=match
    )


def match(reference, estimate, tolerance_s=0.05):
    """Sensitivity and positive predictive value of a one-to-one matching in order of time."""
    hits, i, j = 0, 0, 0
    while i < len(reference) and j < len(estimate):
        difference = estimate[j] - reference[i]
        if abs(difference) <= tolerance_s:
            hits, i, j = hits + 1, i + 1, j + 1
        elif difference < 0:
            j += 1
        else:
            i += 1
    return hits / len(reference), hits / max(1, len(estimate))
