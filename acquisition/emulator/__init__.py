"""Serial devices that are not there: recordings in a profile's wire format, behind a pseudo-terminal."""

from acquisition.emulator.emulation import Emulation, emulate
from acquisition.emulator.terminal import Interference, Terminal, play

__all__ = ["Emulation", "Interference", "Terminal", "emulate", "play"]
