"""The summary of a session in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from biofeedback.analysis.goals import recorded_goals
from biofeedback.analysis.measures import PhaseStatistics, baseline_of, number, phase_table, span
from biofeedback.analysis.phases import duration_s, numeric, texts
from biofeedback.analysis.session_log import held_spans, hold_threshold
from biofeedback.calibration import UNCALIBRATED
from biofeedback.recording.reader import Recording

CAVEAT = (
    "Mere rest lowers heart rate and activation too: changes within one session say nothing about a response "
    "to the music."
)


def session_summary(recording: Recording) -> tuple[str, ...]:
    """Return a few sentences on what the numbers say, and on what they do not.

    Heart rate from baseline to the last phase, activation, the protocol's goals, time held, and how much of
    the data was usable.
    """
    table = phase_table(recording)
    goals = [goal.sentence for goal in recorded_goals(recording)]
    told = [_heart_rate(table), _activation(table), *goals, CAVEAT, _held(recording), _usable(recording)]
    told += [_loudness(recording), _cautions(recording)]
    sentences = [_faults(recording), *told]
    return tuple(sentence for sentence in sentences if sentence)


def _faults(recording: Recording) -> str:
    faults = recording.meta.get("arguments", {}).get("faults", [])
    return f"The inputs were given faults on purpose: {', '.join(faults)}." if faults else ""


def _cautions(recording: Recording) -> str:
    if recording.meta.get("arguments", {}).get("cautions") != "not confirmed":
        return ""
    return "Nobody confirmed that the cautions were asked about before the session."


def _heart_rate(table: Sequence[PhaseStatistics]) -> str:
    known = [(row.phase, row["hr"].number) for row in table if row["hr"].number is not None]
    if len(known) < 2:
        return "Heart rate cannot be compared between phases: fewer than two have enough valid beats."
    rest = baseline_of(table)
    first = next((pair for pair in known[:-1] if rest and pair[0] == rest.phase), known[0])
    last = known[-1]
    difference = last[1] - first[1]
    way = "lower" if difference < 0 else "higher"
    return (
        f"Mean heart rate was {first[1]:.1f} bpm in “{first[0].name}” and {last[1]:.1f} bpm in "
        f"“{last[0].name}”, the last phase with enough valid beats: {abs(difference):.1f} bpm {way}."
    )


def _activation(table: Sequence[PhaseStatistics]) -> str:
    known = [
        (row.phase.name, row["activation"].number)
        for row in table
        if row["activation"].number is not None and row.phase.kind != "baseline"
    ]
    if not known:
        return "There is no physiological activation to report: it needs a frozen baseline and valid signals."
    (first, before), (last, after) = known[0], known[-1]
    scale = "Physiological activation (0 is the listener’s own baseline, the scale ends at ±3)"
    averages = f"{number(before, 2, signed=True)} in “{first}”"
    if len(known) > 1:
        averages += f" and {number(after, 2, signed=True)} in “{last}”"
    return f"{scale} averaged {averages}.{_alone(table)}"


def _alone(table: Sequence[PhaseStatistics]) -> str:
    """Say where the activation was from the heart or the skin only."""
    told = []
    for which, there, missing in (
        ("heart", "heart_activation", "eda_activation"),
        ("skin", "eda_activation", "heart_activation"),
    ):
        names = [
            f"“{row.phase.name}”"
            for row in table
            if row[there].number is not None and row[missing].number is None
        ]
        if names:
            told.append(f" In {' and '.join(names)} it is from the {which} only.")
    return "".join(told)


def _held(recording: Recording) -> str:
    if not any(hold_threshold(decision) is not None for _, decision in texts(recording, "decisions")):
        return ""
    spans = held_spans(recording)
    if not spans:
        return "The lead was never held: activation did not stay above its hold threshold."
    times = "once" if len(spans) == 1 else f"{len(spans)} times"
    return f"The lead was held {times}, for {span(sum(end - begin for begin, end in spans))} in total."


def _usable(recording: Recording) -> str:
    _, heart = numeric(recording, "features", "hr_bpm")
    _, skin = numeric(recording, "features", "scl_uS")
    seconds = max(1.0, round(duration_s(recording)))
    if not heart.size:
        return "No valid second of any signal was recorded."
    heart_share, skin_share = (
        f"{min(100.0, 100.0 * float(np.isfinite(column).sum()) / seconds):.0f} %" for column in (heart, skin)
    )
    return f"Heart rate was usable in {heart_share} of the session and skin conductance in {skin_share}."


def _loudness(recording: Recording) -> str:
    """Say how loud it was at the ear; nothing where no sound was played to a listener."""
    exposure = (recording.meta.get("end") or {}).get("exposure")
    if exposure is None:
        return ""
    if exposure["calibration"] == UNCALIBRATED:
        return "The output is uncalibrated: how loud the music was at the ear, and its dose, are not known."
    if exposure["laeq_dba"] is None:
        return "No sound was played."
    return (
        f"The music was about {exposure['laeq_dba']:.0f} dBA at the ear: {exposure['adults_percent']:.2g} % "
        f"of a week's sound allowance for adults, {exposure['children_percent']:.2g} % for children (H.870)."
    )
