"""The same posterior by four programs: `python -m benchmarks.tools [CASE]`, in the project's folder.

P(scenario | reports) and P(held by each deadline) of a case, as of its date, by `forecast`, by two
Bayesian-network libraries, pyAgrum and pgmpy, and by PyMC (`forecast.sample`, the sampled twin). Each
row is a fresh process. All take the judgements and the root, P(scenario, opening day), from
`forecast`: the other libraries know neither base rates nor announcements. What a user writes to build
the network by hand is between the lines `begin` and `end` of each function, and counted.

pgmpy is in the extra `bench`; a program that is not installed has no row.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.__main__ import PROJECT, show

ROUNDS = 15
PASS = "forecast, its pass"
SIZES = (35, 70, 140)
DRAWS = {"draws": 1000, "tune": 500, "chains": 2}

Answer = dict[str, Any]

# --- the four programs, as a user writes them ---


def by_forecast(case: Any) -> Callable[[], Answer]:
    # begin
    import forecast

    def ask() -> Answer:
        f = forecast.update(case, draws=0)
        return {"scenario": f.scenarios.probability.values, "held": f.held.probability.values}

    # end

    return ask


def by_pass(case: Any) -> Callable[[], Answer]:
    # begin
    from forecast.base_rate import futures
    from forecast.compiling import compile_case
    from forecast.updating import opened_by, solve

    q = case.question
    compiled, root = compile_case(case, q.as_of), futures(case, q.as_of)
    by = opened_by(root, q.as_of, q.deadlines)

    def ask() -> Answer:
        scenario = solve(compiled, root, compiled.theta).scenario
        return {"scenario": scenario, "held": scenario @ by}

    # end

    return ask


def by_twin(case: Any) -> Callable[[], Answer]:
    # begin
    import forecast

    def ask() -> Answer:
        draws = forecast.sample(case, progressbar=False, **DRAWS)["posterior"]
        mean = draws.to_dataset().mean(("chain", "draw"))
        return {"scenario": mean.scenario_is.values, "held": mean.held_by.values}

    # end

    return ask


def by_pyagrum(case: Any) -> Callable[[], Answer]:
    root, by, nodes, told = given(case)
    # begin
    import pyagrum as gum

    net, seen = gum.BayesNet(), {}

    def add(name: str, parents: list[str], true: Any) -> None:
        net.add(gum.LabelizedVariable(name, name, 2))
        for p in parents:
            net.addArc(p, name)
        for at in np.ndindex(true.shape):
            net.cpt(name)[dict(zip(parents, map(int, at), strict=True))] = [1 - true[at], true[at]]

    net.add(gum.LabelizedVariable("scenario", "scenario", len(root)))
    net.cpt("scenario").fillWith(list(root))
    for name, above, table in nodes:
        add(name, ["scenario", *above], table)
    for name, node, chance, reports in told:
        add(name, [node], chance)
        if reports is None:  # a silence
            seen[name] = 0
        for i, (denies, phi) in enumerate(reports or ()):
            add(f"{name}_{i}", [name], np.array([1, phi] if denies else [phi, 1.0]))
            seen[f"{name}_{i}"] = 1
    engine = gum.LazyPropagation(net)
    engine.setTargets({"scenario"})

    def ask() -> Answer:
        engine.eraseAllEvidence()
        engine.setEvidence(seen)
        engine.makeInference()
        scenario = engine.posterior("scenario").toarray()
        return {"scenario": scenario, "held": scenario @ by}

    # end

    return ask


def by_pgmpy(case: Any) -> Callable[[], Answer]:
    root, by, nodes, told = given(case)
    # begin
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.inference import VariableElimination
    from pgmpy.models import DiscreteBayesianNetwork

    net, seen = DiscreteBayesianNetwork(), {}

    def add(name: str, parents: list[str], true: Any) -> None:
        net.add_node(name)
        net.add_edges_from([(p, name) for p in parents])
        flat = true.reshape(1, -1)
        net.add_cpds(TabularCPD(name, 2, np.vstack([1 - flat, flat]), parents, list(true.shape)))

    net.add_node("scenario")
    net.add_cpds(TabularCPD("scenario", len(root), root.reshape(-1, 1)))
    for name, above, table in nodes:
        add(name, ["scenario", *above], table)
    for name, node, chance, reports in told:
        add(name, [node], chance)
        if reports is None:  # a silence
            seen[name] = 0
        for i, (denies, phi) in enumerate(reports or ()):
            add(f"{name}_{i}", [name], np.array([1, phi] if denies else [phi, 1.0]))
            seen[f"{name}_{i}"] = 1
    engine = VariableElimination(net)

    def ask() -> Answer:
        scenario = engine.query(["scenario"], seen, show_progress=False).values
        return {"scenario": scenario, "held": scenario @ by}

    # end

    return ask


PROGRAMS = {
    "forecast": by_forecast,
    PASS: by_pass,
    "pyAgrum": by_pyagrum,
    "pgmpy": by_pgmpy,
    "PyMC (the twin)": by_twin,
}
PACKAGES = {"forecast": "forecast", PASS: "forecast", "pyAgrum": "pyagrum", "pgmpy": "pgmpy",
            "PyMC (the twin)": "pymc"}  # fmt: skip


def lines(function: Callable[..., Any]) -> int:
    """Non-blank lines, comments left out, between `begin` and `end`."""
    text = inspect.getsource(function).split("# begin\n")[1].split("# end")[0]
    return sum(bool(x.strip()) and not x.strip().startswith("#") for x in text.splitlines())


# --- what a case says, in numbers ---


def given(case: Any) -> tuple[Any, Any, list[Any], list[Any]]:
    """The root, P(opened by | s), the nodes in order with their tables, events with their reports.

    Reports of one origin are one: whoever does not know this of his sources writes each as a node.
    """
    from forecast.base_rate import futures
    from forecast.judgement import means
    from forecast.parts import pick
    from forecast.updating import opened_by

    q = case.question
    known, start = case.as_known(q.as_of), futures(case, q.as_of)
    parts = {p.id: p for p in (*known.indicators, *known.actors)}

    def mean(j: Any) -> float:
        return float(means([j])[0])

    nodes, waiting, placed = [], list(parts.values()), set()
    while waiting:
        part = waiting.pop(0)
        if part.given and part.given not in placed:
            waiting.append(part)
            continue
        if getattr(part, "attends_like", None):
            table = np.full((len(known.scenarios), 2), known.in_history(part))
        else:
            table = np.array([[mean(pick(t, s)) for t in part.tables] for s in known.scenarios])
        nodes.append((part.id, [part.given], table) if part.given else (part.id, [], table[:, 0]))
        placed.add(part.id)

    def chance(node: str, pair: Any, age: int) -> Any:
        p = np.array([mean(x) for x in pair])
        life = getattr(parts[node], "half_life", None)
        w = 0.5 ** (max(age, 0) / life) if life else 1.0
        return w * p + (1 - w) * p.mean()

    told = []
    for e in known.events:
        best: dict[tuple[str, bool], float] = {}
        for r in e.reports:
            key = (known.origin(r), r.denies)
            best[key] = min(best.get(key, 1.0), known.phi(r))
        node = str(known.node_of(e))
        told.append((f"e_{e.id}", node, chance(node, known.likelihoods(e), (q.as_of - e.date[1]).days),
                     [(denies, phi) for (_, denies), phi in best.items()]))  # fmt: skip
    answered = {e.answers for e in known.events}
    silent = (w for w in known.watch if w.bears_on and w.by <= q.as_of and w.id not in answered)
    told += [(f"w_{w.id}", str(w.bears_on),
              chance(str(w.bears_on), known.likelihoods(w), (q.as_of - w.by).days), None) for w in silent]  # fmt: skip
    by = opened_by(start, q.as_of, q.deadlines)
    return np.exp(start.log_root), by, nodes, told


def told_thrice(case: Any, event: str, one_origin: bool) -> Any:
    """The case, with a report printed by two more outlets: of one origin, or so it seems of three."""
    known = case.as_known(case.question.as_of)
    old = next(e for e in known.events if e.id == event)
    first = old.reports[0].model_copy(update={"origin": known.origin(old.reports[0])})
    more = [
        first.model_copy(update={"origin": first.origin if one_origin else f"copy{i}"}) for i in range(2)
    ]
    changed = old.model_copy(update={"reports": (first, *old.reports[1:], *more)})
    return known.model_copy(
        update={"events": tuple(changed if e.id == event else e for e in known.events)}
    )


def most_moved(case: Any, at: int) -> str:
    """The event whose report, told three times and taken for three, moves the forecast most."""
    known = case.as_known(case.question.as_of)
    now = by_pass(known)()["held"][at]
    return max((e.id for e in known.events),
               key=lambda e: abs(by_pass(told_thrice(case, e, False))()["held"][at] - now))  # fmt: skip


# --- one row in a process of its own ---


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield


def row(program: str, name: str, began: float) -> Answer:
    """Seconds from the start of the process to the first answer, then of more; and the answers."""
    import forecast

    make = PROGRAMS[program]
    with quiet():
        case = forecast.load(name)
        ask = make(case)
        answer = ask()
        cold = time.time() - began
        warm = []
        for _ in range(1 if make is by_twin else ROUNDS):
            start = time.perf_counter()
            ask()
            warm.append(time.perf_counter() - start)
        out = {"cold": cold, "warm": statistics.median(warm), "lines": lines(make)}
        out |= {k: np.asarray(v).tolist() for k, v in answer.items()}
        if make is not by_twin:
            # where a report told by three is of one origin, and where each is taken for news
            at = list(case.question.deadlines).index(case.headline)
            event = most_moved(case, at)
            for key, known in (("as one origin", True), ("as three reports", False)):
                out[key] = float(make(told_thrice(case, event, known))()["held"][at])
    return out


def growth(program: str) -> list[float]:
    """Seconds of a warm update of made-up cases with more and more events."""
    from benchmarks.cases import synthetic

    out = []
    with quiet():
        for n in SIZES:
            ask = PROGRAMS[program](synthetic(events=n, reports=n * 9 // 7))
            ask()
            times = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                ask()
                times.append(time.perf_counter() - start)
            out.append(statistics.median(times))
    return out


def child(*arguments: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.tools", *arguments]
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    return json.loads(done.stdout.splitlines()[-1])


def seconds(x: float) -> str:
    return f"{x:.1f} s" if x >= 10 else f"{x:.2f} s" if x >= 0.1 else f"{1e3 * x:.1f} ms"


def main(name: str) -> int:
    there = [p for p in PROGRAMS if importlib.util.find_spec(PACKAGES[p])]
    names = {PACKAGES[p].replace("forecast", "scenario-forecast") for p in there} | {"numpy"}
    versions = [f"{x} {importlib.metadata.version(x)}" for x in sorted(names)]
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
          f"load average {os.getloadavg()[0]:.2f}\n{', '.join(versions)}\n")  # fmt: skip
    for p in there:  # bytecode is written, what is compiled is kept
        child("--row", p, name, str(time.time()))
    rows = {p: child("--row", p, name, str(time.time())) for p in there}
    sizes = {p: child("--growth", p) for p in there if PROGRAMS[p] is not by_twin}
    ours = rows["forecast"]
    head = ("", "cold process", "warm update", "of our pass", "apart", "lines", "told thrice, one origin",
            "as three reports")  # fmt: skip
    table: list[tuple[str, ...]] = [head]
    worst = 0.0
    for p in there:
        r = rows[p]
        if isinstance(r, str):
            table.append((p, r[:60], *[""] * 6))
            continue
        apart = max(float(np.abs(np.subtract(r[k], ours[k])).max()) for k in ("scenario", "held"))
        exact = PROGRAMS[p] is not by_twin
        worst = max(worst, apart if exact else 0)
        told = [f"{100 * r[k]:.2f} %" if k in r else "" for k in ("as one origin", "as three reports")]
        table.append((p, seconds(r["cold"]), seconds(r["warm"]), f"{r['warm'] / rows[PASS]['warm']:.3g} x",
                      f"{apart:.0e}", str(r["lines"]), *told))  # fmt: skip
    show(table)
    print(f"\n{name}: P(scenario | reports) and P(held by); apart: the largest difference from ours; PyMC samples "
          f"\n({DRAWS['chains']} chains of {DRAWS['draws']}). Lines: what a user writes beside "
          "the numbers of the case, for this answer alone.")  # fmt: skip
    print(
        "Cold: from the start of a process to the answer, the case file read and the judgements fitted. Warm: forecast "
        "reads\nthe whole case again and answers all that it is asked; the others, and its pass, enter the evidence "
        "anew and answer this.\nTold thrice: P(held by the headline) once two more outlets print the report that then "
        "moves it most. A network has a node\nfor each report, and counts three, unless somebody takes two out by "
        "hand; a case says that they have one origin."
    )
    print()
    show([("warm update with events", *map(str, SIZES)),
          *((p, *map(seconds, s)) if isinstance(s, list) else (p, s[:60], "", "") for p, s in sizes.items())])  # fmt: skip
    print(f"\nLoad average at the end {os.getloadavg()[0]:.2f}.")
    return int(worst > 1e-9)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--row", program, name, began]:
            print(json.dumps(row(program, name, float(began))))
        case ["--growth", program]:
            print(json.dumps(growth(program)))
        case arguments:
            import forecast as package

            sys.exit(main(arguments[0] if arguments else package.shipped()[0]))
