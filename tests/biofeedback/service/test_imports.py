"""Engine and dashboard start soon: what takes seconds to import is imported where it is used."""

import json
import subprocess
import sys

import pytest

SLOW = ("matplotlib", "neurokit2", "pandas", "pyo", "scipy")


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("biofeedback.service.server", SLOW),
        ("biofeedback.client", (*SLOW, "sqlalchemy", "fastapi")),
        ("dashboard.serve", (*SLOW, "sqlalchemy", "fastapi", "streamlit")),
    ],
)
def test_a_module_imports_nothing_slow(module: str, absent: tuple[str, ...]) -> None:
    script = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) & set(absent) == set()
