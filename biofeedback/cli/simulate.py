"""``biofeedback simulate``."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from acquisition.simulated.persona import PERSONAS
from biofeedback.cli.options import FOLDER, complete_protocol, data_option, open_catalog, progress_bar
from biofeedback.errors import SessionFault, UsageError

if TYPE_CHECKING:
    from biofeedback.simulation.runs import Simulated, Trial

CSV_NAME, TABLE_NAME = "runs.csv", "runs.md"


@click.command()
@click.option(
    "--protocol",
    "names",
    multiple=True,
    required=True,
    metavar="ID|FILE|all",
    shell_complete=complete_protocol,
    help="Protocol to simulate; repeat for more. all: every built-in protocol.",
)
@click.option(
    "--persona",
    "personas",
    multiple=True,
    type=click.Choice(list(PERSONAS)),
    help="Virtual listener; repeat for more. [default: all but population]",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Number of seeds for each persona.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="First seed.")
@click.option(
    "--kappa",
    type=click.FloatRange(0, 3),
    default=1.0,
    show_default=True,
    help="Factor on every effect of music; with 0 music has no effect.",
)
@click.option("--set", "settings", multiple=True, metavar="PHASE.KEY=VALUE", help="Change the protocols.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=min(4, os.cpu_count() or 1),
    show_default=True,
    help="Number of worker processes.",
)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("simulations"),
    show_default=True,
    help=f"Directory for {CSV_NAME} and {TABLE_NAME}.",
)
@click.option("--pictures", is_flag=True, help="Also plot each protocol.")
@click.option("--keep", is_flag=True, help="Also keep the recordings.")
@data_option
def simulate(
    names: tuple[str, ...],
    personas: tuple[str, ...],
    seeds: int,
    seed: int,
    kappa: float,
    settings: tuple[str, ...],
    workers: int,
    out: Path,
    data: Path | None,
    *,
    pictures: bool,
    keep: bool,
) -> None:
    """Simulate sessions with virtual listeners in virtual time, without sound.

    Writes one row for each session: the share of the lead with activation at or below the reference, holds,
    steps back, plateaus, decisions in which the limit of tempo bound, heart rate and activation at the end,
    questions, goals reached, and how it ended. Nobody answers questions; a cue that a phase waits for is
    given after 10 min.

    A virtual listener is a model: it can show that a protocol runs as designed, not that music has an
    effect on people. Compare with --kappa 0.
    """
    from biofeedback.recording.storage import write_text
    from biofeedback.simulation.results import markdown, write_csv
    from biofeedback.simulation.runs import Trial, every_persona, simulate_all
    from protocols.loading import library, override

    with open_catalog(data) as catalog:
        protocols = [
            catalog.protocol(name) for given in names for name in (library() if given == "all" else (given,))
        ]
    for setting in settings:
        protocols = [override(protocol, setting) for protocol in protocols]
    trials = [
        Trial(protocol=protocol, persona=persona, seed=number, kappa=kappa)
        for protocol in protocols
        for persona in personas or every_persona()
        for number in range(seed, seed + seeds)
    ]
    if keep:
        trials = [_kept(trial, out) for trial in trials]
    out.mkdir(parents=True, exist_ok=True)
    with progress_bar(f"{len(trials)} sessions") as progress:
        runs = simulate_all(
            trials, workers=workers, progress=lambda done, word: progress(done / len(trials), word)
        )
    write_csv(runs, out / CSV_NAME)
    table = markdown(runs)
    write_text(out / TABLE_NAME, f"{table}\n")
    click.echo(table)
    click.echo(f"\n{_cost(runs)}")
    for path in (out / CSV_NAME, out / TABLE_NAME, *(_draw(runs, out) if pictures else ())):
        click.echo(f"wrote      {path}")
    if faults := [run for run in runs if run.fault]:
        first = faults[0]
        raise SessionFault(
            f"{len(faults)} of {len(runs)} sessions failed, the first being {first.trial.protocol.id} on "
            f"{first.trial.persona}, seed {first.trial.seed}: {first.fault}"
        )


def _kept(trial: Trial, out: Path) -> Trial:
    directory = out / f"{trial.protocol.id}-{trial.persona}-{trial.seed}"
    if directory.exists():
        raise UsageError(f"{directory} exists already; choose another --out, or remove it")
    return replace(trial, directory=directory)


def _draw(runs: tuple[Simulated, ...], out: Path) -> list[Path]:
    from biofeedback.simulation.results import draw

    paths = []
    for name in dict.fromkeys(run.trial.protocol.id for run in runs):
        paths.append(out / f"{name}.png")
        draw([run for run in runs if run.trial.protocol.id == name], paths[-1])
    return paths


def _cost(runs: tuple[Simulated, ...]) -> str:
    hours = sum(run.outcome.duration_s for run in runs) / 3600
    per_20_min = sum(run.cpu_s for run in runs) / (3 * hours)
    return f"{len(runs)} sessions, {hours:.1f} h; 20 minutes took {per_20_min:.1f} s of processor time"
