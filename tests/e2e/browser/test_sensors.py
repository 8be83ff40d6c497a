"""Sensors that go away in mid-session and come back."""

import threading
import uuid

import neurokit2 as nk
import numpy as np
import pylsl
import pytest

from biofeedback.recording.reader import read_recording

FOLLOW = """\
id: follow
version: 1
title: Follow the heart
rationale: the music goes by the heart rate, so that it is seen whether it does
sources: [our own convention]
arm: closed-loop
cautions: []
default_tempo_bpm: 64
limits: {tempo_bpm_per_min: 8}
phases:
  - {kind: match, name: match, duration_s: 1200, tempo_bpm: hr}
end_fade_s: 15
"""
PACKET_S = 0.05
RATES = {"ecg": 250, "eda": 25}
UNITS = {"ecg": "mV", "eda": "uS"}
CALM_BPM, QUICK_BPM = 64, 92
LONG_S = 30.0
"""A loss for longer waits for Resume."""


class Sensors:
    """Two LSL outlets, which can be unplugged and plugged in again, on another heart rate."""

    def __init__(self):
        self.names = {kind: f"{kind}-{uuid.uuid4().hex[:8]}" for kind in RATES}
        self.hearts = {
            bpm: nk.ecg_simulate(duration=120, sampling_rate=RATES["ecg"], heart_rate=bpm, random_state=1)
            for bpm in (CALM_BPM, QUICK_BPM)
        }
        self.skin = nk.eda_simulate(duration=120, sampling_rate=RATES["eda"], random_state=1)
        self.unplugged = threading.Event()
        self.sending = None

    @property
    def inputs(self):
        return tuple(f"{kind}=lsl:name={name}" for kind, name in self.names.items())

    def plug_in(self, bpm):
        self.unplugged.clear()
        signals = {"ecg": self.hearts[bpm], "eda": self.skin}
        self.sending = threading.Thread(target=self._send, args=(signals,))
        self.sending.start()

    def unplug(self):
        self.unplugged.set()
        if self.sending is not None:
            self.sending.join()

    def _send(self, signals):
        outlets = {kind: self._outlet(kind) for kind in signals}
        began, sent = pylsl.local_clock(), dict.fromkeys(signals, 0)
        while not self.unplugged.wait(PACKET_S):
            for kind, outlet in outlets.items():
                upto = int((pylsl.local_clock() - began) * RATES[kind])
                if upto > sent[kind]:
                    values = np.take(signals[kind], range(sent[kind], upto), mode="wrap")
                    outlet.push_chunk(values[:, None], began + (upto - 1) / RATES[kind])
                    sent[kind] = upto

    def _outlet(self, kind):
        name = self.names[kind]
        info = pylsl.StreamInfo(name, kind.upper(), 1, RATES[kind], "double64", name)
        channel = info.desc().append_child("channels").append_child("channel")
        channel.append_child_value("label", kind).append_child_value("unit", UNITS[kind])
        return pylsl.StreamOutlet(info)


@pytest.fixture
def sensors():
    made = Sensors()
    made.plug_in(CALM_BPM)
    yield made
    made.unplug()


def test_a_signal_that_was_lost_and_is_back_is_followed_again_after_resume(dashboard, running, sensors):
    engine = running(FOLLOW, inputs=sensors.inputs)
    directory = dashboard.directory()

    def now():
        return engine.state().session.snapshot

    def tempo():
        return now().music.tempo_bpm

    with dashboard.window() as one, dashboard.window() as other:
        first, second = dashboard.screen(one), dashboard.screen(other)
        for kind in RATES:
            first.locator(f".trace[data-signal={kind}] .light[data-light=good]").wait_for()
        dashboard.until(lambda: now().terms.get("signal") == "good", "the music to follow")
        dashboard.until(lambda: abs(heart(now()) - CALM_BPM) < 5, "the heart to be heard")

        sensors.unplug()
        lost_s = now().elapsed_s
        for screen in (first, second):
            for kind in RATES:
                light = screen.locator(f".trace[data-signal={kind}] .light[data-light=lost]")
                assert light.inner_text().startswith("■ lost: ")
        dashboard.until(lambda: gap_is_drawn(dashboard.frame(one)), "the gap to be drawn")
        dashboard.inspect(one, stop=True)
        dashboard.until(lambda: now().terms["signal"] == "frozen", "the music to stay as it is")
        stood = tempo()
        dashboard.until(lambda: now().terms["needs_resume"], "the loss to last too long")
        assert now().elapsed_s - lost_s > LONG_S
        dashboard.until(lambda: first.locator("#why").inner_text() == now().why, "the page to say why")

        sensors.plug_in(QUICK_BPM)
        for screen in (first, second):
            screen.locator(".trace[data-signal=ecg] .light:not([data-light=lost])").wait_for()
            screen.locator("#asks .ask[data-kind=resume]").wait_for()
        dashboard.until(lambda: heart(now()) > QUICK_BPM - 5, "the heart to be heard again")
        heard_s = now().elapsed_s
        dashboard.until(lambda: now().elapsed_s > heard_s + 6, "a decision that could follow")
        assert tempo() == stood
        assert now().terms["needs_resume"]

        second.locator("#asks").get_by_role("button", name="Adapt again").click()
        first.locator("#asks:empty").wait_for(state="attached")
        dashboard.until(lambda: tempo() > stood + 0.5, "the music to follow again")

    engine.command("emergency stop")
    engine.wait_for("closed", timeout_s=300)
    shows_the_gap(read_recording(directory), lost_s)


def heart(snapshot):
    value = None if snapshot.physiology is None else snapshot.physiology.hr_bpm.value
    return 0.0 if value is None else value


def gap_is_drawn(screen):
    """Whether the newest edge of the heart's trace is of the colour of gaps."""
    return screen.evaluate(
        """() => {
          const canvas = document.querySelector(".trace[data-signal=ecg] canvas");
          const pixel = canvas.getContext("2d").getImageData(canvas.width - 3, canvas.height - 3, 1, 1).data;
          const probe = document.body.appendChild(document.createElement("i"));
          probe.style.color = "var(--gap)";
          const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
          probe.remove();
          return wanted.every((part, at) => part === pixel[at]) && pixel[3] === 255;
        }"""
    )


def shows_the_gap(recording, lost_s):
    """Nothing is made up for the time in which there was nothing."""
    for kind in RATES:
        times = recording.streams[kind].times - recording.t0_s
        longest = int(np.argmax(np.diff(times)))
        assert times[longest + 1] - times[longest] > LONG_S
        assert abs(times[longest] - lost_s) < 5
    features = recording.streams["features"]
    within = np.abs(features.times - recording.t0_s - (lost_s + LONG_S / 2 + 5)) < LONG_S / 2 - 5
    assert within.sum() > 15
    for label in ("hr_bpm", "scl_uS"):
        assert np.isnan(features.column(label)[within]).all()
