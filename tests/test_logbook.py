"""The log: many writers, killed writers, full disks, changed lines; and running a line again."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from enumeration import day, event, indicator, make_case, random_case, report
from toys import learned, toy_fit
from typer.testing import CliRunner

import forecast
from forecast import keeping, logbook, logtexts
from forecast.appending import Line, append, chain_broken, lines
from forecast.cli import app

TALKS = make_case(
    indicators=[indicator("ready", {"held": "likely", "not_held": "unlikely"})],
    events=[event("says", "ready", 0.6, 0.3), event("later", "ready", 0.6, 0.3, report("a", 31))],
)


def run(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(a) for a in args])
    return done.exit_code, done.output


def whole(path: Path) -> list[Line]:
    """All lines, each of which must be a record, unchanged, that follows on the one before."""
    out: list[Line] = []
    for line in lines(path):
        assert line.record is not None
        assert not line.changed
        assert not chain_broken(out[-1] if out else None, line)
        assert line.record["line"] == line.number
        out.append(line)
    return out


# --- appending ---

WRITER = """
import sys
from pathlib import Path
from forecast.appending import append
path, who, times, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for n in range(times):
    append(path, {"who": who, "n": n, "text": "x" * size})
    print(n, flush=True)
"""


def writer(path: Path, who: str, times: int, size: int = 10) -> subprocess.Popen[str]:
    args = [sys.executable, "-c", WRITER, str(path), who, str(times), str(size)]
    return subprocess.Popen(args, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow  # each line reaches the disk before the next
def test_two_writers_of_a_thousand_lines_each_lose_none(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    both = [writer(path, who, 1000) for who in "ab"]
    for w in both:
        w.communicate(timeout=60)
        assert w.returncode == 0
    found = whole(path)
    for who in "ab":
        told = [x.record["n"] for x in found if x.record and x.record["who"] == who]
        assert told == list(range(1000))
    assert len(found) == 2000


def test_a_killed_writer_loses_nothing_that_it_had_finished(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    finished: list[tuple[str, int]] = []
    for turn in range(6):
        w = writer(path, str(turn), 10_000, size=300_000)
        assert w.stdout
        # each is killed a little further on
        finished += [(str(turn), int(w.stdout.readline())) for _ in range(turn + 1)]
        w.send_signal(signal.SIGKILL)
        rest, _ = w.communicate()
        # the last line of what it said may be torn as well
        finished += [(str(turn), int(n)) for n in rest.splitlines(True) if n.endswith("\n")]
        assert w.returncode == -signal.SIGKILL
    append(path, {"who": "after", "n": 0})
    found = list(lines(path))
    kept = {(x.record["who"], x.record["n"]) for x in found if x.record is not None}
    assert set(finished) < kept
    assert not any(x.changed for x in found)
    assert not any(chain_broken(a, b) for a, b in zip([None, *found], found, strict=False))


@pytest.mark.parametrize(
    ("cut", "torn"),
    [
        (1, False),  # only its end is missing: all that was said is there
        (2, True),  # the closing bracket too
        (60, True),  # in the middle of the digest
        (-1, True),  # all but the first byte
        (0, False),  # nothing
    ],
)
def test_a_torn_line_stays_and_the_next_begins_a_line_of_its_own(
    tmp_path: Path, cut: int, torn: bool
) -> None:
    path = tmp_path / "log.jsonl"
    append(path, {"n": 1})
    first = path.read_bytes()
    append(path, {"n": 2})
    second = path.read_bytes()[len(first) :]
    left = second[:1] if cut < 0 else second[: len(second) - cut]
    path.write_bytes(first + left)
    assert append(path, {"n": 3}).number == 3
    found = list(lines(path))
    assert [x.record and x.record["n"] for x in found] == [1, None if torn else 2, 3]
    assert found[1].raw == left.removesuffix(b"\n")
    assert not any(chain_broken(a, b) for a, b in zip([None, *found], found, strict=False))
    assert not any(x.changed for x in found)
    assert append(path, {"n": 4}).number == 4


def test_on_a_full_disk_nothing_is_appended_and_nothing_lost(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, {"n": 1})
    before = path.read_bytes()
    full = f"""
import resource
from pathlib import Path
from forecast.appending import append
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 100}, {len(before) + 100}))
try:
    append(Path({str(path)!r}), {{"n": 2, "text": "x" * 1000}})
except OSError as e:
    print(e.strerror, "|", e.filename)
"""
    done = subprocess.run([sys.executable, "-c", full], capture_output=True, text=True, check=True)
    assert done.stdout == f"File too large; nothing was appended | {path}\n"
    assert path.read_bytes() == before
    append(path, {"n": 2})
    assert len(whole(path)) == 2


def test_a_line_longer_than_a_block_is_found_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for size in (200_000, 1, 70_000, 1):
        append(path, {"text": "x" * size})
    assert len(whole(path)) == 4


def test_no_file_is_no_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, message in (("pipe", "not a file"), (".", "directory"), ("no/log", "No such file")):
        with pytest.raises(OSError, match=message):
            append(tmp_path / name, {})
        with pytest.raises(OSError, match=r"not a file|No such file"):
            list(lines(tmp_path / name))


# --- a log of forecasts ---


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three lines: two dates of one case, and the second once more with a note."""
    out = tmp_path / "log.jsonl"
    for as_of, note in ((day(20), ""), (day(30), ""), (day(30), "again")):
        logbook.log(forecast.update(TALKS, as_of, draws=50, seed=7), out, note)
    return out


def test_a_line_says_all_that_the_forecast_says(path: Path) -> None:
    x = logbook.entry(path)
    f = forecast.update(TALKS, draws=50, seed=7)
    assert {k: x.record[k] for k in f.to_dict()} == json.loads(json.dumps(f.to_dict()))
    assert (x.record["seed"], x.record["draws"], x.record["headline"]) == (7, 50, str(day(150)))
    assert (x.record["digest"], x.record["fit"], x.record["note"]) == (TALKS.digest, None, "again")
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(x.record["time"])
    assert dt.timedelta(0) <= age < dt.timedelta(minutes=5)


def test_each_case_is_kept_once_without_later_news(path: Path) -> None:
    kept = sorted(logbook.kept_folder(path).iterdir())
    digests = [logbook.entry(path, n).record["digest"] for n in (1, 2, 3)]
    assert len(kept) == 2
    assert digests[1] == digests[2]
    assert {p.name for p in kept} == {f"{d}.json.gz" for d in digests}
    assert all(b"later" not in gzip.decompress(p.read_bytes()) for p in kept)


@pytest.mark.parametrize("seed", range(12))
def test_a_kept_case_makes_the_same_forecast(tmp_path: Path, seed: int) -> None:
    case = random_case(np.random.default_rng(seed))
    f = forecast.update(case, draws=40, seed=seed)
    x = logbook.log(f, tmp_path / "log.jsonl")
    assert keeping.kept_case(tmp_path / "log.cases", case.digest).digest == case.digest
    assert logbook.departure(x, logbook.rerun(x)) <= logbook.SAME


@pytest.mark.parametrize("which", ["shipped", "made"])
def test_a_fit_is_kept_with_the_case(tmp_path: Path, which: str) -> None:
    # thirds and logarithms: more digits than a stored fit keeps
    case = forecast.load(forecast.shipped()[0]) if which == "shipped" else learned(TALKS, toy_fit())
    x = logbook.log(forecast.update(case, draws=40), tmp_path / "log.jsonl")
    assert (tmp_path / "log.cases" / f"fit-{case.fit.digest}.json").is_file()
    again = logbook.rerun(x)
    assert again.case.fit.digest == case.fit.digest
    assert logbook.departure(x, again) <= logbook.SAME


def test_departure_finds_the_largest_difference(path: Path) -> None:
    x = logbook.entry(path)
    other = forecast.update(TALKS.only("x"), draws=50, seed=7)  # no events
    f = forecast.update(TALKS, draws=50, seed=7)
    far = max(
        float(np.abs(getattr(f, of)[k] - getattr(other, of)[k]).max())
        for of, keys in (("held", ("probability", "low", "high")), ("ever", ("low", "high")),
                         ("scenarios", ("probability",)), ("indicators", ("probability",)))
        for k in keys
    )  # fmt: skip
    assert logbook.departure(x, other) == pytest.approx(far, abs=1e-15)
    assert far > 0.01
    more = forecast.update(make_case(), draws=50)
    assert logbook.departure(x, more) == float("inf")


# --- when something is not as it was ---


def edit(old: str, new: str, number: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        rows = path.read_text().splitlines(True)
        assert old in rows[number - 1]
        rows[number - 1] = rows[number - 1].replace(old, new, 1)
        path.write_text("".join(rows))

    return change


def order(*numbers: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        rows = path.read_text().splitlines(True)
        path.write_text("".join(rows[n - 1] for n in numbers))

    return change


def kept(data: bytes | None) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        file = logbook.kept_folder(path) / f"{TALKS.digest}.json.gz"
        file.unlink() if data is None else file.write_bytes(data)

    return change


BROKEN = "does not follow on the line before"
SHORT = TALKS.digest[:12]


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (edit('"seed": 7', '"seed": 8', 1), ["line 1: changed since it was written", f"line 2: {BROKEN}"]),
        (edit('"seed": 7', '"seed": 8', 3), ["line 3: changed since it was written"]),  # the last
        (edit('"seed": 7', '"seed":  7', 3), ["line 3: changed since it was written"]),  # a blank
        (edit('"sha256": "', '"sha256": "0', 2), ["line 2: changed", f"line 3: {BROKEN}"]),
        (order(1, 3), [f"line 2: {BROKEN}"]),  # the second taken out
        (order(2, 3), [f"line 1: {BROKEN}"]),  # the first
        (order(2, 1, 3), [f"line 1: {BROKEN}", f"line 2: {BROKEN}", f"line 3: {BROKEN}"]),
        (order(1, 2, 2, 3), [f"line 3: {BROKEN}"]),  # one twice; the last follows on either
        (lambda p: append(p, {"a": 1}) and None, ["line 4: no logged forecast"]),
        (kept(None), [f"line 2: the case {SHORT} is not kept in log.cases"]),
        (kept(gzip.compress(b"{}")), [f"line 2: the kept case {SHORT} has been changed"]),
        (kept(b"not packed"), [f"line 2: the kept case {SHORT} cannot be read"]),
        (kept(gzip.compress(b"x" * 9999)[:20]), [f"line 2: the kept case {SHORT} cannot be read"]),
    ],
)  # fmt: skip
def test_what_was_changed_is_noticed(
    path: Path, change: Callable[[Path], None], problems: list[str]
) -> None:
    assert not logbook.verify(path).problems
    change(path)
    found = logbook.verify(path).problems
    assert len(found) == len(problems)
    for told, wanted in zip(found, problems, strict=True):
        assert told.startswith(wanted)
    code, output = run("log", "no_case", "--file", path, "--verify")
    assert code == 1
    assert all(p in output for p in problems)


def test_lines_taken_from_the_end_show_in_the_last_digest(path: Path) -> None:
    last = logbook.verify(path).digest
    assert last == logbook.entry(path).line.digest
    order(1, 2)(path)
    assert not logbook.verify(path).problems
    assert logbook.verify(path).digest != last


def test_a_torn_line_is_reported_with_its_number_and_skipped(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"line": 4, "time": "20')
    found = logbook.verify(path)
    torn = "line 4: torn: its writer was stopped in the middle; skipped"
    assert (found.entries, found.torn, found.problems) == (3, (torn,), ())
    logbook.log(forecast.update(TALKS, draws=0), path)
    assert [logbook.entry(path, n).line.number for n in (-1, -2, -4)] == [5, 3, 1]
    code, output = run("log", "no_case", "--file", path, "--show")
    assert code == 0
    assert torn in output
    with pytest.raises(ValueError, match=r"^log\.jsonl line 4: torn: its writer was stopped"):
        logbook.entry(path, 4)


def test_another_program_makes_other_numbers_and_says_so(
    path: Path,
) -> None:
    assert run("log", "no_case", "--file", path, "--rerun", 2) == (
        0, "log.jsonl line 2: made again, every probability is the same to 1e-15.\n"
    )  # fmt: skip
    old = forecast.update(TALKS, draws=50, seed=8).to_dict()  # other ranges
    record = dict(logbook.entry(path).record) | {"held": old["held"], "code": "abc"}
    append(path, {k: v for k, v in record.items() if k not in ("line", "before", "sha256")})
    code, output = run("log", "no_case", "--file", path, "--rerun", -1)
    assert code == 1
    assert "log.jsonl line 4: made again, its probabilities differ, by up to 0.0" in output
    assert f"made by another program, version {forecast.__version__} (abc; this is" in output


CASE = """
[question]
title = "Toy"
text = "Will it open by {deadline}?"
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
id = "opens"
held = true
label = "It opens"
[[scenarios]]
id = "never"
held = false
label = "It does not"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    out = tmp_path / "talks"
    out.mkdir()
    (out / "case.toml").write_text(CASE)
    return out


def test_a_line_whose_case_is_not_kept_is_made_from_the_same_case_only(folder: Path) -> None:
    code, output = run("log", folder)
    assert code == 0
    assert output.startswith(
        f"Logged as line 1 of {folder / 'log.jsonl'}; its case is kept in log.cases."
    )
    for file in (folder / "log.cases").iterdir():
        file.unlink()
    assert run("log", folder, "--rerun", 1)[0] == 0
    case = forecast.load(folder)
    text = (folder / "case.toml").read_text()
    (folder / "case.toml").write_text(text.replace("0.6]", "0.7]"))
    x = logbook.entry(folder / "log.jsonl")
    why = (f"log.jsonl line 1: the case {case.digest[:12]} is not kept in log.cases, and the case talks "
           "has changed since, in what was known on 2020-02-01")  # fmt: skip
    with pytest.raises(ValueError, match="changed since") as e:
        logbook.rerun(x)
    assert str(e.value) == why
    assert logbook.departure(x, logbook.rerun(x, case)) <= logbook.SAME
    (folder / "case.toml").unlink()
    with pytest.raises(ValueError, match=r"no case talks with that digest is at hand$"):
        logbook.rerun(x)


# --- where it lies ---


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom permissions bind."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_case_in_a_folder_that_cannot_be_written_is_logged_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # not in pytest's folder: that one only its owner may enter
    with tempfile.TemporaryDirectory() as place:
        where = Path(place)
        where.chmod(0o755)
        (where / "case.toml").write_text(CASE)
        here = where / "here"
        here.mkdir()
        here.chmod(0o777)
        monkeypatch.chdir(here)
        where.chmod(0o555)
        code_ = logbook.code()
        with unprivileged():
            assert logbook.default_path(forecast.load(where)) == Path("log.jsonl")
            code, output = run("log", where)
            assert (code, logbook.code()) == (0, code_)
            assert f"{here / 'log.jsonl'} (the case's folder is not to be written); its" in output
            code, output = run("log", where, "--file", where / "log.jsonl")
            assert code == 1
            assert output == f"{where / 'log.cases'}: permission denied\n"
        where.chmod(0o755)
        assert len(whole(here / "log.jsonl")) == 1


def test_an_installed_case_is_logged_here_and_one_of_ones_own_beside_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = forecast.load(folder)
    assert logbook.default_path(case) == folder / "log.jsonl"
    monkeypatch.setattr(logbook, "__file__", str(tmp_path / "logbook.py"))  # the case lies inside
    assert logbook.default_path(case) == Path("log.jsonl")


# --- in the terminal ---


def test_a_note_is_shown_not_obeyed(folder: Path) -> None:
    note = "red \x1b[31m [b]x[/b]\nnext \u202e \udcff é"
    assert run("log", folder, "--note", note)[0] == 0
    assert logbook.entry(folder / "log.jsonl").record["note"] == note
    assert len((folder / "log.jsonl").read_bytes().splitlines()) == 1
    ((*_, shown),), problems = logtexts.rows(folder / "log.jsonl")
    assert shown == r"red \x1b[31m [b]x[/b]\nnext \u202e \udcff é"
    assert not problems
    code, output = run("log", folder, "--show")
    assert code == 0
    assert not {"\x1b", "\u202e"} & set(output)
    assert r"red \x1b[31m" in output
    percent = forecast.tables.percent(float(forecast.update(forecast.load(folder)).held.probability[-1]))
    assert f"2020-02-01  {percent}" in " ".join(output.split("\n"))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--file", "log.txt"], "log.txt: a log's name ends in .jsonl"),
        (["--file", "no/log.jsonl"], "no/log.jsonl: no such file or directory"),
        (["--show"], "{folder}/log.jsonl: no such file or directory"),
        (["--file", "{log}", "--rerun", "4"], "{log}: no line 4; the log has 3 lines"),
        (["--file", "{log}", "--rerun", "0"], "{log}: no line 0; the log has 3 lines"),
        (["--file", "{log}", "--rerun", "-4"], "{log}: no line -4; the log has 3 whole lines"),
        (["--show", "--verify"], "--show and --verify: expected one of them"),
        (["--show", "--note", "x"], "--show adds nothing to the log: leave out --as-of and --note"),
        (["--verify", "--as-of", "2020-02-01"],
         "--verify adds nothing to the log: leave out --as-of and --note"),
        (["--note", "x" * 1001], "note: 1001 characters; at most 1,000 are kept"),
        (["--as-of", "2019-01-01"], "as_of: 2019-01-01 is not from 2020-01-01 (proposed) to the day "
         "before 2021-01-01 (horizon)"),
    ],
)  # fmt: skip
def test_wrong_calls_get_one_clear_message(
    folder: Path, path: Path, args: list[str], message: str
) -> None:
    def filled(x: str) -> str:
        return x.replace("{folder}", str(folder)).replace("{log}", str(path))

    assert run("log", folder, *map(filled, args)) == (1, filled(message) + "\n")
    assert not (folder / "log.jsonl").exists()
