"""Measure many cases: `python -m benchmarks.many [N] [--case CASE] [--dask]`.

N cases with the files of the shipped one, under names of their own: a plain loop of parsing, validation
and update in one process, against `forecast run` of their folder; each side in fresh processes, the
loop half before and half after. With --dask also two workers against one on the same work.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import forecast
from benchmarks.__main__ import PROJECT, show, verdict
from forecast import many
from forecast.loading import seeds

LOOP, TWO = 1.5, 1.3
"""Limits: the folder against the loop, one worker against two."""
ROUNDS, WORK = 5, 40
MMAP = 1 << 27
"""Bytes. Dask has its workers give freed memory back at once: then large arrays cost as much again."""
VERSIONS = ("numpy", "pandas", "pydantic", "joblib")


def fill(folder: Path, case: Path, count: int) -> Path:
    """Cases that share the files of one, as links: they take no room on the disk."""
    for i in range(count):
        path = folder / f"{i // 100:03}" / f"case_{i:05}"
        path.mkdir(parents=True)
        for name in ("case.toml", "events.toml", "fit.json"):
            if (case / name).exists():
                os.link(case / name, path / name)
    return folder


def loop(folder: Path, first: int, last: int) -> None:
    """The plain loop, over some of the cases."""
    for path in sorted(folder.glob("*/*"))[first:last]:
        forecast.update(forecast.load(path))


def child(*arguments: str) -> tuple[float, float]:
    """Seconds of a fresh interpreter, and the peak memory in MB of its largest process."""
    start = time.perf_counter()
    pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ)
    _, status, used = os.wait4(pid, 0)
    if status:
        sys.exit(f"{' '.join(arguments)} failed")
    return time.perf_counter() - start, used.ru_maxrss / 1024


def workers(folder: Path, scratch: Path) -> dict[int, float]:
    """Median seconds of the same work by one and by two workers of a cluster, in turn."""
    import dask
    from distributed import LocalCluster

    times: dict[int, list[float]] = {1: [], 2: []}
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": MMAP}),
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as one,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as two,
    ):
        for k in range(ROUNDS + 1):
            for n, cluster in ((1, one), (2, two)):
                start = time.perf_counter()
                many.run(folder, scratch / f"{n}_{k}.jsonl", dask=cluster.scheduler_address)
                if k:  # the first imports the package
                    times[n].append(time.perf_counter() - start)
    return {n: statistics.median(t) for n, t in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=300, metavar="N", help="cases (300)")
    parser.add_argument("--case", type=Path, default=seeds() / forecast.shipped()[0], help="to copy")
    parser.add_argument("--dask", action="store_true", help="measure a cluster's workers too")
    parser.add_argument("--loop", nargs=3, help=argparse.SUPPRESS)
    of = parser.parse_args()
    if of.loop:
        loop(Path(of.loop[0]), int(of.loop[1]), int(of.loop[2]))
        return 0
    os.chdir(PROJECT)
    version, names = importlib.metadata.version, VERSIONS + ("distributed",) * of.dask
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
          f"load average {os.getloadavg()[0]:.2f}")  # fmt: skip
    print(", ".join(f"{name} {version(name)}" for name in names) + "\n", flush=True)
    rows: list[tuple[str, ...]] = [("what", "ratio", "required", "", "measured")]
    with tempfile.TemporaryDirectory() as scratch:
        case = Path(shutil.copytree(of.case, Path(scratch, "case")))
        few = fill(Path(scratch, "few"), case, max(of.count // 10, 1))
        all_of_them = fill(Path(scratch, "all"), case, of.count)
        run, half = ("-m", "forecast", "run"), of.count // 2
        _, memory = child(*run, str(few), "-o", f"{scratch}/few.jsonl")
        this = ("-m", "benchmarks.many", "--loop", str(all_of_them))
        before, _ = child(*this, "0", str(half))
        folder, more = child(*run, str(all_of_them), "-o", f"{scratch}/all.jsonl")
        after, _ = child(*this, str(half), str(of.count))
        met = [folder / (before + after) <= LOOP]
        rows.append((f"folder / loop, {of.count} cases", f"{folder / (before + after):.2f}", f"<= {LOOP}",
                     verdict(met[0]), f"{folder:.1f} s / {before + after:.1f} s"))  # fmt: skip
        rows.append((f"peak memory, {of.count} cases / {of.count // 10}", f"{more / memory:.2f}", "", "",
                     f"{more:.0f} MB / {memory:.0f} MB, the largest process"))  # fmt: skip
        if of.dask:
            work = fill(Path(scratch, "work"), case, WORK)
            t = workers(work, Path(scratch))
            met.append(t[1] / t[2] >= TWO)
            rows.append((f"one worker of dask / two, {WORK} cases", f"{t[1] / t[2]:.2f}", f">= {TWO}",
                         verdict(met[1]), f"{t[1]:.1f} s / {t[2]:.1f} s"))  # fmt: skip
    show(rows)
    print(f"\n{of.case.name}. Load average at the end {os.getloadavg()[0]:.2f}.")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
