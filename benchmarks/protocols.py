"""Every built-in protocol, whole, on every virtual listener: does each run to its end, and what comes of it.

Usage: ``python benchmarks/protocols.py [--only ID...] [--workers N] [--pictures DIR] [--write]``. Prints
one JSON; exits with 1 if a session fails or ends otherwise than by its protocol. ``--write`` puts the table
into docs/protocols.md and the pictures of `SHOWN` into docs/simulations. All of it is some 35 hours of
session, about twenty minutes of processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# Run as a script, this file would hide the package whose name it bears.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)
os.environ.setdefault("OMP_NUM_THREADS", "1")

from PIL import Image

from biofeedback.models import EndReason
from biofeedback.simulation.results import draw, markdown
from biofeedback.simulation.runs import Simulated, Trial, every_persona, simulate_all
from protocols.loading import library, load

SEED = 1
SHOWN = ("isoprinciple-relaxation", "isoprinciple-activation", "pain-distraction")
"""The most telling pages."""

PAGE, PICTURES = ROOT / "docs" / "protocols.md", ROOT / "docs" / "simulations"
BEGIN, END = "<!-- simulated: begin -->", "<!-- simulated: end -->"

INTRODUCTION = f"""\
## Results on virtual listeners

Made by `python benchmarks/protocols.py --write`: every protocol, whole, on each of
[the virtual listeners](listener.md) (seed {SEED}, the same person except for what makes the
persona), and on the responder with κ = 0, on whom music has no effect. **It shows that protocols
run as designed, and cannot show that music works:** the effect of music on these listeners was
written into them. Compare each row with κ = 0 before you draw conclusions; most of a fall is rest.
`biofeedback simulate` makes such a table of your own protocols.

*In target* is the share of the lead's valid seconds with activation at or below that of the last
minute before the lead (upward: at or above). *Tempo limited* counts decisions, one every 5 s, in
which the limit of tempo allowed less than was wanted. Heart rate is that of the baseline (without
one, of the first phase) and of the last phase with music; activation there is relative to the
baseline's 0. Nobody answers questions, so goals about ratings cannot be reached here. Cues come
10 min after a phase began to wait for them; pain comes in the middle of the procedure, or of the
session.
"""


def main() -> int:
    """Simulate what was asked for, and print what came of it."""
    parser = argparse.ArgumentParser(description="Every built-in protocol on every virtual listener.")
    parser.add_argument("--only", nargs="+", choices=library(), default=library(), metavar="ID")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="a page for each protocol goes here")
    parser.add_argument("--write", action="store_true", help="bring docs/protocols.md up to date")
    asked = parser.parse_args()
    if asked.write and asked.only != library():
        parser.error("--write needs all protocols, so not --only")
    began = time.monotonic()
    runs = simulate_all(
        [trial for name in asked.only for trial in trials(name)],
        workers=asked.workers,
        progress=lambda done, word: print(
            f"{done:4d} {time.monotonic() - began:6.0f} s  {word}", file=sys.stderr
        ),
    )
    if asked.pictures:
        asked.pictures.mkdir(parents=True, exist_ok=True)
        for name in asked.only:
            page_of(name, runs, asked.pictures / f"{name}.png")
    if asked.write:
        write(runs)
    print(json.dumps(figures(runs), indent=2, ensure_ascii=False))
    return 1 if figures(runs)["missed"] else 0


def trials(name: str) -> list[Trial]:
    """Return the sessions of one protocol: each persona, and the responder on whom music does nothing."""
    protocol = load(name)
    return [
        *(Trial(protocol=protocol, persona=persona, seed=SEED) for persona in every_persona()),
        Trial(protocol=protocol, persona="responder", seed=SEED, kappa=0.0),
    ]


def figures(runs: Sequence[Simulated]) -> dict[str, object]:
    """Return what all sessions together cost, and which did not run to their end."""
    hours = sum(run.outcome.duration_s for run in runs) / 3600
    return {
        "sessions": len(runs),
        "hours_of_session": round(hours, 2),
        "cpu_s_per_20_min": round(sum(run.cpu_s for run in runs) / (3 * hours), 2),
        "missed": [
            f"{run.trial.protocol.id} on {run.trial.persona}: {run.fault or run.outcome.ended}"
            for run in runs
            if run.fault or run.outcome.ended != EndReason.COMPLETE
        ],
    }


def page_of(name: str, runs: Sequence[Simulated], path: Path) -> None:
    """Draw the page of one protocol, in 256 colours: it makes a third of the file and cannot be told."""
    draw([run for run in runs if run.trial.protocol.id == name], path)
    fewer = Image.open(path).convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT)
    fewer.save(path, optimize=True)


def write(runs: Sequence[Simulated]) -> None:
    """Put table and pictures into the documentation, between the marks or at its end."""
    PICTURES.mkdir(exist_ok=True)
    shown = []
    for name in SHOWN:
        page_of(name, runs, PICTURES / f"{name}.png")
        title = load(name).title
        shown.append(f"![{title}, on virtual listeners](simulations/{name}.png)")
    section = "\n".join([INTRODUCTION, *shown, "", markdown(runs)])
    text = PAGE.read_text(encoding="utf-8")
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{section}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
