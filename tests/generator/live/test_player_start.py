"""How long the player waits for its process: without a message for half a minute, with messages for ever."""

import time
from types import SimpleNamespace

import pytest

from generator.errors import SoundError
from generator.live import player
from generator.live.devices import PACED
from generator.live.player import START_TIMEOUT_S, LivePlayer
from generator.live.process_pipe import AudioProcessHandle, KeepAlive, PlaybackStarted
from generator.state import Piece

STARTED = [PlaybackStarted(began_s=0.0, latency_frames=0)]


@pytest.fixture
def process_that_sends(monkeypatch):
    """Returns a function that has processes send such messages, one list in each 0.8 of the time to wait."""

    def set_up(messages):
        clock, messages = [0.0], iter(messages)

        def receive(timeout_s=0.0):
            clock[0] += 0.8 * START_TIMEOUT_S
            return next(messages)

        pipe = SimpleNamespace(send=lambda _: None, receive=receive, closed=False)
        process = SimpleNamespace(pipe=pipe, alive=True, pid=1, close=lambda _: None)
        monkeypatch.setattr(AudioProcessHandle, "spawn", lambda _: process)
        monkeypatch.setattr(player, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        return LivePlayer(Piece(), back_end=PACED, clock=time.monotonic)

    return set_up


def test_a_process_that_renders_samples_may_take_as_long_as_it_needs(process_that_sends):
    with process_that_sends([[KeepAlive()]] * 20 + [STARTED]) as live:
        assert live.began_s == pytest.approx(0.0)


def test_a_process_that_sends_nothing_is_given_up(process_that_sends):
    live = process_that_sends([[], [], STARTED])
    with pytest.raises(SoundError, match="not ready within 30 s"):
        live.open()
