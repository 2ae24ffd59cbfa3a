"""Who comes together: joint attendance of any actors, and how many of a group.

Given the scenario and what they are `given`, actors are independent; a person also needs
his body to come. So joint attendance is an expectation over the tree, and the number of
a group has a generating function that the tree gives point by point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from forecast.case import Case
from forecast.compiling import Compiled
from forecast.parts import Actor
from forecast.tree import expect

if TYPE_CHECKING:
    from forecast.updating import Forecast

OPPOSITION = ("main_opposition", "tolerated_opposition", "minority_party")
"""Roles of those whose coming makes the talks more than a monologue."""
_CONSTANT = 1e-12  # variances below this are rounding


def bodies(case: Case, actor: str) -> tuple[str, ...]:
    """The actor and every body that he can only come with, himself first."""
    parts = {a.id: a for a in case.actors}
    chain = [actor]
    while up := parts[chain[-1]].part_of:
        chain.append(up)
    return tuple(chain)


def all_attend(
    compiled: Compiled, theta: NDArray[Any], chance: NDArray[Any], actors: Iterable[str]
) -> NDArray[Any]:
    """P(all of them attend | s), shape (S, ...), meant for held scenarios.

    Parameters
    ----------
    theta : ndarray, shape (J, ...)
    chance : ndarray, shape (K, 2, S, ...)
        P(z true | u, s), from `forecast.tree.collect` or before any report.
    actors : iterable of str
    """
    needed = {b for a in actors for b in bodies(compiled.case, a)}
    attends, place, factor = _factors(compiled, theta)
    for name in needed:
        factor[place[name]] *= attends[name]
    return expect(compiled.tree, chance, factor)


def pairs(
    compiled: Compiled, theta: NDArray[Any], chance: NDArray[Any], actors: Sequence[str]
) -> NDArray[Any]:
    """P(both attend | s) of every two actors, shape (A, A, S); on the diagonal, P(he attends | s)."""
    needed = [set(bodies(compiled.case, a)) for a in actors]
    attends, place, factor = _factors(compiled, theta)
    first, second = np.triu_indices(len(actors))
    factor = np.repeat(factor[..., None], len(first), axis=-1)
    for n, (i, j) in enumerate(zip(first, second, strict=True)):
        for name in needed[i] | needed[j]:
            factor[place[name], ..., n] *= attends[name]
    out = np.empty((len(actors), len(actors), len(compiled.case.scenarios)))
    out[first, second] = out[second, first] = expect(compiled.tree, chance, factor).T
    return out


def patterns(
    compiled: Compiled,
    theta: NDArray[Any],
    chance: NDArray[Any],
    actors: Sequence[str],
    attend: NDArray[np.bool_],
) -> NDArray[Any]:
    """P(exactly these of the actors attend | s), shape (S, N), for each of N rows of `attend`.

    Whoever is absent contributes one minus his chance, and nothing where his body is absent too.
    Bodies that are not among the actors are summed over: the cost is exponential in those alone.

    Parameters
    ----------
    actors : sequence of str
    attend : ndarray of bool, shape (N, len(actors))
    """
    attends, place, factor = _factors(compiled, theta)
    above = sorted({b for a in actors for b in bodies(compiled.case, a)[1:]} - set(actors))
    total = np.zeros((len(compiled.case.scenarios), len(attend)))
    for comes in product((True, False), repeat=len(above)):
        here = dict(zip(above, comes, strict=True)) | dict(zip(actors, attend.T, strict=True))
        weight = np.repeat(factor[..., None], len(attend), axis=-1)
        for name, present in here.items():
            chain = [here[b] for b in bodies(compiled.case, name)[1:]]
            may = np.logical_and.reduce(np.broadcast_arrays(present, *chain)[1:]) if chain else True
            p = attends[name][..., None]
            weight[place[name]] *= np.where(present, np.where(may, p, 0.0), np.where(may, 1 - p, 1.0))
        total += expect(compiled.tree, chance, weight)
    return total


def count(
    compiled: Compiled, theta: NDArray[Any], chance: NDArray[Any], group: Collection[str]
) -> NDArray[Any]:
    """P(n of the group attend | s), shape (len(group) + 1, S).

    The generating function E[x^n | s] is evaluated at the roots of unity, where every
    factor is at most 1 in size, and inverted by a Fourier transform: exact to rounding.
    Its cost is exponential only in the bodies of one connected set of actors.
    """
    size = len(group) + 1
    x = np.exp(2j * np.pi * np.arange(size) / size)
    case = compiled.case
    chains = {a: bodies(case, a) for a in group}
    plain: list[tuple[set[str], list[str]]] = []
    joined: list[tuple[set[str], list[str]]] = []
    for family in _families(case, {b for c in chains.values() for b in c}):
        deciding = {b for a in family if a in chains for b in chains[a][1:]}
        (joined if deciding else plain).append((family, sorted(deciding)))
    values = np.ones((len(case.scenarios), size), complex)
    if plain:
        values = _generating(compiled, theta, chance, {a for f, _ in plain for a in f}, {}, chains, x)
    for family, above in joined:
        values = values * sum(
            _generating(compiled, theta, chance, family,
                        dict(zip(above, comes, strict=True)), chains, x)
            for comes in product([True, False], repeat=len(above))
        )  # fmt: skip
    return np.clip(np.fft.fft(values, axis=1).real.T / size, 0, 1)


def _generating(
    compiled: Compiled,
    theta: NDArray[Any],
    chance: NDArray[Any],
    family: Collection[str],
    body_comes: Mapping[str, bool],
    chains: Mapping[str, tuple[str, ...]],
    x: NDArray[Any],
) -> NDArray[Any]:
    """E[x^(number that attends); the bodies as given | s], shape (S, len(x))."""
    attends, place, factor = _factors(compiled, theta)
    factor = np.repeat(factor[..., None].astype(complex), len(x), axis=-1)
    for name in sorted(family):
        p = attends[name][..., None]
        counts = name in chains and all(body_comes[b] for b in chains[name][1:])
        if name in body_comes:
            p = p if body_comes[name] else 1 - p
            factor[place[name]] *= p * (x if counts and body_comes[name] else 1)
        elif counts:
            factor[place[name]] *= 1 - p + p * x
    return expect(compiled.tree, chance, factor)


def _factors(
    compiled: Compiled, theta: NDArray[Any]
) -> tuple[dict[str, NDArray[Any]], dict[str, int], NDArray[Any]]:
    attends = dict(zip([a.id for a in compiled.case.actors], compiled.attendance(theta), strict=True))
    place = {n: k for k, n in enumerate(compiled.nodes)}
    return attends, place, np.ones((len(place), 2, len(compiled.case.scenarios), *theta.shape[1:]))


def _families(case: Case, actors: set[str]) -> list[set[str]]:
    """The actors in sets that nothing but the scenario connects."""
    both: tuple[Any, ...] = (*case.indicators, *case.actors)
    parts = {p.id: p for p in both}
    families: list[tuple[set[str], set[str]]] = []
    for name in sorted(actors):
        keys = {_root(parts, b) for b in bodies(case, name)}
        members = {name}
        rest = []
        for found, theirs in families:
            if theirs & keys:
                members |= found
                keys |= theirs
            else:
                rest.append((found, theirs))
        families = [*rest, (members, keys)]
    return [members for members, _ in families]


def _root(parts: Mapping[str, Any], name: str) -> str:
    while parts[name].given:
        name = parts[name].given
    return name


def opposition(case: Case) -> tuple[Actor, ...]:
    """Actors whose coming makes the talks more than a monologue: opposition and minorities.

    Persons who come with a counted body are not counted again. Where no actor has such a
    role, all that are asked about.
    """
    chosen = [a for a in asked(case) if a.role in OPPOSITION] or asked(case)
    ids = {a.id for a in chosen}
    return tuple(a for a in chosen if not ids & set(bodies(case, a.id)[1:]))


def asked(case: Case) -> tuple[Actor, ...]:
    """The actors whose attendance is a question: all but the required ones."""
    return tuple(a for a in case.actors if not a.required)


def dependence(f: Forecast) -> xr.Dataset:
    """How the attendance of every two actors goes together, if the meeting is held.

    Parameters
    ----------
    f : Forecast

    Returns
    -------
    Dataset over `actor` and `other`
        `both`, P(both attend | held), on the diagonal P(he attends | held); `correlation`, the
        phi coefficient, from -1 to 1; `lift`, P(both) / (P(one) P(the other)). Exact, from the
        joint. Required actors come with certainty and are left out; the correlation of whoever
        else is certain to come, or not to, is nan.
    """
    names = [a.id for a in asked(f.case)]
    held = f.futures.held
    weight = f.posterior.scenario[held] / f.posterior.scenario[held].sum()
    both = pairs(f.compiled, f.compiled.theta, f.posterior.chance, names)[..., held] @ weight
    alone = np.diagonal(both)
    apart = np.outer(alone, alone)
    variance = alone * (1 - alone)
    spread = np.sqrt(np.where(variance > _CONSTANT, variance, np.nan))
    phi = (both - apart) / np.outer(spread, spread)
    lift = np.divide(both, apart, out=np.full(both.shape, np.nan), where=apart > 0)
    dims = ("actor", "other")
    return xr.Dataset(
        {"both": (dims, both), "correlation": (dims, phi), "lift": (dims, lift)},
        coords={"actor": names, "other": names},
    )


def partition(f: Forecast) -> list[tuple[dict[str, bool] | None, float]]:
    """Not held, and held with both, one or neither of the two least certain actors.

    Returns
    -------
    list of (mapping of actor to whether he attends, or None, float)
        None for "not held by the horizon". The probabilities add up to 1. Of persons who come
        only with a body, the body stands for them; with one actor there are three lines, with
        none two.
    """
    given = dict(zip((a.id for a in f.case.actors), f.actors.given_held.values, strict=True))
    free = [a.id for a in asked(f.case) if not a.part_of]
    pair = sorted(free, key=lambda a: abs(given[a] - 0.5))[:2]
    lines = [dict(zip(pair, comes, strict=True)) for comes in product((True, False), repeat=len(pair))]
    return [(None, 1 - float(f.ever.probability)), *((x, f.attendance(x)) for x in lines)]
