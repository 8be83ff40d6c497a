"""What clients cost the engine, and how soon it answers them.

    python benchmarks/service.py [--seconds 20] [--commands 100]

Carries out a session in real time over a simulated ECG (500 Hz), EDA and respiration, with nobody, two and
twenty live connections, and compares the processor time of the engine's process; gives commands and an
emergency stop. Prints JSON and exits 1 if a figure misses its floor. Needs /proc (Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import neurokit2 as nk
import numpy as np

sys.path[0] = str(Path(__file__).resolve().parents[1])

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as open_socket

from biofeedback.client import EngineClient, connect
from biofeedback.service.endpoint_file import read_endpoint

RATE_HZ = 500
MOST_OF_A_CORE = 0.05
ACKNOWLEDGED_S = 0.1
SILENT_S = 1.0
PROTOCOL = """\
{id: cost, version: 1, title: Cost, rationale: to be measured, sources: [none], arm: closed-loop,
 cautions: [none], phases: [{kind: baseline, name: baseline, duration_s: 5},
 {kind: match, name: match, duration_s: 900, layers: 4, density: 0.6}], end_fade_s: 15}
"""


def recording(folder: Path, seconds: float) -> list[str]:
    """Write signals of that length; return the inputs that read them."""
    length = int(seconds)
    ecg = nk.ecg_simulate(duration=length, sampling_rate=RATE_HZ, heart_rate=70, random_state=1)
    eda = nk.eda_simulate(duration=length, sampling_rate=RATE_HZ, scr_number=length // 20, random_state=1)
    rsp = nk.rsp_simulate(duration=length, sampling_rate=RATE_HZ, respiratory_rate=14, random_state=1)
    path = folder / "signals.csv"
    np.savetxt(
        path,
        np.column_stack((ecg, eda, rsp)),
        delimiter=",",
        header="ecg,eda_uS,rsp",
        comments="",
        fmt="%.5f",
    )
    return [
        f"{kind}={path}:{column}@{RATE_HZ}"
        for kind, column in (("ecg", "ecg"), ("eda", "eda_uS"), ("rsp", "rsp"))
    ]


def cpu_s(pid: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_of_a_core(engine: EngineClient, token: str, pid: int, watchers: int, seconds: float) -> float:
    """Return the share of a core that the engine uses with so many live connections."""
    address = engine.url.replace("http", "ws") + "/live"
    with ExitStack() as stack:
        for _ in range(watchers):
            headers = {"Authorization": f"Bearer {token}"}
            socket = stack.enter_context(open_socket(address, additional_headers=headers, compression=None))
            threading.Thread(target=drain, args=(socket,), daemon=True).start()
        before, began = cpu_s(pid), time.monotonic()
        time.sleep(seconds)
        return (cpu_s(pid) - before) / (time.monotonic() - began)


def drain(socket: Any) -> None:
    """Read and forget."""
    try:
        for _ in socket:
            pass
    except ConnectionClosed:
        return


def acknowledgements(engine: EngineClient, commands: int) -> dict[str, float]:
    """Return how long commands take to be answered."""
    took = []
    for number in range(commands):
        began = time.perf_counter()
        engine.command("marker", text=f"mark {number}")
        took.append(time.perf_counter() - began)
        time.sleep(0.03)
    median, p95, worst = np.percentile(took, (50, 95, 100))
    return {"median_s": round(median, 4), "p95_s": round(p95, 4), "worst_s": round(worst, 4)}


def silence_s(engine: EngineClient) -> float:
    """Return how long after an emergency stop the last sound has faded."""
    began = time.perf_counter()
    engine.command("emergency stop")
    while not engine.state().session.snapshot.finished:
        time.sleep(0.01)
    return round(time.perf_counter() - began, 3)


def measure(folder: Path, seconds: float, commands: int) -> dict[str, Any]:
    """Start an engine, carry out a session, and return the figures."""
    command = [sys.executable, "-m", "biofeedback", "engine", "--data", str(folder / "data")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        process.stdout.readline()
        engine, found = connect(folder / "data"), read_endpoint(folder / "data")
        inputs = recording(folder, 4 * seconds + 120)
        engine.command("prepare", protocol_text=PROTOCOL, inputs=inputs, audio="none")
        engine.wait_for("prepared")
        engine.command("start", cautions_confirmed=True)
        while engine.state().session.snapshot.elapsed_s < 20:
            time.sleep(0.1)
        shares = {n: share_of_a_core(engine, found.token, found.pid, n, seconds) for n in (0, 2, 20)}
        return {
            "share_of_a_core": {str(n): round(share, 4) for n, share in shares.items()},
            "two_clients_cost": round(shares[2] - shares[0], 4),
            "commands": acknowledgements(engine, commands),
            "emergency_stop_to_silence_s": silence_s(engine),
        }
    finally:
        process.terminate()
        process.wait(60)


def main() -> int:
    """Print the figures; return 1 if one misses its floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--commands", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.seconds, arguments.commands)
    print(json.dumps(figures, indent=2))
    reached = (
        figures["two_clients_cost"] <= MOST_OF_A_CORE
        and figures["commands"]["median_s"] <= ACKNOWLEDGED_S
        and figures["emergency_stop_to_silence_s"] <= SILENT_S
    )
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
