"""Measure the package: `python -m benchmarks [CASE]`, in the project's folder.

Prints ratios of one run, each side in fresh processes, with what they were measured on.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import forecast

PROJECT = Path(__file__).parent.parent
IMPORTS = "import numpy, scipy.special, pandas, xarray, pydantic, typer"
# as where the extra `dask` is not installed: xarray loads it, where it is, with its first dataset
ALONE = "import sys; sys.modules['dask'] = None; from forecast.cli import app; app(sys.argv[1:])"
ROUNDS = 11
VERSIONS = ("numpy", "scipy", "pandas", "xarray", "pydantic", "typer", "pyagrum")


def child(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Output of a fresh interpreter that may use and write bytecode caches."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | dict(env or {})
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def start(case: str) -> dict[str, float]:
    """Median seconds of a whole forecast, without and with dask, and of the imports alone, in turn."""
    sides = {"forecast": ("-c", ALONE, "run", case), "with dask": ("-m", "forecast", "run", case),
             "imports": ("-c", IMPORTS)}  # fmt: skip
    times: dict[str, list[float]] = {k: [] for k in sides}
    for k in range(ROUNDS + 1):
        for side, arguments in sides.items():
            begin = time.perf_counter()
            child(*arguments)
            if k:  # the first fills the caches
                times[side].append(time.perf_counter() - begin)
    return {k: statistics.median(v) for k, v in times.items()}


def show(rows: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip())


def _asked_of(what: str, ratio: float) -> tuple[str, bool | None]:
    """Linear growth is promised of events; of the others it is shown."""
    return ("0.8 - 1.2", 0.8 <= ratio <= 1.2) if what.startswith("event") else ("", None)


def verdict(good: bool) -> str:
    return "met" if good else "NOT MET"


def main(case: str) -> int:
    version = importlib.metadata.version
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
          f"load average {os.getloadavg()[0]:.2f}")  # fmt: skip
    print(", ".join(f"{name} {version(name)}" for name in VERSIONS) + "\n")

    rows: list[tuple[str, ...]] = [("what", "ratio", "required", "", "measured")]
    met = []

    def row(what: str, ratio: float, required: str, good: bool | None, measured: str) -> None:
        if good is not None:
            met.append(good)
        rows.append((what, f"{ratio:.2f}", required, "" if good is None else verdict(good), measured))

    tree: dict[str, Any] = json.loads(child("-m", "benchmarks.tree_pass", case))
    t = tree["seconds"]
    for engine, required in (("LazyPropagation", 20), ("ShaferShenoy", None)):
        ratio = t[engine] / t["tree"]
        row(f"{engine} / the tree's pass", ratio, f">= {required}" if required else "",
            ratio >= required if required else None,
            f"{1e3 * t[engine]:.2f} ms / {1e6 * t['tree']:.0f} us, "
            f"apart {tree['largest difference'][engine]:.0e}")  # fmt: skip
    s = start(case)
    ratio = s["forecast"] / s["imports"]
    row(f"forecast run {case} / imports alone", ratio, "<= 1.5", ratio <= 1.5,
        f"{s['forecast']:.2f} s / {s['imports']:.2f} s")  # fmt: skip
    row("the same, with the extra dask installed", s["with dask"] / s["imports"], "", None,
        f"{s['with dask']:.2f} s / {s['imports']:.2f} s")  # fmt: skip
    growth: dict[str, Any] = json.loads(child("-m", "benchmarks.growth"))
    for what, g in growth.items():
        row(f"one more, large / small: {what}", g["ratio"], *_asked_of(what, g["ratio"]),
            f"{1e6 * g['upper']:.3g} us / {1e6 * g['lower']:.3g} us")  # fmt: skip
    show(rows)
    sizes = ", ".join(f"{n} {what}" for what, n in tree["sizes"].items())
    print(f"\n{tree['case']}: {sizes}. Medians; the two sides of a ratio ran in turn.")
    print(f"Load average at the end {os.getloadavg()[0]:.2f}.")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else forecast.shipped()[0]))
