"""The notebooks run for real under plain nbconvert, and become sound pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
# report.ipynb is run by tests/test_report.py and tests/test_readme.py
NOTEBOOKS = [p for p in NOTEBOOKS if p.stem != "report"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_runs_under_nbconvert(path, tmp_path):
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", "forecast",
               "--output-dir", str(tmp_path), str(path)]  # fmt: skip
    env = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    html = (tmp_path / f"{path.stem}.html").read_text("utf-8")
    page = BeautifulSoup(html, "html.parser")
    assert len(page.find_all("h1")) == 1
    assert "No description has been provided" not in html
    pictures = page.find_all("img")
    for picture in pictures:
        assert len(picture.get("alt", "")) > 40
        assert picture["src"].startswith("data:")
    assert pictures
    assert not page.select(".output_error, .error")
