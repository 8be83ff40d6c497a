"""Steering a session in the browser: pain distraction, the listener's key, STOP, and what goes wrong."""

import os
import re
import signal
import subprocess
from contextlib import contextmanager

import numpy as np
import soundfile

from biofeedback.recording.reader import read_recording

PAIN = """\
id: pain-short
version: 1
title: Pain distraction, short
rationale: short enough for a test
sources: [our own convention]
arm: open-loop
cautions: []
numbers_shown: false
phases:
  - {kind: engage, name: before, duration_s: 600, until: {cue: procedure-starts}, energy: 0.5}
  - {kind: engage, name: procedure, duration_s: 600, until: {cue: procedure-over}}
  - {kind: engage, name: after, duration_s: 600}
end_fade_s: 15
"""


SOUND_HZ = 48_000
DEAF = 1e-4
"""Of full scale: nobody hears less."""


def recorded(dashboard, engine, directory):
    """Return the commands that were recorded, but the one that ends the session here."""
    engine.command("emergency stop")
    engine.wait_for("closed", timeout_s=300)
    return dashboard.commands(directory)[:-1]


def test_pain_distraction_on_its_compact_screen(dashboard, running):
    engine = running(PAIN)
    directory = dashboard.directory()
    with dashboard.window() as window:
        screen = dashboard.screen(window)
        screen.locator("body[data-view=compact][data-numbers=off]").wait_for()
        screen.locator("#energy", has_text="5 of 10").wait_for()
        screen.get_by_role("button", name="Intensify").click()
        screen.locator("#energy", has_text="6 of 10").wait_for()
        screen.get_by_role("button", name="Soften").click()
        screen.locator("#energy", has_text="5 of 10").wait_for()
        assert screen.locator(".trace .now").first.is_hidden()
        screen.get_by_role("button", name="Procedure starts").click()
        screen.locator("#phase", has_text="procedure").wait_for()
        screen.get_by_role("button", name="pain 4 of 10").click()
        screen.get_by_role("button", name="Procedure ends").click()
        screen.locator("#phase", has_text="after").wait_for()
        window.keyboard.press("Escape")
        window.keyboard.press("Escape")
        screen.locator("#phase", has_text="fading out").wait_for()
    told = [(c["name"], c["args"].get("cue")) for c in recorded(dashboard, engine, directory)]
    names = [name for name, _ in told]
    assert names == ["intensify", "soften", "cue", "rating", "cue", "stop"]
    assert [cue for _, cue in told if cue] == ["procedure-starts", "procedure-over"]


def test_any_key_of_the_listener_lets_the_music_fade_once(dashboard, running):
    engine = running(PAIN)
    directory = dashboard.directory()
    with dashboard.window("listener") as window, dashboard.window() as therapists:
        window.get_by_text("Just listen.").wait_for()
        window.keyboard.press("x")
        window.get_by_text("The music is paused.").wait_for()
        window.keyboard.press("Tab")
        window.mouse.click(300, 300)
        screen = dashboard.screen(therapists)
        screen.locator("#phase", has_text="music held").wait_for()
        held_s = engine.state().session.snapshot.elapsed_s
        dashboard.until(
            lambda: engine.state().session.snapshot.elapsed_s > held_s + 8, "the music to have faded"
        )
        silent_s = engine.state().session.snapshot.elapsed_s
        assert not any(word.isdigit() for word in window.locator("body").inner_text().split())
        screen.get_by_role("button", name="Resume").click()
        window.get_by_text("Just listen.").wait_for()
    told = [(c["name"], c["origin"]) for c in recorded(dashboard, engine, directory)]
    assert told == [("hold", "listener"), ("resume", "therapist")]
    sound = sound_of(directory)
    assert sound[: int(held_s * SOUND_HZ)].max() > DEAF
    assert sound[int((held_s + 6) * SOUND_HZ) : int(silent_s * SOUND_HZ)].max() < DEAF


def sound_of(directory):
    """Return how far from silence each sample of the session's sound is."""
    sound, rate = soundfile.read(directory / "audio.flac")
    assert rate == SOUND_HZ
    return np.abs(sound).max(axis=1)


def test_stop_while_the_pages_script_is_busy(dashboard, running):
    engine = running(PAIN)
    directory = dashboard.directory()
    dashboard.until(lambda: engine.state().session.snapshot.elapsed_s > 3, "some music")
    with dashboard.window("protocols") as window:
        strip = dashboard.screen(window)
        strip.locator("#stop:enabled").wait_for()
        window.get_by_role("button", name="Listen, 30 s").click()
        window.get_by_text("The music is being rendered.").wait_for()
        strip.locator("#stop").click()
        strip.locator("#phase", has_text="fading out").wait_for()
        assert window.get_by_text("The music is being rendered.").is_visible()
        strip.locator("#silence").click()
    engine.wait_for("closed", timeout_s=300)
    sound = sound_of(directory)
    assert sound.max() > DEAF
    assert sound[-SOUND_HZ // 10 :].max() < DEAF


@contextmanager
def chromium(dashboard, folder):
    """A browser of its own with the dashboard open, that may be killed."""
    arguments = ["--headless", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    process = subprocess.Popen(
        [dashboard.browser_path, *arguments, "about:blank"], stderr=subprocess.PIPE, text=True
    )
    try:
        where = next(found[0] for line in process.stderr if (found := re.search(r"ws://\S+", line)))
        browser = dashboard.browser.browser_type.connect_over_cdp(where)
        page = browser.contexts[0].new_page()
        page.goto(dashboard.address)
        yield process, page
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_browser_that_was_killed_finds_the_session_as_it_is(dashboard, running, tmp_path):
    engine = running(PAIN)
    with chromium(dashboard, tmp_path) as (process, window):
        dashboard.screen(window).locator("#stop:enabled").wait_for()
        process.kill()
        process.wait()
    dashboard.until(
        lambda: engine.state().engine.clients_watching == 0, "the engine to see that nobody watches"
    )
    engine.command("intensify")
    engine.command("pause")
    with dashboard.window() as window:
        screen = dashboard.screen(window)
        screen.locator("#phase", has_text="paused").wait_for()
        screen.locator("#energy", has_text="6 of 10").wait_for()
        assert screen.locator("#recording-shape").inner_text() == "●"
        screen.get_by_role("button", name="Resume").click()
        screen.locator("#phase:not(:has-text('paused'))").wait_for()


def test_an_engine_that_was_killed_is_told_and_its_recording_opens(dashboard, running):
    engine = running(PAIN)
    directory = dashboard.directory()
    with dashboard.window(troubles="/engine/|/_stcore/") as window:
        screen = dashboard.screen(window)
        screen.locator(".light[data-light=good]").first.wait_for()
        dashboard.until(lambda: engine.state().session.recording.bytes > 50_000, "something to be recorded")
        os.kill(dashboard.engine_pid, signal.SIGKILL)
        screen.locator("#lost:visible", has_text="The engine does not answer").wait_for()
        window.reload()
        with dashboard.window(troubles="/engine/|/_stcore/") as other:
            other.get_by_role("button", name="Start the engine").wait_for()
            window.get_by_role("button", name="Start the engine").click()
            window.get_by_role("button", name="Open the sensors").wait_for()
            other.get_by_role("button", name="Open the sensors").wait_for()  # it looks by itself
    recording = read_recording(directory)
    assert recording.streams["ecg"].times.size > 0
