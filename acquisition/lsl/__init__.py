"""Lab Streaming Layer: streams of numbers and of marks, from other programs on the network."""

from acquisition.lsl.connection import connect, describe, keep_lsl_quiet, visible_streams
from acquisition.lsl.marks import LslMarks
from acquisition.lsl.source import LslSource

__all__ = ["LslMarks", "LslSource", "connect", "describe", "keep_lsl_quiet", "visible_streams"]
