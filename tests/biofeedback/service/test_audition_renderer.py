"""Auditions: rendered by a process that never outlasts its use, and kept."""

import asyncio
import io
import time
from pathlib import Path

import httpx
import pytest
import soundfile
from fastapi import FastAPI

from biofeedback.errors import UsageError
from biofeedback.service.audition_renderer import AuditionRenderer
from biofeedback.service.command_queue import in_background
from biofeedback.service.routes.palettes import palettes_router

pytestmark = pytest.mark.realtime

PATIENCE_S = 600.0


def until(holds):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def begun(auditions, name):
    """Begin to render; return what will come of it, and the process."""
    before = auditions.pid
    sound = in_background(lambda: auditions.listen(name))
    until(lambda: auditions.pid not in {None, before})
    return sound, auditions.pid


def test_an_audition_is_rendered_once_and_its_progress_told():
    auditions = AuditionRenderer(PATIENCE_S)
    assert auditions.progress is None
    sound, _ = begun(auditions, "felt-piano")
    shares = []
    until(lambda: sound.done() or shares.append(auditions.progress))
    audio, rate = soundfile.read(io.BytesIO(sound.result()))
    assert (len(audio), rate) == (20 * 48_000, 48_000)
    told = [share for share in shares if share is not None]
    assert told == sorted(told)
    assert any(0 < share < 1 for share in told)
    assert auditions.progress is None
    auditions._process = None  # whatever needs a process now fails
    assert auditions.listen("felt-piano") == sound.result()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked up in /proc")
def test_a_newer_audition_takes_the_place_of_an_older_and_both_can_be_given_up():
    with AuditionRenderer(PATIENCE_S) as auditions:
        first, older = begun(auditions, "deep-drone")
        second, newer = begun(auditions, "rain")
        with pytest.raises(UsageError, match="cancelled"):
            first.result(PATIENCE_S)
        assert not Path(f"/proc/{older}").exists()
    with pytest.raises(UsageError, match="cancelled"):
        second.result(PATIENCE_S)
    assert not Path(f"/proc/{newer}").exists()
    assert auditions.progress is None


def test_an_audition_that_takes_too_long_is_given_up():
    with pytest.raises(UsageError, match=r"took longer than 0\.1 s"):
        AuditionRenderer(0.1).listen("sea")


def test_what_cannot_be_heard_is_said_in_one_line(tmp_path):
    auditions = AuditionRenderer(PATIENCE_S)
    for name, told in {
        "none": "'none' cannot be listened to; there are warm-pads, ",
        str(tmp_path / "mine.yaml"): "there is no such file",
    }.items():
        with pytest.raises(UsageError, match=told) as refused:
            auditions.listen(name)
        assert "\n" not in str(refused.value)
    assert auditions.progress is None


def test_auditions_over_http():
    app = FastAPI()
    app.include_router(palettes_router(AuditionRenderer(PATIENCE_S)))

    async def ask(method, path, **body):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x", timeout=PATIENCE_S) as http:
            return await http.request(method, path, **body)

    answer = asyncio.run(ask("POST", "/palettes/audition.flac", json={"name": "night"}))
    assert answer.headers["content-type"] == "audio/flac"
    assert soundfile.info(io.BytesIO(answer.content)).duration == 20.0
    assert asyncio.run(ask("GET", "/palettes/audition.flac/progress")).json() == {"share": None}
    assert asyncio.run(ask("DELETE", "/palettes/audition.flac")).status_code == 204
    assert asyncio.run(ask("POST", "/palettes/audition.flac", json={"name": ""})).status_code == 422
