"""The instruments of a session are rendered before its sensors are opened, while the engine answers."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from biofeedback.service.command_queue import in_background
from biofeedback.service.renderers import InstrumentRenderer
from generator.errors import SoundError
from generator.state import Piece
from generator.synthesis.palettes import instruments_of
from generator.synthesis.sample_cache import CACHE_VARIABLE, TAG_NAME, missing, samples_folder
from tests.biofeedback.service.conftest import Launched

pytestmark = pytest.mark.realtime

PALETTE = Piece().palette
PATIENCE_S = 300.0


@pytest.fixture
def incomplete(samples: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """A cache of our own that lacks one of the palette's instruments; returns its name in a tuple."""
    whole = samples_folder()
    lacking = instruments_of(PALETTE)[-1:]
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    folder = samples_folder()
    folder.mkdir(parents=True)
    for file in whole.iterdir():
        if file.stem not in lacking and file.name != TAG_NAME:
            (folder / file.name).symlink_to(file)
    assert missing(instruments_of(PALETTE), verify=True) == lacking
    return lacking


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.01)


def test_what_the_cache_lacks_is_rendered_with_a_progress_that_rises(incomplete: tuple[str, ...]) -> None:
    renderer = InstrumentRenderer()
    work = in_background(lambda: renderer.render(PALETTE))
    shares = []
    while not work.done():
        if (share := renderer.progress) is not None:
            shares.append(share)
        time.sleep(0.01)
    work.result()
    assert shares == sorted(shares)
    assert len(set(shares)) > 5
    assert (renderer.progress, renderer.not_kept) == (None, "")
    assert missing(instruments_of(PALETTE), verify=True) == ()


def test_it_can_be_given_up_and_leaves_nothing_that_is_taken_for_whole(incomplete: tuple[str, ...]) -> None:
    renderer = InstrumentRenderer()
    work = in_background(lambda: renderer.render(PALETTE))
    until(lambda: renderer.progress)
    renderer.cancel()
    with pytest.raises(SoundError, match="cancelled"):
        work.result(PATIENCE_S)
    assert renderer.progress is None
    assert missing(instruments_of(PALETTE), verify=True) == incomplete


def test_where_nothing_can_be_kept_it_says_so_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    renderer = InstrumentRenderer()
    renderer.render(PALETTE)
    assert "cannot be kept in" in renderer.not_kept
    assert renderer.progress is None


def test_the_engine_shows_how_far_the_instruments_are_and_answers_meanwhile(
    launch: Callable[[Path], Launched], tmp_path: Path, incomplete: tuple[str, ...]
) -> None:
    engine = launch(tmp_path / "data")
    client = engine.client
    assert client.command("prepare", **engine.prepare_short).accepted
    engine.until(lambda state: state.engine.samples.share)
    began_s = time.monotonic()
    assert not client.command("start", cautions_confirmed=True).accepted
    client.command("emergency stop")
    state = client.state()
    answered_s = time.monotonic() - began_s
    assert state.engine.stage == "preparing"
    assert state.engine.samples.share is not None, f"the rendering ended within {answered_s:g} s"

    assert client.command("close").accepted
    engine.until(lambda state: state.engine.stage == "idle" and state.engine.samples.share is None)
    assert missing(instruments_of(PALETTE), verify=True) == incomplete

    assert client.command("prepare", **engine.prepare_short).accepted
    state = client.wait_for("prepared", timeout_s=PATIENCE_S)
    assert (state.engine.samples.share, state.engine.samples.not_kept) == (None, "")
    assert missing(instruments_of(PALETTE), verify=True) == ()


def test_the_engine_says_that_samples_cannot_be_kept(
    launch: Callable[[Path], Launched], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    engine = launch(tmp_path / "data")
    assert engine.client.command("prepare", **engine.prepare_short).accepted
    state = engine.client.wait_for("prepared", timeout_s=PATIENCE_S)
    assert "cannot be kept in" in state.engine.samples.not_kept
