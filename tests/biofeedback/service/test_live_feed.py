"""What a live screen is shown: thinned without losing a peak, and never more than it can take."""

import asyncio
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.streams import Chunk, Kind, StreamInfo
from biofeedback.service.live_feed import MOST_WATCHERS, QUEUE, Broadcaster, Decimator, LiveFrameBuilder
from physiology.state import Beat, BeatAction


def stream(rate_hz: float, kind: Kind = Kind.ECG) -> StreamInfo:
    return StreamInfo(
        stream_id="s", name=kind.value, kind=kind, unit="mV", rate_hz=rate_hz, labels=(kind.value,)
    )


def chunk(info: StreamInfo, times: np.ndarray, values: np.ndarray) -> Chunk:
    return Chunk(info, times, values.reshape(-1, 1))


@pytest.mark.parametrize("rate_hz", [25, 125, 130, 250, 500, 1000, 2048])
def test_every_second_holds_at_most_125_values_and_both_extremes(rate_hz: int) -> None:
    info = stream(rate_hz)
    values = np.random.default_rng(3).normal(size=8 * rate_hz)
    values[5 * rate_hz + 7] = 99.0
    values[6 * rate_hz + 1] = -99.0
    decimator = Decimator(info)
    decimator.take(chunk(info, np.arange(values.size) / rate_hz, values))
    times, shown = decimator.give()
    assert shown.size <= 8 * min(rate_hz, 125)
    assert {99.0, -99.0} <= set(shown)
    assert (np.diff(times) > 0).all()
    assert np.allclose(np.diff(times), np.diff(times).mean(), rtol=0.2)


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(1, 400), max_size=30), rate_hz=st.sampled_from([100, 250, 500]))
def test_what_is_shown_does_not_depend_on_how_it_came(cuts: list[int], rate_hz: int) -> None:
    info = stream(rate_hz)
    values = np.sin(np.arange(2000) / 9)
    whole, parts = Decimator(info), Decimator(info)
    whole.take(chunk(info, np.arange(2000) / rate_hz, values))
    shown = []
    for part in np.split(np.arange(2000), np.clip(np.cumsum(cuts), 0, 2000)):
        parts.take(chunk(info, part / rate_hz, values[part]))
        shown.append(parts.give()[1])
    assert np.array_equal(np.concatenate(shown), whole.give()[1])


def test_what_is_missing_is_shown_as_missing() -> None:
    builder = LiveFrameBuilder([stream(25)])
    builder.raw(chunk(stream(25), np.array([1.0, 1.04, 1.08]), np.array([0.5, np.nan, 0.25])))
    assert builder.frame()["signals"] == {"ecg": {"t0_s": 1.0, "dt_s": 0.04, "values": [0.5, None, 0.25]}}
    assert builder.frame() == {"signals": {}, "beats": []}


@pytest.mark.parametrize("rate_hz", [25, 125, 250, 500])
@pytest.mark.parametrize("before", [20, 21, 23])
@pytest.mark.parametrize("at_once", [True, False], ids=["one chunk", "two chunks"])
def test_nothing_is_drawn_into_a_gap(rate_hz: int, before: int, at_once: bool) -> None:
    info = stream(rate_hz)
    builder = LiveFrameBuilder([info])
    times = np.concatenate((np.arange(before) / rate_hz, 30.0 + np.arange(40) / rate_hz))
    for part in [times] if at_once else np.split(times, [before]):
        builder.raw(chunk(info, part, np.ones(part.size)))
    shown = builder.frame()["signals"]["ecg"]
    assert shown["dt_s"] == 1 / rate_hz
    at, values = np.array(shown["times_s"]), shown["values"]
    assert (np.diff(at) > 0).all()
    gap = int(np.argmax(np.diff(at)))
    assert values[gap] is None
    assert at[gap] < 2.0
    assert at[gap + 1] == 30.0
    assert None not in values[gap + 1 :]
    builder.raw(chunk(info, 30.0 + np.arange(40, 80) / rate_hz, np.ones(40)))
    assert "t0_s" in builder.frame()["signals"]["ecg"]


def test_intervals_tell_each_time_and_beats_only_what_is_new() -> None:
    info = stream(0, Kind.RR)
    builder = LiveFrameBuilder([info])
    builder.raw(chunk(info, np.array([2.0, 2.8]), np.array([800.0, 790.0])))
    builder.beats(
        [
            Beat(
                beat_id=1,
                r_time_s=2.0,
                rr_ms=float("nan"),
                quality=1.0,
                corrected=False,
                known_at_s=2.1,
                action=action,
            )
            for action in (BeatAction.NEW, BeatAction.MOVED)
        ]
    )
    frame = builder.frame()
    assert frame["signals"]["rr"] == {"times_s": [2.0, 2.8], "values": [800.0, 790.0]}
    assert frame["beats"] == [{"r_time_s": 2.0, "rr_ms": None, "quality": 1.0}]
    assert builder.silent_s("s", 3.0) == pytest.approx(0.2)


def test_a_slow_watcher_loses_the_oldest_frames_and_no_other_does() -> None:
    async def story() -> tuple[list[int], list[int]]:
        broadcaster = Broadcaster()
        watchers = broadcaster.join(), broadcaster.join()
        quick, slow = (watcher.frames() for watcher in watchers)
        seen = []
        for number in range(QUEUE + 40):
            broadcaster.publish({"t": number})
            seen.append(json.loads(await anext(quick))["t"])
        late = [json.loads(await anext(slow))["t"] for _ in range(QUEUE)]
        broadcaster.leave(watchers[0])
        assert broadcaster.watching == 1
        return seen, late

    seen, late = asyncio.run(story())
    assert seen == list(range(QUEUE + 40))
    assert late == list(range(40, QUEUE + 40))


def test_there_are_only_so_many_watchers() -> None:
    async def joined() -> list[bool]:
        broadcaster = Broadcaster()
        return [broadcaster.join() is not None for _ in range(MOST_WATCHERS + 1)]

    assert asyncio.run(joined()) == [True] * MOST_WATCHERS + [False]


def test_nobody_watching_costs_nothing_and_fails_nowhere() -> None:
    Broadcaster().publish({"t": object()})
