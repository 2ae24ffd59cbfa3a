"""Criticism: whether the evidence is such as the model expects, and whom it strains.

What is told is compared on a scale on which rarity does not count: how much more likely the
evidence is together than its parts would be apart. With `e` all evidence and `e_k` that on node k::

    agreement      =  log P(e) - sum_k log P(e_k)
    of a node      =  log P(e_k | the rest) - log P(e_k)
    of a scenario  =  log P(e | s) - sum_k log P(e_k)

Below zero the parts contradict each other: the conflict measure of Jensen, Chamberlain,
Nordahl and Jensen (1990), "Analysis in HUGIN of data conflict", with the sign reversed. To see
how often so little agreement comes by chance, worlds are drawn from the model and told of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.base_rate import Futures, futures
from forecast.case import Case
from forecast.compiling import Compiled, compile_case
from forecast.tree import collect, marginals, weigh

_DECIBANS = 10 / np.log(10)
_CHUNK = 500


@dataclass(frozen=True)
class Criticism:
    """The observed evidence against what the model expected.

    Parameters
    ----------
    decibans : float
        Agreement of all the evidence; below 0 it contradicts itself, as the model sees it.
    tail : float
        P(as little agreement, or less), under the model. Near 0: a future is missing, or
        an indicator is misjudged. Near 1: the reports agree better than they should, as
        those that copy each other do.
    nodes : DataFrame
        Indexed by indicator or actor that is spoken of, the most contradicted first: `events`
        on it; P(true) by its own evidence `alone`, by the `rest`, and by `all`; `decibans`, the
        agreement of its evidence with the rest; `tail`, P(as little), under the model.
    events : DataFrame
        Indexed by event and silence: `bears_on`; `expected`, P(told of as it was) before any
        other evidence; `given_rest`, after all other evidence; `decibans`, of their ratio.
    scenarios : DataFrame
        Indexed by scenario: `probability`; `decibans`, its agreement; its `expected` value and
        `sd` were this the true scenario; `strain`, how many sd the observed one lies above
        (+) or below (-). If all are far below, no scenario accounts for the evidence.
    draws : int
        Simulated worlds; the standard error of a tail is at most sqrt(.25 / draws) or so.
    seed : int
    """

    decibans: float
    tail: float
    nodes: pd.DataFrame
    events: pd.DataFrame
    scenarios: pd.DataFrame
    draws: int
    seed: int


def criticism(
    case: Case,
    as_of: dt.date | None = None,
    without: Collection[str] = (),
    assume: Mapping[str, bool] | None = None,
    draws: int = 2000,
    seed: int = 1,
) -> Criticism:
    """How well the evidence of a case agrees with its model.

    Parameters
    ----------
    case : Case
    as_of : date, optional
    without, assume
        As in `forecast.update`.
    draws : int
        Worlds to simulate, about the same number for each scenario.
    seed : int

    Returns
    -------
    Criticism

    Notes
    -----
    The agreement is exact; the tails are simulated, at the means of the judgements. A world has a
    scenario, a value of every node, and for every event whether it happened. Who reports is
    taken as given: an origin that affirms speaks with certainty if the event happened and
    with chance phi if it did not; one that denies, the other way round. So an event is told of
    as it was, or one of its origins is silent and gives the truth away. A watch past its day
    is seen or not.

    Real events are coded because they were reported. Nothing was written down of those that were
    not, so the model's own worlds contain more silence than a case does; that is why the
    probability of the evidence itself is no measure here, and why a tail is a hint at where
    to look, not a test with an error rate. The conflict also depends on how evidence is split
    into nodes: an indicator's own events may contradict each other, which `events` shows.
    """
    as_of = as_of or case.question.as_of
    compiled = compile_case(case, as_of, without, assume)
    root = futures(compiled.case, as_of)
    scenarios = [s.id for s in compiled.case.scenarios]
    told = _outcomes(compiled)
    seen = _agreement(compiled, root, told[0][:, :, None])
    each = max(-(-draws // len(scenarios)), 1)
    rng = np.random.default_rng(seed)
    total, node = np.empty((len(scenarios), each)), []
    by_scenario = np.empty_like(total)
    for s in range(len(scenarios)):
        parts = []
        for start in range(0, each, _CHUNK):
            outcome = _simulate(compiled, s, min(_CHUNK, each - start), rng)
            log_lam = told[outcome, np.arange(len(outcome))[:, None]]  # (E, N, 2)
            parts.append(_agreement(compiled, root, log_lam.transpose(0, 2, 1)))
        total[s] = np.concatenate([x.total for x in parts])
        by_scenario[s] = np.concatenate([x.scenario[s] for x in parts])
        node.append(np.concatenate([x.node for x in parts], axis=-1))
    prior = np.exp(root.log_root)
    close = 1e-9  # the same evidence, summed in another order
    tail = prior @ (total <= seen.total + close).mean(1)
    node_tail = np.einsum("s,skd->k", prior, np.array(node) <= seen.node + close) / each
    spoken = compiled.tree.event_node.sum(1).astype(int)
    nodes = pd.DataFrame(
        {
            "events": spoken, "alone": seen.alone[:, 0], "rest": seen.rest[:, 0],
            "all": seen.all[:, 0], "decibans": _DECIBANS * seen.node[:, 0], "tail": node_tail,
        },
        index=pd.Index(compiled.nodes, name="node"),
    )  # fmt: skip
    mean, sd = by_scenario.mean(1), by_scenario.std(1)
    gap = seen.scenario[:, 0] - mean
    frame = pd.DataFrame(
        {
            "probability": seen.probability[:, 0], "decibans": _DECIBANS * seen.scenario[:, 0],
            "expected": _DECIBANS * mean, "sd": _DECIBANS * sd,
            "strain": np.divide(gap, sd, out=np.zeros_like(gap), where=sd > close),
        },
        index=pd.Index(scenarios, name="scenario"),
    )  # fmt: skip
    return Criticism(
        decibans=float(_DECIBANS * seen.total[0]),
        tail=float(tail),
        nodes=nodes[spoken > 0].sort_values("decibans", kind="stable"),
        events=_events(compiled, told[0], seen),
        scenarios=frame,
        draws=each * len(scenarios),
        seed=seed,
    )


@dataclass(frozen=True)
class _Agreement:
    """In logarithms, for N sets of evidence: of all (N,), the nodes (K, N), the scenarios (S, N).

    `before`, `alone`, `rest`, `all`: P(node true), (K, N).
    """

    total: NDArray[Any]
    node: NDArray[Any]
    scenario: NDArray[Any]
    probability: NDArray[Any]
    before: NDArray[Any]
    alone: NDArray[Any]
    rest: NDArray[Any]
    all: NDArray[Any]


def _agreement(compiled: Compiled, root: Futures, log_lam: NDArray[Any]) -> _Agreement:
    tree, theta = compiled.tree, compiled.theta[:, None]
    log_lik, chance = collect(tree, theta, log_lam)
    joint = root.log_root[:, None] + log_lik + np.zeros(log_lam.shape[-1])
    evidence = np.logaddexp.reduce(joint)
    p = np.exp(joint - evidence)
    prior = np.exp(root.log_root)[:, None]
    before = (marginals(tree, theta[tree.chance]) * prior).sum(1)
    after = (marginals(tree, chance) * p).sum(1)
    own = np.tensordot(tree.event_node, log_lam, axes=(1, 0))
    top = own.max(1)
    lam = np.exp(own - top[:, None])
    apart = (1 - before) * lam[:, 0] + before * lam[:, 1]
    # P(z | rest) ~ P(z | all) / P(own | z), so P(own | rest) is a harmonic mean
    without = np.stack([(1 - after) / lam[:, 0], after / lam[:, 1]])
    log_apart = np.log(apart) + top
    log_given_rest = top - np.log(without.sum(0))
    return _Agreement(
        total=evidence - log_apart.sum(0),
        node=log_given_rest - log_apart,
        scenario=log_lik - log_apart.sum(0),
        probability=p,
        before=before + np.zeros_like(after),
        alone=before * lam[:, 1] / apart,
        rest=without[1] / without.sum(0),
        all=after,
    )


def _outcomes(compiled: Compiled) -> NDArray[Any]:
    """Log likelihood of each way an event can be told of, shape (3, E, 2).

    As it was; with an affirming origin silent, so that it did not happen; with a denying one
    silent, so that it did. For either truth the three add up to one.
    """
    tree = compiled.tree
    nil = np.zeros_like(tree.denied)
    ways = ((tree.denied, tree.affirmed), (nil, 1 - tree.affirmed), (1 - tree.denied, nil))
    with np.errstate(divide="ignore"):  # what never happens
        return np.array([weigh(replace(tree, denied=d, affirmed=a), compiled.theta) for d, a in ways])


def _simulate(compiled: Compiled, s: int, size: int, rng: np.random.Generator) -> NDArray[Any]:
    """How each event is told of in worlds of a scenario, (E, size): places in `_outcomes`."""
    tree, theta = compiled.tree, compiled.theta
    value = np.zeros((len(compiled.nodes), size), int)
    for k in reversed(range(len(value))):  # parents stand behind
        above = value[tree.parent[k]] if tree.parent[k] >= 0 else 0
        value[k] = rng.random(size) < theta[tree.chance[k, above, s]]
    outcome = np.zeros((len(compiled.events), size), int)
    for e, at in enumerate(tree.event_node.argmax(0) if len(outcome) else ()):
        # what is old speaks of today's value with a chance that ages, else of a coin's
        stale = rng.random(size) >= tree.fresh[e]
        subject = np.where(stale, rng.integers(0, 2, size), value[at])
        happened = rng.random(size) < theta[tree.event_chance[e, subject]]
        as_it_was = rng.random(size) < np.where(happened, tree.denied[e], tree.affirmed[e])
        outcome[e] = np.where(as_it_was, 0, np.where(happened, 2, 1))
    return outcome


def _events(compiled: Compiled, log_lam: NDArray[Any], seen: _Agreement) -> pd.DataFrame:
    at = compiled.tree.event_node.argmax(0) if compiled.events else np.empty(0, int)
    lam = np.exp(log_lam)
    before, after = seen.before[at, 0], seen.all[at, 0]
    expected = (1 - before) * lam[:, 0] + before * lam[:, 1]
    given_rest = 1 / ((1 - after) / lam[:, 0] + after / lam[:, 1])
    frame = pd.DataFrame(
        {
            "bears_on": list(compiled.bears_on), "expected": expected, "given_rest": given_rest,
            "decibans": _DECIBANS * np.log(given_rest / expected),
        },
        index=pd.Index(compiled.events, name="event"),
    )  # fmt: skip
    return frame.sort_values("decibans", kind="stable")
