"""A whole session in the browser, from a new client to the report."""

import json
from pathlib import Path

SHORT = """\
id: short-round
version: 1
title: Short round
rationale: passes through every kind of moment
sources: [our own convention]
arm: closed-loop
cautions: [loud sounds]
phases:
  - {kind: baseline, name: baseline, duration_s: 600}
  - {kind: match, name: match, duration_s: 1200, ratings: [{scale: relaxation-vas, at: begin}]}
end_fade_s: 15
"""


def test_from_a_new_client_to_the_report(dashboard):
    dashboard.engine.save_protocol(SHORT)
    with dashboard.window("clients") as window:
        new_client(window)
        window.get_by_role("link", name="Session", exact=True).click()
        prepare(dashboard, window)
        screen = dashboard.screen(window)
        screen.locator("#stop:enabled").wait_for()
        plays_in_a_process_of_its_own(dashboard)
        screen.get_by_text("baseline", exact=True).first.wait_for()
        assert screen.locator("#client").inner_text() == "C-017"
        screen.locator(".light[data-light=good]").first.wait_for()

        screen.get_by_role("button", name="Own marker").click()
        screen.get_by_role("textbox", name="What happened").fill("Hände gewärmt")
        screen.get_by_role("button", name="Set marker").click()
        screen.locator("#answer:visible").wait_for()

        window.reload()
        screen.locator("#stop:enabled").wait_for()
        screen.get_by_role("button", name="Next phase").click()
        screen.locator("#phase", has_text="match").wait_for()

        override(screen)
        with dashboard.window() as second:
            other = dashboard.screen(second)
            other.locator("#phase", has_text="match").wait_for()
            other.get_by_role("button", name="Pause adaptation").click()
            screen.locator("#phase", has_text="paused").wait_for()
            screen.get_by_role("button", name="Resume").click()
            other.locator("#phase:not(:has-text('paused'))").wait_for()

        screen.locator("#asks input[type=range]").fill("70")
        screen.locator("#asks").get_by_role("button", name="Save").click()
        screen.locator("#asks:empty").wait_for(state="attached")
        screen.locator("#stop").click()
        screen.locator("#phase", has_text="fading out").wait_for()
        window.keyboard.press("Escape")
        window.keyboard.press("Escape")
        recorded = review(window)

    directory = dashboard.data / "sessions" / recorded
    names = [command["name"] for command in dashboard.commands(directory) if command["accepted"]]
    assert names.index("marker") < names.index("skip") < names.index("override") < names.index("pause")
    assert names.index("rating") < names.index("stop") < names.index("emergency stop")
    markers = [json.loads(text) for text in dashboard.texts(directory, "markers")]
    assert [mark["text"] for mark in markers if mark["type"] == "marker"] == ["Hände gewärmt"]
    ratings = [json.loads(text) for text in dashboard.texts(directory, "ratings")]
    assert [(rating["scale"], rating["value"]) for rating in ratings] == [("relaxation-vas", 70)]


def plays_in_a_process_of_its_own(dashboard):
    """The sound's process is the engine's child."""
    children = Path(f"/proc/{dashboard.engine_pid}/task/{dashboard.engine_pid}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline").read_text() for child in children]
    assert any("generator.live.audio_process" in command for command in commands)


def new_client(window):
    window.get_by_role("textbox", name="Code").fill("C-017")
    window.get_by_role("textbox", name="Cautions").fill("hearing aid on the left")
    window.get_by_role("button", name="Add client").click()
    window.get_by_role("tab", name="Consent").click()
    window.get_by_role("textbox", name="Version of the consent").fill("2026-03")
    window.get_by_role("button", name="Record this consent").click()
    window.get_by_text("Consent of version 2026-03").wait_for()


def prepare(dashboard, window):
    window.get_by_text("hearing aid on the left").wait_for()
    window.get_by_text("no sound (to try things out)").click()
    window.get_by_role("combobox", name="Protocol").click()
    window.get_by_role("option", name="Short round (short-round)").click()
    window.get_by_role("button", name="Open the sensors").click()
    window.get_by_text("loud sounds").wait_for()
    assert window.get_by_role("button", name="Continue").is_disabled()
    window.get_by_text("I asked about all of them").click()
    window.get_by_text("The listener agrees").click()
    window.get_by_role("button", name="Continue").click()
    dashboard.screen(window).locator(".light[data-light=good]").first.wait_for()
    window.get_by_role("button", name="Continue").click()
    window.get_by_role("button", name="The listener finds this comfortable").click()
    window.get_by_text("is the maximum of this session").wait_for()
    window.get_by_role("button", name="Start the session").click()


def override(screen):
    screen.get_by_role("button", name="Override").click()
    screen.locator("#override-field").select_option("tempo_bpm")
    screen.locator("#override-value").fill("60")
    says = screen.locator("#override-says")
    says.filter(has_text="Tempo will glide").wait_for()
    assert "to 60 bpm in about" in says.inner_text()
    screen.get_by_role("button", name="Set it", exact=True).click()
    screen.locator("#override-list li[data-field=tempo_bpm]").wait_for()
    screen.get_by_role("button", name="Close").click()


def review(window):
    window.get_by_text("Session of C-017 is over").wait_for()
    window.get_by_role("textbox", name="Note on this session").fill("Schlief beinahe ein.")
    window.get_by_role("textbox", name="Note on this session").press("Control+Enter")
    window.get_by_role("button", name="Save note").click()
    window.get_by_text("The note is saved").wait_for()
    window.get_by_role("button", name="Open the report").click()
    report = window.frame_locator("iframe[src*='/report']")
    report.get_by_text("Short round").first.wait_for()
    window.get_by_role("tab", name="Notes and events").click()
    window.get_by_text("Schlief beinahe ein.").wait_for()
    window.get_by_role("tab", name="Files").click()
    link = window.get_by_role("link", name="session.xdf")
    with window.expect_download() as download:
        link.click()
    assert download.value.path().stat().st_size > 10_000
    source = window.locator("iframe[src*='/report']").get_attribute("src")
    return source.split("/")[3]
