"""Engine and dashboard start soon: what takes seconds to import is imported where it is used."""

import json
import subprocess
import sys

SLOW = ("matplotlib", "neurokit2", "pandas", "pyo", "scipy")


ABSENT = {
    "dashboard.serve": (*SLOW, "sqlalchemy", "fastapi", "streamlit"),
    "biofeedback.client": (*SLOW, "sqlalchemy", "fastapi"),
    "biofeedback.service.server": SLOW,
}
"""What each module must not import, the strictest first: one process can import them all in turn."""

SCRIPT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    print(json.dumps(sorted(sys.modules)))
"""


def test_modules_import_nothing_slow() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, *ABSENT], capture_output=True, text=True, check=True)
    for (module, absent), line in zip(ABSENT.items(), done.stdout.splitlines(), strict=True):
        assert set(json.loads(line)) & set(absent) == set(), module
