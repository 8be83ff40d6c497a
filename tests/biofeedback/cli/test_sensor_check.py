"""The line that shows what a sensor delivers."""

import numpy as np

from acquisition.files.recordings import RecordingSource
from acquisition.simulated.listener import VirtualListener
from acquisition.streams import Kind, StreamInfo
from biofeedback.cli.sources import SensorCheck
from biofeedback.intake import OpenSources, SignalIntake


def line_after(source, seconds, t0=0.0):
    check = SensorCheck(SignalIntake(OpenSources([source])))
    source.begin(t0)
    for t in np.arange(t0, t0 + seconds + 0.01, 0.05):
        check.step(t)
    return check.line()


def test_rate_range_and_quality_of_each_signal():
    line = line_after(VirtualListener("responder", seed=1), 30.0, t0=5000.0)
    ecg, eda, rsp = line.split("  |  ")
    assert ecg.startswith("ecg 250 Hz, -0.")
    assert " mV, 0 % missing, quality 0.9" in ecg or " mV, 0 % missing, quality 1.0" in ecg
    assert eda.startswith("eda 32 Hz, ")
    assert " uS, 0 % missing, quality " in eda
    assert rsp.startswith("rsp 25 Hz, ")


def test_what_is_missing_is_said():
    stream = StreamInfo(stream_id="x", name="eda", kind=Kind.EDA, unit="uS", rate_hz=10.0, labels=("x",))
    values = np.where(np.arange(100) % 4 == 0, np.nan, 5.0)
    line = line_after(RecordingSource(stream, np.arange(100) / 10.0, values), 8.0)
    assert line.startswith("eda 10 Hz, 5 to 5 uS, 2")
    assert "% missing" in line


def test_a_silent_sensor_has_no_samples():
    stream = StreamInfo(stream_id="x", name="eda", kind=Kind.EDA, unit="uS", rate_hz=10.0, labels=("x",))
    source = RecordingSource(stream, np.array([100.0, 101.0]), np.array([1.0, 2.0]))
    assert line_after(source, 2.0).startswith("eda no samples, quality")
