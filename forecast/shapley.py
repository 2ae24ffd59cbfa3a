"""What moved a forecast: Shapley values of its events, indicators, sources or origins.

Where the coalitions of players are few enough they are all counted; otherwise random orders are,
each forwards and backwards. `forecast.coalitions` says what a coalition is worth.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import beta, comb

from forecast.base_rate import futures
from forecast.case import Case
from forecast.coalitions import Game, Tells, coalition_game, shares
from forecast.compiling import compile_case

BY = ("event", "indicator", "source", "origin")
"""Who the players may be."""
MOST_COALITIONS = 2**22
"""Most coalitions that are all counted, players of like effect told apart only by number."""
_CELLS = 200_000  # numbers in an array of the work in hand: what fits a processor's cache
_SAME = 1e-12  # log likelihoods that differ by less are rounding


def decibans(p: Any) -> Any:
    """Log odds of a probability in decibans, 10 log10(p / (1 - p))."""
    return 10 * np.log10(p / (1 - p))


def contributions(
    case: Case,
    as_of: dt.date | None = None,
    deadline: dt.date | None = None,
    by: str = "event",
    of: str | None = None,
    pairs: int = 1000,
    seed: int = 1,
    most: int = MOST_COALITIONS,
) -> pd.DataFrame:
    """What moved P(held by the deadline), or P(an actor attends | ever held), and how far.

    Parameters
    ----------
    case : Case
    as_of : date, optional
    deadline : date, optional
        The headline's by default; none with `of`.
    by : str
        Who the players are, one of `BY`: each event or silence; each indicator or actor with all
        evidence on it; each source with its reports; each origin with its. An event none of
        whose reporters is in is not in, and chains of one origin are one report, at the best
        of those that are. The silence of a watch has no source: by source and by origin each is a
        player of its own, `silence: <watch>`.
    of : str, optional
        An actor; by default the meeting.
    pairs : int
        Where orders are sampled: random orders, each taken forwards and backwards.
    seed : int
        Of the orders.
    most : int
        Coalitions up to which all are counted.

    Returns
    -------
    DataFrame
        Indexed by player: `bears_on` (by event only), `points` (Shapley value, in units of
        probability) with `points_se` (standard error of sampled orders; 0 where exact),
        `decibans`, and `left_out` (what the forecast gains by having it, all else kept; not
        additive). `points` add up to the forecast less the base rate; `decibans` to their
        log odds' difference, and are nan where the chance is 0 or 1 whatever is told (a deadline
        that is past, a required actor). `attrs` holds `before`, `after`, `by`, `of`,
        `deadline` (none with `of`), `method` ("exact" or "sampled") and `orders` (0 if exact).

    Raises
    ------
    ValueError
        If `by` or `of` is unknown, a deadline is given with `of`, or sampling has no two pairs.

    Notes
    -----
    Announcements are no players: they stay in the root, before and after alike. So does that a
    watch is answered: without the event that answers it its silence is no evidence here,
    unlike in `update(without=...)`, so that the empty coalition is the base rate.
    """
    if by not in BY:
        raise ValueError(f"by: {by!r}; expected one of {', '.join(BY)}")
    if of is not None and deadline is not None:
        raise ValueError("deadline: P(attends) is given that it is ever held; leave out one of the two")
    if of is not None and of not in {a.id for a in case.actors}:
        known = ", ".join(sorted(a.id for a in case.actors))
        raise ValueError(f'of: no actor "{of}" in the case; there are {known}')
    as_of = as_of or case.question.as_of
    when = None if of is not None else deadline or case.headline
    compiled = compile_case(case, as_of)
    game = coalition_game(compiled, futures(case, as_of), as_of, when, by, of)
    size = len(game.players)
    gains, se, exact = values(game, pairs, seed, most)
    masks = np.ones((size, 2 + size), bool)
    masks[:, 0] = masks[np.arange(size), 2 + np.arange(size)] = False
    p = game.value(game.told(masks))[0]
    frame = pd.DataFrame(
        {"points": gains[0], "points_se": se, "decibans": gains[1], "left_out": p[1] - p[2:]},
        index=pd.Index(game.players, name=by, dtype=object),
    )
    if by == "event":
        frame.insert(0, "bears_on", compiled.bears_on)
    frame.attrs = {
        "before": float(p[0]), "after": float(p[1]), "by": by, "of": of,
        "deadline": when and str(when), "method": "exact" if exact else "sampled",
        "orders": 0 if exact else 2 * pairs,
    }  # fmt: skip
    return frame


def values(
    game: Game, pairs: int = 1000, seed: int = 1, most: int = MOST_COALITIONS
) -> tuple[NDArray[Any], NDArray[Any], bool]:
    """Shapley values of a game's players, in probability and in decibans, (2, players).

    Returns
    -------
    gains : ndarray, shape (2, players)
    se : ndarray, shape (players,)
        Standard errors of the first; 0 where exact.
    exact : bool
        Whether all coalitions were counted; `pairs` of orders were sampled otherwise.
    """
    groups = _groups(game)
    if _is_cheap(game, groups, most):
        return _exact(game, groups), np.zeros(len(game.players)), True
    return *_sampled(game, groups, pairs, np.random.default_rng(seed)), False


def _groups(game: Game) -> list[list[int]]:
    """The players that can move anything, those of like effect together."""
    touched: list[list[tuple[int, int]]] = [[] for _ in game.players]
    for r, part in enumerate(game.parts):
        for bit, p in enumerate(part.players):
            touched[p].append((r, bit))
    groups: list[list[int]] = []
    for p, mine in enumerate(touched):
        tables = [game.parts[r].table for r, _ in mine]
        if all(t is not None and _moves_nothing(t, i) for t, (_, i) in zip(tables, mine, strict=True)):
            continue
        for group in groups:
            theirs = touched[group[0]]
            if [r for r, _ in theirs] == [r for r, _ in mine] and all(
                t is not None and _alike(t, i, j)
                for t, (_, i), (_, j) in zip(tables, theirs, mine, strict=True)
            ):
                group.append(p)
                break
        else:
            groups.append([p])
    return groups


def _moves_nothing(table: NDArray[Any], bit: int) -> bool:
    t = table.reshape(len(table), -1, 2, 1 << bit)
    return bool(np.abs(t[:, :, 1] - t[:, :, 0]).max() < _SAME)


def _alike(table: NDArray[Any], i: int, j: int) -> bool:
    """Whether either may stand for the other, whoever else is in; i < j."""
    t = table.reshape(len(table), -1, 2, 1 << (j - i - 1), 2, 1 << i)
    return bool(np.abs(t[:, :, 1, :, 0] - t[:, :, 0, :, 1]).max() < _SAME)


@dataclass(frozen=True, slots=True)
class _Block:
    """Some groups, and what is told for each number of players of each (N states).

    Parameters
    ----------
    groups : tuple of int
    rows : ndarray, shape (R, N)
    size : ndarray of int, shape (N,)
        How many players are in.
    ways : ndarray, shape (N,)
        In how many ways.
    """

    groups: tuple[int, ...]
    rows: NDArray[Any]
    size: NDArray[Any]
    ways: NDArray[Any]

    def times(self, other: _Block) -> _Block:
        def outer(a: NDArray[Any], b: NDArray[Any], by: Any = np.add) -> NDArray[Any]:
            return np.asarray(by(a[..., :, None], b[..., None, :])).reshape(*a.shape[:-1], -1)

        return _Block(
            self.groups + other.groups,
            outer(self.rows, other.rows),
            outer(self.size, other.size),
            outer(self.ways, other.ways, np.multiply),
        )


def _plans(game: Game, groups: Sequence[Sequence[int]]) -> list[list[tuple[int, list[int]]]]:
    """For groups that share subtrees, directly or through others: the order to take them in.

    Each with the subtrees that no later group touches: those can be looked up before the
    states grow further. The group that touches most comes first.
    """
    owner = {p: g for g, group in enumerate(groups) for p in group}
    touching = [{owner[p] for p in part.players.tolist() if p in owner} for part in game.parts]
    components: list[set[int]] = []
    for mine in filter(None, touching):
        joined = [c for c in components if c & mine]
        components = [c for c in components if c not in joined] + [mine.union(*joined)]
    plans = []
    for component in components:
        order = sorted(component, key=lambda g: (-sum(g in t for t in touching), g))
        last = [max((order.index(g) for g in t & component), default=-1) for t in touching]
        plans.append([(g, [r for r, x in enumerate(last) if x == i]) for i, g in enumerate(order)])
    return plans


def _is_cheap(game: Game, groups: Sequence[Sequence[int]], most: int) -> bool:
    """Whether all coalitions can be counted, and the rows of the subtrees be looked up for it."""
    work, coalitions = 0.0, 1.0
    for plan in _plans(game, groups):
        states = 1.0
        for g, done in plan:
            states *= len(groups[g]) + 1
            work += states * (1 + len(done)) * len(game.base)
        coalitions *= states
    tabulated = all(part.table is not None for part in game.parts)
    return tabulated and max(coalitions, work / 3) <= most  # a number looked up costs a third


def _block(game: Game, groups: Sequence[Sequence[int]], plan: list[tuple[int, list[int]]]) -> _Block:
    """The groups of a plan, and all that is told by their subtrees."""
    block = _nobody(len(game.base))
    for g, done in plan:
        n = np.arange(len(groups[g]) + 1)
        block = block.times(_Block((g,), np.zeros((1, len(n))), n, comb(n[-1], n)))
        rows = block.rows
        for part in (game.parts[r] for r in done):
            bit = {p: 1 << i for i, p in enumerate(part.players.tolist())}
            code = np.zeros(1, int)
            for other in block.groups:
                first = np.cumsum([0, *(bit.get(p, 0) for p in groups[other])])
                code = (code[:, None] + first).ravel()
            assert part.table is not None  # _is_cheap
            rows = rows + part.table[:, code]
        block = replace(block, rows=rows)
    return block


def _nobody(rows: int) -> _Block:
    return _Block((), np.zeros((rows, 1)), np.zeros(1, int), np.ones(1))


def _exact(game: Game, groups: Sequence[Sequence[int]]) -> NDArray[Any]:
    """Shapley values, of the probability and of its decibans, (2, players).

    With w(k) = k! (n - 1 - k)! / n!, the value of a player is the sum over the coalitions C with
    him of (w(|C| - 1) + w(|C|)) v(C), less the sum over all of w(|C|) v(C). Components are
    gathered in two blocks, so that the coalitions are a matrix and their v a ratio of two products.
    """
    out = np.zeros((2, len(game.players)))
    n = sum(map(len, groups))
    if not n:
        return out if np.isfinite(game.value(game.base)[1]) else _undefined(out)
    left = right = _nobody(len(game.base))
    left = replace(left, rows=left.rows + game.base[:, None])
    blocks = [_block(game, groups, plan) for plan in _plans(game, groups)]
    for block in sorted(blocks, key=lambda b: -len(b.size)):
        if len(left.size) <= len(right.size):
            left = left.times(block)
        else:
            right = right.times(block)
    w = np.zeros(n + 2)
    w[1:-1] = beta(np.arange(n) + 1, n - np.arange(n))  # w[k + 1] is w(k)
    across, down = (np.exp(b.rows - b.rows.max(0)) for b in (left, right))
    by_left, by_right = np.zeros((2, len(left.size))), np.zeros((2, len(right.size)))
    total = np.zeros(2)
    for size in np.unique(left.size):
        chosen = np.flatnonzero(left.size == size)
        after = w[size + right.size + 1] * right.ways
        with_him = after + w[size + right.size] * right.ways
        for start in range(0, len(chosen), max(_CELLS // len(right.size), 1)):
            at = chosen[start : start + max(_CELLS // len(right.size), 1)]
            some = across[:, at].T
            both = shares((some * game.yes) @ down, (some * game.no) @ down)
            with np.errstate(invalid="ignore"):  # infinite log odds
                for i, v in enumerate(both):
                    by_left[i, at] = v @ with_him * left.ways[at]
                    by_right[i] += left.ways[at] @ v * with_him
                    total[i] += left.ways[at] @ (v @ after)
    for block, sums in ((left, by_left), (right, by_right)):
        for g in block.groups:  # fold away one group after another
            k = len(groups[g])
            grid = sums.reshape(2, k + 1, -1)
            with np.errstate(invalid="ignore"):
                out[:, groups[g]] = (grid.sum(2) @ np.arange(k + 1) / k - total)[:, None]
            sums = grid.sum(1)
    return out if np.isfinite(total).all() else _undefined(out)


def _undefined(values: NDArray[Any]) -> NDArray[Any]:
    """Log odds are infinite: nobody's decibans can be told."""
    values[1] = np.nan
    return values


def _sampled(
    game: Game, groups: Sequence[Sequence[int]], pairs: int, rng: np.random.Generator
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Shapley values as `_exact`'s, by sampled orders, and the standard errors of the first."""
    if pairs < 2:
        raise ValueError(f"pairs: {pairs}; a standard error needs two pairs of orders at least")
    active = np.array([p for group in groups for p in group])
    place = {p: i for i, p in enumerate(active.tolist())}
    n, at = len(active), np.cumsum([0, *map(len, groups)])
    kept: list[NDArray[Any]] = []
    step = max(_CELLS // (2 * (n + 1) * len(game.base)), 1)
    for start in range(0, pairs, step):
        one_way = rng.permuted(np.tile(np.arange(n), (min(step, pairs - start), 1)), axis=1)
        rank = np.concatenate([one_way, n - 1 - one_way])  # forwards and backwards
        gains = np.zeros((2, *rank.shape))
        rows = np.zeros((len(game.base), len(rank), n + 1))
        rows[:, :, 0] = game.base[:, None]
        for part in game.parts:
            _walk(part, place, rank, rows)
        values = game.value(rows.cumsum(2))
        for i, value in enumerate(values):
            with np.errstate(invalid="ignore"):
                gains[i] = np.take_along_axis(np.diff(value, axis=1), rank, 1)
        kept.append((gains[:, : len(one_way)] + gains[:, len(one_way) :]) / 2)
    each = np.add.reduceat(np.concatenate(kept, axis=1), at[:-1], axis=2) / np.diff(at)
    out, se = np.zeros((2, len(game.players))), np.zeros(len(game.players))
    out[:, active] = np.repeat(each.mean(1), np.diff(at), axis=1)
    se[active] = np.repeat(each[0].std(0, ddof=1) / np.sqrt(pairs), np.diff(at))
    return (out if np.isfinite(out).all() else _undefined(out)), se


def _walk(part: Tells, place: Mapping[int, int], rank: NDArray[Any], rows: NDArray[Any]) -> None:
    """Add to `rows`, (R, orders, 1 + players), what the part changes at each step of each order."""
    mine = [i for i, p in enumerate(part.players.tolist()) if p in place]
    if not mine:
        return
    when = rank[:, [place[int(p)] for p in part.players[mine]]]
    mask = np.zeros((len(part.players), len(rank), len(mine) + 1), bool)
    mask[mine] = (when.argsort(1).argsort(1)[..., None] < np.arange(len(mine) + 1)).transpose(1, 0, 2)
    told = part.told(mask.reshape(len(part.players), -1)).reshape(len(rows), len(rank), -1)
    rows[:, np.arange(len(rank))[:, None], 1 + np.sort(when, 1)] += np.diff(told, axis=2)
