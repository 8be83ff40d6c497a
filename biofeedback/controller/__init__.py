"""The control law: timeline, match, gated lead, limits, confidence, and a reason for every decision."""

from biofeedback.controller.controller import Controller, ControllerStep, PhaseChange

__all__ = ["Controller", "ControllerStep", "PhaseChange"]
