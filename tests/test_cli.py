"""The command line as a person meets it: output, messages, exit codes."""

import csv
import io
import json
import os
import re
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

import forecast
from forecast.appending import write_whole
from forecast.cli import app

CASE = """
[question]
title = "Toy {poison}"
text = "Will it open by {{deadline}}?"
yes_if = "It opens."
proposed = 2020-01-01
as_of = 2020-02-01
deadlines = [2020-03-01, 2020-06-01]
horizon = 2021-01-01
[base_rate]
held = [0.2, 0.6]
days_to_open = [20, 300]
why = "Counted."
[[scenarios]]
id = "held"
held = true
label = "It opens"
[[scenarios]]
id = "never"
held = false
label = "It does not"
"""


def run(*args):
    return CliRunner().invoke(app, list(args))


@pytest.fixture
def toy(tmp_path):
    return _toy(tmp_path, "talks")


def _toy(tmp_path, poison):
    text = CASE.format(poison=poison).replace('id = "held"', 'id = "opens"')
    (tmp_path / "case.toml").write_text(text, "utf-8")
    return str(tmp_path)


def test_run_prints_the_forecast(toy):
    done = run("run", toy)
    assert done.exit_code == 0
    assert "Toy talks, as of 2020-02-01" in done.output
    f = forecast.update(forecast.load(toy))
    assert forecast.tables.percent(float(f.held.probability[0])) in done.output


def test_json_is_the_documented_record(toy):
    record = json.loads(run("run", "moscow_i", "--json").output)
    assert set(record) == {"case", "digest", "as_of", "version", "seed", "held", "scenarios",
                           "indicators", "actors"}  # fmt: skip
    assert set(record["held"][0]) == {"by", "probability", "low", "high"}
    assert set(record["scenarios"]["broad"]) == {"prior", "probability"}
    khatib = record["actors"]["khatib"]
    assert set(khatib) == {"given_held", "by"}
    assert [row["by"] for row in khatib["by"]] == [
        "2014-12-31", "2015-01-31", "2015-03-31", "2015-06-30"
    ]  # fmt: skip
    f = forecast.update(forecast.load("moscow_i"))
    assert record["held"][2]["probability"] == float(f.held.probability[2])
    assert record["digest"] == f.case.digest
    assert sum(s["probability"] for s in record["scenarios"].values()) == pytest.approx(1, abs=1e-12)


def test_csv_is_tidy_and_agrees_with_json():
    rows = list(csv.DictReader(io.StringIO(run("run", "moscow_i", "--csv").output)))
    record = json.loads(run("run", "moscow_i", "--json").output)
    held = {r["by"]: float(r["probability"]) for r in rows if r["of"] == "held"}
    assert held == {r["by"]: r["probability"] for r in record["held"]}
    given = {r["id"]: float(r["probability"]) for r in rows if r["of"] == "attends_given_held"}
    assert given == {k: v["given_held"] for k, v in record["actors"].items()}


def test_as_of_changes_what_is_known():
    early = json.loads(run("run", "moscow_i", "--as-of", "2014-11-11", "--json").output)
    assert early["as_of"] == "2014-11-11"
    f = forecast.update(forecast.load("moscow_i"), forecast.load("moscow_i").question.proposed)
    assert early["held"][0]["probability"] == float(f.held.probability[0])
    assert early["digest"] != json.loads(run("run", "moscow_i", "--json").output)["digest"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "moscow_x"], 'did you mean "moscow_i"?'),
        (["run", "moscow_i", "--as-of", "2014-11-01"], "2014-11-01 is not from 2014-11-11"),
        (["run", "moscow_i", "--as-of", "1 May"], "does not match the format"),
        (["run", "moscow_i", "--json", "--csv"], "expected one of them"),
        (["check", "moscow_i", "--article", "no_such.txt"], "no_such.txt"),
        (["check", "moscow_i", "--document", "russia_direct"], "of --article is; expected both"),
        (["schema", "cases"], "cases: expected case or events"),
        (["report", "moscow_x"], "no such folder"),
        (["report", "moscow_i", "--as-of", "2014-11-01"], "as_of: 2014-11-01 is not from 2014-11-11"),
    ],
)
def test_wrong_calls_get_one_clear_message(args, message):
    done = run(*args)
    assert done.exit_code != 0
    assert message in " ".join(done.output.replace("│", " ").split())
    assert "Traceback" not in done.output
    assert "cell" not in done.output


def test_a_text_without_end_is_refused(toy, tmp_path):
    article = tmp_path / "article.txt"
    article.write_bytes(b"\0" * 5_000_001)
    done = run("check", toy, "--article", str(article))
    assert done.exit_code == 1
    assert done.output == f"{article}: a text of at most 5,000,000 bytes was expected\n"


def test_a_case_that_learns_nothing_needs_no_fit(toy, tmp_path):
    done = run("fit", toy)
    assert done.exit_code == 1
    assert "nothing in this case is learned from history" in done.output
    assert not (tmp_path / "fit.json").exists()


def test_a_deadline_that_has_passed_says_so(toy):
    done = run("run", toy, "--as-of", "2020-03-15")
    assert re.search(r"2020-03-01 +passed", done.output)


def test_check_tells_what_is_later(tmp_path):
    folder = _toy(tmp_path, "talks")
    events = """[[events]]
id = "later"
date = 2020-02-10
what = "x"
bears_on = "ready"
type = "refusal"
reports = [{ source = "reuters", published = 2020-02-11 }]
"""
    (tmp_path / "events.toml").write_text(events)
    with (tmp_path / "case.toml").open("a") as out:
        out.write('[[indicators]]\nid = "ready"\nstatement = "x"\nchance = "likely"\nwhy = "y"\n')
    assert (
        "1 event in 1 report, 0 watched; 1 report later than as_of, not used"
        in run("check", folder).output
    )


def test_replay_shows_each_date_and_hides_later_news_unless_asked():
    case = forecast.load("moscow_i")
    shown = run("replay", "moscow_i", "--every", "14").output
    assert "*" not in shown
    rows = [line.split() for line in shown.splitlines() if re.match(r"\d{4}-", line)]
    assert [r[0] for r in rows] == ["2014-11-11", "2014-11-25", "2014-12-04"]  # the last day as well
    f = forecast.update(case, draws=0)
    chances = [forecast.tables.percent(float(p)) for p in f.held.probability]
    assert " ".join(rows[-1][1:9]) == " ".join(chances)
    later = run("replay", "moscow_i", "--from", "2014-12-04", "--to", "2014-12-28").output
    assert re.search(r"^2014-12-28\* .* from_26_january|^2014-12-28\* .*\+\d", later, re.MULTILINE)
    assert not re.search(r"^2014-12-04\*", later, re.MULTILINE)
    assert "* after 2014-12-04, the as-of date of the case" in later


def test_replay_as_json_and_csv_is_the_same_numbers():
    about = ("replay", "moscow_i", "--from", "2014-11-20", "--every", "7")
    record = json.loads(run(*about, "--json").output)
    assert set(record) == {"case", "digest", "as_of", "version", "dates"}
    rows = list(csv.DictReader(io.StringIO(run(*about, "--csv").output)))
    f = forecast.update(forecast.load("moscow_i"), draws=0)
    last = record["dates"][-1]
    assert last["as_of"] == "2014-12-04"
    assert record["digest"] == f.case.digest
    assert [x["probability"] for x in last["held"]] == pytest.approx(
        f.held.probability.values.tolist(), abs=1e-12
    )
    for date in record["dates"]:
        mine = [r for r in rows if r["as_of"] == date["as_of"]]
        assert [float(r["probability"]) for r in mine if r["of"] == "held"] == [
            *(x["probability"] for x in date["held"]), date["ever"]
        ]  # fmt: skip
        assert {r["id"]: float(r["probability"]) for r in mine if r["of"] == "scenario"} == date[
            "scenarios"
        ]
        assert {r["id"]: float(r["probability"]) for r in mine if r["of"] == "attends_given_held"} == {
            a: x["given_held"] for a, x in date["actors"].items()
        }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--json", "--csv"], "--json and --csv: expected one of them"),
        (["--from", "2020-03-01", "--to", "2020-02-01"], "--from: 2020-03-01 is after --to, 2020-02-01"),
        (["--from", "2019-01-01"], "2019-01-01 is not from 2020-01-01 (proposed)"),
        (["--to", "2021-01-01"], "to the day before 2021-01-01 (horizon)"),
        (["--figure", "x.pdf"], "x.pdf: expected a name that ends in .svg or .png"),
        (["--figure", "no_such_folder/x.svg"], "no_such_folder/x.svg: no such folder: no_such_folder"),
    ],
)
def test_replay_says_what_is_wrong(toy, options, message):
    done = run("replay", toy, *options)
    assert done.exit_code == 1
    assert message in done.output


def test_replay_draws_a_figure_with_its_words(toy, tmp_path):
    done = run("replay", toy, "--figure", str(tmp_path / "x.svg"))
    assert done.exit_code == 0
    text = (tmp_path / "x.svg").read_text("utf-8")
    assert "<title>Chance that it opens by 1\u00a0June\u00a02020, as it was known: " in text
    assert run("replay", toy, "--figure", str(tmp_path / "x.png")).exit_code == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix in (".svg", ".png")) == [
        "x.png",
        "x.svg",
    ]


def test_every_problem_is_printed_with_its_place(tmp_path):
    folder = _toy(tmp_path, "talks")
    path = tmp_path / "case.toml"
    path.write_text(path.read_text().replace("[0.2, 0.6]", "[0.6, 0.2]").replace('why = "Counted."', ""))
    done = run("run", folder)
    assert done.exit_code == 1
    assert "base_rate: held: [0.6, 0.2]: the low end" in done.output
    assert "base_rate: why: missing" in done.output
    assert "2 problems found." in done.output


def test_check_finds_a_wrong_locator(tmp_path):
    article = tmp_path / "article.txt"
    article.write_text("Nothing of the kind.\n")
    done = run("check", "moscow_i", "--article", str(article))
    assert done.exit_code == 1
    assert "paragraph 4: the text has 1" in done.output


def test_text_of_a_case_is_inert_in_the_terminal(tmp_path):
    # an escape sequence that clears the screen, and rich's own markup
    folder = _toy(tmp_path, "\\u001b[2J [red]x[/red] [link=a]b[/link]")
    done = run("run", folder)
    assert done.exit_code == 0
    assert "\x1b[2J" not in done.output
    assert "?[2J [red]x[/red] [link=a]b[/link]" in done.output


def test_schema_is_valid_and_help_has_examples():
    for name in ("case", "events"):
        Draft202012Validator.check_schema(json.loads(run("schema", name).output))
    for command in ("check", "run", "replay", "report", "schema"):
        assert "Example" in run(command, "--help").output


def test_module_and_version():
    done = subprocess.run(
        [sys.executable, "-m", "forecast", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == forecast.__version__


@pytest.mark.parametrize("command", ["show", "replay"])
def test_a_figure_that_is_a_folder_is_named_as_it_was_written(toy, tmp_path, command):
    (tmp_path / "d.svg").mkdir()
    done = run(command, toy, "--figure", str(tmp_path / "d.svg"))
    assert done.exit_code == 1
    assert done.output == f"--figure: {tmp_path / 'd.svg'}: a folder; expected the name of a file\n"


def test_a_page_that_is_a_folder_is_named_before_the_work(toy, tmp_path, monkeypatch):
    monkeypatch.setattr("forecast.report.run_notebook", lambda *a: pytest.fail("it was run"))
    page = tmp_path / "out" / f"{tmp_path.name}.html"
    page.mkdir(parents=True)
    done = run("report", toy, "-o", str(tmp_path / "out"))
    assert done.exit_code == 1
    assert f"{page}: is a directory" in done.output
    assert f"{toy}/case.toml/" in run("report", toy, "-o", f"{toy}/case.toml").output


def test_a_file_that_cannot_be_written_is_named_as_it_was_written(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_whole(tmp_path / "nowhere" / "x.html", b"x")
    assert caught.value.filename == str(tmp_path / "nowhere" / "x.html")
    (tmp_path / "d").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_whole(tmp_path / "d", b"x")
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "masked", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "masked").stat().st_mode & 0o777 == 0o640
    (tmp_path / "masked").unlink()
    assert caught.value.filename == str(tmp_path / "d")
    assert [p.name for p in tmp_path.iterdir()] == ["d"]


@pytest.mark.parametrize(
    "command", ["check", "show", "run", "replay", "score", "log", "diff", "report", "fit", "analysts"]
)
def test_an_empty_name_is_not_the_working_folder(toy, tmp_path, monkeypatch, command):
    monkeypatch.chdir(toy)
    done = run(command, "", *(["moscow_i"] if command == "diff" else []))
    assert done.exit_code == 2
    assert "empty; expected a case" in " ".join(done.output.split())
    assert [p.name for p in tmp_path.iterdir()] == ["case.toml"]


@pytest.mark.parametrize("form", ["--csv", "--hub"])
def test_the_name_of_a_case_is_no_formula(tmp_path, form):
    folder = tmp_path / "=cmd()"
    folder.mkdir()
    _toy(folder, "talks")
    rows = list(csv.DictReader(io.StringIO(run("run", str(folder), form).output)))
    assert {r["case"] for r in rows} == {"'=cmd()"}


def test_an_interrupted_command_says_so(toy, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("forecast.updating.update", interrupt)
    done = run("run", toy)
    assert done.exit_code == 130
    assert done.output == "Interrupted; nothing was written.\n"
