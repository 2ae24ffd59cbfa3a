"""Many cases: the same numbers by every road; nothing that was finished is lost, or made again."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib
import pytest
from test_cli import CASE
from test_cli import run as forecast_command
from test_resolution import RESOLUTION, Write, write  # noqa: F401

from forecast import load, many, scorecard, update
from forecast.appending import lines
from forecast.loading import CaseError

INDICATOR = """
[[indicators]]
id = "ready"
statement = "They are ready"
chance = { opens = "likely", never = "unlikely" }
why = "x"
"""


def make(folder: Path, count: int) -> Path:
    """Cases, none like another; every other one a folder deeper."""
    for i in range(count):
        path = folder / ("" if i % 2 else "deeper") / f"case_{i:03}"
        path.mkdir(parents=True)
        text = CASE.format(poison=i).replace('id = "held"', 'id = "opens"')
        text = text.replace("held = [0.2, 0.6]", f"held = [0.2, {0.4 + i / 1000}]")
        (path / "case.toml").write_text(text + INDICATOR)
    return folder


def records(output: Path) -> dict[str, dict[str, Any]]:
    """By path, what was said of each case; every line whole, and none said twice."""
    found = list(lines(output))
    assert all(x.record is not None and not x.changed for x in found)
    said = {x.record["path"]: dict(x.record) for x in found if x.record}
    assert len(said) == len(found)
    for record in said.values():
        for key in ("line", "path", "made_from", "before", "sha256"):
            del record[key]
    return said


def plain(folder: Path) -> dict[str, dict[str, Any]]:
    """The same by a plain loop."""
    found = sorted(p.parent for p in folder.rglob("case.toml"))
    return {p.relative_to(folder).as_posix(): update(load(p)).to_dict() for p in found}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed", reason="needs dask.distributed")
    quiet = {"dashboard_address": None, "silence_logs": 60}  # a killed worker complains at length
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster:
        yield cluster


# --- the same numbers ---


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_give_the_numbers_of_a_plain_loop(tmp_path: Path, jobs: int) -> None:
    folder, output = make(tmp_path / "in", 7), tmp_path / "out.jsonl"
    assert many.run(folder, output, jobs=jobs) == Counter(made=7, kept=0, failed=0)
    assert records(output) == plain(folder)
    assert many.run(folder, output, jobs=jobs) == Counter(made=0, kept=7, failed=0)
    assert len(records(output)) == 7


@pytest.mark.slow
def test_a_cluster_gives_the_numbers_of_a_plain_loop(tmp_path: Path, cluster: Any) -> None:
    folder, output = make(tmp_path / "in", 7), tmp_path / "out.jsonl"
    assert many.run(folder, output, dask=cluster.scheduler_address) == Counter(made=7, kept=0, failed=0)
    assert records(output) == plain(folder)


def test_scores_are_those_of_one_case(write: Write, tmp_path: Path) -> None:  # noqa: F811
    case = load(write(RESOLUTION))
    make(tmp_path / "toys", 2)
    output, told = tmp_path / "out.jsonl", {}
    done = many.run(tmp_path, output, many.Task("score"), jobs=1, failed=told.__setitem__)
    assert done == Counter(made=1, kept=0, failed=2)
    assert records(output) == {"harbour": json.loads(json.dumps(scorecard.record(case)))}
    assert all(path.startswith("toys/") for path in told)
    assert all("resolution.toml" in message for message in told.values())
    # a resolution that is put right is another file
    (tmp_path / "harbour" / "resolution.toml").write_text(RESOLUTION + "\n")
    assert many.run(tmp_path, output, many.Task("score"), jobs=1) == Counter(made=1, kept=0, failed=2)


def test_what_is_no_number_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecast.updating.Forecast.to_dict", lambda f: {"a": [math.nan, math.inf, 1.5]})
    many.run(make(tmp_path / "in", 1), tmp_path / "out.jsonl", jobs=1)
    assert records(tmp_path / "out.jsonl") == {"deeper/case_000": {"a": [None, None, 1.5]}}


# --- what fails ---


def test_what_fails_is_told_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "in", 4)
    (folder / "case_001" / "case.toml").write_text("[question]\ntitle = 3\n")  # a case that is wrong
    (folder / "case_003" / "case.toml").unlink()
    (folder / "case_003" / "case.toml").mkdir()  # a file that is none
    (folder / "locked" / "case_9").mkdir(parents=True)  # a folder that cannot be read
    scan = os.scandir

    def refuse(path: Path) -> Any:
        if Path(path).name == "locked":  # permissions do not bind whoever runs as root
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    done = forecast_command("run", str(folder), "-o", str(tmp_path / "out.jsonl"), "--jobs", "1")
    assert done.exit_code == 1
    assert sorted(records(tmp_path / "out.jsonl")) == ["deeper/case_000", "deeper/case_002"]
    assert "2 cases done, 3 failed" in done.output
    for message in ("case_001: case.toml: question: title: 3: ", "case_003: case.toml: not a file",
                    "locked: permission denied"):  # fmt: skip
        assert message in done.output
    assert "Traceback" not in done.output


def test_a_fault_of_the_program_is_the_matter_of_one_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, told = make(tmp_path / "in", 3), {}

    def faulty(path: Path) -> Any:
        return 1 / 0 if path.name == "case_001" else load(path)

    monkeypatch.setattr(many, "load", faulty)
    done = many.run(folder, tmp_path / "out.jsonl", jobs=1, failed=told.__setitem__)
    assert done == Counter(made=2, kept=0, failed=1)
    assert told == {"case_001": "ZeroDivisionError: division by zero"}


def test_cases_are_found_once_each(tmp_path: Path) -> None:
    folder = make(tmp_path / "in", 3)
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "case.toml").touch()
    (folder / "case_001" / "inner").mkdir()
    (folder / "case_001" / "inner" / "case.toml").touch()  # inside of a case there is none
    (folder / "round").symlink_to(folder)
    (folder / "linked").symlink_to(folder / "case_001")
    (folder / "itself").symlink_to(folder / "itself")
    found = [p.relative_to(folder).as_posix() for p in many.cases(folder)]
    assert found == ["case_001", "deeper/case_000", "deeper/case_002", "linked"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "{0}", "--csv"], "a folder of cases"),
        (["score", "{0}", "--oracle"], "a folder of cases"),
        (["run", "{0}/case_001", "--jobs", "2"], "are for a folder of cases"),
        (["run", "{0}", "-o", "{0}/case_001/case.toml"], "expected a name that ends in .jsonl"),
        (["run", "{0}", "-o", "{0}/log.jsonl"], "line 1 is no result"),
        (["run", "{0}/empty"], "has no case.toml, nor has a folder in it"),
    ],
)
def test_wrong_calls_get_one_clear_message(tmp_path: Path, args: list[str], message: str) -> None:
    folder = make(tmp_path, 2)
    (folder / "empty").mkdir()
    (folder / "log.jsonl").write_text('{"time": "now"}\n')
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    done = forecast_command(*(x.format(folder) for x in args))
    assert done.exit_code == 1
    assert message in done.output
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_without_dask_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'scenario-forecast\[dask\]'"):
        next(many.each(str, [1], dask="tcp://127.0.0.1:1"))


# --- a run that goes on ---


def test_what_is_made_from_something_else_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, output = make(tmp_path / "in", 3), tmp_path / "out.jsonl"
    day = load(folder / "case_001").question.deadlines[0]

    def again(**task: Any) -> tuple[int, int]:
        done = many.run(folder, output, many.Task(**task), jobs=1)
        return done["made"], done["kept"]

    assert again() == (3, 0)
    assert again(as_of=day) == (3, 0)
    assert again(seed=2) == (3, 0)
    assert again() == (0, 3)  # of each the first lines still stand
    path = folder / "case_001" / "case.toml"
    path.write_text(path.read_text() + "# seen again\n")
    assert again() == (1, 2)
    (folder / "case_001" / "events.toml").write_text("")  # a file that was not there
    assert again() == (1, 2)
    monkeypatch.setattr(many, "code", lambda: "another program")
    assert again() == (3, 0)
    assert again() == (0, 3)
    assert Counter(x.record["path"] for x in lines(output) if x.record)["case_001"] == 6


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[:-40],  # the last line is torn
        lambda text: text[::-1].replace(b"1", b"2", 1)[::-1],  # a number in it was changed
        lambda text: text[: text.rindex(b"{")],  # it was taken out
    ],
)
def test_a_line_that_is_not_whole_is_made_again(tmp_path: Path, harm: Any) -> None:
    folder, output = make(tmp_path / "in", 3), tmp_path / "out.jsonl"
    many.run(folder, output, jobs=1)
    output.write_bytes(harm(output.read_bytes()))
    whole = [x.raw for x in lines(output) if x.record and not x.changed]
    assert len(whole) == 2
    assert many.run(folder, output, jobs=1) == Counter(made=1, kept=2, failed=0)
    good = [x for x in lines(output) if x.record and not x.changed]
    assert [x.raw for x in good[:2]] == whole
    assert sorted(x.record["path"] for x in good) == sorted(plain(folder))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="has no SIGKILL")
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    folder, output = make(tmp_path / "in", 60), tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "forecast", "run", str(folder), "-o", str(output), "--jobs"]
    killed = subprocess.Popen([*command, "2"], start_new_session=True)
    try:
        while not output.exists() or output.stat().st_size == 0:
            assert killed.poll() is None
            time.sleep(0.002)
        killed.kill()  # it alone: its workers have what they were doing in hand
        assert killed.wait() == -signal.SIGKILL
    finally:
        with suppress(ProcessLookupError):
            os.killpg(killed.pid, signal.SIGKILL)
    before = output.read_bytes()
    finished = sum(x.record is not None for x in lines(output))
    assert 1 <= finished < 60
    done = subprocess.run([*command, "1"], capture_output=True, text=True, check=True)
    assert f"{60 - finished} cases done, {finished} kept from before" in done.stdout
    assert output.read_bytes().startswith(before)
    said = [x.record["path"] for x in lines(output) if x.record]
    assert len(said) == len(set(said)) == 60


@pytest.mark.slow
def test_a_killed_worker_of_a_cluster_loses_nothing(tmp_path: Path, cluster: Any) -> None:
    begun = tmp_path / "begun"

    def work(i: int) -> int:
        with begun.open("a") as out:
            out.write(f"{i}\n")
        time.sleep(0.02)
        return i * i

    working = many.each(work, range(100), dask=cluster.scheduler_address)
    had = [next(working) for _ in range(10)]
    worker = next(iter(cluster.workers.values()))
    os.kill(worker.pid, signal.SIGKILL)
    assert sorted(had + list(working)) == [i * i for i in range(100)]
    times = Counter(map(int, begun.read_text().split()))
    assert {times[math.isqrt(x)] for x in had} == {1}  # what was finished was not begun again
    assert sum(times.values()) > 100  # and the worker did have something in hand


@pytest.mark.filterwarnings("ignore:.*have been cancelled")
def test_items_are_taken_as_they_are_needed() -> None:
    taken = 0

    def items() -> Iterator[float]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield 0.05

    working = many.each(time.sleep, items(), jobs=2)
    next(working)
    assert taken < 100
    working.close()


def test_a_backend_that_is_chosen_outside_is_used() -> None:
    with joblib.parallel_config("threading"):
        assert set(many.each(lambda _: os.getpid(), range(3), jobs=2)) == {os.getpid()}


def test_nothing_to_do_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"no case\.toml"):
        many.run(tmp_path, tmp_path / "out.jsonl", jobs=1)
    assert not (tmp_path / "out.jsonl").exists()


def test_results_that_have_no_place_are_refused_before_the_work(tmp_path: Path) -> None:
    folder, output = make(tmp_path / "in", 1), tmp_path / "nowhere" / "x.jsonl"
    done = forecast_command("run", str(folder), "-o", str(output))
    assert done.exit_code == 1
    assert done.output == f"--output: {output}: no such folder: {output.parent}\n"
    # and where none was made, none are named
    done = forecast_command("run", str(folder), "--as-of", "1999-01-01", "-o", str(tmp_path / "x.jsonl"))
    assert done.exit_code == 1
    assert done.output.endswith("0 cases done, 1 failed\n")


# --- addresses ---


@pytest.mark.parametrize("address", ["nonsense", "", "a:b", "foo://a:1", "tcp://[::1", "inproc://x"])
def test_an_address_that_is_none_is_refused_at_once(tmp_path: Path, address: str) -> None:
    folder, output = make(tmp_path / "in", 1), tmp_path / "out.jsonl"
    done = forecast_command("run", str(folder), "--dask", address, "-o", str(output))
    assert done.exit_code == 1
    assert done.output.startswith(f"--dask: {address}: expected the address of a scheduler")
    assert not output.exists()


@pytest.mark.slow
def test_an_address_where_nobody_answers_is_one_message(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="needs dask.distributed")
    folder, began = make(tmp_path / "in", 1), time.monotonic()
    done = forecast_command("run", str(folder), "--dask", "127.0.0.1:1", "-o", str(tmp_path / "x.jsonl"))
    assert done.exit_code == 1
    assert done.output.startswith("timed out trying to connect to tcp://127.0.0.1:1")
    assert time.monotonic() - began < 30
