"""``biofeedback stream``: what the live pipeline would have said about recordings."""

from __future__ import annotations

from pathlib import Path

import click

from biofeedback.cli.options import inputs_option, progress_bar, warn_of_gaps
from biofeedback.errors import UsageError
from biofeedback.streaming import Findings, as_json, stream_recordings, write_tables


@click.command()
@inputs_option
@click.option("--baseline", "baseline_text", metavar="A:B", help="Freeze the baseline over these seconds.")
@click.option("--beats", type=click.Path(path_type=Path), help="Write each beat as first reported (CSV).")
@click.option("--scrs", type=click.Path(path_type=Path), help="Write skin conductance responses (CSV).")
@click.option("--features", type=click.Path(path_type=Path), help="Write the 1-Hz features (CSV).")
@click.option("--json", "want_json", is_flag=True, help="Print a summary as JSON.")
def stream(
    inputs: tuple[str, ...],
    baseline_text: str | None,
    beats: Path | None,
    scrs: Path | None,
    features: Path | None,
    *,
    want_json: bool,
) -> None:
    """Pass recordings through the live pipeline, chunk by chunk, and write what it would have said.

    \b
    Tables (empty where there is no valid value):
      beats     time_s,rr_ms,quality,corrected,known_at_s
      scrs      onset_s,peak_s,amplitude_uS,known_at_s
      features  time_s,hr_bpm,hr_quality,rmssd_ms,scl_uS,scr_rate_per_min,phasic_auc,
                eda_quality,breathing_rate,activation,activation_0_100,confidence
    """  # noqa: D301 - \b is click's mark for a paragraph it must not wrap
    baseline = None if baseline_text is None else parse_baseline(baseline_text)
    warn_of_gaps(inputs)
    with progress_bar("streaming") as progress:
        findings = stream_recordings(inputs, baseline=baseline, progress=progress)
    write_tables(findings, beats=beats, scrs=scrs, features=features)
    click.echo(as_json(findings) if want_json else summary(findings))


def parse_baseline(text: str) -> tuple[float, float]:
    """Return the two numbers of ``A:B``.

    Raises
    ------
    UsageError
        For anything but two rising, non-negative numbers.
    """
    try:
        begin, end = (float(part) for part in text.split(":"))
    except ValueError:
        raise UsageError(f"--baseline {text!r}: give two times in seconds, such as 0:120") from None
    if not 0 <= begin < end < float("inf"):
        raise UsageError(f"--baseline {text!r}: the first time must lie before the second, such as 0:120")
    return begin, end


def summary(findings: Findings) -> str:
    """Return a few lines for people."""
    lines = [
        f"{findings.duration_s:.1f} s, {len(findings.beats)} beats, {len(findings.scrs)} responses",
        f"median heart rate {_text(findings.median_hr_bpm, 'bpm')}",
        f"median skin conductance level {_text(findings.median_scl_us, 'µS')}",
    ]
    if findings.baseline is not None:
        lines.append(f"baseline: {findings.baseline.sentence}")
    return "\n".join(lines)


def _text(value: float | None, unit: str) -> str:
    return "not available" if value is None else f"{value:.2f} {unit}"
