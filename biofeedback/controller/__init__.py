"""The control law: the course of a protocol, adapted to the listener, and steered by people."""

from biofeedback.controller.controller import Controller, ControllerStep, PhaseChange

__all__ = ["Controller", "ControllerStep", "PhaseChange"]
