"""Measure what a reader waits for: `python -m benchmarks.reading [CASE] [--reports N]`.

Contributions, tornado, watch table and a daily replay of 90 days, each the first call in a fresh
process, as a person meets them; and a whole report against a plain nbconvert run of its notebook.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import forecast
from benchmarks.__main__ import child, show, verdict

VERSIONS = ("numpy", "scipy", "pandas", "xarray", "pydantic", "nbconvert")
TOGETHER, REPLAY, REPORT = 2.0, 0.5, 5.0
"""Limits in seconds: all four readings, the replay alone, and what a report takes more than nbconvert."""
DAYS, ROUNDS = 90, 5
BULKY = ("pymc", "pytensor", "arviz", "matplotlib", "seaborn")


def measure(name: str, what: list[str]) -> dict[str, float]:
    """Seconds of each reading in this process, and of loading the case before them."""
    start = time.perf_counter()
    case = forecast.load(name)
    seconds = {"load": time.perf_counter() - start}
    q = case.question
    dates = [q.proposed + dt.timedelta(n) for n in range(min(DAYS, (q.horizon - q.proposed).days))]
    readings: dict[str, Any] = {
        "contributions": lambda: forecast.contributions(case),
        "tornado": lambda: forecast.tornado(case),
        "watch table": lambda: forecast.watch_table(case),
        "replay": lambda: forecast.replay(case, dates),
    }
    for reading in what:
        start = time.perf_counter()
        readings[reading]()
        seconds[reading] = time.perf_counter() - start
    assert not (loaded := [x for x in BULKY if x in sys.modules]), f"imported: {loaded}"
    return seconds


def fresh(name: str, *what: str) -> dict[str, float]:
    """Median seconds over fresh processes, after one that fills the caches of bytecode."""
    runs = [
        json.loads(child("-m", "benchmarks.reading", name, "--in-process", *what))
        for _ in range(ROUNDS + 1)
    ]
    return {k: statistics.median(run[k] for run in runs[1:]) for k in runs[0]} | {
        "all": statistics.median(sum(run[k] for k in what) for run in runs[1:])
    }


def report(name: str, rounds: int) -> dict[str, float]:
    """Seconds of a report and of a plain nbconvert run of the same notebook: the fastest of each side."""
    import nbformat

    from forecast.report import notebook, set_parameters

    formats: Any = nbformat  # untyped
    path = Path(name)
    case = str(path.resolve()) if path.is_dir() else name
    times: dict[str, list[float]] = {"report": [], "nbconvert": []}
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.ipynb")
        formats.write(set_parameters(formats.read(notebook(), as_version=4), {"CASE": case}), plain)
        sides = {
            "nbconvert": (
                "-m",
                "nbconvert",
                "--execute",
                "--to",
                "html",
                "--log-level",
                "ERROR",
                str(plain),
            ),
            "report": ("-m", "forecast", "report", case, "-o", folder),
        }
        child(*sides["report"])  # fills the caches, of compiled models above all
        for _ in range(rounds):
            for side, arguments in sides.items():
                start = time.perf_counter()
                child(*arguments)
                times[side].append(time.perf_counter() - start)
    return {k: min(v) for k, v in times.items()}  # what slows the others down is not the program


def main(name: str, reports: int) -> int:
    version = importlib.metadata.version
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
          f"load average {os.getloadavg()[0]:.2f}")  # fmt: skip
    print(", ".join(f"{x} {version(x)}" for x in VERSIONS) + "\n")
    rows: list[tuple[str, ...]] = [("what", "seconds", "required", "", "measured")]
    met = []

    def row(what: str, seconds: float, limit: float, measured: str) -> None:
        met.append(seconds < limit)
        rows.append((what, f"{seconds:.2f}", f"< {limit:g}", verdict(met[-1]), measured))

    four = fresh(name, "contributions", "tornado", "watch table", "replay")
    parts = ", ".join(f"{k} {v:.2f}" for k, v in four.items() if k not in ("load", "all"))
    row(
        "four readings in one process",
        four["all"],
        TOGETHER,
        f"{parts}; loading the case {four['load']:.2f}",
    )
    alone = fresh(name, "replay")
    row(f"replay of {DAYS} days alone", alone["replay"], REPLAY, f"loading the case {alone['load']:.2f}")
    if reports:
        r = report(name, reports)
        row("report less nbconvert", r["report"] - r["nbconvert"], REPORT,
            f"{r['report']:.1f} - {r['nbconvert']:.1f}")  # fmt: skip
    show(rows)
    print(f"\nFirst calls, medians of {ROUNDS} fresh processes without {', '.join(BULKY)}"
          + (f"; reports: {reports} of each side, in turn." if reports else "."))  # fmt: skip
    print(f"Load average at the end {os.getloadavg()[0]:.2f}.")
    return 0 if all(met) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("case", nargs="?", default=forecast.shipped()[0])
    parser.add_argument("--reports", type=int, default=1, help="runs of each side; 0 for none")
    parser.add_argument("--in-process", nargs="+", metavar="READING", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.in_process:
        print(json.dumps(measure(given.case, given.in_process)))
    else:
        sys.exit(main(given.case, given.reports))
