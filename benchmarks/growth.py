"""What one more event costs, in a small case and in a large one.

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
    # the collector would walk all three cases in every measurement
    gc.collect()
    gc.freeze()
    out = {}
    for what, by_size in calls.items():
        times: dict[int, list[float]] = {n: [] for n in SIZES}
        for _ in range(ROUNDS):
            for n, (call, repeat) in by_size.items():
                times[n].append(seconds(call, repeat))
        # the fastest round: what slows the others down is not the program
        t = [min(times[n]) for n in SIZES]
        lower = (t[1] - t[0]) / (SIZES[1] - SIZES[0])
        upper = (t[2] - t[1]) / (SIZES[2] - SIZES[1])
        out[what] = {"seconds": t, "lower": lower, "upper": upper, "ratio": upper / lower}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
