"""A forecast as a function of who is heard: what Shapley values are the values of.

Given the scenario, a root node of the tree with all below it is independent of the others: the
log likelihood of the scenarios is a sum over these subtrees, and each depends only on the
players that touch it. So a subtree is tabulated once for every set of its own players, and
a coalition costs a few look-ups.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forecast.attendance import bodies
from forecast.base_rate import Futures
from forecast.compiling import Compiled
from forecast.tree import Tree, collect, weigh
from forecast.updating import opened_by

TABLE = 12
"""Most players of a subtree that is tabulated: 2^12 states."""
_STEP = 2000  # states of other subtrees that are told at a time

Claims = list[tuple[bool, dict[int, float]]]
"""What is said of one event: for each origin, whether it denies, and each player's best phi."""


@dataclass(frozen=True, slots=True)
class Subtree:
    """A root node with all below it, and who speaks of its events.

    Parameters
    ----------
    tree : Tree
        Of its nodes and events only.
    theta : ndarray, shape (J,)
    players : ndarray of int, shape (M,)
        Those that touch it.
    claims : list of Claims
        For each of its events.
    attending : ndarray, shape (K, 2, S), or None
        Log likelihood of an actor's attendance, by the values of its nodes.
    held : ndarray of bool, shape (S,), or None
        With an actor, the scenarios that are rows.
    """

    tree: Tree
    theta: NDArray[Any]
    players: NDArray[Any]
    claims: list[Claims]
    attending: NDArray[Any] | None
    held: NDArray[Any] | None

    def log_likelihood(self, mask: NDArray[Any]) -> NDArray[Any]:
        """Logarithms of the game's rows, (R, N), for masks of the players, (M, N)."""
        log_lam = self._heard(mask)
        alone = collect(self.tree, self.theta[:, None], log_lam)[0]
        if self.held is None:
            return np.asarray(alone)
        joint = alone
        if self.attending is not None:
            joint = collect(self.tree, self.theta[:, None], log_lam, also=self.attending[..., None])[0]
        return np.concatenate([joint[self.held], alone[self.held]])

    def _heard(self, mask: NDArray[Any]) -> NDArray[Any]:
        """Log likelihood of what is heard of each event, (E, 2, N)."""
        place = {p: i for i, p in enumerate(self.players.tolist())}
        events, size = len(self.claims), mask.shape[1]
        phi = np.ones((2, events, size))
        for e, claims in enumerate(self.claims):
            for denies, best in claims:
                present = [np.where(mask[place[p]], x, 1.0) for p, x in best.items()]
                phi[int(denies), e] *= np.min(present, axis=0)
        each = replace(
            self.tree,
            event_chance=np.repeat(self.tree.event_chance, size, axis=0),
            fresh=np.repeat(self.tree.fresh, size),
            affirmed=phi[0].ravel(),
            denied=phi[1].ravel(),
        )
        return np.asarray(weigh(each, self.theta)).reshape(events, size, 2).transpose(0, 2, 1)


class Tells(Protocol):
    """Part of a game: what it adds to the logarithms of the rows, less what it adds without players.

    `players`, (M,), are those that touch it; `table`, (R, 2^M), is what it adds for all their
    sets, player i in where bit i is set, or None where they are too many; `told` is that for
    masks of them, (M, N).
    """

    @property
    def players(self) -> NDArray[Any]: ...
    @property
    def table(self) -> NDArray[Any] | None: ...
    def told(self, mask: NDArray[Any]) -> NDArray[Any]: ...


@dataclass(frozen=True, slots=True)
class Part:
    """What a subtree says for each set of its M players, less what it says without them.

    Parameters
    ----------
    subtree : Subtree
    start : ndarray, shape (R, 1)
        What it says without them.
    table : ndarray, shape (R, 2^M), or None
        For all sets, player i in where bit i is set; None where they are too many.
    """

    subtree: Subtree
    start: NDArray[Any]
    table: NDArray[Any] | None

    @property
    def players(self) -> NDArray[Any]:
        return self.subtree.players

    def told(self, mask: NDArray[Any]) -> NDArray[Any]:
        """For masks of its players, (M, N), logarithms of the rows, (R, N); 0 in row 0.

        What is the same for all rows is no evidence.
        """
        if self.table is not None:
            return self.table[:, (1 << np.arange(len(mask))) @ mask]
        chunks = [mask[:, i : i + _STEP] for i in range(0, mask.shape[1], _STEP)]
        out = np.concatenate([self.subtree.log_likelihood(m) for m in chunks], axis=1) - self.start
        return np.asarray(out - out[0])


@dataclass(frozen=True, slots=True)
class Game:
    """A probability as a function of who is heard: yes @ exp(rows) / (yes + no) @ exp(rows).

    Of the meeting, the R rows are the scenarios; of an actor, they are the held scenarios
    twice: with his attendance as a further likelihood, and without.

    Parameters
    ----------
    players : tuple of str
    parts : tuple of Tells
        Those that a player touches.
    base : ndarray, shape (R,)
        Logarithms of the rows if nobody is heard.
    yes, no : ndarray, shape (R,)
    """

    players: tuple[str, ...]
    parts: tuple[Tells, ...]
    base: NDArray[Any]
    yes: NDArray[Any]
    no: NDArray[Any]

    def told(self, mask: NDArray[Any]) -> NDArray[Any]:
        """Logarithms of the rows, (R, N), for masks of the players, (players, N)."""
        rows = np.repeat(self.base[:, None], mask.shape[1], axis=1)
        for part in self.parts:
            rows += part.told(mask[part.players])
        return rows

    def value(self, rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The probability, and its log odds in decibans, (...), of rows (R, ...)."""
        weight = np.exp(rows - rows.max(0))
        return shares(np.tensordot(self.yes, weight, 1), np.tensordot(self.no, weight, 1))


def shares(yes: NDArray[Any], no: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The share of `yes` in both, and its log odds in decibans."""
    no = np.maximum(no, 0.0)  # of an actor it is a difference
    with np.errstate(divide="ignore", invalid="ignore"):
        return yes / (yes + no), 10 * np.log10(yes / no)


def coalition_game(
    compiled: Compiled, root: Futures, as_of: dt.date, deadline: dt.date | None, by: str, of: str | None
) -> Game:
    """P(held by the deadline), or P(the actor `of` attends | ever held), by who is heard.

    Parameters
    ----------
    by : str
        Who the players are: event, indicator, source or origin.
    """
    names, claims = _claims(compiled, by)
    tree, held = compiled.tree, root.held
    if of is None:
        assert deadline is not None
        attending, rows = None, None
        base, yes = root.log_root, opened_by(root, as_of, [deadline])[:, 0]
        no = 1 - yes
    else:
        attending, rows = _attending(compiled, of), held
        base = np.tile(root.log_root[held], 2)
        yes, no = (np.repeat(x, held.sum()) for x in ([1.0, 0.0], [-1.0, 1.0]))
        if not attending.any():  # he attends whenever it is held
            no = np.zeros_like(no)
    parts: list[Tells] = []
    for nodes in _subtrees(tree):
        events = np.flatnonzero(tree.event_node[nodes].any(0))
        said = [claims[e] for e in events]
        players = np.array(sorted({p for c in said for _, best in c for p in best}), int)
        also = None if attending is None else attending[nodes]
        sub = Subtree(_cut(tree, nodes, events), compiled.theta, players, said, also, rows)
        start = sub.log_likelihood(np.zeros((len(players), 1), bool))
        base = base + start[:, 0]
        if len(players):
            part = Part(sub, start, None)
            small = len(players) <= TABLE
            parts.append(replace(part, table=part.told(all_sets(len(players)))) if small else part)
    return Game(names, tuple(parts), base, yes, no)


def _claims(compiled: Compiled, by: str) -> tuple[tuple[str, ...], list[Claims]]:
    """The players, and what each says of each event."""
    case, events = compiled.case, {e.id: e for e in compiled.case.events}
    found: dict[str, int] = {}
    out: list[Claims] = []
    for name, node in zip(compiled.events, compiled.bears_on, strict=True):
        whole = {"event": name, "indicator": node}.get(by)
        if name not in events:
            # silence is heard as a denial that cannot be wrong
            out.append([(True, {found.setdefault(whole or f"silence: {name}", len(found)): 0.0})])
            continue
        heard: dict[tuple[bool, str], dict[int, float]] = {}
        for report in events[name].reports:
            source = report.source if isinstance(report.source, str) else report.source.name
            who = whole or (source if by == "source" else case.origin(report))
            player = found.setdefault(who, len(found))
            best = heard.setdefault((report.denies, case.origin(report)), {})
            best[player] = min(best.get(player, 1.0), case.phi(report))
        out.append([(denies, best) for (denies, _), best in heard.items()])
    return tuple(found), out


def _attending(compiled: Compiled, actor: str) -> NDArray[Any]:
    """Log P(he and the bodies he comes with attend | stances, s), by node, (K, 2, S)."""
    ids = [a.id for a in compiled.case.actors]
    attends = dict(zip(ids, compiled.attendance(compiled.theta), strict=True))
    out = np.zeros(compiled.tree.chance.shape)
    for body in bodies(compiled.case, actor):
        out[compiled.nodes.index(body)] += np.log(attends[body])
    return out


def _subtrees(tree: Tree) -> Iterator[NDArray[Any]]:
    """The nodes of each subtree, in the tree's order."""
    top = np.arange(len(tree.parent))
    for level in tree.levels[-2::-1]:  # from the roots down
        top[level] = top[tree.parent[level]]
    for root in np.flatnonzero(tree.parent < 0):
        yield np.flatnonzero(top == root)


def _cut(tree: Tree, nodes: NDArray[Any], events: NDArray[Any]) -> Tree:
    """The tree of some nodes, with all below them, and of the events on them."""
    inside = [nodes[(nodes >= x.start) & (nodes < x.stop)] for x in tree.levels]
    local = [own - x.start for own, x in zip(inside, tree.levels, strict=True)]
    ends = np.cumsum([0, *map(len, inside)]).tolist()
    kept = [i for i, own in enumerate(inside) if len(own)]
    place = np.full(len(tree.parent) + 1, -1)  # the last for the parent of roots
    place[nodes] = np.arange(len(nodes))
    return Tree(
        levels=tuple(slice(ends[i], ends[i + 1]) for i in kept),
        links=tuple(tree.links[i][np.ix_(local[i + 1], local[i])] for i in kept[:-1]),
        parent=place[tree.parent[nodes]],
        chance=tree.chance[nodes],
        event_node=tree.event_node[np.ix_(nodes, events)],
        event_chance=tree.event_chance[events],
        denied=tree.denied[events],
        affirmed=tree.affirmed[events],
        fresh=tree.fresh[events],
    )


def all_sets(size: int) -> NDArray[Any]:
    """Masks of all sets, (size, 2^size); player i is in where bit i is set."""
    return (np.arange(1 << size) >> np.arange(size)[:, None] & 1).astype(bool)
