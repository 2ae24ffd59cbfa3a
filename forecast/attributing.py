"""How much each change between two versions of a case did: Shapley values, adding up to the whole.

Given the scenario, a root node with all below it is independent of the others, so each change
is worked out only where it bites: in the root of the tree, or in one subtree.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.base_rate import futures
from forecast.case import Case
from forecast.changes import Change, Pair
from forecast.coalitions import Game, all_sets
from forecast.compiling import compile_case
from forecast.shapley import MOST_COALITIONS, values
from forecast.tree import collect, weigh
from forecast.updating import opened_by

TABLE = 9
"""Most changes of a subtree that is tabulated: 2^9 versions of it."""
PAIRS = 100
"""Random orders, each taken forwards and backwards, where the changes are too many."""
_NONE = 1e-300

Array = NDArray[np.float64]


def attribute(
    pair: Pair, deadline: dt.date, pairs: int = PAIRS, seed: int = 1, most: int = MOST_COALITIONS
) -> pd.DataFrame:
    """What each change did to P(held by a day).

    Parameters
    ----------
    pair : Pair
        From `forecast.changes.compare`.
    deadline : date
        A day up to either horizon.
    pairs, seed : int
        Where orders are sampled: how many, and their seed.
    most : int
        Sets of changes up to which all are counted.

    Returns
    -------
    DataFrame
        A row for each change, the largest first: `kind`, `what`, `before`, `after`, `points`
        (Shapley value, in units of probability) and `points_se` (0 where exact). `points` add
        up to the difference. `attrs` holds `before`, `after`, `method` and `orders`.

    Notes
    -----
    A mixture has news of the later date on the earlier one: it is taken as heard by then. So the
    as-of date alone is the passing of time, with what ages or is silent by it apart.
    """
    game = _game(pair, deadline)
    size = len(pair.changes)
    gains, se, exact = values(game, pairs, seed, most)
    ends = game.value(game.told(np.repeat([[False, True]], size, axis=0)))[0]
    frame = pd.DataFrame(
        [(c.kind, c.what, c.before, c.after) for c in pair.changes],
        columns=["kind", "what", "before", "after"],
    ).assign(points=gains[0], points_se=se)
    order = np.argsort(-np.abs(gains[0]), kind="stable")
    frame = frame.iloc[order].reset_index(drop=True)
    frame.attrs = {
        "before": float(ends[0]), "after": float(ends[1]), "method": "exact" if exact else "sampled",
        "orders": 0 if exact else 2 * pairs,
    }  # fmt: skip
    return frame


@dataclass(frozen=True, slots=True)
class _Piece:
    """What the root, or a subtree, says for each set of the changes that touch it (R rows)."""

    players: NDArray[np.int_]
    says: Callable[[tuple[bool, ...]], Array]
    table: Array | None

    def told(self, mask: NDArray[np.bool_]) -> Array:
        if self.table is not None:
            return np.asarray(self.table[:, (1 << np.arange(len(mask))) @ mask])
        return _told(self.says, mask)


def _told(says: Callable[[tuple[bool, ...]], Array], mask: NDArray[np.bool_]) -> Array:
    """For masks (M, N), the rows (R, N) less those of nobody, 0 in the first."""
    some, where = np.unique(mask, axis=1, return_inverse=True)
    out = np.stack([says(tuple(m)) for m in some.T.tolist()], axis=1)
    out -= says((False,) * len(mask))[:, None]
    return np.asarray((out - out[0])[:, where.ravel()])


def _game(pair: Pair, deadline: dt.date) -> Game:
    """P(held by the day) as a function of the changes made: rows are opened by then, or not."""
    touched: dict[str, list[int]] = {"": []}
    for i, change in enumerate(pair.changes):
        for top in pair.touches(change):
            touched.setdefault(top, []).append(i)
    base = np.zeros(2 * len(pair.case.scenarios))
    pieces = []
    for top in sorted({"", *pair.top.values()}):
        players = touched.get(top, [])
        says = _remembered(pair, [pair.changes[i] for i in players], top, deadline)
        base = base + says((False,) * len(players))
        if players:
            small = len(players) <= TABLE
            table = _told(says, all_sets(len(players))) if small else None
            pieces.append(_Piece(np.array(players), says, table))
    yes = np.repeat([1.0, 0.0], len(pair.case.scenarios))
    return Game(tuple(c.what for c in pair.changes), tuple(pieces), base, yes, 1 - yes)


def _remembered(
    pair: Pair, changes: Sequence[Change], top: str, deadline: dt.date
) -> Callable[[tuple[bool, ...]], Array]:
    known: dict[tuple[bool, ...], Array] = {}

    def says(chosen: tuple[bool, ...]) -> Array:
        if chosen not in known:
            made = [c for c, is_in in zip(changes, chosen, strict=True) if is_in]
            case = pair.mixed(made, top)
            known[chosen] = _subtree(case) if top else _root(case, deadline)
        return known[chosen]

    return says


def _root(case: Case, deadline: dt.date) -> Array:
    """Log P(s, opens by the day) and log P(s, does not), (2S,)."""
    as_of = case.question.as_of
    root = futures(case, as_of)
    by = opened_by(root, as_of, [deadline])[:, 0]
    with np.errstate(divide="ignore"):
        return np.concatenate([root.log_root + np.log(np.maximum(x, _NONE)) for x in (by, 1 - by)])


def _subtree(case: Case) -> Array:
    """Log likelihood of what is told of the nodes, for either, (2S,)."""
    compiled = compile_case(case, case.question.as_of)
    told = collect(compiled.tree, compiled.theta, weigh(compiled.tree, compiled.theta))[0]
    return np.asarray(np.tile(told, 2))
