"""The example of the README runs as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[1] / "README.md"

pytestmark = pytest.mark.install


def test_the_example_in_python_runs(tmp_path: Path) -> None:
    (code,) = re.findall(
        r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    ended, *phases = done.stdout.splitlines()
    assert ended == "the protocol is complete"
    assert [line.partition(" ")[0] for line in phases][:2] == ["baseline", "match"]
    assert (tmp_path / "first-session" / "session.xdf").exists()
