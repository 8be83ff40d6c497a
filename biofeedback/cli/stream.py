"""``biofeedback stream``: analyse recordings with the live pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from biofeedback.cli.options import inputs_option, progress_bar, scr_threshold_option
from biofeedback.errors import UsageError

if TYPE_CHECKING:
    from biofeedback.offline_stream import Findings

GAPS_SHOWN = 3


@click.command()
@inputs_option
@click.option("--baseline", "baseline_text", metavar="A:B", help="Freeze the baseline over these seconds.")
@click.option("--beats", type=click.Path(path_type=Path), help="Write each beat as first reported (CSV).")
@click.option("--scrs", type=click.Path(path_type=Path), help="Write skin conductance responses (CSV).")
@click.option("--features", type=click.Path(path_type=Path), help="Write the 1-Hz features (CSV).")
@scr_threshold_option
@click.option("--json", "want_json", is_flag=True, help="Print a summary as JSON.")
def stream(
    inputs: tuple[str, ...],
    baseline_text: str | None,
    beats: Path | None,
    scrs: Path | None,
    features: Path | None,
    scr_threshold_us: float,
    *,
    want_json: bool,
) -> None:
    """Pass recordings through the live pipeline, chunk by chunk, and write its results.

    \b
    Recordings, as KIND=WHERE; kinds are ecg, ppg, eda, rsp (respiration), rr (RR intervals), hr (heart rate):
      CSV (.csv, .csv.gz)     ecg=rec.csv:ecg_mV@360      column by name or number from 0, and its rate;
                              ppg=PPG.csv:R,G,B           the rate may be left out beside a column of times
                              ecg=118e24.csv@360          (time_s, time in s or ms, datetime), the column
                              rr=rr.csv:rr_ms             where there is only one
      WFDB (PhysioNet)        ecg=100.hea:MLII            header and signal, by name or number
      OpenSignals text        eda=rec.txt:A3              channel by its label, sensor or column
      BioSPPy Simple Text     ecg=ecg.txt:ECG
      Empatica E4             ppg=BVP.csv eda=EDA.csv rr=IBI.csv hr=HR.csv
      list of RR intervals    rr=RR.txt                   in ms or s
      EDF, EDF+C              ecg=rec.edf:ECG             signal by label or number from 0
      XDF                     eda=session.xdf:Stream      or Stream/channel

    \b
    Options for what a file does not state:
      ?unit=mV                ecg=rec.csv:1@250?unit=mV
      ?profile=DEVICE         eda=eda.txt:A3?profile=bitalino         counts to units (&bits=12, &board=2014)

    Files that know their absolute start (Empatica, time_s as Unix time, datetime with a time zone) are
    aligned by it if all do; otherwise each begins at 0.

    \b
    Tables (empty where there is no valid value):
      beats     time_s,rr_ms,quality,corrected,known_at_s
      scrs      onset_s,peak_s,amplitude_uS,known_at_s
      features  time_s,hr_bpm,hr_quality,rmssd_ms,scl_uS,scr_rate_per_min,phasic_auc,
                eda_quality,breathing_rate,activation,activation_0_100,confidence
                and more: window, usable and corrected share of each, its quality, its source

    \b
    Example:
      biofeedback stream --input ecg=100.hea:MLII --input eda=rec.csv:eda_uS@4 --baseline 0:120 \\
          --beats beats.csv --scrs scrs.csv --features features.csv --json
    """  # noqa: D301 - \b is click's mark for a paragraph it must not wrap
    from biofeedback.offline_stream import as_json, stream_recordings, write_tables

    baseline = None if baseline_text is None else parse_baseline(baseline_text)
    with progress_bar("streaming") as progress:
        findings = stream_recordings(
            inputs, baseline=baseline, scr_threshold_us=scr_threshold_us, progress=progress
        )
    for line in (*shown_gaps(findings.gaps), *findings.assumptions):
        click.echo(f"biofeedback: note: {line}", err=True)
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


def shown_gaps(gaps: list[str]) -> list[str]:
    """Return the first lines about gaps, and the number of further ones."""
    more = len(gaps) - GAPS_SHOWN
    return gaps[:GAPS_SHOWN] + ([f"signals are missing {more} more times"] if more > 0 else [])


def summary(findings: Findings) -> str:
    """Return the results as text."""
    given = "" if findings.hr_given is None else f", given for {findings.hr_given:.0%} of the time"
    lines = [
        f"{findings.duration_s:.1f} s, {len(findings.first_reports())} beats, {len(findings.scrs)} responses",
        f"median heart rate {_text(findings.median('hr_bpm'), 'bpm')}{given}",
        f"median skin conductance level {_text(findings.median('scl_us'), 'µS')}",
        f"median breathing rate {_text(findings.median('breathing_rate'), 'per min')}",
    ]
    lines += [f"{kind}: {choice}" for kind, choice in findings.choices.items()]
    for kind, reasons in findings.reasons().items():
        lines += [f"{kind}: {reason} ({seconds} s)" for reason, seconds in reasons.items()]
    if findings.baseline is not None:
        lines.append(f"baseline: {findings.baseline.sentence}")
        lines += [f"activation: {of} ({seconds} s)" for of, seconds in findings.activation_bases().items()]
    return "\n".join(lines)


def _text(value: float | None, unit: str) -> str:
    return "not available" if value is None else f"{value:.2f} {unit}"
