"""``python -m dashboard``: what `biofeedback dashboard` starts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from dashboard.serve import serve


def main() -> None:
    """Serve the dashboard until it is interrupted."""
    parser = argparse.ArgumentParser(prog="dashboard")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.data.absolute()
    os.environ["BIOFEEDBACK_DATA"] = str(folder)  # where the pages' scripts look for it
    serve(folder, port=arguments.port, browser=not arguments.no_browser)


if __name__ == "__main__":
    main()
