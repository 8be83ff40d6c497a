"""A serial device for tests, in a process of its own, behind a pseudo-terminal.

Writes lines ``index,time`` (its own monotonic clock) at a rate and in bursts, and links the terminal's
path to a name that stays.
"""

import argparse
import contextlib
import os
import pty
import time
import tty
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("link", type=Path)
parser.add_argument("--rate", type=float, default=250.0)
parser.add_argument("--burst", type=int, default=1)
parser.add_argument("--line", default="{index},{time:.6f}\\r\\n")
options = parser.parse_args()
line = options.line.replace("\\r", "\r").replace("\\n", "\n")

master, slave = pty.openpty()
tty.setraw(slave)
name = options.link.with_suffix(".new")
with contextlib.suppress(FileNotFoundError):
    name.unlink()
name.symlink_to(os.ttyname(slave))
name.replace(options.link)

start = time.monotonic()
index = 0
while True:
    index += options.burst
    time.sleep(max(0.0, start + index / options.rate - time.monotonic()))
    lines = [
        line.format(index=number, time=start + number / options.rate)
        for number in range(index - options.burst + 1, index + 1)
    ]
    os.write(master, "".join(lines).encode())
