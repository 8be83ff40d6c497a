"""The wheel holds every file of the product, and what is installed from it runs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("acquisition", "biofeedback", "dashboard", "generator", "physiology", "protocols")
LEFT_OUT = {".pyc"}

pytestmark = pytest.mark.install


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", *command, str(source)], check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {
            name
            for name in archive.namelist()
            if name.startswith(tuple(f"{package}/" for package in PACKAGES))
        }
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in LEFT_OUT
    }
    assert held == wanted


def test_the_demo_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    installed, out = tmp_path / "installed", tmp_path / "session"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)

    def python(*arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(installed)}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            text=True,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout

    assert str(installed) in python("-c", "import biofeedback; print(biofeedback.__file__)")
    python("-m", "biofeedback", "demo", "--out", str(out))
    for name in ("session.xdf", "session.json", "audio.flac", "score.mid", "report.html"):
        assert (out / name).stat().st_size > 0
