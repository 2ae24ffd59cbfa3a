"""The tree's pass against a Bayesian-network library's exact engines, on one case.

Run in a process of its own: prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyagrum as gum

import forecast
from benchmarks.cases import synthetic
from forecast.base_rate import futures
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.judgement import Judgement, means
from forecast.parts import pick
from forecast.updating import solve

ROUNDS = 15


def network(case: Case) -> tuple[gum.BayesNet, dict[str, int], list[str]]:
    """The case as a Bayesian network, read from the case and not from the compiled tree.

    scenario -> indicators and stances -> events -> one report for each origin. Returned
    with the evidence, and the ids of the nodes whose posteriors are asked for.
    """
    known = case.as_known(case.question.as_of)
    as_of, net, evidence = known.question.as_of, gum.BayesNet(), {}

    def mean(judgement: Judgement | None) -> float:
        assert judgement is not None
        return float(means([judgement])[0])

    def binary(name: str, parents: list[str], true: np.ndarray) -> None:
        net.add(gum.LabelizedVariable(name, name, 2))
        for parent in parents:
            net.addArc(parent, name)
        cpt = net.cpt(name)
        axes = [*cpt.names]  # the variable itself first, then its parents as they were added
        assert axes == [name, *parents]
        for at in np.ndindex(true.shape):
            cpt[dict(zip(parents, map(int, at), strict=True))] = [1 - true[at], true[at]]

    net.add(gum.LabelizedVariable("scenario", "scenario", len(known.scenarios)))
    net.cpt("scenario").fillWith(list(np.exp(futures(known, as_of).log_root)))
    parts: dict[str, Any] = {p.id: p for p in (*known.indicators, *known.actors)}
    waiting = list(parts.values())
    while waiting:
        part = waiting.pop(0)
        if part.given and f"n_{part.given}" not in net.names():
            waiting.append(part)
            continue
        table = np.array([[mean(pick(t, s)) for t in part.tables] for s in known.scenarios])
        if part.given:
            binary(f"n_{part.id}", ["scenario", f"n_{part.given}"], table)
        else:
            binary(f"n_{part.id}", ["scenario"], table[:, 0])

    def event(name: str, node: str, chance: tuple[Judgement, Judgement], age: int) -> None:
        true = np.array([mean(x) for x in chance])
        half_life = getattr(parts[node], "half_life", None)
        if half_life:  # with chance 1 - w the event says nothing about today
            w = 0.5 ** (max(age, 0) / half_life)
            true = w * true + (1 - w) * true.mean()
        binary(name, [f"n_{node}"], true)

    for e in known.events:
        name = f"e_{e.id}"
        event(name, str(known.node_of(e)), known.likelihoods(e), (as_of - e.date[1]).days)
        best: dict[tuple[bool, str], float] = {}
        for r in e.reports:
            key = (r.denies, known.origin(r))
            best[key] = min(known.phi(r), best.get(key, 1.0))
        for i, ((denies, _), phi) in enumerate(best.items()):
            binary(f"r{i}_{e.id}", [name], np.array([1, phi] if denies else [phi, 1.0]))
            evidence[f"r{i}_{e.id}"] = 1
    answered = {e.answers for e in known.events}
    for w in known.watch:
        if w.if_false and w.if_true and w.by <= as_of and w.id not in answered:
            event(f"w_{w.id}", str(w.bears_on), (w.if_false, w.if_true), (as_of - w.by).days)
            evidence[f"w_{w.id}"] = 0
    return net, evidence, [f"n_{name}" for name in parts]


def seconds(call: Callable[[], object], repeat: int) -> float:
    start = time.perf_counter()
    for _ in range(repeat):
        call()
    return (time.perf_counter() - start) / repeat


def main(name: str) -> None:
    case = forecast.load(name) if name else synthetic()
    compiled = compile_case(case, case.question.as_of)
    root = futures(case, case.question.as_of)
    ours = solve(compiled, root, compiled.theta)
    net, evidence, asked = network(case)
    calls: dict[str, Callable[[], object]] = {"tree": lambda: solve(compiled, root, compiled.theta)}
    apart = {}
    for label, engine in (
        ("LazyPropagation", gum.LazyPropagation),
        ("ShaferShenoy", gum.ShaferShenoyInference),
    ):
        inference = engine(net)
        inference.setTargets({"scenario", *asked})

        def anew(inference: Any = inference) -> list[np.ndarray]:
            inference.eraseAllEvidence()
            inference.setEvidence(evidence)
            inference.makeInference()
            return [inference.posterior(x).toarray() for x in ("scenario", *asked)]

        scenario, *nodes = anew()
        mine = (ours.node * ours.scenario).sum(1)
        theirs = np.array([nodes[asked.index(f"n_{n}")][1] for n in compiled.nodes])
        # a report has 1 and phi in the network too, so that its evidence is the tree's
        log_evidence = np.log(inference.evidenceProbability())
        apart[label] = float(max(np.abs(scenario - ours.scenario).max(), np.abs(theirs - mine).max(),
                                 abs(log_evidence - ours.log_evidence)))  # fmt: skip
        assert apart[label] < 1e-9, apart
        calls[label] = anew
    times: dict[str, list[float]] = {k: [] for k in calls}
    for _ in range(ROUNDS):
        for k, call in calls.items():
            times[k].append(seconds(call, 200 if k == "tree" else 3))
    print(json.dumps({
        "case": case.name,
        "sizes": {"scenarios": len(case.scenarios), "nodes": len(asked), "events": len(case.events),
                  "reports": len(evidence)},
        "seconds": {k: float(np.median(v)) for k, v in times.items()},
        "largest difference": apart,
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
