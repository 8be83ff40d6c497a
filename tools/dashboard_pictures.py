"""Make the pictures of docs/dashboard.md: every page, with a virtual listener, in headless Chromium.

Usage: ``python tools/dashboard_pictures.py [--chromium PATH]``. Takes about three minutes.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Run as a script, this folder's modules would hide the packages of the same names.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from PIL import Image
from playwright.sync_api import FrameLocator, Page, sync_playwright

from biofeedback.client import EngineClient, connect

HERE = Path(__file__).resolve().parent.parent / "docs" / "dashboard"


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of docs/dashboard.md.")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser")
    asked = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        dashboard(Path(folder)) as address,
        sync_playwright() as play,
    ):
        engine = connect(Path(folder))
        if engine is None:
            sys.exit("the engine does not answer")
        prepare_data(engine)
        chromium = play.chromium.launch(executable_path=asked.chromium, args=["--no-sandbox"])
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(address)
        base = address.split("/?")[0]
        one_session(page, base, engine)
        pain_distraction(page, base, engine)
        pages(page, base)
        chromium.close()
        engine.close()


@contextmanager
def dashboard(folder: Path) -> Iterator[str]:
    """Run a dashboard with its engine for a while, and give its address."""
    command = [sys.executable, "-m", "biofeedback", "dashboard", "--port", "0", "--no-browser"]
    process = subprocess.Popen([*command, "--data", str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101 - as asked for
    found = re.search(r"http://\S+", process.stdout.readline())
    try:
        yield found[0] if found else sys.exit("the dashboard did not start")
    finally:
        process.terminate()
        process.wait()
        os.kill(json.loads((folder / "engine.json").read_text())["pid"], signal.SIGKILL)


def prepare_data(engine: EngineClient) -> None:
    """Put a client into the store."""
    engine.add_client(
        "C-017",
        preferences={"palette": "harp-bells", "unwanted": ["rain"]},
        cautions=["hearing aid on the left"],
        goals=["fall asleep more easily"],
    )
    engine.give_consent("C-017", "2026-03", ["sessions", "storage"])


def one_session(page: Page, base: str, engine: EngineClient) -> None:
    """Take the pictures of a session, step by step."""
    page.get_by_role("combobox", name="Protocol").click()
    page.get_by_role("option", name="(isoprinciple-relaxation)").click()
    page.get_by_text("no sound (to try things out)").click()
    page.get_by_text("10 min · closed loop").wait_for()
    page.locator("canvas[role=img]").first.wait_for()
    page.wait_for_timeout(2500)
    shoot(page, "choose")
    page.get_by_role("button", name="Open the sensors").click()
    page.get_by_text("I asked about all of them").click()
    page.get_by_text("The listener agrees").click()
    page.wait_for_timeout(1500)
    shoot(page, "cautions")
    page.get_by_role("button", name="Continue").click()
    live(page).locator("[data-signal=ecg] .light[data-light=good]").wait_for()
    page.wait_for_timeout(16_000)
    live(page).locator("body[data-link=on]").wait_for()
    shoot(page, "sensors")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="The listener finds this comfortable").click()
    page.get_by_text("is the maximum of this session").wait_for()
    shoot(page, "sound")
    page.get_by_role("button", name="Start the session").click()
    live(page).locator("#stop:enabled").wait_for()
    page.wait_for_timeout(32_000)
    engine.command("skip")
    page.wait_for_timeout(20_000)
    live(page).locator("body[data-link=on]").wait_for()
    shoot(page, "live")
    live(page).get_by_role("button", name="Override").click()
    live(page).locator("#override-value").fill("60")
    shoot(page, "override")
    live(page).get_by_role("button", name="Close").click()
    listener = page.context.new_page()
    listener.goto(f"{base}/listener")
    listener.get_by_text("Just listen.").wait_for()
    shoot(listener, "listener")
    listener.close()
    live(page).locator("#silence").click()
    page.get_by_text("is over").wait_for()
    page.wait_for_timeout(800)
    shoot(page, "over")
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Open the sensors").wait_for()


def pain_distraction(page: Page, base: str, engine: EngineClient) -> None:
    """Take the picture of the compact screen."""
    engine.command(
        "prepare",
        client="C-017",
        protocol="pain-distraction",
        inputs=["listener=virtual:pain-event"],
        audio="none",
    )
    engine.wait_for("prepared")
    engine.command("start", cautions_confirmed=True, consent_confirmed=True)
    page.goto(base)
    live(page).locator("body[data-view=compact]").wait_for()
    page.wait_for_timeout(32_000)
    shoot(page, "pain")
    engine.command("emergency stop")
    engine.wait_for("closed")
    engine.command("close")


def pages(page: Page, base: str) -> None:
    """Take the pictures of the pages around."""
    page.goto(f"{base}/clients")
    page.locator("label", has_text="C-017").click()
    page.get_by_role("tab", name="Consent").wait_for()
    page.wait_for_timeout(1000)
    shoot(page, "clients")
    page.goto(f"{base}/protocols")
    page.get_by_text("No faults").wait_for()
    text = page.get_by_label("Text of the protocol")
    text.fill(text.input_value().replace("duration_s: 90", "duration_s: 2", 1))
    page.locator(".faults li button").first.wait_for()
    page.locator(".stMain").evaluate("main => main.scrollTo(0, 0)")
    page.wait_for_timeout(2500)
    shoot(page, "protocols")
    page.goto(f"{base}/sessions")
    page.locator("[data-testid=stDataFrame]").wait_for()
    page.wait_for_timeout(1500)
    shoot(page, "sessions")


def live(page: Page) -> FrameLocator:
    """Return the live screen in a page."""
    return page.frame_locator("iframe[src*='live.html']")


def shoot(page: Page, name: str) -> None:
    """Take a picture, and keep it small."""
    path = HERE / f"{name}.png"
    page.screenshot(path=path)
    Image.open(path).convert("RGB").save(path, optimize=True)
    print(f"{path.name}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
