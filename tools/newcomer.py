"""How long it takes from a fresh clone to a running live session, by what the README says alone.

Usage: ``python tools/newcomer.py [--make]``. Clones this repository into an empty folder, installs with
nothing cached, opens the dashboard in headless Chromium and clicks through its four steps with the virtual
listener. Prints one JSON with the seconds of each part; exits with 1 if all of it takes five minutes or more.
A person reads as well: what is left of the five minutes is for that. ``--make`` runs `make demo` on the way.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
GOAL_S = 300.0
WITHOUT_MAKE = (
    ("python3", "-m", "venv", ".venv"),
    (".venv/bin/pip", "install", "--quiet", "-c", "constraints.txt", "-e", "."),
)
WITH_MAKE = (("make", "demo"),)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="From a fresh clone to a running live session.")
    parser.add_argument(
        "--make", action="store_true", help="by `make demo`, which carries out a session first"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as empty:
        clone = Path(empty) / "biofeedback-music"
        # As for somebody who has never been here: no cache, no settings, and the clone's own programs.
        kept = {
            name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}
        }
        environment = {**kept, "HOME": empty, "PIP_NO_CACHE_DIR": "1"}
        seconds: dict[str, float] = {}
        with timed(seconds, "clone"):
            subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        with timed(seconds, "install"):
            for command in WITH_MAKE if asked.make else WITHOUT_MAKE:
                subprocess.run(command, cwd=clone, env=environment, check=True, stdout=sys.stderr)
        with sync_playwright() as play:
            chromium = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(120_000)
            began = time.monotonic()
            with dashboard(clone, environment, Path(empty)) as address:
                page.goto(address)
                page.get_by_role("button", name="Open the sensors").wait_for()
                seconds["dashboard"] = time.monotonic() - began
                with timed(seconds, "to a running session"):
                    click_through(page)
            chromium.close()
    total = sum(seconds.values())
    print(json.dumps({name: round(s, 1) for name, s in {**seconds, "total": total}.items()}, indent=2))
    return 0 if total < GOAL_S else 1


@contextmanager
def timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    """Note how long something took."""
    began = time.monotonic()
    yield
    seconds[part] = time.monotonic() - began


@contextmanager
def dashboard(clone: Path, environment: dict[str, str], home: Path) -> Iterator[str]:
    """Run the clone's dashboard, and give its address; the data lie where they do for a new user."""
    command = [".venv/bin/biofeedback", "dashboard", "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, cwd=clone, env=environment, stdout=subprocess.PIPE, text=True)
    found = re.search(r"http://\S+", process.stdout.readline() if process.stdout else "")
    try:
        yield found[0] if found else sys.exit("the dashboard did not start")
    finally:
        process.terminate()
        process.wait()
        for engine in home.rglob("engine.json"):
            os.kill(int(json.loads(engine.read_text())["pid"]), signal.SIGKILL)


def click_through(page: Page) -> None:
    """Do what the page asks for, with what it proposes, until the session runs and draws its heart trace."""
    page.get_by_role("button", name="Open the sensors").click()
    page.get_by_text("I asked about all of them").click()
    page.get_by_text("The listener agrees").click()
    page.get_by_role("button", name="Continue").click()
    live = page.frame_locator("iframe[src*='live.html']")
    live.locator("[data-signal=ecg] .light[data-light=good]").wait_for()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="The listener finds this comfortable").click()
    page.get_by_role("button", name="Start the session").click()
    live.locator("#stop:enabled").wait_for()
    live.locator("[data-signal=ecg]").wait_for()


if __name__ == "__main__":
    sys.exit(main())
