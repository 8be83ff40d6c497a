"""Files of every format in the folder of recordings through ``biofeedback stream``; run by ``physiology.py``.

Each must end with exit status 0 and a median that lies near what its description says: heart rates there
are NeuroKit2's or a device's, for orientation. A file without heart or skin must be refused in one line,
or say nothing.
"""

from __future__ import annotations

import contextlib
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biofeedback.cli import exit_status


@dataclass(frozen=True)
class Case:
    """Inputs, `{}` standing for the folder, and what must come out of them.

    Medians are (value, tolerance); None where there is nothing to compare with.
    """

    inputs: str
    hr: tuple[float, float] | None = None
    breathing: tuple[float, float] | None = None
    scl: tuple[float, float] | None = None
    status: int = 0


WRISTS = ("S05", "S14", "S23")
WELLTORY = {"01": 54.5, "05": 73.5, "09": 69.0, "14": 68.5, "20": 87.8}

RESTING_5, RESTING_8, EVENTS = (
    f"{{}}/neurokit/bio_{name}_100hz.csv" for name in ("resting_5min", "resting_8min", "eventrelated")
)
CAMERA, E4 = "{{}}/welltory_ppg_rr/subject_{n}", "{{}}/stress_predict/{who}"

CASES = (
    Case(f"ecg={RESTING_5}:ECG@100 rsp={RESTING_5}:RSP@100", hr=(86.2, 1.5), breathing=(15.9, 2.0)),
    Case(f"ppg={RESTING_5}:PPG@100", hr=(86.4, 1.5)),
    Case(
        f"ecg={RESTING_8}:ECG@100 eda={RESTING_8}:EDA@100 rsp={RESTING_8}:RSP@100",
        hr=(56.6, 1.5),
        breathing=(9.1, 2.5),
        scl=(9.75, 5.2),
    ),
    Case(
        f"ecg={EVENTS}:ECG@100 eda={EVENTS}:EDA@100 rsp={EVENTS}:RSP@100",
        hr=(60.9, 1.5),
        breathing=(17.6, 2.0),
    ),
    Case("ecg={}/neurokit/ecg_1000hz.csv@1000", hr=(59.7, 1.5)),
    Case("ecg={}/neurokit/ecg_bad_500hz.csv:1@500", hr=(58.5, 5.0)),
    Case("ecg={}/mitbih/100.hea:MLII", hr=(75.0, 2.0)),
    Case("ecg={}/mitbih/105.dat:MLII", hr=(83.0, 4.0)),
    Case("ecg={}/mitbih/119_lead1_mV_360hz.csv.gz@360", hr=(65.0, 6.0)),
    *(Case(f"ecg={{}}/nstdb/118{name}.csv@360", hr=(81.0, 5.0)) for name in ("e24", "e12", "e06")),
    Case("ecg={}/nstdb/118e00.csv:0@360"),
    Case("ecg={}/cinc2015/a103l.hea:II", hr=(124.5, 4.0)),
    Case("ppg={}/cinc2015/a103l.mat:PLETH", hr=(126.1, 4.0)),
    Case("ppg={}/heartpy_ppg/data2.csv:hr", hr=(64.4, 5.0)),
    Case("ppg={}/heartpy_ppg/data3.csv:hr", hr=(96.6, 4.0)),
    Case("ppg={}/heartpy_ppg/ring_data.csv@32"),
    *(Case(f"ppg={CAMERA}/PPG.csv:R,G,B".format(n=n), hr=(hr, 5.0)) for n, hr in WELLTORY.items()),
    *(Case(f"rr={CAMERA}/RR.txt".format(n=n), hr=(hr, 3.0)) for n, hr in WELLTORY.items()),
    Case("ecg={}/biosppy/ecg.txt", hr=(60.2, 1.5)),
    Case("ppg={}/biosppy/ppg.txt", hr=(94.5, 2.0)),
    Case("rsp={}/biosppy/resp.txt"),
    Case("eda={}/biosppy/eda.txt:EDA?profile=bitalino", scl=(15.0, 5.0)),
    Case("ecg={}/opensignals/ecg_bitalino_pyhrv.txt", hr=(77.7, 2.0)),
    Case("ppg={}/opensignals/bvp_motion_artifact.txt"),
    Case("rsp={}/opensignals/respiration_60s.txt"),
    Case(f"ppg={E4}/BVP.csv eda={E4}/EDA.csv".format(who="S23")),  # `skin` streams all three
    *(Case(f"rr={E4}/IBI.csv acc={E4}/ACC.csv:0".format(who=who)) for who in WRISTS),
    *(Case(f"hr={E4}/HR.csv".format(who=who)) for who in WRISTS),
    Case("ecg={}/xdf/minimal.xdf:SendDataC/0"),
    Case("ecg={}/xdf/clock_resets.xdf:BioSemi/0", status=2),
)


def run(case: Case, data: Path) -> dict[str, Any]:
    """Stream one case; return what came out."""
    inputs = case.inputs.format(*[data] * 3).split()
    out, err = io.StringIO(), io.StringIO()
    started = time.process_time()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = exit_status(["stream", "--json", "--input", *inputs])
    cpu_s = time.process_time() - started
    if status != 0:
        said = [line for line in err.getvalue().splitlines() if line.startswith("biofeedback:")]
        return {"status": status, "said": [line.replace(f"{data}/", "") for line in said]}
    summary = json.loads(out.getvalue())
    kept = ("beats", "scrs", "median_hr_bpm", "hr_given", "median_scl_uS", "median_breathing_rate")
    return {
        "status": status,
        "duration_s": round(summary["duration_s"], 1),
        **{
            name: value if value is None else round(value, 2)
            for name, value in summary.items()
            if name in kept
        },
        "times_real_time": round(summary["duration_s"] / cpu_s),
    }


def figures(data: Path) -> dict[str, Any]:
    """Stream all cases."""
    return {case.inputs.replace("{}/", ""): run(case, data) for case in CASES}


def wrong(case: Case, result: dict[str, Any]) -> list[str]:
    """Return what is not as expected of one case, in words."""
    name = case.inputs.replace("{}/", "")
    if result["status"] != case.status:
        return [f"{name}: exit status {result['status']}, not {case.status}"]
    if case.status:
        return [] if len(result["said"]) == 1 else [f"{name}: {len(result['said'])} lines instead of one"]
    found = []
    for key, expected in (
        ("median_hr_bpm", case.hr),
        ("median_breathing_rate", case.breathing),
        ("median_scl_uS", case.scl),
    ):
        value = result[key]
        # What is withheld is not wrong; whether too much is withheld is measured elsewhere.
        if expected is not None and value is not None and abs(value - expected[0]) > expected[1]:
            found.append(f"{name}: {key} {value}, expected {expected[0]} ± {expected[1]}")
    return found


def goals_not_reached(figures: dict[str, Any]) -> list[str]:
    """Return every value that is not near what the files' description says."""
    return [
        line for case, result in zip(CASES, figures.values(), strict=True) for line in wrong(case, result)
    ]


def missed(figures: dict[str, Any]) -> list[str]:
    """Return every file that does not stream, or is not refused as it should be."""
    return [line for line in goals_not_reached(figures) if "median" not in line]
