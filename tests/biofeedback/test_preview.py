"""The picture of a plan is drawn for every built-in protocol and every listener."""

import numpy as np
import pytest
from matplotlib.image import imread

from biofeedback.preview import draw_arc
from protocols import library, load


SOUNDING = [name for name in library() if load(name).arm != "silence"]


@pytest.mark.parametrize(("name", "hr"), [*((name, 72.0) for name in SOUNDING), ("u-arc", None)])
def test_a_protocol_can_be_looked_at(name, hr, tmp_path):
    path = tmp_path / "arc.png"
    draw_arc(load(name), path, hr_bpm=hr)
    picture = imread(path)
    assert picture.shape[1] > 1000
    blue = np.abs(picture[..., :3] - np.array([0x2A, 0x6F, 0x97]) / 255).max(axis=-1) < 0.02
    assert blue.sum() > 500  # the line of the tempo


def test_a_protocol_without_music_can_be_looked_at_too(tmp_path):
    data = load("u-arc").model_dump(by_alias=True, exclude_unset=True)
    data["phases"] = ({"kind": "silence", "name": "quiet", "duration_s": 30.0},)
    path = tmp_path / "arc.png"
    draw_arc(type(load("u-arc")).model_validate(data), path)
    assert imread(path).ndim == 3
