"""What a wheel carries: the package works from any folder, without the project around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import forecast

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def files(folder: Path) -> set[str]:
    """Paths of the files under a folder, relative to it, without what tools leave there."""
    found = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return {p.as_posix() for p in found if not {"__pycache__", ".ipynb_checkpoints"} & set(p.parts)}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built offline with what the lock holds, and unpacked as an installer would."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "-w", folder, ROOT], check=True)
    (wheel,) = folder.glob("scenario_forecast-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "unpacked")
    return folder / "unpacked"


def test_wheel_carries_the_package_the_seeds_and_the_report_notebook(installed: Path) -> None:
    package = files(ROOT / "forecast")  # py.typed and the report's templates are among them
    seeds = {f"_data/seeds/{f}" for f in files(ROOT / "seeds")}
    assert "py.typed" in package
    assert files(installed / "forecast") == package | seeds | {"_data/report.ipynb"}


def test_wheel_carries_nothing_else(installed: Path) -> None:
    (info,) = installed.glob("*.dist-info")
    assert {p.name for p in installed.iterdir()} == {"forecast", info.name}
    assert files(info) == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def test_wheel_finds_its_seeds_from_any_folder(installed: Path, tmp_path: Path) -> None:
    code = "import forecast; print(forecast.__file__); print(*forecast.shipped())"
    environment = {**os.environ, "PYTHONPATH": str(installed)}  # goes before the editable install
    said = subprocess.check_output(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, text=True
    )
    where, cases = said.splitlines()
    assert Path(where).is_relative_to(installed)
    assert cases.split() == sorted(p.parent.name for p in (ROOT / "seeds").glob("*/case.toml"))


@pytest.mark.parametrize("arguments", [("run", "--json"), ("report", "-o", "pages")], ids=lambda a: a[0])
def test_wheel_forecasts_and_reports_from_any_folder(
    installed: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    command, *options = arguments
    call = [sys.executable, "-m", "forecast", command, "moscow_i", *options]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    said = subprocess.check_output(call, cwd=tmp_path, env=environment, text=True)
    if command == "run":
        here = forecast.update(forecast.load("moscow_i"))
        assert json.loads(said) == json.loads(json.dumps(here.to_dict()))
    else:
        assert said.split() == ["The", "report", "is", "in", "pages/moscow_i.html"]
        assert "</html>" in (tmp_path / "pages" / "moscow_i.html").read_text("utf-8")[-20:]


def test_sdist_builds_the_same_package(tmp_path: Path) -> None:
    # An installer that takes the sdist has to end with the same files: it needs all that the wheel is made of.
    hatchling = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(hatchling, cwd=ROOT, check=True, capture_output=True)
    (sdist,) = tmp_path.glob("scenario_forecast-*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = {m.partition("/")[2] for m in archive.getnames()}
    needed = {f"{folder}/{f}" for folder in ("forecast", "seeds") for f in files(ROOT / folder)}
    needed |= {"LICENSE", "README.md", "notebooks/report.ipynb", "pyproject.toml"}
    assert needed - members == set()
    assert not any(m.startswith((".venv/", ".git/", "reports/")) for m in members)
