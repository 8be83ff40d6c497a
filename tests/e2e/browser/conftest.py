"""A dashboard with its engine, and Chromium to look at it: the real things, started once for all."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pyxdf

from biofeedback.client import EngineClient, connect

PATIENCE_S = 300.0
SETTLES_S = 30.0
MOST_STEPS = 200
WIDTH, HEIGHT = 1280, 800
CHECKS = Path(__file__).with_name("checks.js")
LOOKS_ROUND = r"/(clients|protocols|sessions)/_stcore/"
"""Where Streamlit asks first on a page with a path, in vain, and then at the root."""

ASKS_AGAIN = r"status of 503 .*/engine/commands"
"""What a browser writes of an engine too busy to answer; the page gives the command again with its key.

That the command was carried out, and once, is for each test to see.
"""

WITHIN = ("data:", "blob:", "about:")
"""Addresses that no request leaves the browser for."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark all tests of this folder."""
    item.add_marker("browser")


@dataclass
class RunningDashboard:
    """A dashboard in a process of its own, and the engine that it started."""

    data: Path
    process: subprocess.Popen[str]
    address: str
    browser: Any
    clients: list[EngineClient] = field(default_factory=list)

    @classmethod
    def open(cls, data: Path, browser: Any) -> "RunningDashboard":
        command = [sys.executable, "-m", "biofeedback", "dashboard", "--port", "0", "--no-browser"]
        with (data / "dashboard.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--data", str(data)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "BIOFEEDBACK_SETTINGS": str(data / "settings")},
            )
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, f"{line} {(data / 'dashboard.log').read_text()}"
        return cls(data, process, found[0], browser)

    @property
    def browser_path(self) -> str | None:
        return chromium_path()

    @property
    def engine(self) -> EngineClient:
        client = connect(self.data)
        assert client is not None
        self.clients.append(client)
        return client

    @property
    def engine_pid(self) -> int:
        return json.loads((self.data / "engine.json").read_text())["pid"]

    @contextmanager
    def window(self, path: str = "", *, troubles: str = f"{LOOKS_ROUND}|{ASKS_AGAIN}") -> Iterator[Any]:
        """Open a window in a browser that remembers nothing of any other.

        It may ask nothing of another host, and no script may fail in it; `troubles` is what the browser may
        complain of nevertheless (a regular expression).
        """
        context = self.browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.set_default_timeout(PATIENCE_S * 1000)
        context.add_init_script(path=CHECKS)
        wrong: list[str] = []
        asked: list[str] = []
        context.on("console", lambda said: wrong.append(_words(said)) if said.type == "error" else None)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.goto(self.address.replace("/?", f"/{path}?"))
        try:
            yield page
        except Exception as error:
            error.add_note(f"{page.url} shows: {page.locator('body').inner_text()}; complaints: {wrong}")
            raise
        finally:
            context.close()
        assert [text for text in wrong if not re.search(troubles, text)] == []
        assert {urlsplit(url).hostname for url in asked if not url.startswith(WITHIN)} == {"127.0.0.1"}

    @staticmethod
    def screen(window: Any) -> Any:
        """Return the live screen within a page, to look for what is in it."""
        return window.frame_locator("iframe[src*='live.html']")

    @staticmethod
    def frame(window: Any) -> Any:
        """Return the live screen within a page, to ask its script."""
        return next(frame for frame in window.frames if "live.html" in frame.url)

    @staticmethod
    def inspect(window: Any, *, stop: bool = False) -> None:
        """See to it that all words can be read, nothing is wider than the page, and STOP is within view.

        A text may be faint while a page is drawn anew: Streamlit fades what is out of date.
        """
        for frame in window.frames:
            end = time.monotonic() + SETTLES_S
            while (faint := frame.evaluate("checks.faint()")) and time.monotonic() < end:
                time.sleep(0.1)
            assert faint == [], frame.url
            assert frame.evaluate("checks.overflow()") <= 0, frame.url
        if stop:
            button = RunningDashboard.screen(window).locator("#stop")
            button.click(trial=True)  # nothing lies over it
            box = button.bounding_box()
            assert 0 <= box["x"] <= WIDTH - box["width"]
            assert 0 <= box["y"] <= HEIGHT - box["height"]

    @staticmethod
    def walk(window: Any) -> list[str]:
        """Go through a page by Tab alone, from its top, and return what has had the focus.

        Whatever can be clicked must have had it, and must have shown it.
        """
        window.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
        for frame in reversed(window.frames):
            frame.evaluate("checks.afresh()")
        way: list[str] = []
        for _ in range(MOST_STEPS):
            window.keyboard.press("Tab")
            step = window.evaluate("checks.step()")
            if step["at"] is None or step["again"]:
                break
            way.append(step["at"])
        for frame in window.frames:
            assert frame.evaluate("checks.unreached()") == [], (frame.url, way)
            assert frame.evaluate("checks.unmarked()") == [], frame.url
        return way

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, f"waited in vain: {what}"
            time.sleep(0.05)

    def directory(self) -> Path:
        """Return where the session of now is recorded."""
        return self.data / "sessions" / self.engine.state().session.recording.session_id

    def commands(self, directory: Path) -> list[dict[str, Any]]:
        """Return the commands of a recording."""
        return [json.loads(text) for text in self.texts(directory, "commands")]

    def texts(self, directory: Path, stream: str) -> list[str]:
        """Return the texts of a stream of a recording."""
        streams, _ = pyxdf.load_xdf(
            str(directory / "session.xdf"), dejitter_timestamps=False, synchronize_clocks=False
        )
        return [
            row[0] for each in streams if each["info"]["name"][0] == stream for row in each["time_series"]
        ]

    def close(self) -> None:
        """End the pages, and kill the engine so that no test waits for a fade."""
        self.process.terminate()  # a shell's background processes ignore SIGINT
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        if (client := connect(self.data)) is not None:
            os.kill(self.engine_pid, signal.SIGKILL)
            client.close()
        for client in self.clients:
            client.close()


def _words(said: Any) -> str:
    return f"{said.text} {said.location.get('url', '')}"


def chromium_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    found = chromium_path()
    if found is None:
        pytest.skip("there is no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def dashboard(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDashboard]:
    opened = RunningDashboard.open(tmp_path_factory.mktemp("data"), browser)
    yield opened
    opened.close()


@pytest.fixture
def running(dashboard: RunningDashboard) -> Iterator[Callable[..., EngineClient]]:
    """Begin a session by a protocol's text, its sound in a file; it is silenced and put away afterwards."""
    engine = dashboard.engine

    def begin(text: str, *, inputs: tuple[str, ...] = ("listener=virtual:responder",)) -> EngineClient:
        dashboard.until(lambda: engine.state().engine.stage in {"idle", "closed"}, "the last session to end")
        reply = engine.command("prepare", protocol_text=text, inputs=list(inputs), audio="file")
        assert reply.accepted, reply.answer
        engine.wait_for("prepared", timeout_s=300)
        assert engine.command("start", cautions_confirmed=True, consent_confirmed=True).accepted
        dashboard.until(lambda: engine.state().session.snapshot.lifecycle == "running", "the session to run")
        return engine

    yield begin
    if engine.healthy():
        if engine.state().engine.stage == "running":
            engine.command("emergency stop")
        engine.wait_for("idle", "closed", timeout_s=300)
        engine.command("close")
