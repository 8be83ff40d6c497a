"""The dashboard without a mouse: every control is reached by Tab, shows that it is, and works."""

import pytest

SHORT = """\
id: by-keyboard
version: 1
title: By keyboard
rationale: long enough to be steered
sources: [our own convention]
arm: closed-loop
cautions: [loud sounds]
phases:
  - {kind: baseline, name: baseline, duration_s: 5}
  - {kind: match, name: match, duration_s: 600, ratings: [{scale: relaxation-vas, at: begin}]}
end_fade_s: 15
"""
PAIN = """\
id: pain-by-keyboard
version: 1
title: Pain distraction by keyboard
rationale: long enough to be steered
sources: [our own convention]
arm: open-loop
cautions: []
phases:
  - {kind: engage, name: before, duration_s: 600, until: {cue: procedure-starts}, energy: 0.5}
  - {kind: engage, name: after, duration_s: 600}
end_fade_s: 15
"""


def to(window, name):
    """Go on by Tab to the control of this name, round the page if it must be."""
    for _ in range(100):
        window.keyboard.press("Tab")
        if name in (window.evaluate("checks.step()")["at"] or ""):
            return
    raise AssertionError(f"Tab does not lead to {name}")


def use(window, name, key="Enter"):
    to(window, name)
    window.keyboard.press(key)


def look_over(dashboard, window, *, stop=False):
    dashboard.walk(window)
    dashboard.inspect(window, stop=stop)


def test_a_session_without_a_mouse(dashboard):
    dashboard.engine.save_protocol(SHORT)
    with dashboard.window() as window:
        chooses(dashboard, window)
        confirms(dashboard, window)
        checks_sensors_and_sound(dashboard, window)
        screen = dashboard.screen(window)
        screen.locator("#phase", has_text="match").wait_for()
        screen.locator("#asks input[type=range]").wait_for()
        look_over(dashboard, window, stop=True)
        steers(dashboard, window, screen)
        use(window, "STOP")
        screen.locator("#phase", has_text="fading out").wait_for()
        window.keyboard.press("Escape")
        window.keyboard.press("Escape")
        window.get_by_text("Session of no client is over").wait_for()
        look_over(dashboard, window)
        use(window, "Done", "Space")
        window.get_by_role("button", name="Open the sensors").wait_for()


def chooses(dashboard, window):
    window.get_by_role("button", name="Open the sensors").wait_for()
    look_over(dashboard, window)
    use(window, "sound device", "ArrowRight")
    to(window, "input[text] Protocol")
    window.keyboard.type("By keyboard")
    window.get_by_role("option", name="By keyboard (by-keyboard)").wait_for()
    window.keyboard.press("Enter")
    use(window, "Open the sensors")
    window.get_by_text("loud sounds").wait_for()


def confirms(dashboard, window):
    look_over(dashboard, window)
    use(window, "I asked about all of them", "Space")
    use(window, "The listener agrees", "Space")
    window.get_by_role("button", name="Continue", disabled=False).wait_for()
    use(window, "Continue")


def checks_sensors_and_sound(dashboard, window):
    dashboard.screen(window).locator(".light[data-light=good]").first.wait_for()
    look_over(dashboard, window)
    use(window, "Continue", "Space")
    window.get_by_role("button", name="Play ten seconds").wait_for()
    look_over(dashboard, window)
    use(window, "The listener finds this comfortable")
    window.get_by_text("is the maximum of this session").wait_for()
    use(window, "Start the session")


def steers(dashboard, window, screen):
    use(window, "Save", "Space")
    screen.locator("#asks:empty").wait_for(state="attached")
    use(window, "noise", "Space")
    screen.locator("#answer:visible").wait_for()
    use(window, "Own marker")
    window.keyboard.type("Über die Tastatur")
    window.keyboard.press("Enter")
    screen.locator("#dialog[open]").wait_for(state="detached")
    use(window, "Override")
    screen.locator("#override:visible").wait_for()
    dashboard.walk(window)
    to(window, "Parameter")
    window.keyboard.press("Escape")
    screen.locator("#override").wait_for(state="hidden")
    assert screen.locator("#override-open:focus").count() == 1
    use(window, "Hold music", "Space")
    screen.locator("#phase", has_text="music held").wait_for()
    use(window, "Resume")
    screen.locator("#phase:not(:has-text('held'))").wait_for()


def test_pain_distraction_without_a_mouse_and_escape_twice(dashboard, running):
    engine = running(PAIN)
    with dashboard.window() as window:
        screen = dashboard.screen(window)
        screen.locator("#energy", has_text="5 of 10").wait_for()
        look_over(dashboard, window, stop=True)
        use(window, "Intensify", "Space")
        screen.locator("#energy", has_text="6 of 10").wait_for()
        use(window, "pain 3 of 10")
        use(window, "Procedure starts")
        screen.locator("#phase", has_text="after").wait_for()
        use(window, "Note")
        screen.locator("#dialog[open]").wait_for()
        window.keyboard.press("Escape")
        screen.locator("#dialog:not([open])").wait_for(state="attached")
        assert engine.state().session.snapshot.lifecycle == "running"
        window.keyboard.press("Escape")
        window.keyboard.press("Escape")
        screen.locator("#phase", has_text="fading out").wait_for()


@pytest.mark.parametrize("path", ["clients", "protocols", "sessions"])
def test_every_control_of_the_other_pages_is_reached(dashboard, path):
    if not dashboard.engine.clients():
        dashboard.engine.add_client("C-1", cautions=["hearing aid"], goals=["sleep"])
    with dashboard.window(path) as window:
        window.get_by_role("heading", level=1).wait_for()
        look_over(dashboard, window)
        if path == "clients":
            window.get_by_text("C-1", exact=True).click()
            window.get_by_role("tab", name="Consent").wait_for()
            look_over(dashboard, window)
