"""The long versions of what the tests run short: `python -m benchmarks.trust [--inputs N] [--worlds N]`.

Fuzzes the files of a case (`benchmarks.fuzz`), then draws worlds and asks whether the forecasts of
them are calibrated (`tests/test_engine_calibration.py`). Ends with status 1 if a law is broken, or a
slope is further than 0.05 from 1.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys

import numpy as np

from benchmarks.__main__ import PROJECT, show, verdict

sys.path.insert(0, str(PROJECT / "tests"))
import test_engine_calibration as calibration

A_CASE = 100
"""Worlds of each random case."""
SLOPE, RANKS = 0.05, 0.001


def calibrate(worlds: int, seed: int) -> bool:
    """Print the calibration of so many worlds; whether it is what it should be."""
    drawn = calibration.forecasts(seed, worlds // A_CASE, A_CASE)
    rows: list[tuple[str, ...]] = [("question", "slope", "intercept", "happened", "expected", "")]
    met = []
    for name, p, y in zip(
        ("held by a deadline", "held by then and attends"), drawn.p.T, drawn.y.T, strict=True
    ):
        slope, at = calibration.slope(p, y)
        met.append(abs(slope - 1) <= SLOPE)
        rows.append(
            (name, f"{slope:.3f}", f"{at:+.3f}", f"{y.mean():.4f}", f"{p.mean():.4f}", verdict(met[-1]))
        )
    naive, _, happened = calibration.naive(drawn.worlds[::10])
    rows.append(("held, every report counted", f"{calibration.slope(naive, happened)[0]:.3f}", "",
                 f"{happened.mean():.4f}", f"{np.mean(naive):.4f}", ""))  # fmt: skip
    show(rows)
    p = calibration.uniform(drawn.ranks)
    met.append(p > RANKS)
    print(f"\n{len(drawn.worlds):,} worlds of {worlds // A_CASE} random cases, seed {seed}. Ranks of the opening "
          f"day: chi-square over 20 bins, p = {p:.3f}: {verdict(met[-1])}.")  # fmt: skip
    return all(met)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--worlds", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}\n"
    )
    good = calibrate(asked.worlds, asked.seed) if asked.worlds else True
    if asked.inputs:
        print(flush=True)
        command = [sys.executable, "-m", "benchmarks.fuzz", str(asked.inputs), "--seed", str(asked.seed)]
        good &= not subprocess.run(command, cwd=PROJECT, check=False).returncode
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
