"""The page in a real browser: it draws, asks the network for nothing, and leads to the raw signal."""

import shutil

import pytest

from biofeedback.analysis.measures import phase_table
from biofeedback.report.page import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


def opened(browser, file):
    """Return the page once it has drawn everything, what it complained of and what it asked for."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(300_000)
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("body[data-ready]")
    return page, complaints, requests


@pytest.fixture(scope="module")
def report(browser, session, tmp_path_factory):
    file = tmp_path_factory.mktemp("report") / "report.html"
    write_report(session, file)
    return opened(browser, file)


def shown(page):
    """The stretch of raw signal that is drawn, in seconds of the session."""
    low, high = page.evaluate("document.getElementById('rawfigure').layout.xaxis.range")
    epoch = page.evaluate("JSON.parse(document.getElementById('data').textContent).epoch_ms")
    return (low - epoch) / 1000, (high - epoch) / 1000


def test_everything_is_drawn_without_a_complaint_or_a_request(report):
    page, complaints, requests = report
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert page.locator("#overview .subplot").count() >= 8
    offered = {button.get_attribute("data-title") for button in page.locator(".modebar-btn").all()}
    # Plotly's own set of buttons has one that sends the figure's data to a server.
    assert offered == {"Download plot as a PNG", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_number_of_the_table_leads_to_its_raw_signal_and_back(report, session):
    page, _, _ = report
    lead = phase_table(session)[2]
    button = page.get_by_role("button", name="Beats corrected, lead to rest")
    button.focus()
    page.keyboard.press("Enter")
    low, high = shown(page)
    assert low < lead["corrected"].at_s < high
    assert high - low == pytest.approx(30.0)
    assert "phase 3 lead to rest" in page.locator("#shown").inner_text()
    assert page.evaluate("document.activeElement.id") == "raw"
    page.get_by_role("button", name="Back to where you were").click()
    assert button.evaluate("element => element === document.activeElement")


def test_the_raw_view_holds_the_samples_as_recorded(report, session):
    page, _, _ = report
    page.locator("#at").fill("02:10")
    page.locator("#at").press("Enter")
    assert shown(page) == pytest.approx((115.0, 145.0))
    values = page.evaluate(
        "document.getElementById('rawfigure').data.find(t => t.name === 'ECG (mV)').y.filter(v => v !== null)"
    )
    ecg = session.streams["ecg"]
    times = ecg.times - session.t0_s
    recorded = ecg.samples[(times >= 115.0) & (times < 145.0), 0]
    assert len(values) == pytest.approx(recorded.size, abs=2)
    assert values[1 : 1 + recorded.size] == pytest.approx(recorded.tolist(), abs=0.002)
    peaks = page.evaluate("document.getElementById('rawfigure').data.find(t => t.name === 'R peak').y")
    assert min(peaks) > 0.5


def test_a_lost_signal_is_marked_and_not_drawn_through(report):
    page, _, _ = report
    page.locator("#at").fill("05:10")
    page.locator("#at").press("Enter")
    names = page.evaluate("document.getElementById('rawfigure').data.map(t => t.name)")
    assert "no valid signal" in names
    line = page.evaluate(
        "(() => { const t = document.getElementById('rawfigure').data.find(t => t.name === 'ECG (mV)');"
        " return t.x.map((x, i) => [x, t.y[i]]).filter(([x, y]) => y === null).length; })()"
    )
    assert line == 1


def test_a_click_on_the_overview_leads_to_the_raw_signal_there(report):
    page, _, _ = report
    page.evaluate("document.getElementById('overview').scrollIntoView()")
    box = page.locator("#overview .nsewdrag").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    sync_api.expect(page.locator("#raw")).to_be_focused()
    low, high = shown(page)
    assert (low + high) / 2 == pytest.approx(315.0, abs=3.0)


def test_a_decision_leads_to_the_raw_signal(report):
    page, _, _ = report
    page.locator("#decisions li.hold > button").click()
    assert sum(shown(page)) / 2 == pytest.approx(330.0)
    assert "Holding" in page.locator("#shown").inner_text()


def test_pages_of_cut_and_empty_recordings_draw_without_a_complaint(browser, session, make, tmp_path):
    for number, recording in enumerate([make.cut(session, 130.0), make.recording(complete=False)]):
        file = tmp_path / f"{number}.html"
        write_report(recording, file)
        page, complaints, _ = opened(browser, file)
        assert complaints == []
        page.close()
