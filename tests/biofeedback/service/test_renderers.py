"""Half a minute of a protocol: rendered by a process that never outlasts its use."""

import io
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest
import soundfile

from biofeedback.errors import UsageError
from biofeedback.service.command_queue import in_background
from biofeedback.service.renderers import PreviewRenderer
from protocols.errors import InvalidProtocolError
from protocols.loading import LIBRARY

pytestmark = pytest.mark.realtime

TEXT = (LIBRARY / "comfort-listening.yaml").read_text(encoding="utf-8")
SILENT = (LIBRARY / "silence-control.yaml").read_text(encoding="utf-8")
PATIENCE_S = 600.0


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def begun(previews: PreviewRenderer) -> tuple[Future[bytes], int]:
    """Begin to render; return what will come of it, and the process."""
    before = previews.pid
    sound = in_background(lambda: previews.listen(TEXT, 72.0))
    until(lambda: previews.pid not in {None, before})
    return sound, previews.pid


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked up in /proc")
def test_a_newer_text_takes_the_place_of_an_older_and_both_can_be_given_up() -> None:
    previews = PreviewRenderer(PATIENCE_S)
    assert previews.progress is None
    first, older = begun(previews)
    second, newer = begun(previews)
    with pytest.raises(UsageError, match="cancelled"):
        first.result(PATIENCE_S)
    assert gone(older)
    assert previews.progress is not None
    with previews:
        pass  # the engine leaves
    with pytest.raises(UsageError, match="cancelled"):
        second.result(PATIENCE_S)
    assert gone(newer)
    assert previews.progress is None


def test_half_a_minute_is_rendered_and_its_progress_told() -> None:
    previews = PreviewRenderer(PATIENCE_S)
    sound, _ = begun(previews)
    shares = []
    until(lambda: sound.done() or shares.append(previews.progress))
    audio, rate = soundfile.read(io.BytesIO(sound.result()))
    assert (len(audio), rate) == (30 * 48_000, 48_000)
    told = [share for share in shares if share is not None]
    assert told == sorted(told)
    assert any(0 < share < 1 for share in told)


def test_what_cannot_be_heard_is_said_in_one_line() -> None:
    with pytest.raises(InvalidProtocolError):
        PreviewRenderer(PATIENCE_S).listen("id: x", 72.0)
    with pytest.raises(UsageError, match="plans no music") as refused:
        PreviewRenderer(PATIENCE_S).listen(SILENT, 72.0)
    assert "\n" not in str(refused.value)
