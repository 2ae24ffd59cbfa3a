"""The notebooks run for real under plain nbconvert, and become sound pages."""

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import forecast

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
# report.ipynb is run by tests/test_report.py and tests/test_readme.py
NOTEBOOKS = [p for p in NOTEBOOKS if p.stem != "report"]


def code(name, heading=None):
    """The code cells of a notebook, or those under one of its headings, without the drawing."""
    path = Path(__file__).parent.parent / "notebooks" / f"{name}.ipynb"
    cells, under, kept = json.loads(path.read_text("utf-8"))["cells"], heading is None, []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and "#" in source and heading:
            under = heading in source or (under and not source.startswith("## "))
        elif cell["cell_type"] == "code" and under:
            kept.append("\n".join(x for x in source.splitlines() if not x.startswith("plots.")))
    return kept


def test_a_supposed_announcement_is_heard_without_the_news_coded_later():
    case = forecast.load("moscow_i")
    names = {"forecast": forecast, "case": case}
    exec("\n".join(code("base_rate", "## What a named day would be worth")), names)
    christmas, asked = dt.date(2014, 12, 25), case.question.as_of
    heard = names["heard"]
    assert list(heard) == ["nothing named", "20 January named", "a week named"]
    assert all(r.published <= asked for f in heard.values() for e in f.case.events for r in e.reports)
    quiet = forecast.update(case.as_known(asked), christmas, draws=0).held.probability
    assert heard["nothing named"].held.probability.values == pytest.approx(quiet.values)
    nothing, day, week = (float(f.ever.probability) for f in heard.values())
    assert abs(week - nothing) < 0.05  # a window moves when, hardly whether
    assert heard["a week named"].held.probability.values[1] > 2 * quiet.values[1]
    assert day > nothing + 0.1


def test_the_chance_hardly_moves_with_stage_or_convener():
    case = forecast.load("moscow_i")
    base = case.base_rate
    known = forecast.as_known(
        forecast.proposals(base.reference_class), case.question.proposed, base.leave_out
    )
    rates = forecast.classes.base_rates(case.fit, known, base).reset_index()
    (cell,) = (x for x in code("base_rate") if x.startswith("rates.groupby"))
    table = eval(cell, {"rates": rates})
    for kind in ("stage", "convener"):
        assert table.loc[kind, ("probability", "max")] - table.loc[kind, ("probability", "min")] < 0.035
    assert table.loc["stage", ("median_days", "max")] > 3 * table.loc["stage", ("median_days", "min")]


def test_what_moved_moscow_i_is_told_once():
    told = {name: "\n".join(code(name)) for name in ("moscow_i", "sensitivity")}
    for call, place in (
        ("forecast.contributions(case)\n", "moscow_i"),
        ("replaying.news_days", "moscow_i"),
        ("forecast.ladder(", "sensitivity"),
        ("forecast.watch_table(", "sensitivity"),
    ):
        assert [name for name, cells in told.items() if call in f"{cells}\n"] == [place], call


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
    contents = [a["href"] for a in page.select("nav")[0].find_all("a")]
    assert len(set(contents)) == len(contents)
    headings = [h.get_text() for h in page.find_all("h2")]
    assert len(set(headings)) == len(headings)
    assert not page.select(".output_error, .error")
