"""What one more event, actor, indicator or scenario costs, in a small case and in a large one.

Run in a process of its own: prints one JSON object.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import time
from collections.abc import Callable

from benchmarks.cases import synthetic
from forecast.base_rate import Futures, futures
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.updating import solve, update

SIZES = (1_000, 5_500, 10_000)
OTHERS: dict[str, tuple[int, int, int]] = {
    "actor": (100, 550, 1_000), "indicator": (100, 550, 1_000), "scenario": (20, 60, 100),
}  # fmt: skip
ROUNDS = 15


def seconds(call: Callable[[], object], repeat: int) -> float:
    """Processor time of one call: other work on the machine counts less in it."""
    gc.collect()
    start = time.process_time()
    for _ in range(repeat):
        call()
    return (time.process_time() - start) / repeat


def main() -> None:
    calls: dict[str, dict[int, tuple[Callable[[], object], int]]]
    calls = {"compile and solve": {}, "solve": {}, "update without draws": {}}
    for n in SIZES:
        case = synthetic(events=n, reports=n * 9 // 7)
        day = case.question.as_of
        compiled, root = compile_case(case, day), futures(case, day)

        def whole(case: Case = case, day: dt.date = day, root: Futures = root) -> object:
            compiled = compile_case(case, day)
            return solve(compiled, root, compiled.theta)

        calls["compile and solve"][n] = (whole, SIZES[-1] // n)
        calls["solve"][n] = (lambda c=compiled, r=root: solve(c, r, c.theta), 200)
        calls["update without draws"][n] = (lambda c=case: update(c, draws=0), SIZES[-1] // n)
    of_parts = {what: _of_parts(what, sizes) for what, sizes in OTHERS.items()}
    # the collector would walk all three cases in every measurement
    gc.collect()
    gc.freeze()
    out = {}
    for what, by_size in calls.items():
        out[f"event: {what}"] = _marginal(by_size)
    for what, by_size in of_parts.items():
        out[f"{what}: compile and solve"] = _marginal(by_size)
    print(json.dumps(out))


def _of_parts(what: str, sizes: tuple[int, ...]) -> dict[int, tuple[Callable[[], object], int]]:
    out: dict[int, tuple[Callable[[], object], int]] = {}
    for n in sizes:
        case = synthetic(**{f"{what}s": n})
        day = case.question.as_of
        root = futures(case, day)

        def whole(case: Case = case, day: dt.date = day, root: Futures = root) -> object:
            compiled = compile_case(case, day)
            return solve(compiled, root, compiled.theta)

        out[n] = (whole, max(3 * sizes[-1] // n, 1))
    return out


def _marginal(by_size: dict[int, tuple[Callable[[], object], int]]) -> dict[str, object]:
    """Seconds of each size, and of one more between the smaller two and between the larger two."""
    sizes = list(by_size)
    times: dict[int, list[float]] = {n: [] for n in sizes}
    for _ in range(ROUNDS):
        for n, (call, repeat) in by_size.items():
            times[n].append(seconds(call, repeat))
    # the fastest round: what slows the others down is not the program
    t = [min(times[n]) for n in sizes]
    lower = (t[1] - t[0]) / (sizes[1] - sizes[0])
    upper = (t[2] - t[1]) / (sizes[2] - sizes[1])
    return {"seconds": t, "lower": lower, "upper": upper, "ratio": upper / lower}


if __name__ == "__main__":
    main()
