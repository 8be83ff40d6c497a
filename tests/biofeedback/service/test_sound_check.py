"""The sound check as it is stepped: it waits for the sound, plays its ten seconds, and fails in words."""

import pylsl
import pytest

from biofeedback.service.preparation import SoundCheckRun
from generator.live.devices import PACED, BackEnd
from generator.state import Piece

pytestmark = pytest.mark.realtime


def stepped_to_its_end(sound: SoundCheckRun) -> list[float]:
    sound.begin(None)
    progress = []
    deadline = pylsl.local_clock() + 120
    while sound.playing:
        now = pylsl.local_clock()
        assert now < deadline, "it did not end"
        sound.step(now)
        progress.append(sound.progress)
    return progress


def test_silenced_at_once_it_ends_by_itself() -> None:
    sound = SoundCheckRun(Piece(), PACED, -3.0)
    sound.begin(None)
    while sound.progress == 0:
        sound.step(pylsl.local_clock())
    sound.stop()
    while sound.playing:
        sound.step(pylsl.local_clock())
    sound.close().result(30)
    assert (sound.progress, sound.fault) == (1.0, "")


def test_an_output_that_does_not_open_is_told_in_words() -> None:
    nowhere = BackEnd(kind="portaudio", name="nowhere", latency=PACED.latency, device=9999)
    sound = SoundCheckRun(Piece(), nowhere, 0.0)
    assert stepped_to_its_end(sound)[-1] == pytest.approx(0.0)
    assert sound.fault.startswith("The sound check could not be played: ")
    sound.close().result(30)
