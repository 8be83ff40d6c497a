"""Acquisition: rates, latencies and what garbage costs, as JSON.

    python -m benchmarks.acquisition [--fuzz N]

`--fuzz` is the number of byte sequences for each parser; a million takes an hour and a half.
"""

from __future__ import annotations

import argparse
import json

from benchmarks.lsl_figures import lsl_figures
from benchmarks.serial_figures import serial_figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fuzz", type=int, default=20_000, metavar="N")
    options = parser.parse_args()
    print(
        json.dumps(
            {"lsl": lsl_figures(), "serial": serial_figures(options.fuzz)}, indent=2, ensure_ascii=False
        )
    )


if __name__ == "__main__":
    main()
