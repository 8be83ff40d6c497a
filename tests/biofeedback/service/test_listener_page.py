"""The listener's page in a real browser, before an engine that answers as it is told."""

import json
import shutil
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

pytestmark = pytest.mark.browser

ADDRESS = "http://127.0.0.1:1/listener"
PAGE = files("biofeedback.service").joinpath("listener.html").read_text(encoding="utf-8")
RUNNING = {"lifecycle": "running", "sounding": True, "breath_rate": 6.0}
HEARD = "The music is fading out."


class Engine:
    """What the page asks is kept in `wishes`; `calm` is what it is told, None where nobody answers."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.calm: dict[str, Any] | None = RUNNING
        self.accepts = True
        self.wishes: list[str] = []
        page.route("**/*", self._answer)

    def _answer(self, route: Any) -> None:
        request = route.request
        if request.method == "POST":
            self.wishes.append(json.loads(request.post_data)["key"])
        if request.url.partition("?")[0] == ADDRESS and request.method == "GET":
            route.fulfill(body=PAGE, content_type="text/html")
        elif self.calm is None:
            route.abort()
        elif request.method == "POST":
            if self.accepts:
                self.calm = RUNNING | {"lifecycle": "held"}
            route.fulfill(json={"accepted": self.accepts})
        else:
            route.fulfill(json=self.calm)

    def says(self, words: str) -> None:
        self.page.get_by_text(words, exact=True).wait_for()

    def looks(self, times: int = 2) -> None:
        """Wait until the page has looked again."""
        for _ in range(times):
            with self.page.expect_request("**/listener/calm"):
                pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def engine(browser: Any) -> Iterator[Engine]:
    page = browser.new_page()
    page.set_default_timeout(300_000)
    yield Engine(page)
    page.close()


def press(engine: Engine, how: str) -> None:
    if how == "key":
        engine.page.keyboard.press("Escape")
    else:
        engine.page.mouse.click(9, 9)


@pytest.mark.parametrize("how", ["key", "click"])
def test_the_music_fades_once_and_can_fade_again_after_it_went_on(engine: Engine, how: str) -> None:
    engine.page.goto(ADDRESS)
    engine.says("Just listen.")
    press(engine, how)
    engine.says("The music is paused.")
    press(engine, how)
    engine.looks()
    assert len(engine.wishes) == 1
    engine.calm = RUNNING
    engine.says("Just listen.")
    press(engine, how)
    engine.says("The music is paused.")
    assert len(set(engine.wishes)) == 2


def test_without_a_connection_it_is_heard_all_the_same_and_sent_until_it_arrives(engine: Engine) -> None:
    engine.page.goto(ADDRESS)
    engine.says("Just listen.")
    engine.calm = None
    engine.looks()
    assert "Just listen." in engine.page.inner_text("body")
    press(engine, "key")
    engine.says(HEARD)
    engine.says("If you still hear it, raise a hand: your therapist is with you.")
    engine.calm = RUNNING
    engine.says("The music is paused.")
    assert len(engine.wishes) > 1
    assert len(set(engine.wishes)) == 1


def test_a_wish_that_does_not_apply_is_no_longer_spoken_of(engine: Engine) -> None:
    engine.accepts = False
    engine.page.goto(ADDRESS)
    engine.says("Just listen.")
    press(engine, "click")
    engine.page.wait_for_function("wish === null")
    engine.says("Just listen.")
    assert len(engine.wishes) == 1


@pytest.mark.parametrize(
    ("calm", "words"),
    [
        ({"lifecycle": "waiting", "sounding": False, "breath_rate": 0.0}, "The music will begin soon."),
        ({"lifecycle": "waiting", "sounding": True, "breath_rate": 0.0}, "Just listen."),
        (RUNNING | {"lifecycle": "paused"}, "Just listen."),
        (RUNNING | {"lifecycle": "ending"}, "The music is ending."),
        (RUNNING | {"lifecycle": "ended"}, "The music is over."),
    ],
    ids=["waiting", "sound-check", "paused", "ending", "ended"],
)
def test_it_says_in_words_what_becomes_of_the_music(engine: Engine, calm: dict, words: str) -> None:
    engine.calm = calm
    engine.page.goto(ADDRESS)
    engine.looks()
    engine.says(words)
    assert not any(sign.isdigit() for sign in engine.page.inner_text("body"))


def test_the_guide_breathes_only_where_it_is_asked_for_and_there_is_a_rate(engine: Engine) -> None:
    guide = engine.page.locator("#breath")
    engine.page.goto(f"{ADDRESS}?guide")
    guide.wait_for(state="visible")
    engine.calm = RUNNING | {"breath_rate": 0.0}
    guide.wait_for(state="hidden")
    engine.calm = RUNNING
    engine.page.goto(ADDRESS)
    engine.says("Just listen.")
    assert guide.is_hidden()
