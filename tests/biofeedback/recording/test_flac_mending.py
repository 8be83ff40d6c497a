"""FLAC files cut off at any byte open again, with every whole frame."""

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofeedback.recording.flac import mend

FRAME = 4096
"""Samples in a frame as libsndfile writes it."""


@pytest.fixture(scope="module")
def flac(tmp_path_factory):
    """A second of sound, the bytes of its file before it was closed, and after."""
    path = tmp_path_factory.mktemp("flac") / "a.flac"
    sound = np.cumsum(np.random.default_rng(0).normal(0, 1e-3, (48_000, 2)), axis=0).astype(np.float32)
    with soundfile.SoundFile(path, "w", 48_000, channels=2, subtype="PCM_24") as file:
        file.write(sound)
        before = path.read_bytes()
    return sound, before, path.read_bytes()


def read(data, tmp_path):
    (tmp_path / "mended.flac").write_bytes(data)
    return soundfile.read(tmp_path / "mended.flac", dtype="float32")[0]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_at_any_byte_every_whole_frame_is_there(flac, tmp_path, data):
    sound, before, _ = flac
    cut = before[: data.draw(st.integers(0, len(before)))]
    mended = mend(cut)
    if mended is None:
        assert len(cut) < 20_000  # not even one frame
        return
    assert len(mended.data) + len(mended.rest) == len(cut)
    got = read(mended.data, tmp_path)
    assert len(got) == mended.samples
    np.testing.assert_allclose(got, sound[: len(got)], atol=2**-22)
    assert len(mended.rest) < 2 * len(before) * FRAME / len(sound)


def test_a_closed_file_stays_as_it_is(flac):
    sound, _, after = flac
    mended = mend(after)
    assert (mended.data, mended.rest, mended.samples) == (after, b"", len(sound))


@pytest.mark.parametrize("data", [b"", b"fLaC", b"RIFF" * 20], ids=["empty", "magic", "wave"])
def test_what_holds_no_sound_is_none(data):
    assert mend(data) is None
