"""The control law: a course that people steer, match, gated lead, limits, and a reason for every decision."""

from biofeedback.controller.controller import Controller
from biofeedback.controller.outcome import ControllerStep, PhaseChange

__all__ = ["Controller", "ControllerStep", "PhaseChange"]
