"""Heart rate and RMSSD: what they are, and when they are withheld."""

import numpy as np
import pytest

from physiology.state import Beat
from physiology.variability import Intervals


def beats_of(rr_ms, *, quality=1.0, corrected=()):
    times = np.cumsum([0.0, *rr_ms]) / 1000
    return [
        Beat(
            beat_id=i,
            r_time_s=float(times[i]),
            rr_ms=float(rr_ms[i - 1]) if i else np.nan,
            quality=quality,
            corrected=i in corrected,
            known_at_s=float(times[i]) + 0.5,
        )
        for i in range(len(times))
    ]


def heart_rate(beats, now):
    return Intervals(beats, now).heart_rate()


def rmssd(beats, now):
    return Intervals(beats, now).rmssd()


def test_heart_rate_is_60000_over_the_mean_interval_of_30_s():
    feature = heart_rate(beats_of([900, 1100] * 20), 40.5)
    assert feature.value == pytest.approx(60.0)
    assert feature.age_s == pytest.approx(0.5)
    assert (feature.quality, feature.usable_share) == (1.0, 1.0)


def test_heart_rate_needs_10_s():
    assert heart_rate(beats_of([1000] * 9), 9.5).value is None
    assert heart_rate(beats_of([1000] * 10), 10.5).value == pytest.approx(60.0)


def test_heart_rate_ends_5_s_after_the_last_beat():
    beats = beats_of([1000] * 20)
    assert heart_rate(beats, 25.0).value is not None
    assert heart_rate(beats, 25.1).value is None


def test_heart_rate_ends_where_most_beats_of_the_last_5_s_are_doubtful():
    beats = beats_of([1000] * 25)
    assert heart_rate(beats, 25.4).value is not None
    assert heart_rate(beats_of([1000] * 25, corrected={22, 23, 24}), 25.4).value is None


def test_heart_rate_leaves_out_corrected_intervals_and_is_withheld_above_20_percent():
    rr = [1000] * 30
    rr[5] = 300
    assert heart_rate(beats_of(rr, corrected={6}), 30.0).value == pytest.approx(60.0)
    assert heart_rate(beats_of(rr, corrected=set(range(6, 12))), 29.9).value is not None
    assert heart_rate(beats_of(rr, corrected=set(range(6, 14))), 29.9).value is None


def test_rmssd_golden():
    # Successive differences alternate between +40 and −40 ms.
    assert rmssd(beats_of([980, 1020] * 25), 50.0).value == pytest.approx(40.0)


def test_rmssd_needs_30_s_and_at_most_10_percent_corrected():
    rr = [980, 1020] * 30
    assert rmssd(beats_of(rr[:29]), 29.0).value is None
    assert rmssd(beats_of(rr, corrected={5, 9, 13, 17, 21}), 59.9).value is not None
    assert rmssd(beats_of(rr, corrected=set(range(5, 13))), 59.9).value is None


def test_rmssd_takes_no_difference_across_a_corrected_interval():
    rr = [1000] * 60
    rr[20] = 1900
    assert rmssd(beats_of(rr, corrected={21}), 60.0).value == pytest.approx(0.0, abs=1e-9)


def test_doubtful_beats_count_as_corrected():
    assert heart_rate(beats_of([1000] * 30, quality=0.1), 30.0).value is None


def test_intervals_delivered_by_the_sensor_are_beats(synth):
    rr = np.tile([950.0, 1050.0], 40)
    update, _ = synth.stream({"rr": (0, "ms", np.cumsum(rr) / 1000, rr)})
    assert [b.rr_ms for b in update.beats] == list(rr[: len(update.beats)])
    assert [b.known_at_s for b in update.beats] == [b.r_time_s for b in update.beats]
    last = update.states[-1]
    assert last.hr_bpm.value == pytest.approx(60, abs=0.5)
    assert last.rmssd_ms.value == pytest.approx(100)


def test_rmssd_does_not_take_neighbours_across_lost_intervals(synth):
    rr = np.full(80, 1000.0)
    rr[40:] = 900.0
    times = np.cumsum(rr) / 1000
    times[40:] += 3.0  # three seconds of packets were lost where the rate changed
    update, _ = synth.stream({"rr": (0, "ms", times, rr)})
    assert update.states[-1].rmssd_ms.value == pytest.approx(0.0, abs=1e-9)


def test_a_heart_rate_stream_gives_heart_rate_only(synth):
    t = np.arange(1.0, 40.0)
    update, _ = synth.stream({"hr": (1, "bpm", t, np.where(t == 20, 0.0, 72.0))})
    last = update.states[-1]
    assert last.hr_bpm.value == 72.0
    assert last.rmssd_ms.value is None
    assert update.beats == ()


def test_a_heart_rate_stream_that_stops_is_withheld_within_5_s(synth):
    t = np.arange(1.0, 31.0)
    update, pipeline = synth.stream({"hr": (1, "bpm", t, np.full(30, 72.0))}, steps=np.arange(1.0, 38.0))
    assert max(s.t for s in update.states if s.hr_bpm.value is not None) == 35.0
    assert pipeline.reasons() == {"hr": "no valid heart rate for 5 s"}


def test_sdnn_and_pnn50_golden():
    beats = beats_of([980, 1040] * 30)
    intervals = Intervals(beats, 60.9)
    assert intervals.sdnn().value == pytest.approx(np.std([980, 1040] * 30, ddof=1), rel=0.01)
    assert intervals.pnn50().value == 100.0
    assert Intervals(beats_of([980, 1020] * 30), 60.0).pnn50().value == 0.0


def test_sdnn_and_pnn50_need_a_minute_and_at_most_10_percent_corrected():
    short = Intervals(beats_of([980, 1040] * 25), 50.6)
    assert (short.sdnn().value, short.pnn50().value) == (None, None)
    assert short.rmssd().value is not None
    bad = Intervals(beats_of([980, 1040] * 30, corrected=set(range(5, 12))), 60.0)
    assert (bad.sdnn().value, bad.pnn50().value) == (None, None)


def test_the_fast_heart_rate_follows_within_10_s():
    intervals = Intervals(beats_of([1000] * 30 + [800] * 13), 40.5)
    assert intervals.fast_heart_rate().value == pytest.approx(75.0)
    assert intervals.heart_rate().value < 70
    assert Intervals(beats_of([1000] * 7), 7.5).fast_heart_rate().value is None


def test_readings_say_how_much_of_their_window_is_usable_and_corrected():
    reading = heart_rate(beats_of([1000] * 60, corrected={58, 59, 60}), 60.0)
    assert (reading.window_s, reading.corrected_share) == (30.0, pytest.approx(0.1))
    assert reading.usable_share == pytest.approx(27 / 29)


def test_withheld_readings_still_say_what_there_was():
    reading = rmssd(beats_of([1000] * 60, corrected=set(range(40, 60))), 60.0)
    assert (reading.value, reading.quality) == (None, 0.0)
    assert reading.corrected_share == pytest.approx(1 / 3, abs=0.02)
    assert 0.6 < reading.usable_share < 0.75
    assert heart_rate([], 10.0).window_s == 30.0


def test_absurd_intervals_are_no_beats(synth):
    rr = np.full(40, 1000.0)
    rr[[10, 20, 30]] = 0.0, 65535.0, -3.0
    update, _ = synth.stream({"rr": (0, "ms", np.arange(1.0, 41.0), rr)})
    assert [b.rr_ms for b in update.beats] == [1000.0] * 37


def test_a_series_of_intervals_that_falls_silent_ends_every_heart_feature_within_5_s(synth):
    rr = np.tile([950.0, 1050.0], 40)
    update, pipeline = synth.stream({"rr": (0, "ms", np.cumsum(rr) / 1000, rr)}, steps=np.arange(1.0, 100.0))
    for name in ("hr_bpm", "hr_10s_bpm", "rmssd_ms", "sdnn_ms", "pnn50"):
        assert 79 <= max(s.t for s in update.states if getattr(s, name).value is not None) <= 85
    assert pipeline.reasons() == {"rr": "no beats for 3 s"}
    assert update.states[-1].signals["rr"].since_s == 84.0
