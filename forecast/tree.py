"""The model: scenario -> indicator -> event -> report, a tree, summed exactly.

With `s` the scenario, `z` a node (an indicator, or an actor's stance), `u` the node that
it is `given`, and `phi` the weight of a report (`forecast.judgement.GRADES`)::

    event e on node z   :  lam_e(z)   = P(e|z) prod_denying phi + (1 - P(e|z)) prod_affirming phi
    watch past its day  :  lam_w(z)   = 1 - P(w|z)
    node z under s (u)  :  lam_z(s,u) = sum_z P(z|s,u) prod_e lam_e(z) prod_children lam_child(s,z)
    posterior           :  P(s,t|reports) ~ prior(s,t) prod_roots lam_z(s) L(s,t)

`prior(s, t) L(s, t)`, the base rate and what announcements say of the opening day, is
made in `forecast.base_rate`; here it enters summed over `t`, for `t` meets the reports
only through `s`. A tree has no loops: one pass is `O(scenarios x (nodes + events))`.

The formulas are written once and run on NumPy and on PyTensor (`xp`). Arrays carry
node, value of the node or of its parent, scenario, and then any further axes: draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tree:
    """The shape of a case: K nodes, deepest level first, S scenarios, E events.

    Parameters
    ----------
    levels : tuple of slice
        The nodes of each depth, the deepest first, the roots last.
    links : tuple of ndarray
        For each level but the last, (nodes of the level above, its nodes): 1 at a parent.
    parent : ndarray of int, shape (K,)
        The node that each is `given`; -1 for roots.
    chance : ndarray of int, shape (K, 2, S)
        Which judgement is P(z true | u, s); the middle axis is u false, true.
    event_node : ndarray, shape (K, E)
        1 where the event bears on the node.
    event_chance : ndarray of int, shape (E, 2)
        Which judgement is P(e | z), z false, true.
    denied, affirmed : ndarray, shape (E,)
        Products of phi over the origins that deny, or affirm, the event.
    fresh : ndarray, shape (E,)
        Weight 2^(-age / half-life) that the event keeps today.
    """

    levels: tuple[slice, ...]
    links: tuple[NDArray[Any], ...]
    parent: NDArray[Any]
    chance: NDArray[Any]
    event_node: NDArray[Any]
    event_chance: NDArray[Any]
    denied: NDArray[Any]
    affirmed: NDArray[Any]
    fresh: NDArray[Any]


def weigh(tree: Tree, theta: Any, xp: Any = np) -> Any:
    """Log likelihood of each event's reports under its node's values, shape (E, 2, ...).

    Parameters
    ----------
    theta : array, shape (J, ...)
        The judgements: their means, draws of them, or a random vector of PyMC.
    """
    tail = (slice(None), *[None] * theta.ndim)
    p = theta[tree.event_chance]
    lam = p * tree.denied[tail] + (1 - p) * tree.affirmed[tail]
    fresh = tree.fresh[tail]
    return xp.log(fresh * lam + (1 - fresh) * (lam[:, :1] + lam[:, 1:]) / 2)


def collect(tree: Tree, theta: Any, log_lam: Any, xp: Any = np, also: Any = None) -> Any:
    """Gather the evidence from the leaves to the scenarios.

    Parameters
    ----------
    log_lam : array, shape (E, 2, ...)
        From `weigh`, or changed: a row of zeros is an event left out.
    also : array, shape (K, 2, S or 1, ...), optional
        A further log likelihood of every node's values, such as an attendance.

    Returns
    -------
    log_likelihood : array, shape (S, ...)
        log prod lam_z(s), the sum over all that is hidden.
    chance : array, shape (K, 2, S, ...)
        P(z true | u, s, reports).
    """
    p = theta[tree.chance]
    own = xp.tensordot(tree.event_node, log_lam, axes=[[1], [0]])[:, :, None]
    if also is not None:
        own = own + also
    lam, seen, message = p[:0], [], 0.0
    for i, level in enumerate(tree.levels):
        z = own[level] + message
        top = xp.maximum(z[:, :1], z[:, 1:])  # no overflow, however much has been seen
        if_true = p[level] * xp.exp(z[:, 1:] - top)
        both = (1 - p[level]) * xp.exp(z[:, :1] - top) + if_true
        lam = top + xp.log(both)
        seen.append(if_true / both)
        if i < len(tree.links):
            message = xp.tensordot(tree.links[i], lam, axes=[[1], [0]])
    return lam[:, 0].sum(0), xp.concatenate(seen) if seen else p


def marginals(tree: Tree, chance: Any, xp: Any = np) -> Any:
    """P(z true | s), shape (K, S, ...), from P(z true | u, s), shape (K, 2, S, ...)."""
    below: list[Any] = [chance[:0, 0]]
    for i, level in reversed(list(enumerate(tree.levels))):
        if i == len(tree.levels) - 1:
            up = chance[level, 0]
        else:
            q = up[tree.parent[level] - tree.levels[i + 1].start]
            up = chance[level, 0] * (1 - q) + chance[level, 1] * q
        below.insert(0, up)
    return xp.concatenate(below)


def expect(tree: Tree, chance: NDArray[Any], factor: NDArray[Any]) -> NDArray[Any]:
    """E[prod_z factor_z(z) | s] over the nodes' joint distribution, shape (S, ...).

    Parameters
    ----------
    chance : ndarray, shape (K, 2, S, ...)
        P(z true | u, s), before or after the reports.
    factor : ndarray, shape (K, 2, S, ..., ...)
        What each node contributes if false and if true, with the axes of `chance` and
        any of its own; may be complex.
    """
    factor = factor.copy()
    p = chance[(...,) + (None,) * (factor.ndim - chance.ndim)]
    value = factor[:0]
    for i, level in enumerate(tree.levels):
        value = (1 - p[level]) * factor[level, :1] + p[level] * factor[level, 1:]
        if i < len(tree.links):
            np.multiply.at(factor, tree.parent[level], value)
    return np.asarray(value[:, 0].prod(0))
