"""What goes wrong around the program: killed, no room, no rights, no network, other clocks, poison.

What other files have is not repeated: appending to a log (test_logbook), files too large to read
(test_loading), killed runs of many cases (test_many), poison in the page of a case (test_report).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from bs4 import BeautifulSoup
from typer.testing import CliRunner

import forecast
from benchmarks.cases import synthetic
from benchmarks.fuzz import SMALL, days, limit
from benchmarks.mutating import toml
from forecast import logbook, pooling
from forecast import report as reporting
from forecast.cli import app
from forecast.loading import CaseError
from forecast.terminal import printable

ROOT = Path(__file__).parents[1]


def python(
    code: str, *args: object, start: tuple[str, ...] = (), **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*start, sys.executable, "-c", textwrap.dedent(code), *map(str, args)], cwd=ROOT,
                          capture_output=True, text=True, check=False, env=os.environ | env, timeout=240)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small case with all its files."""
    return written(tmp_path / "harbour", SMALL)


def written(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def run(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in args])
    return done.exit_code, done.output


# --- killed in the middle of writing ---

# each writes a file over an old one, by the function that the command uses
WRITERS = {
    "report": """
        from forecast.report import write
        write("new" * 200_000, out / "page.html")
    """,
    "fit": """
        from dataclasses import replace
        from forecast import fits, loading
        fits.write(replace(fits.read(next(loading.seeds().glob("*/fit.json"))), seed=77), out / "fit.json")
    """,
    "log": """
        import forecast
        from forecast import logbook
        logbook.log(forecast.update(forecast.load(out), draws=20), out / "log.jsonl")
    """,
    "figure": """
        import forecast
        from forecast import reading_plots, replaying
        case = forecast.load(out)
        ax = reading_plots.replay(forecast.replay(case, replaying.news_days(case)), case)
        reading_plots.save(ax, out / "replay.svg")
    """,
}  # fmt: skip
RESULT = {"report": "page.html", "fit": "fit.json", "log": "log.jsonl", "figure": "replay.svg"}

KILLED = """
import os, signal, sys
from pathlib import Path
out = Path(sys.argv[1])
def killed(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)
os.replace = killed
"""


def snapshot(folder: Path) -> dict[str, bytes]:
    """What a user finds: files without a leading dot."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.mark.parametrize("what", ["report", "fit", "log"])
def test_killed_while_writing_the_old_file_stays_whole(folder: Path, what: str) -> None:
    name, code = RESULT[what], textwrap.dedent(WRITERS[what])
    if what == "log":
        logbook.log(forecast.update(forecast.load(folder), draws=20), folder / name)
        shutil.rmtree(folder / "log.cases")  # so that there is a case to keep again
    else:
        (folder / name).write_text("old")
    before = snapshot(folder)
    done = python(KILLED + code, folder)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert snapshot(folder) == before
    # and the next run works, beside whatever the killed one has left
    exec(code, {"out": folder})
    after = snapshot(folder)
    assert after[name] != before[name]
    if what == "log":
        checked = logbook.verify(folder / name)
        assert (checked.entries, checked.problems, checked.torn) == (2, (), ())


@pytest.mark.slow
def test_a_killed_report_leaves_neither_page_nor_kernel(folder: Path) -> None:
    out = folder / "reports"
    out.mkdir()
    (out / "harbour.html").write_text("old")
    command = [sys.executable, "-m", "forecast", "report", str(folder), "-o", str(out)]
    p = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    kernel = _until(lambda: next(iter(_children(p.pid)), None), 60)
    time.sleep(0.5)
    p.send_signal(signal.SIGKILL)
    p.wait()
    assert snapshot(out) == {"harbour.html": b"old"}
    # the kernel notices that nobody is left to ask it
    assert _until(lambda: not Path(f"/proc/{kernel}").exists(), 60)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_report_says_so_in_one_line_and_leaves_no_kernel(
    folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out, scratch = folder / "reports", tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "forecast", "report", str(folder), "-o", str(out)]
    p = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env=os.environ | {"TMPDIR": str(scratch)})  # fmt: skip
    kernel = _until(lambda: next(iter(_children(p.pid)), None), 60)
    time.sleep(3)
    p.send_signal(number)
    said = "".join(p.communicate(timeout=30))
    assert p.returncode == 130
    assert said.split("\n")[-2:] == ["Interrupted; nothing was written.", ""]
    assert len(said.strip().splitlines()) == 1
    assert not Path(f"/proc/{kernel}").exists()
    assert not out.exists()
    assert not list(scratch.iterdir())


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("no list of child processes on this system")
    return [int(x) for x in path.read_text().split()]


def _until(test: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := test():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


# --- no room, no rights ---


@pytest.mark.parametrize("what", WRITERS)
def test_on_a_full_disk_the_old_file_stays_and_nothing_half_is_left(folder: Path, what: str) -> None:
    name = RESULT[what]
    if what == "log":
        logbook.log(forecast.update(forecast.load(folder), draws=20), folder / name)
        shutil.rmtree(folder / "log.cases")
    else:
        (folder / name).write_text("old")
    before = snapshot(folder)
    code = compile(textwrap.dedent(WRITERS[what]), what, "exec")
    before_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    # files may grow to a size below that of any of these
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before_limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            exec(code, {"out": folder})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before_limit)
    assert {k: v for k, v in snapshot(folder).items() if v} == before
    assert list(folder.glob(".*")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_output_into_a_full_disk_fails_and_says_so(folder: Path, form: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "forecast", "run", str(folder), *form]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode != 0
    assert "no space left on device" in done.stderr.lower()


@pytest.mark.parametrize("command", ["check", "show", "run", "replay", "schema"])
def test_a_closed_output_is_one_message(folder: Path, command: str) -> None:
    args = [sys.executable, "-m", "forecast", command, *([str(folder)] if command != "schema" else [])]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *args], stderr=subprocess.PIPE, text=True,
                          check=False, cwd=ROOT)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "standard output is closed; expected a place to write to\n"


def test_closed_errors_stop_nothing(folder: Path, tmp_path: Path) -> None:
    args = [sys.executable, "-m", "forecast", "run", str(folder.parent), "-o", str(tmp_path / "x.jsonl")]
    done = subprocess.run(["sh", "-c", 'exec "$@" 2>&-', "sh", *args], stdout=subprocess.PIPE, text=True,
                          check=False, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith("1 case done")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
@pytest.mark.parametrize("command", ["show", "run"])
def test_no_encoding_stops_the_output(encoding: str, command: str) -> None:
    args = [sys.executable, "-m", "forecast", command, "moscow_i"]
    done = subprocess.run(args, env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True,
                          check=False, cwd=ROOT)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert b"Moscow" in done.stdout


def test_json_and_tables_keep_letters_that_the_encoding_lacks(folder: Path) -> None:
    named = folder.rename(folder.parent / "قضية")
    for form in ("--json", "--csv"):
        args = [sys.executable, "-m", "forecast", "run", str(named), form]
        done = subprocess.run(args, env=os.environ | {"PYTHONIOENCODING": "cp1252"}, capture_output=True,
                              check=True, cwd=ROOT)  # fmt: skip
        assert b"?" not in done.stdout
        if form == "--json":
            assert json.loads(done.stdout.decode("cp1252"))["case"] == "قضية"


READ_ONLY = 'mount -t tmpfs tmpfs {0} && cp {1}/*.toml {0}/ && mount -o remount,ro {0} && exec "$@"'


def test_a_folder_that_cannot_be_written_is_one_message(folder: Path, tmp_path: Path) -> None:
    # rights do not bind every user: a disk that is mounted read-only does
    locked = tmp_path / "locked"
    locked.mkdir()
    start = ("unshare", "-m", "sh", "-c", READ_ONLY.format(locked, folder), "sh")
    if not shutil.which("unshare") or python("", start=start).returncode:
        pytest.skip("no disk may be mounted here")
    code = """
    import sys
    from pathlib import Path
    from typer.testing import CliRunner
    from forecast import cli, report
    locked = sys.argv[1]
    report.make_report.__globals__["run_notebook"] = lambda *a: None
    report.make_report.__globals__["export"] = lambda nb: "page"
    for args in (["report", locked, "-o", locked],
                 ["log", locked, "--file", locked + "/log.jsonl"], ["run", locked, "--json"]):
        done = CliRunner().invoke(cli.app, args)
        print(args[0], done.exit_code, "read-only file system" in done.output, "Traceback" in done.output)
    """
    done = python(code, locked, start=start)
    assert done.stdout.splitlines() == ["report 1 True False", "log 1 True False",
                                        "run 0 False False"], done.stderr  # fmt: skip


def test_without_a_browser_the_report_is_still_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(case: Any, out: Path, *_: Any) -> Path:
        return reporting.write("<!doctype html>", out / "harbour.html")

    monkeypatch.setattr(reporting, "make_report", made)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BROWSER", raising=False)
    code, said = run("report", folder, "-o", folder, "--open")
    assert code == 0, said
    assert (folder / "harbour.html").exists()


def test_two_reports_at_once_leave_one_whole_page(tmp_path: Path) -> None:
    code = """
    import sys
    from pathlib import Path
    from forecast.report import write
    for _ in range(50):
        write(sys.argv[2] * 300_000, Path(sys.argv[1]) / "page.html")
    """
    page = tmp_path / "page.html"
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    both = [subprocess.Popen([*command, who], cwd=ROOT) for who in "ab"]
    seen = set()
    while any(p.poll() is None for p in both):
        if page.exists():
            text = page.read_text()
            assert len(text) == 300_000
            assert len(set(text)) == 1
            seen.add(text[0])
    assert [p.returncode for p in both] == [0, 0]
    assert seen == {"a", "b"}, "they did not run at once"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html"]


# --- other clocks and languages ---

SAME = """
import hashlib, json, locale, sys
from typer.testing import CliRunner
import forecast
from forecast import cli, page, reading_plots, tables
case = forecast.load(sys.argv[1])
parts = {}
ax = reading_plots.replay(forecast.replay(case, [case.question.proposed, case.question.as_of]), case)
reading_plots.save(ax, __import__("pathlib").Path(sys.argv[2]))
parts["figure"] = open(sys.argv[2]).read()
try:  # as a program that embeds this one may do; months on an axis would then be named in its language
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
for args in (["run"], ["run", "--json"], ["run", "--csv"], ["run", "--hub"], ["replay", "--csv"], ["analysts"],
             ["check"], ["score", "--csv"]):
    done = CliRunner().invoke(cli.app, [args[0], sys.argv[1], *args[1:]])
    assert done.exit_code == 0, done.output
    parts[" ".join(args)] = done.output
f = forecast.update(case)
moved, ahead = forecast.contributions(f.case), forecast.watch_table(f.case)
for section in (page.opening(f, moved, ahead), page.when(f), page.evidence(f, moved), page.actors(f),
                page.judgements(f), page.limits(f), page.reproduce(f)):
    parts[f"page {len(parts)}"] = section.data if hasattr(section, "data") else str(section)
print(json.dumps({k: hashlib.sha256(v.encode()).hexdigest() for k, v in parts.items()}))
print(locale.localeconv()["decimal_point"], file=sys.stderr)
"""


def test_other_time_zones_and_languages_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    made: dict[str, str] = {}
    settings: list[dict[str, str]] = [
        {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2"},
        {"TZ": "America/Los_Angeles", "LC_ALL": "C", "PYTHONHASHSEED": "3"},
    ]  # fmt: skip
    if shutil.which("localedef"):  # a comma for a point, and an i that has no dot
        subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", str(tmp_path / "tr_TR.UTF-8")],
                       capture_output=True, check=False)  # fmt: skip
    for i, env in enumerate(settings):
        done = python(SAME, folder, tmp_path / f"{i}.svg", LOCPATH=str(tmp_path), **env)
        assert done.returncode == 0, done.stderr
        made[env["TZ"]] = done.stdout
        if env["LC_ALL"].startswith("tr") and (tmp_path / "tr_TR.UTF-8").exists():
            assert done.stderr.splitlines()[-1] == ",", "the language was not in force"
    first, *others = map(json.loads, made.values())
    assert len(first) > 12
    for other in others:
        assert {k for k in first if first[k] != other[k]} == set()


# --- large ---


@pytest.mark.parametrize(
    "sizes", [{"events": 10_000, "reports": 12_000}, {"actors": 200, "events": 400}]
)
def test_large_cases_load_and_are_forecast(tmp_path: Path, sizes: dict[str, int]) -> None:
    made = synthetic(**sizes)
    tree = days(json.loads(made.model_dump_json(exclude_none=True, exclude_defaults=True)))
    del tree["name"]
    events = {"events": tree.pop("events")}
    folder = written(
        tmp_path / "large", {"case.toml": toml(tree, False), "events.toml": toml(events, False)}
    )
    begin = time.perf_counter()
    case = forecast.load(folder)
    loaded = time.perf_counter()
    f = forecast.update(case, draws=0)
    size = (folder / "events.toml").stat().st_size
    print(
        f"{sizes}: {size:,} bytes, load {loaded - begin:.1f} s, update {time.perf_counter() - loaded:.2f} s"
    )
    assert len(case.events) == sizes["events"]
    expected = forecast.update(made, draws=0)
    assert f.held.probability.values == pytest.approx(expected.held.probability.values, abs=1e-12)
    assert f.actors.by.values == pytest.approx(expected.actors.by.values, abs=1e-12)
    assert bool(np.isfinite(f.actors.by.values).all())


def many(count: int, given: Callable[[int], str]) -> str:
    head = '[[indicators]]\nid = "c{}"\nstatement = "x"\nwhy = "x"\n'
    both = "if_true = 0.5\nif_false = 0.4\n"
    return "".join(head.format(k) + (f'given = "{given(k)}"\n{both}' if k else "chance = 0.5\n")
                   for k in range(count))  # fmt: skip


# thousands of indicators, each given another; and how many problems that is
LONG: dict[str, tuple[Callable[[int], str], int]] = {
    "a chain": (lambda k: f"c{k - 1}", 0),
    "a circle": (lambda k: f"c{k + 1}" if k < 1499 else "c1", 1),
    "mistakes of one kind": (lambda k: f"d{k}", 1499),
}  # fmt: skip


@pytest.mark.parametrize("what", LONG)
def test_thousands_of_references_are_followed_once(folder: Path, what: str) -> None:
    given, problems = LONG[what]
    path = folder / "case.toml"
    path.write_text(path.read_text("utf-8") + many(1500, given), "utf-8")
    with limit(60):  # each compared with each, or followed from each, takes minutes
        if not problems:
            assert len(forecast.load(folder).indicators) == 1502
            return
        with pytest.raises(CaseError) as caught:
            forecast.load(folder)
    assert len(caught.value.problems) == problems


# --- no network ---

# in every process, the notebook's too: whoever looks outside is refused and noted
WATCHED = """
import os, sys
def watch(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        where = str(args[0] if event == "socket.getaddrinfo" else args[-1])
        if not any(x in where for x in ("127.0.0.1", "localhost", "::1")) and not where.startswith("/"):
            with open(os.environ["TRIED"], "a") as out:
                print(event, where, file=out)
            raise OSError("no network here")
sys.addaudithook(watch)
"""
OFFLINE = """
import sys
from pathlib import Path
from typer.testing import CliRunner
from forecast import cli, report
case, plain, out = sys.argv[1:]
for args in (["run", case], ["replay", case], ["score", case], ["check", case], ["log", case, "--file", out + "/log.jsonl"]):
    done = CliRunner().invoke(cli.app, args)
    assert done.exit_code == 0, done.output
done = report.run_notebook(report.notebook(), {"CASE": plain, "DRAWS": 20})
print(report.write(report.export(done), Path(out) / "page.html").stat().st_size)
"""  # fmt: skip


@pytest.mark.slow
def test_the_main_job_needs_no_network(folder: Path, tmp_path: Path) -> None:
    # cut off by the system where it lets us, and watched everywhere
    start = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    cut = (
        bool(shutil.which("unshare") and shutil.which("ip")) and python("", start=start).returncode == 0
    )
    sections = ("question", "base_rate", "scenarios")
    plain = {k: v for k, v in tomllib.loads(SMALL["case.toml"]).items() if k in sections}
    written(tmp_path / "plain", {"case.toml": toml(plain, False)})
    written(tmp_path / "site", {"sitecustomize.py": WATCHED})
    tried = tmp_path / "tried"
    env = {"PYTHONPATH": str(tmp_path / "site"), "TRIED": str(tried)}
    look = "import socket; socket.create_connection(('192.0.2.1', 80), 1)"
    assert "no network here" in python(look, **env).stderr
    assert tried.read_text().startswith("socket.")
    tried.unlink()
    done = python(OFFLINE, folder, tmp_path / "plain", tmp_path, start=start if cut else (), **env)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 50_000
    assert not tried.exists(), tried.read_text()


# --- poison in every text of every file ---

POISON = '=HYPERLINK("x","y") \x1b[2J\x1b]0;owned\x07\u202e<script>alert(1)</script> [red]{{7*7}} $(id) `id`\r\n@SUM(A1)'
ID_LIKE = ("id", "given", "bears_on", "part_of", "type", "answers", "source", "via", "document", "origin", "of",
           "role", "reliability", "answer", "certainty", "kind", "direction", "stage", "url", "locator",
           "reference_class", "sources", "value")  # fmt: skip


def poisoned(value: Any, key: str = "") -> Any:
    """Every free text of a file begins with what a spreadsheet runs and a terminal obeys."""
    if isinstance(value, dict):
        return {k: poisoned(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(v, key) for v in value]
    if not isinstance(value, str) or key in ID_LIKE or value in forecast.judgement.WORDS:
        return value
    return POISON.replace("{{7*7}}", "{deadline}") if key == "text" else POISON


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    trees = {name: poisoned(tomllib.loads(text)) for name, text in SMALL.items()}
    count = sum(toml(t, False).count("HYPERLINK") for t in trees.values())
    assert count > 35, "the files have fewer texts than they had"
    return written(tmp_path / "evil", {k: toml(t, False) for k, t in trees.items()})


def test_poison_does_nothing_in_a_terminal_a_spreadsheet_or_a_log(evil: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    figure = tmp_path / "replay.svg"
    assert run("replay", evil, "--figure", figure)[0] == 0
    ElementTree.parse(figure)  # it is sound XML, whatever its title says
    for args in (["run"], ["run", "--json"], ["run", "--csv"], ["run", "--hub"], ["replay"], ["replay", "--json"],
                 ["replay", "--csv"], ["score"], ["score", "--csv"], ["score", "--json"], ["score", "--oracle"],
                 ["analysts"], ["check"], ["log", "--file", log, "--note", POISON[:200]], ["log", "--file", log, "--show"],
                 ["log", "--file", log, "--verify"], ["log", "--file", log, "--rerun", 1]):  # fmt: skip
        code, said = run(args[0], evil, *args[1:])
        assert code == 0, said
        # JSON escapes what is no print; all else shows a question mark
        assert printable(said) == said or "--json" in args, args
        assert "\x1b" not in said
        if "--csv" in args or "--hub" in args or "--oracle" in args:
            for row in csv.reader(io.StringIO(said)):
                for cell in row:
                    number = re.fullmatch(r"-?[\d.]+(e-?\d+)?|-inf|nan", cell)
                    assert number or not cell.lstrip().startswith(("=", "+", "-", "@")), cell
        if "--json" in args:
            json.loads(said)
    (line,) = log.read_text("utf-8").splitlines()
    assert json.loads(line)["note"].startswith("=HYPERLINK")
    assert line.isprintable() or "\x1b" not in line
    shown = str(forecast.update(forecast.load(evil), draws=0))
    assert printable(shown) == shown  # printed from Python too
    code, said = run("diff", f"{evil}@2020-01-12", evil)
    assert code == 0
    assert printable(said) == said


def test_poison_is_only_text_on_the_page(evil: Path) -> None:
    # the files that test_report has not: analysts, and what came of it
    from forecast import page

    case = forecast.load(evil)
    f = forecast.update(case, draws=0)
    shown = [page.analysts(f, pooling.analysts(case)), page.outcome(f, case), page.sources(f), page.rule(f),
             page.judgements(f), page.watch(f, forecast.watch_table(f.case))]  # fmt: skip
    html = "".join(str(x.data if hasattr(x, "data") else x._repr_html_()) for x in shown)
    assert html.count("HYPERLINK") > 8
    soup = BeautifulSoup(html, "html.parser")
    assert soup.find_all(["script", "iframe", "object", "embed", "link"]) == []
    assert "&lt;script&gt;" in html
    assert not any(k.startswith("on") for tag in soup.find_all(True) for k in tag.attrs)
    assert "\x1b" not in html


def test_messages_about_poison_are_harmless(evil: Path) -> None:
    for name in ("case.toml", "events.toml"):
        path = evil / name
        text = path.read_text("utf-8")
        # a key and a value of poison, in a file that is refused
        path.write_text(text + f"\n[{json.dumps(POISON[:80])}]\nx = {json.dumps(POISON)}\n", "utf-8")
        with pytest.raises(CaseError) as caught:
            forecast.load(evil)
        assert all(str(p).isprintable() for p in caught.value.problems)
        path.write_text(text, "utf-8")


# --- Python files that lie in the working folder ---


@pytest.fixture
def trapped(folder: Path) -> Path:
    """A folder of a case with Python files by the names of modules that the program imports."""
    for name in ("ipykernel_launcher", "json", "ipykernel", "joblib", "tornado", "sitecustomize"):
        (folder / f"{name}.py").write_text(f'open("RUN-{name}", "w").close()\n')
    return folder


def installed(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """The command as its console script starts it: with the script's folder first on the path."""
    script = folder.parent / "bin" / "start.py"
    script.parent.mkdir()
    script.write_text("from forecast.cli import app\napp()\n")
    return subprocess.run([sys.executable, str(script), *args], cwd=folder, capture_output=True,
                          text=True, check=False)  # fmt: skip


@pytest.mark.slow
def test_a_report_runs_no_file_of_the_case_folder(
    trapped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what the user has put on the path himself, be it a place in the working folder, is found
    (trapped / "lib").mkdir()
    shutil.copytree(ROOT / "forecast", trapped / "lib" / "forecast")
    shutil.copytree(ROOT / "seeds", trapped / "lib" / "seeds")
    shutil.copytree(ROOT / "notebooks", trapped / "lib" / "notebooks")
    monkeypatch.setenv("PYTHONPATH", "lib")
    done = installed(trapped, "report", ".", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert (trapped / "out" / "harbour.html").exists()
    assert not list(trapped.glob("RUN-*"))


def test_many_cases_run_no_file_of_the_working_folder(trapped: Path) -> None:
    (trapped / "cases" / "one").mkdir(parents=True)
    for name in ("case.toml", "events.toml"):
        (trapped / name).rename(trapped / "cases" / "one" / name)
    done = installed(trapped, "run", "cases", "-o", "x.jsonl", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert not list(trapped.glob("RUN-*"))


# --- what is installed is what was locked ---


def wheel(folder: Path) -> str:
    """Write a package of one line; its hash."""
    path = folder / "lockprobe-1.0-py3-none-any.whl"
    files = {
        "lockprobe.py": "x = 1\n",
        "lockprobe-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: lockprobe\nVersion: 1.0\n",
        "lockprobe-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{k},sha256={urlsafe_b64encode(hashlib.sha256(v.encode()).digest()).rstrip(b'=').decode()},{len(v)}\n"
        for k, v in files.items()
    )
    with zipfile.ZipFile(path, "w") as out:
        for k, v in files.items():
            out.writestr(k, v)
        out.writestr("lockprobe-1.0.dist-info/RECORD", record + "lockprobe-1.0.dist-info/RECORD,,\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_lock_is_enforced(tmp_path: Path) -> None:
    # the very words with which make installs, against a package that was tampered with
    makefile = (ROOT / "Makefile").read_text()
    words = re.search(r"-m pip (install [^\n]*--require-hashes) -r requirements\.lock", makefile)
    assert words, "make installs without hashes"
    digest = wheel(tmp_path)
    lock = tmp_path / "requirements.lock"
    command = [sys.executable, "-m", "pip", *words[1].split(), "--no-index", "--find-links", str(tmp_path),
               "--target", str(tmp_path / "site"), "-r", str(lock)]  # fmt: skip
    for hash_, good in ((digest, True), ("0" * 64, False), (None, False)):
        lock.write_text("lockprobe==1.0" + (f" --hash=sha256:{hash_}\n" if hash_ else "\n"))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == good, done.stderr
        if not good:
            assert "hash" in done.stderr.lower()


def test_known_vulnerabilities_are_looked_up_by_one_command() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (recipe,) = re.findall(r"^audit:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert "pip-audit" in recipe or "pip_audit" in recipe
    assert "requirements.lock" in recipe
    assert "--require-hashes" in recipe
    assert "--strict" in recipe  # what could not be looked up is no good news
