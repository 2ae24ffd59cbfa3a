"""What moved a forecast: Shapley values of its events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.base_rate import futures
from forecast.case import Case
from forecast.compiling import Compiled, compile_case
from forecast.dependence import weigh_by
from forecast.tree import collect, weigh
from forecast.updating import opened_by

_BATCH = 500


def decibans(p: Any) -> Any:
    """Log odds of a probability in decibans, 10 log10(p / (1 - p))."""
    return 10 * np.log10(p / (1 - p))


def contributions(
    case: Case,
    as_of: dt.date | None = None,
    deadline: dt.date | None = None,
    pairs: int = 100,
    seed: int = 1,
) -> pd.DataFrame:
    """What each event and silence did to P(held by the deadline).

    Parameters
    ----------
    case : Case
    as_of : date, optional
    deadline : date, optional
        The headline's by default.
    pairs : int
        Random orders of the events, each taken forwards and backwards.
    seed : int

    Returns
    -------
    DataFrame
        Indexed by event: `bears_on`, `points` (Shapley value, in units of probability)
        with `points_se` (standard error of the sampled orders), `decibans`, and
        `left_out` (what the forecast gains by having it, all else kept; not additive).
        `points` add up to the forecast less the base rate; `decibans` to their log odds'
        difference. `attrs` holds `before`, `after` and `deadline`.
    """
    as_of = as_of or case.question.as_of
    deadline = deadline or case.headline
    compiled, held_by = _held_by(case, as_of, deadline)
    size = len(compiled.events)
    rng = np.random.default_rng(seed)
    orders = np.array([rng.permutation(size) for _ in range(pairs)]).reshape(pairs, size)
    gains = {"points": np.zeros((pairs, size)), "decibans": np.zeros((pairs, size))}
    both = np.stack([orders, orders[:, ::-1]], axis=1)
    for start in range(0, pairs, max(_BATCH // (size + 1), 1)):
        batch = both[start : start + max(_BATCH // (size + 1), 1)]
        rank = np.argsort(batch, axis=-1)
        # column k of an order: its first k events are in
        masks = rank[..., None] < np.arange(size + 1)
        p = held_by(masks.transpose(2, 0, 1, 3).reshape(size, 2 * len(batch) * (size + 1)).astype(float))
        p = p.reshape(*batch.shape[:2], size + 1)
        for name, value in (("points", p), ("decibans", decibans(p))):
            step = np.diff(value, axis=-1)
            gains[name][start : start + len(batch)] = np.take_along_axis(step, rank, -1).mean(1)
    everything = np.ones((size, 1 + size))
    everything[np.arange(size), 1 + np.arange(size)] = 0
    after, *each_left_out = held_by(everything)
    frame = pd.DataFrame(
        {
            "bears_on": compiled.bears_on,
            "points": gains["points"].mean(0),
            "points_se": gains["points"].std(0, ddof=1) / np.sqrt(pairs),
            "decibans": gains["decibans"].mean(0),
            "left_out": after - np.array(each_left_out),
        },
        index=pd.Index(compiled.events, name="event"),
    )
    before = float(held_by(np.zeros((size, 1)))[0])
    frame.attrs = {"before": before, "after": float(after), "deadline": str(deadline)}
    return frame


def _held_by(
    case: Case, as_of: dt.date, deadline: dt.date
) -> tuple[Compiled, Callable[[NDArray[Any]], NDArray[Any]]]:
    """P(held by the deadline) for masks of the events, shape (E, N) -> (N,)."""
    compiled = compile_case(case, as_of)
    root = futures(case, as_of)
    log_lam = weigh(compiled.tree, compiled.theta)[:, :, None]
    by = opened_by(root, as_of, [deadline])[:, 0]

    def held_by(mask: NDArray[Any]) -> NDArray[Any]:
        log_lik, _ = collect(compiled.tree, compiled.theta[:, None], log_lam * mask[:, None])
        return weigh_by(root, np.broadcast_to(log_lik, (len(by), mask.shape[1])), by)

    return compiled, held_by
