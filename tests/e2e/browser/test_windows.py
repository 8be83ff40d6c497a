"""Two windows on one session: both show it as it is; what is ordered in one is done once and seen in both."""

import json

MATCH = """\
id: windows
version: 1
title: Two windows
rationale: long enough to be steered
sources: [our own convention]
arm: closed-loop
cautions: []
phases:
  - {kind: baseline, name: baseline, duration_s: 5}
  - {kind: match, name: match, duration_s: 600, ratings: [{scale: relaxation-vas, at: begin}]}
end_fade_s: 15
"""
UMLAUT = "Größe „zwölf“ – Ärmel ½"
ORDER = "async (what) => (await import('/ui/engine.js')).command(what)"
DRAWN = "({drawn: live.traces.drawn, newest: live.traces.log.at(-1)?.[1] ?? 0})"


def test_two_windows_on_one_session(dashboard, running):
    engine = running(MATCH)
    directory = dashboard.directory()
    with dashboard.window(troubles="/engine/commands") as one, dashboard.window() as other:
        first, second = dashboard.screen(one), dashboard.screen(other)
        for screen in (first, second):
            screen.locator("#phase", has_text="match").wait_for()
        sees_what_is_played(dashboard, engine, one)
        keys = marks_while_answers_are_lost(one, first)
        volume_stays_below_the_ceiling(dashboard, engine, one, first, second)
        takes_a_parameter_and_gives_it_back(dashboard, one, first, second)
        writes_down(first)
        is_the_same_after_a_refresh(one, first, second)
    engine.command("emergency stop")
    engine.wait_for("closed", timeout_s=300)

    told = [command for command in dashboard.commands(directory) if command["accepted"]]
    assert [command["key"] for command in told if command["args"].get("text") == "noise"] == keys[:1]
    assert [(c["name"], c["args"].get("field")) for c in told if c["name"] in {"override", "release"}] == [
        ("override", "density"),
        ("release", "density"),
        ("override", "tempo_bpm"),
    ]
    assert all(command["args"]["db"] <= 0 for command in told if command["name"] == "volume")
    written = [command["args"] for command in told if command["name"] in {"note", "adverse event"}]
    assert written == [
        {"text": "Friert ein wenig."},
        {"text": "Schwindel beim Aufsetzen", "severity": "moderate"},
    ]
    markers = [json.loads(text) for text in dashboard.texts(directory, "markers")]
    assert [mark["text"] for mark in markers if mark["type"] == "marker"] == ["noise", UMLAUT]


def sees_what_is_played(dashboard, engine, window):
    """The picture goes on, and its newest sample keeps up with the engine."""
    screen = dashboard.frame(window)
    before = screen.evaluate(DRAWN)
    now_s = engine.state().session.snapshot.t

    def has_gone_on():
        now = screen.evaluate(DRAWN)
        return now["drawn"] > before["drawn"] + 10 and now["newest"] > max(now_s, before["newest"])

    dashboard.until(has_gone_on, "newer samples to be drawn")
    dashboard.inspect(window, stop=True)


def marks_while_answers_are_lost(window, screen):
    """A command whose answer is lost goes out again under its key."""
    keys = []

    def lose_the_first(route):
        keys.append(json.loads(route.request.post_data)["key"])
        reply = route.fetch()
        if len(keys) == 1:
            route.abort()
        else:
            route.fulfill(response=reply)

    window.route("**/engine/commands", lose_the_first)
    screen.get_by_role("button", name="noise").click()
    screen.locator("#answer:visible").wait_for()
    window.unroute("**/engine/commands")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    return keys


def volume_stays_below_the_ceiling(dashboard, engine, window, first, second):
    slider = first.get_by_role("slider", name="Volume")
    slider.focus()
    slider.press("ArrowLeft")
    second.locator("#volume-now", has_text="1 dB below").wait_for()
    for key in ("End", "ArrowRight", "PageUp"):
        slider.press(key)
    assert slider.input_value() == "0"
    second.locator("#volume-now", has_text="as confirmed").wait_for()
    reply = dashboard.frame(window).evaluate(ORDER, {"name": "volume", "db": 3})
    assert not reply["accepted"]
    assert engine.state().session.snapshot.volume_db <= 0


def takes_a_parameter_and_gives_it_back(dashboard, window, first, second):
    first.get_by_role("button", name="Override").click()
    first.locator("#override-field").select_option("density")
    first.locator("#override-value").fill("0.9")
    says = first.locator("#override-says")
    says.filter(has_text="within the next bars").wait_for()
    assert says.inner_text().startswith("Density will go from ")
    assert " to 90 %" in says.inner_text()
    dashboard.inspect(window)
    first.get_by_role("button", name="Set it", exact=True).click()
    second.get_by_role("button", name="Override").click()
    theirs = second.locator("#override-list li[data-field=density]")
    theirs.filter(has_text="90 %").wait_for()
    theirs.get_by_role("button", name="Release", exact=True).click()
    first.locator("#override-list", has_text="nothing").wait_for()
    first.locator("#override-field").select_option("tempo_bpm")
    first.locator("#override-value").fill("66")
    first.get_by_role("button", name="Set it", exact=True).click()
    second.locator("#override-list li[data-field=tempo_bpm]", has_text="66 bpm").wait_for()
    for screen in (first, second):
        screen.get_by_role("button", name="Close").click()


def writes_down(screen):
    screen.get_by_role("button", name="Own marker").click()
    screen.get_by_role("textbox", name="What happened").fill(UMLAUT)
    screen.get_by_role("button", name="Set marker").click()
    screen.get_by_role("button", name="Note …").click()
    screen.get_by_role("textbox", name="Note").fill("Friert ein wenig.")
    screen.get_by_role("button", name="Save note").click()
    screen.get_by_role("button", name="Adverse event").click()
    screen.get_by_role("textbox", name="What happened").fill("Schwindel beim Aufsetzen")
    screen.get_by_role("radio", name="moderate").check()
    screen.get_by_role("button", name="Record it").click()


def is_the_same_after_a_refresh(window, first, second):
    second.get_by_role("button", name="Hold music").click()
    first.locator("#phase", has_text="music held").wait_for()
    first.locator("#asks .ask[data-kind=rating]").wait_for()

    def standing(screen):
        return {
            "phase": screen.locator("#phase").inner_text(),
            "held": screen.locator("#hold").get_attribute("aria-pressed"),
            "asked": screen.locator("#asks p").all_inner_texts(),
            "volume": screen.locator("#volume-now").inner_text(),
            "client": screen.locator("#client").inner_text(),
            "mine": screen.locator("#music .mine dt").all_inner_texts(),
        }

    before = standing(first)
    window.reload()
    first.locator("#phase", has_text="music held").wait_for()
    first.locator("#music .mine").wait_for()
    assert standing(first) == before == standing(second)
    assert before["held"] == "true"
    assert [words.split()[0] for words in before["mine"]] == ["Tempo"]
    assert len(before["asked"]) == 1
    first.get_by_role("button", name="Override").click()
    first.locator("#override-list li[data-field=tempo_bpm]", has_text="66 bpm").wait_for()
    first.get_by_role("button", name="Close").click()
    first.get_by_role("button", name="Resume").click()
    second.locator("#phase:not(:has-text('held'))").wait_for()
