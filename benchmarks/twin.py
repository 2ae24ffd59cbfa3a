"""The sampled twin against other roads to its draws: `python -m benchmarks.twin [CASE]`.

Effective draws per second, of sampling and of computing what is asked of the draws, for the
slowest mixing of what the forecast is made of; and whole processes on an empty and on a warm
compile cache. The other roads: PyMC's own sampler, and a model of the same marginal written node by node, from the case and not from
`forecast.tree`, run with the defaults of its packages.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import forecast
from benchmarks.__main__ import child, show, verdict
from forecast.base_rate import futures
from forecast.case import Case
from forecast.judgement import Judgement, fit_beta
from forecast.parts import pick
from forecast.updating import opened_by

ROUNDS = 15  # single ones differ by a half: effective draws of what mixes worst
CHAINS, TUNE, DRAWS = 2, 300, 300
QUANTITIES = ("held_by", "ever", "held_and_attends")
SIDES = {
    "twin": "forecast.sample, nutpie",
    "pymc": 'forecast.sample, "pymc"',
    "plain": "written by hand, nutpie",
}
VERSIONS = ("numpy", "numba", "pytensor", "pymc", "nutpie", "arviz")
POINTS = 20


def plain(case: Case) -> Any:
    """P(reports | judgements) with the sums written out, one node after the other."""
    import pymc as pm
    import pytensor.tensor as pt

    as_of = case.question.as_of
    known, root = case.as_known(as_of), futures(case, as_of)
    scenarios = known.scenarios
    both: tuple[Any, ...] = (*known.indicators, *known.actors)
    parts = {p.id: p for p in both}
    judged: dict[str, Judgement] = {"never": Judgement(0, 0), "always": Judgement(1, 1)}

    def note(label: str, judgement: Judgement) -> str:
        judged[label] = judgement
        return label

    def by_scenario(label: str, table: Any) -> list[str]:
        names = []
        for s in scenarios:
            keys = [k for k in (s.id, "held" if s.held else "not_held", "otherwise") if k in table]
            tail = f".{keys[0]}" if keys and len(table) > 1 else ""
            judgement = pick(table, s)
            names.append(note(label + tail, judgement) if judgement else "always")  # never asked
        return names

    # 1. the names of all judgements, where they stand in the case
    chances: dict[str, tuple[list[str], list[str]]] = {}
    comings: dict[str, tuple[list[str], list[str]]] = {}
    news: dict[str, list[tuple[list[str], float, float, float]]] = {name: [] for name in parts}
    for name, part in parts.items():
        key = "chance" if part in known.indicators else "willing"
        if getattr(part, "attends_like", None):
            rate = known.in_history(part)
            same = [note(f"in history: {part.attends_like}", Judgement(rate, rate))] * len(scenarios)
            chances[name] = same, same
        elif part.given:
            chances[name] = (by_scenario(f"{name}: {key} if false", part.tables[0]),
                             by_scenario(f"{name}: {key} if true", part.tables[1]))  # fmt: skip
        else:
            same = by_scenario(f"{name}: {key}", part.tables[0])
            chances[name] = same, same
    for person in known.actors:
        comings[person.id] = ["never" if person.attends_like else "always"], ["always"]
        unwilling, willing = person.attends_if_unwilling, person.attends_if_willing
        if unwilling and willing:
            comings[person.id] = (by_scenario(f"{person.id}: attends if unwilling", unwilling),
                                  by_scenario(f"{person.id}: attends if willing", willing))  # fmt: skip
    answered = {e.answers for e in known.events}
    silent = [w for w in known.watch if w.bears_on and w.by <= as_of and w.id not in answered]
    told: tuple[Any, ...] = (*known.events, *silent)
    for e in told:
        labels = [note(f"{e.id}: if {z}", j) for z, j in
                  zip(("false", "true"), known.likelihoods(e), strict=True)]  # fmt: skip
        best: dict[Any, float] = {}
        for r in getattr(e, "reports", ()):
            one = r.denies, known.origin(r)
            best[one] = min(best.get(one, 1), known.phi(r))
        denied, affirmed = (
            float(np.prod([x for (d, _), x in best.items() if d == side])) for side in (True, False)
        )
        if e in silent:  # it has not come, for certain
            denied = 0.0
        node = str(known.node_of(e))
        half_life = getattr(parts[node], "half_life", None)
        age = (as_of - (e.by if e in silent else e.date[1])).days
        fresh = 0.5 ** (max(age, 0) / half_life) if half_life else 1.0
        news[node].append((labels, denied, affirmed, fresh))

    with pm.Model(coords={"actor": [a.id for a in known.actors]}) as model:
        # 2. the judgements
        free = [k for k, j in judged.items() if not j.certain]
        sure = [k for k, j in judged.items() if j.certain]
        a, b = fit_beta([judged[k].low for k in free], [judged[k].high for k in free])
        model.add_coord("judgement", free)
        theta = pt.concatenate([pm.Beta("theta", a, b, dims="judgement"),
                                np.array([judged[k].low for k in sure])])  # fmt: skip
        place = {k: i for i, k in enumerate([*free, *sure])}

        def value(names: str | Sequence[str]) -> Any:
            return theta[place[names] if isinstance(names, str) else [place[x] for x in names]]

        # 3. what is seen, from the leaves up
        def seen(name: str, comes: Collection[str]) -> tuple[Any, Any]:
            """P(all at this node and below | s, the node above is false, is true)."""
            no: Any = 1.0
            yes: Any = 1.0
            for labels, denied, affirmed, fresh in news[name]:
                p = [value(x) for x in labels]
                said = [x * denied + (1 - x) * affirmed for x in p]
                if fresh < 1:
                    said = [fresh * x + (1 - fresh) * (said[0] + said[1]) / 2 for x in said]
                no, yes = no * said[0], yes * said[1]
            if name in comes:
                no, yes = no * value(comings[name][0]), yes * value(comings[name][1])
            for below, part in parts.items():
                if part.given == name:
                    if_no, if_yes = seen(below, comes)
                    no, yes = no * if_no, yes * if_yes
            if_false, if_true = (value(x) for x in chances[name])
            return (1 - if_false) * no + if_false * yes, (1 - if_true) * no + if_true * yes

        def everything(comes: Collection[str] = ()) -> Any:
            total: Any = np.exp(root.log_root)
            for name, part in parts.items():
                if not part.given:
                    total = total * seen(name, comes)[0]
            return total

        joint = everything()
        evidence = joint.sum()
        pm.Potential("reports", pt.log(evidence))
        scenario = joint / evidence
        by = opened_by(root, as_of, case.question.deadlines)
        pm.Deterministic("held_by", (scenario[:, None] * by).sum(0))
        pm.Deterministic("ever", scenario[root.held].sum())
        attends = []
        for actor in known.actors:
            needed = [actor.id]
            while up := parts[needed[-1]].part_of:
                needed.append(up)
            attends.append(everything(needed)[root.held].sum() / evidence)
        if attends:
            pm.Deterministic("held_and_attends", pt.stack(attends), dims="actor")
    return model


def largest_difference(case: Case) -> float:
    """Between the two models at random points: the log density, and what is asked for."""
    from pytensor import function
    from pytensor.compile.mode import Mode

    ours, theirs = forecast.model(case), plain(case)
    order = [theirs.coords["judgement"].index(x) for x in ours.coords["judgement"]]
    assert len(order) == len(theirs.coords["judgement"])
    names = [x for x in QUANTITIES if x in ours.named_vars]
    mode = Mode(linker="py", optimizer=None)  # no compiler between the formulas and the numbers
    density, asked = [], []
    for m in (ours, theirs):
        density.append(function(m.value_vars, m.logp(), mode=mode))
        asked.append(function([m["theta"]], [m[x] for x in names], mode=mode))
    rng, apart = np.random.default_rng(1), 0.0
    for _ in range(POINTS):
        x = rng.normal(0, 2, len(order))  # log odds
        y = np.empty_like(x)
        y[order] = x
        apart = max(apart, abs(float(density[0](x)) - float(density[1](y))))
        p, q = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-y))
        for one, other in zip(asked[0](p), asked[1](q), strict=True):
            apart = max(apart, float(np.abs(one - other).max()))
    return apart


def least_effective(tree: Any) -> float:
    """Bulk effective draws of what mixes worst."""
    import arviz as az

    draws = tree["posterior"].to_dataset()
    size = az.ess(draws[[x for x in QUANTITIES if x in draws]], method="bulk")
    return min(float(x.min()) for x in size.data_vars.values())


def rounds(case: Case) -> dict[str, list[dict[str, float]]]:
    """Effective draws, seconds of sampling, and the other seconds, of the sides in turn."""
    import nutpie
    import pytensor

    from forecast import sampling

    settings: dict[str, Any] = {"draws": DRAWS, "tune": TUNE, "chains": CHAINS}
    start = time.perf_counter()
    with pytensor.config.change_flags(numba__fastmath=True):  # PyTensor's default
        by_hand = nutpie.compile_pymc_model(plain(case))
    compiling = time.perf_counter() - start
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for seed in range(1, ROUNDS + 1):
        for side in SIDES:
            start = time.perf_counter()
            if side == "plain":
                tree = nutpie.sample(by_hand, seed=seed, progress_bar=False, **settings)
                seconds, rest = time.perf_counter() - start, compiling
            else:
                sampler = "pymc" if side == "pymc" else "nutpie"
                tree = sampling.sample(
                    case, seed=seed, nuts_sampler=sampler, progressbar=False, **settings
                )
                spent = time.perf_counter() - start
                seconds = float(tree["posterior"].attrs["sampling_time"])
                start = time.perf_counter()  # what is asked for is computed after the sampling
                sampling.given_draws(tree["posterior"].to_dataset()[["theta"]], case)
                seconds += time.perf_counter() - start
                rest = spent - seconds
            runs[side].append(
                {"effective": least_effective(tree), "sampling": seconds, "compiling": rest}
            )
    return runs


def processes(case: str) -> tuple[float, float]:
    """Seconds of a whole process that samples as by default, from nothing and once more."""
    code = f"import forecast; forecast.sample(forecast.load({case!r}), progressbar=False)"
    times = []
    with tempfile.TemporaryDirectory() as caches:
        env = compile_caches(Path(caches))
        for _ in range(2):
            start = time.perf_counter()
            child("-c", code, env=env)
            times.append(time.perf_counter() - start)
    return times[0], times[1]


def compile_caches(folder: Path) -> dict[str, str]:
    """Environment in which everything that is compiled is kept in `folder`."""
    flags = [os.environ.get("PYTENSOR_FLAGS", ""), f"base_compiledir={folder / 'pytensor'}"]
    return {
        "PYTENSOR_FLAGS": ",".join(filter(None, flags)),
        "NUMBA_CACHE_DIR": str(folder / "numba"),
    }


def main(case: str) -> int:
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
          f"load average {os.getloadavg()[0]:.2f}")  # fmt: skip
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in VERSIONS) + "\n")
    apart = float(child("-m", "benchmarks.twin", "--apart", case))
    assert apart < 1e-9, apart
    met = []
    cold, warm = processes(case)
    runs: dict[str, list[dict[str, float]]] = json.loads(
        child("-m", "benchmarks.twin", "--rounds", case)
    )

    def middle(side: str, key: str) -> float:
        return statistics.median(x[key] for x in runs[side])

    rate = {k: statistics.median(x["effective"] / x["sampling"] for x in v) for k, v in runs.items()}
    rows: list[tuple[str, ...]] = [
        ("side", "effective draws per s", "of one run", "sampling", "compiling")
    ]
    for side, label in SIDES.items():
        rows.append((label, f"{rate[side]:.0f}", f"{middle(side, 'effective'):.0f}",
                     f"{middle(side, 'sampling'):.2f} s", f"{middle(side, 'compiling'):.1f} s"))  # fmt: skip
    show(rows)
    print()
    rows = [("what", "measured", "required", "", "")]
    for other in ("pymc", "plain"):
        ratio = rate["twin"] / rate[other]
        each = [x["effective"] / x["sampling"] / (y["effective"] / y["sampling"])
                for x, y in zip(runs["twin"], runs[other], strict=True)]  # fmt: skip
        met.append(ratio >= 0.8)
        rows.append((f"effective draws per s, twin / {SIDES[other]}", f"{ratio:.2f}", ">= 0.8",
                     verdict(met[-1]), f"single rounds {min(each):.2f} - {max(each):.2f}"))  # fmt: skip
    for what, seconds, limit in (("an empty", cold, 90), ("a warm", warm, 30)):
        met.append(seconds < limit)
        rows.append((f"whole process, {what} compile cache", f"{seconds:.1f} s", f"< {limit} s",
                     verdict(met[-1]), "once, 4 chains of 1000 + 1000"))  # fmt: skip
    show(rows)
    print(f"\n{case}: {CHAINS} chains of {TUNE} + {DRAWS} draws, medians of {ROUNDS} rounds with seeds of "
          f"their own,\nthe sides in turn in one process; effective draws (bulk) of the worst of "
          f"{', '.join(QUANTITIES)}.\nThe model written by hand is compiled once, with fast mathematics; "
          f"at {POINTS} random points\nit is {apart:.0e} apart from the twin.")  # fmt: skip
    print(f"Load average at the end {os.getloadavg()[0]:.2f}.")
    return 0 if all(met) else 1


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--apart", name]:
            print(largest_difference(forecast.load(name)))
        case ["--rounds", name]:
            print(json.dumps(rounds(forecast.load(name))))
        case arguments:
            sys.exit(main(arguments[0] if arguments else forecast.shipped()[0]))
