"""The protocol editor in the browser: text, form, plan and versions keep together."""

LEAD = "canvas[aria-label*='lead']"


def opened(dashboard, window):
    """Open a built-in protocol in the editor; return its text area."""
    window.get_by_role("combobox", name="Protocol").click()
    window.get_by_role("option", name="(isoprinciple-relaxation, version 2)").click()
    text = window.get_by_label("Text of the protocol")
    head = "id: isoprinciple-relaxation\nversion: 2\n"
    dashboard.until(lambda: head in text.input_value(), "the text to be that of the protocol")
    window.locator(LEAD).first.wait_for()
    settled(window)
    return text


def settled(window):
    """Wait until the page's script has run: until then fields of before may stand beside those of now."""
    window.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def test_what_is_saved_is_what_is_shown_under_the_next_version(dashboard):
    with dashboard.window("protocols") as window:
        text = opened(dashboard, window)
        before = text.input_value()
        text.fill(before.replace("duration_s: 90\n", "duration_s: 110  # our own\n", 1))
        window.get_by_role("button", name="Save as version 3").click()
        said = "Version 2 already exists and does not change; the text is now version 3."
        window.get_by_text(said).wait_for()
        saved = dashboard.engine.protocol_text("isoprinciple-relaxation", 3)
        assert saved == before.replace("version: 2", "version: 3").replace(
            "duration_s: 90\n", "duration_s: 110  # our own\n", 1
        )
        dashboard.until(lambda: text.input_value() == saved, "the text to say its version")
        settled(window)
        window.get_by_label("Title").fill("Another title")
        window.get_by_label("Title").press("Enter")
        titled = saved.replace("title: Match, then lead", "title: Another title")
        dashboard.until(lambda: text.input_value() == titled, "the form to change its line of the text")
        window.get_by_role("button", name="Save as version 4").wait_for()
        window.get_by_role("link", name="Clients").click()
        window.get_by_role("heading", name="New client").wait_for()
        window.get_by_role("link", name="Protocols").click()
        window.get_by_role("button", name="Save as version 4").wait_for()
        assert window.get_by_label("Text of the protocol").input_value() == titled
    assert dashboard.engine.protocol_text("isoprinciple-relaxation", 2) == before


def test_the_form_of_the_music_is_chosen_in_plain_words(dashboard):
    with dashboard.window("protocols") as window:
        text = opened(dashboard, window)
        before = text.input_value()
        window.get_by_role("combobox", name="Form").click()
        window.get_by_role("option", name="sections differ a little").click()
        gentle = before.replace("  form: full", "  form: gentle")
        dashboard.until(lambda: text.input_value() == gentle, "the text to say the form")
        settled(window)
        window.get_by_role("combobox", name="Metre").click()
        window.get_by_role("option", name="three beats a bar (3/4)").click()
        waltz = gentle.replace("  metre: any", "  metre: 3/4")
        dashboard.until(lambda: text.input_value() == waltz, "the text to say the metre")


def test_faults_and_plan_follow_what_is_typed(dashboard):
    with dashboard.window("protocols") as window:
        text = opened(dashboard, window)
        good = text.input_value()
        text.fill(good.replace("duration_s: 60", "duration_s: 2"))
        window.locator(".faults button").first.click()
        marked = text.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
        assert marked.strip() == "duration_s: 2"
        window.get_by_text("The plan is redrawn once the text has no faults.").first.wait_for()
        assert window.get_by_role("button", name="Listen, 30 s").is_disabled()
        text.fill(good.replace("name: sustain", "name: quiet-end"))
        window.locator("canvas[aria-label*='quiet-end']").first.wait_for()
        window.get_by_text("No faults: this protocol can be used").wait_for()


def test_a_preview_gives_way_to_a_newer_text_and_can_be_cancelled(dashboard):
    with dashboard.window("protocols") as window:
        text = opened(dashboard, window)
        window.get_by_role("button", name="Listen, 30 s").click()
        window.get_by_text("The music is being rendered.").wait_for()
        text.fill(text.input_value().replace("duration_s: 60", "duration_s: 70"))
        window.get_by_role("button", name="Listen to the new text").click()
        window.get_by_role("button", name="Listen, 30 s").wait_for()
        window.get_by_role("button", name="Cancel").click()
        window.get_by_text("Cancelled.").wait_for()
        window.get_by_role("button", name="Listen, 30 s").click()
        window.locator("audio").wait_for()
        assert window.locator("audio").evaluate("audio => audio.duration") == 30
