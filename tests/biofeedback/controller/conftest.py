"""A listener who does as told, and a session stepped second by second."""

from types import SimpleNamespace

import pytest

from biofeedback.commands import COMMAND
from biofeedback.controller import Controller
from physiology.state import PhysiologyState, Reading
from protocols.loading import load

NONE = Reading(None, 0.0, None)


def physiology(t, *, hr=72.0, quality=0.9, activation=0.0, confidence=0.8, age=0.5, breathing=None):
    return PhysiologyState(
        t=t,
        hr_bpm=Reading(hr, quality, age),
        rmssd_ms=NONE,
        scl_us=NONE,
        scr_rate_per_min=NONE,
        phasic_auc=NONE,
        breathing_rate=NONE if breathing is None else Reading(breathing, 0.9, age),
        activation=activation,
        activation_0_100=None,
        confidence=confidence,
        contributions={},
    )


def session(protocol, commands=(), listener=physiology, *, until=None, sigma=0.0, every=1.0, beats=None):
    """Step a protocol with commands ``(at, name, {args})``; return all that came of it."""
    protocol = load(protocol) if isinstance(protocol, str) else protocol
    controller = Controller(protocol)
    controller.calibrate(sigma)
    waiting = [(at, COMMAND.validate_python({"name": name, **args})) for at, name, args in commands]
    came = SimpleNamespace(
        controller=controller, decisions={}, changes=[], answers=[], questions=[], ratings=[],
        assessments=[], plans={}, asks={},
    )  # fmt: skip
    t = 0.0
    while not controller.ended and (until is None or t <= until) and t < 20_000:
        told = [command for at, command in waiting if t - every < at <= t]
        step = controller.step(t, listener(t), told, () if beats is None else beats(t))
        came.decisions |= {decision.t: decision for decision in step.decisions}
        came.changes += [(change.t, change.event, change.name) for change in step.phase_changes]
        came.answers += [(answer.accepted, answer.text) for answer in step.answers]
        came.questions += step.questions
        came.ratings += step.ratings
        came.assessments += step.assessments
        view = controller.view()
        came.plans[t] = view.plan
        came.asks[t] = [ask.kind for ask in view.asks]
        t = round(t + every, 6)
    return came


@pytest.fixture
def listening():
    return physiology


@pytest.fixture
def play():
    return session
