"""The README runs: its script, its minimal case, its claims about themselves."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import forecast
from forecast import backtest_scores, scoring
from forecast.cli import app

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def block(language):
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1].strip()


@pytest.fixture
def harbour(tmp_path):
    """The minimal case of the README, written into a folder of its own."""
    name = None
    folder = tmp_path / "harbour"
    folder.mkdir()
    parts = {}
    for line in block("toml").splitlines():
        if heading := re.fullmatch(r"# harbour/(\w+\.toml)", line):
            name = heading[1]
        parts.setdefault(name, []).append(line)
    for name, lines in parts.items():
        (folder / name).write_text("\n".join(lines), "utf-8")
    return folder


def test_script_runs_and_is_short():
    script = block("python")
    assert len(script.splitlines()) <= 15
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Moscow I, as of 2014-12-04" in done.stdout


def test_minimal_case_is_minimal_and_complete(harbour):
    assert sum(not line.startswith("#") for line in block("toml").splitlines()) <= 40
    checked = CliRunner().invoke(app, ["check", str(harbour)])
    assert checked.exit_code == 0, checked.output
    assert "advice" not in checked.output
    ran = CliRunner().invoke(app, ["run", str(harbour)])
    assert ran.exit_code == 0
    assert "Harbour talks, as of 2025-03-20" in ran.output


@pytest.mark.slow
def test_minimal_case_gets_its_report(harbour, tmp_path):
    done = CliRunner().invoke(app, ["report", str(harbour), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "harbour.html").read_text("utf-8")
    assert "Will the port and the union meet by 30 June 2025?" in re.sub(r"<[^>]+>|\s+", " ", page)


def test_minimal_case_by_hand(harbour):
    """Two scenarios, one indicator, one event: the posterior odds are prior odds times ratio."""
    case = forecast.load(harbour)
    f = forecast.update(case, draws=0)
    likely, even = forecast.judgement.means(
        map(forecast.judgement.parse_judgement, ("likely", "roughly even"))
    )
    true_if_held, true_if_not = forecast.judgement.means(
        map(forecast.judgement.parse_judgement, ("very likely", "unlikely"))
    )
    phi = 0.03  # a wire: grade A
    lam = [p + (1 - p) * phi for p in (even, likely)]
    held, not_held = (q * lam[1] + (1 - q) * lam[0] for q in (true_if_held, true_if_not))
    prior = float(f.ever.prior)
    odds = prior / (1 - prior) * held / not_held
    assert float(f.ever.probability) == pytest.approx(odds / (1 + odds), abs=1e-12)


@pytest.mark.parametrize(
    "path", re.findall(r"`((?:forecast|seeds|notebooks|tests|benchmarks)/[\w./]*)`", README)
)
def test_map_names_what_is_there(path):
    assert (Path(__file__).parent.parent / path).exists()


def test_the_record_is_what_the_scores_say():
    says = README[README.index("## Its record") : README.index("## From a script")].replace("**", "")
    means = scoring.summary(forecast.score(forecast.load("moscow_i"))).droplevel("origin_date")

    def three(key):
        return [f"{x:.3f}".removeprefix("0") for x in means[key]]

    assert list(means.index.map(scoring.NAMES)) == ["forecast", "base rate", "constant"]
    first, second, third = three("held_brier")
    assert f"deadlines {first}, of the base rate alone {second}, of a coin toss {third}" in says
    first, second, third = three("attends_brier")
    assert f"eleven actors {first}, before any report {second}, of a coin toss {third}" in says
    held = forecast.update(forecast.load("moscow_i"), draws=0).held.probability.values
    assert f"{100 * held[1]:.0f} % by the end of January and {100 * held[2]:.0f} %" in says
    other = scoring.summary(forecast.score(forecast.load("moscow_middle_east")))["held_brier"]
    first, second, third = (f"{x:.3f}"[1:] for x in other)
    assert f"score {first}, of the base rate alone {second}, of a coin toss {third}" in says
    last = forecast.update(forecast.load("moscow_middle_east"), draws=0).held.probability.values[-1]
    assert f"{100 * last:.0f} % by its last deadline" in says
    answers = backtest_scores.openings(
        forecast.proposals("peace_talks"), backtest_scores.stored("peace_talks")[0]
    )
    record = backtest_scores.summary(answers, ["scheme"], ["of its stage"], draws=200)["mean"]
    for scheme, words in (("left out", "with conflicts left out"), ("as known", "as known on the date")):
        mine, theirs = (f"{record[scheme, 'log', x]:.3f}"[1:] for x in ("model", "of its stage"))
        assert f"{mine} against {theirs} {words}" in says


def test_the_claims_are_qualified_by_what_was_coded():
    case = forecast.load("moscow_i")
    day, known = str(case.headline), case.as_known(case.question.as_of)
    hears = [{case.origin(r) for r in e.reports} for e in known.events]
    one_author = sum("columnist" in origins for origins in hears)
    assert f"one author still feeds {one_author} of the {len(hears)} events".lower() in README.lower()
    ladder = forecast.ladder(case).rename(columns=str)[day]
    said = re.search(r"one claim per origin its (\d+) % would be (\d+) %", README)
    for shown, rung in zip(said.groups(), ("layers", "one claim per origin"), strict=True):
        assert f"{100 * ladder[rung]:.0f}" == shown
    table, cases = forecast.proposals("peace_talks"), (case, forecast.load("moscow_middle_east"))
    rows = [len(forecast.as_known(table, c.question.proposed, c.base_rate.leave_out)) for c in cases]
    assert f"{rows[0]} and {rows[1]} for the shipped cases" in README


def test_the_mean_is_unbiased_within_ten_points_and_no_better_is_claimed():
    answers = backtest_scores.openings(
        forecast.proposals("peace_talks"), backtest_scores.stored("peace_talks")[0]
    )
    bias = backtest_scores.bias(answers, ["scheme", "landmark"], ["model"]).droplevel("forecast")
    assert ((bias.low < 0) & (bias.high > 0)).all()
    waits = bias.loc[("left out", 60)]
    assert f"{100 * waits.said:.0f} % was said, {100 * waits.happened:.0f} % was held" in README
    assert 0.15 < waits.high - waits.low < 0.25
    assert "one of ten points might have been missed" in README


def test_history_of_the_actors_is_scored_as_told():
    case = forecast.load("moscow_i")
    answers = {a.id: a.answer for a in forecast.load_resolution(case).actors}
    asked = [a for a in case.actors if answers.get(a.id) in ("yes", "no") and not a.required]
    rates = [(case.in_history(a), answers[a.id] == "yes") for a in asked]
    missed = [(rate - came) ** 2 for rate, came in rates if rate == rate]  # no rate: not a number
    told = re.search(r"that would have (\.\d+), over the (\w+) who have one", README)
    assert told[1] == f"{sum(missed) / len(missed):.3f}"[1:]
    assert (told[2], len(missed)) == ("ten", 10)
