"""The picture of a plan shows what there is to show, for every kind of protocol and listener."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from biofeedback.preview import draw_arc, fast_forward
from protocols.loading import load

TEMPO, BREATH = (0x2A, 0x6F, 0x97), (0xB0, 0x65, 0x3A)


def drawn(name, hr=72.0):
    picture = io.BytesIO()
    draw_arc(load(name), picture, hr_bpm=hr)
    picture.seek(0)
    return imread(picture)


def pixels(picture, colour):
    return int((np.abs(picture[..., :3] - np.array(colour) / 255).max(axis=-1) < 0.02).sum())


@pytest.mark.parametrize(
    ("name", "hr", "swells"),
    [
        ("isoprinciple-relaxation", 72.0, False),
        ("u-arc", None, False),
        ("pain-distraction", 72.0, False),
        ("resonance-breathing", 72.0, True),
    ],
)
def test_a_protocol_can_be_looked_at(name, hr, swells):
    picture = drawn(name, hr)
    assert picture.shape[1] > 1000
    assert pixels(picture, TEMPO) > 500  # the line of the tempo
    # Breathing has a panel of its own; the colour is also that of the diamonds where something is asked.
    assert (pixels(picture, BREATH) > 3000) == swells


def test_a_protocol_without_music_is_a_ribbon_of_its_phases():
    picture = drawn("silence-control")
    assert picture.shape[0] < 500 < picture.shape[1]
    assert pixels(picture, TEMPO) == 0


def test_what_cannot_be_drawn_is_told_in_words(tmp_path):
    path = tmp_path / "arc.svg"
    draw_arc(load("pain-distraction"), path, form="svg")
    svg = path.read_text("utf-8")
    for said in ("before ends at procedure-starts", "procedure: pain-nrs (end)", "procedure starts (begin)"):
        assert f"<!-- {said}" in svg or said in svg


def test_a_fast_forward_leaves_silence_out_and_keeps_the_tempi():
    trajectory = fast_forward(load("isoprinciple-relaxation"), 30, hr_bpm=72)
    assert trajectory.times[0] == 0
    assert trajectory.times[-1] < 30
    assert all(state.sounding for state in trajectory.states)
    assert trajectory.states[0].tempo_bpm == 72
