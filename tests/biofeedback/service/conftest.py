"""Real engines in processes of their own, and a protocol short enough to be carried out in real time."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from biofeedback.client import EngineClient, State, connect

SHORT = """\
id: short-and-live
version: 1
title: Short and live
rationale: as short as may be
sources: [none]
arm: closed-loop
cautions: [epilepsy]
phases:
  - {kind: baseline, name: baseline, duration_s: 5}
  - {kind: match, name: match, duration_s: 60, layers: 4, density: 0.6}
end_fade_s: 15
"""


@dataclass
class Launched:
    """An engine, the lines it printed when it stood ready, and a client of it."""

    process: subprocess.Popen[str]
    folder: Path
    lines: list[str]
    client: EngineClient

    @property
    def prepare_short(self) -> dict[str, Any]:
        """What `prepare` takes for the short protocol on the virtual listener."""
        return {"protocol_text": SHORT, "inputs": ["listener=virtual:responder"], "audio": "none"}

    @property
    def links(self) -> dict[str, str]:
        return {line.split()[0]: line.split()[-1] for line in self.lines}

    @property
    def log(self) -> str:
        return (self.folder.parent / "log").read_text(encoding="utf-8")

    def begin(self) -> None:
        """Prepare and start a session on the virtual listener, and wait for its first second."""
        reply = self.client.command("prepare", **self.prepare_short)
        assert reply.accepted, reply.answer
        self.client.wait_for("prepared", timeout_s=300)
        reply = self.client.command("start", cautions_confirmed=True)
        assert reply.accepted, reply.answer
        self.until(lambda state: state.session.snapshot.elapsed_s >= 1)

    def until(self, holds: Callable[[State], bool], seconds: float = 300.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds(self.client.state()):
            assert time.monotonic() < deadline, "it did not come to be"
            time.sleep(0.05)


def launched_in(folder: Path) -> Launched:
    with (folder.parent / "log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "biofeedback", "engine", "--data", str(folder)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "BIOFEEDBACK_SETTINGS": str(folder.parent / "settings")},
        )
    lines = [process.stdout.readline().strip() for _ in range(3)]
    client = connect(folder)
    if client is None:
        process.kill()
        process.wait()
        process.stdout.close()
        raise RuntimeError((folder.parent / "log").read_text(encoding="utf-8"))
    return Launched(process, folder, lines, client)


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[[Path], Launched]]:
    """Starts engines, which do not outlive the tests of a file."""
    started: list[Launched] = []

    def start(folder: Path) -> Launched:
        started.append(launched_in(folder))
        return started[-1]

    yield start
    for each in started:
        each.client.close()
        each.process.kill()
        each.process.wait()
        each.process.stdout.close()


@pytest.fixture(scope="module")
def engine(launch: Callable[[Path], Launched], tmp_path_factory: pytest.TempPathFactory) -> Launched:
    return launch(tmp_path_factory.mktemp("engine") / "dätä")
