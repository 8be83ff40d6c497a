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

import pytest
import pyxdf

from biofeedback.client import EngineClient, connect

PATIENCE_S = 90.0


@dataclass
class House:
    """A dashboard in a process of its own, and the engine that it started."""

    data: Path
    process: subprocess.Popen
    address: str
    browser: Any
    clients: list[EngineClient] = field(default_factory=list)

    @classmethod
    def open(cls, data: Path, browser: Any) -> "House":
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
    def engine(self) -> EngineClient:
        client = connect(self.data)
        assert client is not None
        self.clients.append(client)
        return client

    @property
    def engine_pid(self) -> int:
        return json.loads((self.data / "engine.json").read_text())["pid"]

    @contextmanager
    def window(self, path: str = "") -> Iterator[Any]:
        """Open a window in a browser that remembers nothing of any other."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        page.goto(self.address.replace("/?", f"/{path}?"))
        yield page
        context.close()

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, f"waited in vain: {what}"
            time.sleep(0.05)

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
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        if (client := connect(self.data)) is not None:
            os.kill(self.engine_pid, signal.SIGKILL)
            client.close()
        for client in self.clients:
            client.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def house(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = House.open(tmp_path_factory.mktemp("data"), browser)
    yield opened
    opened.close()


@pytest.fixture
def running(house: House) -> Iterator[Callable[[str], EngineClient]]:
    """Begin a session by a protocol's text; it is silenced and put away afterwards."""
    engine = house.engine

    def begin(text: str) -> EngineClient:
        house.until(lambda: engine.state().engine.stage in {"idle", "closed"}, "the last session to end")
        engine.command("prepare", protocol_text=text, inputs=["listener=virtual:responder"], audio="none")
        engine.wait_for("prepared")
        assert engine.command("start", cautions_confirmed=True, consent_confirmed=True).accepted
        house.until(lambda: engine.state().session.snapshot.lifecycle == "running", "the session to run")
        return engine

    yield begin
    if engine.healthy():
        if engine.state().engine.stage == "running":
            engine.command("emergency stop")
        engine.wait_for("idle", "closed")
        engine.command("close")
