"""The errors of physiology, one tree.

PhysiologyError
└── SignalError     samples that cannot be a signal (times going backward, wrong shape, unknown kind)
"""


class PhysiologyError(Exception):
    """Anything that physiology refuses to compute."""


class SignalError(PhysiologyError):
    """Samples that cannot be a signal; the message says which and why."""
