"""Palettes and nature sounds are heard in a client's preferences, before anything is saved."""


def choose(window, field, option):
    window.get_by_role("combobox", name=field, exact=True).click()
    window.get_by_role("option", name=option, exact=True).click()


def test_a_palette_and_a_bed_are_heard_where_they_are_chosen(dashboard):
    dashboard.engine.add_client("A-1")
    with dashboard.window("clients") as window:
        window.get_by_text("A-1").click()
        window.get_by_role("heading", name="A-1").wait_for()
        listen = window.get_by_role("button", name="Listen to 20 seconds")
        assert listen.count() == 0  # both are left to the protocol
        choose(window, "Sounds", "felt piano")
        listen.click()
        window.get_by_text("The sound is being prepared.").wait_for()
        audio = window.locator("audio:visible")
        audio.wait_for()
        assert audio.evaluate("audio => audio.duration") == 20
        dashboard.until(lambda: audio.evaluate("audio => audio.currentTime > 0"), "it to be heard")
        choose(window, "Sounds", "deep drone, for sleep")
        audio.wait_for(state="hidden")
        choose(window, "Under the music", "rain")
        dashboard.until(lambda: listen.count() == 2, "two buttons")
        listen.last.click()
        audio.wait_for()
        assert audio.evaluate("audio => audio.duration") == 20
        dashboard.inspect(window)
        window.get_by_role("button", name="Save").click()
        window.get_by_text("A-1 is saved.").wait_for()
    (saved,) = [each for each in dashboard.engine.clients() if each.code == "A-1"]
    assert (saved.preferences.palette, saved.preferences.nature) == ("deep-drone", "rain")
