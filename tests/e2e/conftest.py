"""A short recording and a short protocol, so that whole sessions fit into seconds."""

from pathlib import Path

import neurokit2 as nk
import numpy as np
import pytest

PROTOCOL = """\
id: short
version: 1
title: Kürzeste Sitzung <kurz>
rationale: long enough to pass through every kind of moment
sources: [none]
arm: closed-loop
cautions: [none]
phases:
  - {kind: baseline, name: baseline, duration_s: 30}
  - {kind: match, name: match, duration_s: 20, mode: dorian, layers: 4, density: 0.6}
  - {kind: sustain, name: sustain, duration_s: 10}
end_fade_s: 15
"""


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 s of ECG (125 Hz) and EDA at the same rate, simulated."""
    ecg = nk.ecg_simulate(duration=80, sampling_rate=125, heart_rate=72, random_state=3)
    eda = nk.eda_simulate(duration=80, sampling_rate=125, scr_number=4, random_state=3)
    path = tmp_path_factory.mktemp("rec") / "aufnahme_ü.csv"
    np.savetxt(path, np.column_stack([ecg, eda]), delimiter=",", header="ECG,EDA_uS", comments="", fmt="%.6f")
    return path


@pytest.fixture(scope="session")
def protocol_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("protocol") / "kurz.yaml"
    path.write_text(PROTOCOL, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def session_arguments(recording: Path, protocol_file: Path) -> list[str]:
    """All of a ``biofeedback run`` but its directory and sound."""
    return [
        *("run", "--protocol", str(protocol_file), "--seed", "5"),
        *("--input", f"ecg={recording}:ECG@125", "--input", f"eda={recording}:EDA_uS@125"),
    ]
