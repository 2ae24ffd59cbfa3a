"""From a case to its forecast: exact at the means of the judgements, with input ranges."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import attendance
from forecast.base_rate import Futures, futures
from forecast.case import Case
from forecast.compiling import Compiled, compile_case
from forecast.judgement import sampler
from forecast.tree import collect, marginals, weigh

RANGE = (0.05, 0.95)
"""Quantiles of the draws that an input range shows."""
_CELLS, _CHUNK = 4_000_000, 250
"""Most numbers in an array of draws, and most draws: what fits a processor's cache is quicker."""


@dataclass(frozen=True)
class Posterior:
    """What the tree says for one set of judgements, or for D of them (last axis).

    Parameters
    ----------
    log_evidence : ndarray, shape (...)
        log P(reports).
    scenario : ndarray, shape (S, ...)
        P(s | reports).
    chance : ndarray, shape (K, 2, S, ...)
        P(z true | u, s, reports).
    node : ndarray, shape (K, S, ...)
        P(z true | s, reports).
    """

    log_evidence: NDArray[Any]
    scenario: NDArray[Any]
    chance: NDArray[Any]
    node: NDArray[Any]


@dataclass(frozen=True)
class Forecast:
    """The forecast of a case on a date: labelled arrays, frozen.

    Parameters
    ----------
    case : Case
        As known on the date.
    as_of : date
    held : Dataset over `deadline`
        `probability` that the meeting opens by then, `prior`, `low`, `high`.
    ever : Dataset
        The same by the horizon, without dimension.
    opening : Dataset over `day`
        `probability` that it opens on that day, and `prior`; adds up to `ever`.
    scenarios : Dataset over `scenario`
        `probability`, `prior`, `low`, `high`.
    indicators : Dataset over `indicator`
        The same, of being true.
    actors : Dataset over `actor` and `deadline`
        `given_held`, P(attends | ever held), with `prior`, `low`, `high` (nan if it cannot be
        held any more); `in_history`, how
        often invited parties of his role came to talks that were held (nan without a fit);
        and `by`, P(held by the deadline and attends), with `by_low`, `by_high`.
    log_evidence : float
        log P(reports | neither opened nor at its end by the as-of date).
    effective_draws : float
        Effective sample size behind `low` and `high`; nan without draws.
    seed : int

    Notes
    -----
    `prior` is as of the date and without any event or watch. `low` and `high` are the
    5 % and 95 % points of an input range: evidence-weighted draws of the judgements.
    """

    case: Case
    as_of: dt.date
    held: xr.Dataset
    ever: xr.Dataset
    opening: xr.Dataset
    scenarios: xr.Dataset
    indicators: xr.Dataset
    actors: xr.Dataset
    log_evidence: float
    effective_draws: float
    seed: int
    compiled: Compiled
    futures: Futures
    posterior: Posterior

    def attendance(self, actors: Iterable[str] | Mapping[str, bool]) -> float:
        """P(held, and exactly this of the actors named): joint, exact.

        Parameters
        ----------
        actors : iterable of str, or mapping of str to bool
            Who attends; with a mapping, also who does not. Others may or may not.
        """
        wanted = _pattern(self.case, actors)
        comes = np.array([list(wanted.values())], bool)
        chance, theta = self.posterior.chance, self.compiled.theta
        by_s = attendance.patterns(self.compiled, theta, chance, list(wanted), comes)[:, 0]
        return float((self.posterior.scenario * by_s)[self.futures.held].sum())

    def count(self, group: Sequence[str] | None = None) -> xr.DataArray:
        """P(n of a group attend | held), n = 0 ... its size; by default of the opposition."""
        if group is None:
            group = [a.id for a in attendance.opposition(self.case)]
        _pattern(self.case, group)
        chance, held = self.posterior.chance, self.futures.held
        by_s = attendance.count(self.compiled, self.compiled.theta, chance, list(group))
        ever = self.posterior.scenario[held].sum()
        weight = self.posterior.scenario[held] / (ever or np.nan)
        return xr.DataArray(
            by_s[:, held] @ weight, dims="number", coords={"number": np.arange(len(group) + 1)},
            name="probability", attrs={"group": ", ".join(group)},
        )  # fmt: skip

    def table(self, of: str) -> pd.DataFrame:
        """One of the results as a pandas table: held, opening, scenarios, indicators, actors."""
        from forecast import tables

        return tables.table(self, of)

    def to_dict(self) -> dict[str, Any]:
        """The forecast in plain numbers: what `forecast run --json` prints."""
        from forecast import tables

        return tables.as_dict(self)

    def _repr_html_(self) -> str:
        from forecast import tables

        return tables.as_html(self)

    def __str__(self) -> str:
        from forecast import tables

        return tables.as_text(self)

    __repr__ = __str__


def update(
    case: Case,
    as_of: dt.date | None = None,
    without: Collection[str] = (),
    assume: Mapping[str, bool] | None = None,
    draws: int = 2000,
    seed: int = 1,
) -> Forecast:
    """The forecast of a case.

    Parameters
    ----------
    case : Case
        From `forecast.load`.
    as_of : date, optional
        The last day whose news counts, that day included; the case's own by default.
    without : collection of str, optional
        Events, watches and announcements to leave out: without an announcement, what the one
        before it said stands, or the silence.
    assume : mapping of str to bool, optional
        Events or watches taken as having happened or not.
    draws : int, optional
        Draws of the judgements behind the input ranges; 0 for none.
    seed : int, optional
        Of the draws; the probabilities do not depend on it.

    Returns
    -------
    Forecast

    Raises
    ------
    ValueError
        If an id is unknown, or the date is outside the case's life.
    """
    as_of = as_of or case.question.as_of
    return _forecast(answer(compile_case(case, as_of, without, assume), draws, seed), seed)


def solve(compiled: Compiled, root: Futures, theta: NDArray[Any]) -> Posterior:
    """One pass of the tree, at the judgements `theta`, shape (J,) or, for D of them, (J, D)."""
    log_lik, chance = collect(compiled.tree, theta, weigh(compiled.tree, theta))
    log_root = root.log_root.reshape(-1, *[1] * (theta.ndim - 1))
    return _normalise(compiled, log_root, log_lik, chance)


def _normalise(
    compiled: Compiled, log_root: NDArray[Any], log_lik: NDArray[Any], chance: NDArray[Any]
) -> Posterior:
    joint = log_root + log_lik
    evidence = np.logaddexp.reduce(joint)
    return Posterior(evidence, np.exp(joint - evidence), chance, marginals(compiled.tree, chance))


def before_reports(compiled: Compiled, root: Futures) -> Posterior:
    """The same without any event or watch."""
    chance = compiled.theta[compiled.tree.chance]
    return _normalise(compiled, root.log_root, np.zeros(len(root.held)), chance)


def opened_by(root: Futures, as_of: dt.date, days: Iterable[dt.date]) -> NDArray[Any]:
    """P(opened by a day | s, not opened by the as-of date), shape (S, days); 0 if past."""
    by = np.concatenate([np.zeros((len(root.held), 1)), root.day.cumsum(1)], axis=1)
    at = [max((d - as_of).days, 0) for d in days]
    if max(at, default=0) >= by.shape[1]:
        horizon = as_of + dt.timedelta(by.shape[1] - 1)
        raise ValueError(f"deadline: {as_of + dt.timedelta(max(at))} is after the horizon, {horizon}")
    return by[:, at]


def actor_chances(compiled: Compiled, theta: NDArray[Any], posterior: Posterior) -> NDArray[Any]:
    """P(attends | s, reports), shape (A, S, ...), meant for held scenarios."""
    attends = compiled.attendance(theta)
    place = {n: k for k, n in enumerate(compiled.nodes)}
    required = {a.id for a in compiled.case.actors if a.required}
    out = np.empty((len(attends), *posterior.scenario.shape))
    for i, actor in enumerate(compiled.case.actors):
        q = posterior.node[place[actor.id]]
        chain = [b for b in attendance.bodies(compiled.case, actor.id) if b not in required]
        if chain in ([], [actor.id]):
            out[i] = attends[i, 0] * (1 - q) + attends[i, 1] * q
        else:
            out[i] = attendance.all_attend(compiled, theta, posterior.chance, [actor.id])
    return out


def _ranges(compiled: Compiled, root: Futures, draws: int, rng: np.random.Generator) -> dict[str, Any]:
    """Per draw: weights, and what is to be ranged over, in chunks that fit the memory."""
    if not draws:
        return {}
    kept: dict[str, list[NDArray[Any]]] = {k: [] for k in ("weight", "scenario", "node", "actor")}
    cells = max(compiled.tree.chance.size + compiled.tree.event_chance.size, 1)
    size, take = max(min(_CELLS // cells, _CHUNK), 1), sampler(compiled.judgements)
    for start in range(0, draws, size):
        log_root = root.draws[:, start : start + size]
        theta = take(log_root.shape[1], rng)
        log_lik, chance = collect(compiled.tree, theta, weigh(compiled.tree, theta))
        p = _normalise(compiled, log_root, log_lik, chance)
        kept["weight"].append(p.log_evidence)
        kept["scenario"].append(p.scenario)
        kept["node"].append((p.node * p.scenario).sum(1))
        kept["actor"].append(actor_chances(compiled, theta, p))
    joined = {k: np.concatenate(v, axis=-1) for k, v in kept.items()}
    weight = np.exp(joined["weight"] - joined["weight"].max())
    return joined | {"weight": weight / weight.sum()}


def weighted_quantiles(values: NDArray[Any], weight: NDArray[Any], q: Sequence[float]) -> NDArray[Any]:
    """Quantiles of weighted draws along the last axis, shape (len(q), ...)."""
    order = np.argsort(values, axis=-1)
    total = np.cumsum(np.broadcast_to(weight, values.shape)[_take(order)], axis=-1)
    total /= total[..., -1:]
    at = [np.argmax(total >= x, axis=-1) for x in q]
    ordered = np.take_along_axis(values, order, -1)
    return np.asarray([np.take_along_axis(ordered, i[..., None], -1)[..., 0] for i in at])


def _take(order: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    grids = np.ogrid[tuple(slice(n) for n in order.shape)]
    return (*grids[:-1], order)


@dataclass(frozen=True)
class Answer:
    """A forecast in plain arrays: `of` each result, by the names that `Forecast` gives them."""

    compiled: Compiled
    futures: Futures
    posterior: Posterior
    of: dict[str, dict[str, NDArray[Any]]]
    effective_draws: float


def answer(compiled: Compiled, draws: int = 0, seed: int = 1, root: Futures | None = None) -> Answer:
    """All that a compiled case says of its date; the numbers of `update`. `root` for another."""
    case, rng = compiled.case, np.random.default_rng(seed)
    if draws < 0 or int(draws) != draws:
        raise ValueError(f"draws: {draws} is no number of draws")
    root = root or futures(case, case.question.as_of, draws, rng)
    posterior, before = solve(compiled, root, compiled.theta), before_reports(compiled, root)
    drawn, held = _ranges(compiled, root, draws, rng), root.held
    by = opened_by(root, case.question.as_of, case.question.deadlines)
    attends = actor_chances(compiled, compiled.theta, posterior)
    attends_before = actor_chances(compiled, compiled.theta, before)
    order = [compiled.nodes.index(x.id) for x in case.indicators]

    def given_held(p: Posterior, chance: NDArray[Any]) -> NDArray[Any]:
        comes, ever = (chance[:, held] * p.scenario[held]).sum(1), p.scenario[held].sum(0)
        # nothing can be said of who comes to what cannot be held any more
        return np.asarray(comes / ever) if ever else np.full(len(comes), np.nan)

    def true(p: Posterior) -> NDArray[Any]:
        return np.asarray((p.node * p.scenario).sum(1)[order])

    def both(after: Any, prior: Any, name: str = "probability") -> dict[str, NDArray[Any]]:
        return {name: np.asarray(after), "prior": np.asarray(prior)}

    of = {
        "held": both(posterior.scenario @ by, before.scenario @ by),
        "ever": both(posterior.scenario[held].sum(), before.scenario[held].sum()),
        "opening": both(posterior.scenario @ root.day, before.scenario @ root.day),
        "scenarios": both(posterior.scenario, before.scenario),
        "indicators": both(true(posterior), true(before)),
        "actors": both(given_held(posterior, attends), given_held(before, attends_before), "given_held"),
    }
    of["actors"]["by"] = np.einsum("as,s,sl->al", attends, posterior.scenario, by)
    if not draws:
        return Answer(compiled, root, posterior, of, np.nan)
    s, a, weight, by_draw = (
        drawn["scenario"],
        drawn["actor"],
        drawn["weight"],
        root.by_draw[:, :, root.which],
    )
    s_held = s[held]
    ranged = {
        "held": np.einsum("sd,sld->ld", s, by_draw),
        "ever": s_held.sum(0),
        "scenarios": s,
        "indicators": drawn["node"][order],
        "actors": (a[:, held] * s_held).sum(1) / s_held.sum(0),
    }
    for name, values in ranged.items():
        w = weight * s_held.sum(0) if name == "actors" else weight
        of[name] |= dict(zip(("low", "high"), weighted_quantiles(values, w, RANGE), strict=True))
    joint = weighted_quantiles(np.einsum("asd,sd,sld->ald", a, s, by_draw), weight, RANGE)
    of["actors"] |= dict(zip(("by_low", "by_high"), joint, strict=True))
    return Answer(compiled, root, posterior, of, float(1 / (weight**2).sum()))


def _forecast(a: Answer, seed: int) -> Forecast:
    case, of = a.compiled.case, a.of
    as_of, actor = case.question.as_of, [x.id for x in case.actors]
    deadline = stamps(case.question.deadlines)
    day = np.datetime64(as_of, "D") + np.arange(1, a.futures.day.shape[1] + 1).astype("timedelta64[D]")
    joint = {k: (("actor", "deadline"), v) for k, v in of["actors"].items() if k.startswith("by")}
    plain = {k: v for k, v in of["actors"].items() if k not in joint}
    actors = _dataset("actor", actor, plain).assign_coords(deadline=deadline).assign(
        joint | ({"in_history": ("actor", [case.in_history(x) for x in case.actors])} if case.fit else {})
    )  # fmt: skip
    return Forecast(
        case=case,
        as_of=as_of,
        held=_dataset("deadline", deadline, of["held"]),
        ever=_dataset(None, None, of["ever"]),
        opening=_dataset("day", day.astype("datetime64[ns]"), of["opening"]),
        scenarios=_dataset("scenario", [x.id for x in case.scenarios], of["scenarios"]),
        indicators=_dataset("indicator", [x.id for x in case.indicators], of["indicators"]),
        actors=actors,
        log_evidence=float(a.posterior.log_evidence),
        effective_draws=a.effective_draws,
        seed=seed,
        compiled=a.compiled,
        futures=a.futures,
        posterior=a.posterior,
    )


def stamps(days: Iterable[dt.date]) -> NDArray[Any]:
    """Days as xarray and pandas want them."""
    return np.array(list(days), "datetime64[D]").astype("datetime64[ns]")


def _dataset(dim: str | None, labels: Any, values: Mapping[str, Any]) -> xr.Dataset:
    dims = () if dim is None else (dim,)
    coords = {} if dim is None else {dim: labels}
    return xr.Dataset({k: (dims, v) for k, v in values.items()}, coords=coords)


def _pattern(case: Case, actors: Iterable[str] | Mapping[str, bool]) -> dict[str, bool]:
    wanted = dict(actors) if isinstance(actors, Mapping) else dict.fromkeys(actors, True)
    known = {a.id for a in case.actors}
    for name in wanted:
        if name not in known:
            raise ValueError(f'no actor "{name}" in the case; there are {", ".join(sorted(known))}')
    return wanted
