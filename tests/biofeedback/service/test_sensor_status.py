"""One light for each sensor, always with a word, and a remedy wherever it is not good."""

import math

import pytest

from acquisition.streams import Condition, Kind, Status, StreamInfo, StreamReason, StreamReasonCode
from biofeedback.service.sensor_status import status_of_sensor
from physiology.fault_reasons import FaultKind, FaultReason
from physiology.state import SignalQuality

ECG = StreamInfo(stream_id="e", name="ecg", kind=Kind.ECG, unit="mV", rate_hz=250.0, labels=("ecg",))
MARKERS = StreamInfo(stream_id="m", name="markers", kind=Kind.MARKERS, unit="", rate_hz=0.0, labels=("m",))


LOST = StreamReason(StreamReasonCode.PORT_LOST, {"device": "COM3"})
RESUMED = StreamReason(StreamReasonCode.RESUMED, {"seconds": 3.0})


def status(condition: Condition, reason: StreamReason | None = None) -> Status:
    return Status(stream_id="e", condition=condition, reason=reason, since_s=math.nan)


@pytest.mark.parametrize(
    ("state", "signal", "silent_s", "light", "words", "remedy"),
    [
        (None, SignalQuality(1.0), 0.0, "good", "good", ""),
        (None, None, None, "unknown", "no samples yet", "Wait"),
        (None, SignalQuality(1.0), 7.0, "lost", "no samples for 7 s", "plug"),
        (status(Condition.LOST, LOST), SignalQuality(1.0), 0.0, "lost", "COM3 was lost", "plug"),
        (status(Condition.RECOVERING, RESUMED), SignalQuality(1.0), 0.0, "doubtful", "again", "sits"),
        (None, SignalQuality(0.0, FaultReason(FaultKind.LEAD_OFF)), 0.0, "lost", "lead off", "electrodes"),
        (
            None,
            SignalQuality(0.0, FaultReason(FaultKind.MOVEMENT)),
            0.0,
            "doubtful",
            "movement",
            "keep still",
        ),
        (None, SignalQuality(0.0, FaultReason(FaultKind.WARMING_UP)), 0.0, "unknown", "warming up", "Wait"),
        (None, SignalQuality(0.5, FaultReason(FaultKind.STANDBY, in_use="rr")), 0.0, "good", "good", ""),
        (None, SignalQuality(0.0, FaultReason(FaultKind.SATURATED)), 0.0, "doubtful", "saturated", "gain"),
    ],
    ids=[
        "good",
        "nothing",
        "silent",
        "unplugged",
        "back",
        "lead-off",
        "movement",
        "warming-up",
        "beside",
        "saturated",
    ],
)
def test_a_light_says_how_the_sensor_is_and_what_to_do(
    *, state, signal, silent_s, light, words, remedy
) -> None:
    shown = status_of_sensor(ECG, status=state, signal=signal, silent_s=silent_s)
    assert shown.light == light
    assert words in shown.words
    assert remedy in shown.remedy
    assert bool(shown.remedy) is (light != "good")


def test_a_stream_of_marks_need_not_say_anything() -> None:
    assert status_of_sensor(MARKERS, status=None, signal=None, silent_s=None).light == "good"
