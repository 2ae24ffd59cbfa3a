"""From a case, as known on a date, to the arrays of its tree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.case import Case
from forecast.judgement import Judgement, means
from forecast.parts import Announcement, Event, pick
from forecast.tree import Tree

CERTAIN, NEVER = -1, -2
"""Places, after the judgements, of a probability that is one, or none."""
_NONE = 1e-300  # the twin takes its logarithm


@dataclass(frozen=True)
class Compiled:
    """A case as known on a date, in arrays.

    Parameters
    ----------
    case : Case
        Without what was published later.
    tree : Tree
    judgements : tuple of Judgement
        Those that the tree refers to, J of them.
    labels : tuple of str
        Where each stands in the case, such as `khatib: willing.otherwise`.
    theta : ndarray, shape (J,)
        Their means.
    nodes : tuple of str
        Ids of indicators and actors, in the order of the tree.
    events : tuple of str
        Ids of events and of watches whose day has passed in silence.
    attends : ndarray of int, shape (A, 2, S)
        Which judgement is P(attends | stance, s); `CERTAIN` for a required actor, and for one
        whose attendance is learned, whose stance is that he comes.
    """

    case: Case
    tree: Tree
    judgements: tuple[Judgement, ...]
    labels: tuple[str, ...]
    theta: NDArray[Any]
    nodes: tuple[str, ...]
    events: tuple[str, ...]
    attends: NDArray[Any]

    @property
    def bears_on(self) -> tuple[str, ...]:
        """Id of the indicator or actor that each of the events speaks of."""
        at = self.tree.event_node.argmax(0) if self.events else ()
        return tuple(self.nodes[k] for k in at)

    def attendance(self, theta: Any, xp: Any = np) -> Any:
        """P(attends | stance, s, its body attends), shape (A, 2, S, ...)."""
        certain = xp.ones((1, *theta.shape[1:]))
        return xp.concatenate([theta, certain * _NONE, certain])[self.attends]


def compile_case(
    case: Case,
    as_of: dt.date,
    without: Collection[str] = (),
    assume: Mapping[str, bool] | None = None,
) -> Compiled:
    """Compile a case for a date.

    Parameters
    ----------
    case : Case
    as_of : date
        Reports published later do not exist.
    without : collection of str
        Events, watches and announcements to leave out.
    assume : mapping of str to bool
        Events or watches taken as having happened or not, whatever the reports say.

    Raises
    ------
    ValueError
        If an id is no event or watch of the case, or the date is out of its range.
    """
    q = case.question
    assume = dict(assume or {})
    if type(as_of) is not dt.date:
        raise ValueError(f"as_of: {as_of!r} is no day; expected a datetime.date")
    for name, value in assume.items():
        if not isinstance(value, bool | np.bool_):
            raise ValueError(f"assume: {name}: {value!r} is neither true nor false")
    if not q.proposed <= as_of < q.horizon:
        raise ValueError(f"as_of: {as_of} is not from {q.proposed} (proposed) to the day before "
                         f"{q.horizon} (horizon)")  # fmt: skip
    known = case.as_known(as_of)
    _check_ids(case, known, without, assume)
    if any(a.id in without for a in known.announcements):
        heard = tuple(a for a in known.announcements if a.id not in without)
        known = known.model_copy(update={"announcements": heard})
    judgements: list[Judgement] = []
    labels: list[str] = []
    number: dict[str, int] = {}

    def index(judgement: Judgement, label: str) -> int:
        if label not in number:
            number[label] = len(judgements)
            judgements.append(judgement)
            labels.append(label)
        return number[label]

    def by_scenario(owner: str, key: str, table: Mapping[str, Judgement]) -> list[int]:
        row = []
        for s in case.scenarios:
            chosen = pick(table, s)
            if chosen is None:  # attendance under a scenario without a meeting: never asked
                row.append(-1)
                continue
            name = next(k for k, v in table.items() if v is chosen)
            row.append(index(chosen, f"{owner}: {key}" + (f".{name}" if len(table) > 1 else "")))
        return row

    nodes, parts = _by_depth(case)
    place = {name: k for k, name in enumerate(nodes)}
    chance = np.zeros((len(nodes), 2, len(case.scenarios)), int)
    for name, k in place.items():
        part, key = parts[name], "willing" if name in {a.id for a in case.actors} else "chance"
        if getattr(part, "attends_like", None):
            # learned, and fixed at its mean: actors who come alike share one number
            rate = case.in_history(part)
            chance[k] = index(Judgement(rate, rate), f"in history: {part.attends_like}")
            continue
        keys = (f"{key} if false", f"{key} if true") if part.given else (key, key)
        chance[k] = [by_scenario(name, *kt) for kt in zip(keys, part.tables, strict=True)]
    attends = np.full((len(case.actors), 2, len(case.scenarios)), CERTAIN)
    for a, actor in enumerate(case.actors):
        if actor.attends_like:
            attends[a, 0] = NEVER
        if actor.attends_if_willing and actor.attends_if_unwilling:
            attends[a, 0] = by_scenario(actor.id, "attends if unwilling", actor.attends_if_unwilling)
            attends[a, 1] = by_scenario(actor.id, "attends if willing", actor.attends_if_willing)

    rows = _evidence(known, as_of, without, assume)
    event_node = np.zeros((len(nodes), len(rows)))
    event_chance = np.zeros((len(rows), 2), int)
    for e, row in enumerate(rows):
        k = place[row.node]
        event_node[k, e] = 1
        event_chance[e] = [index(j, f"{row.id}: {z}") for j, z in
                           zip(row.chance, ("if false", "if true"), strict=True)]  # fmt: skip

    depth = _depths(parts)
    levels = [[k for k, n in enumerate(nodes) if depth[n] == d]
              for d in range(max(depth.values(), default=-1), -1, -1)]  # fmt: skip
    parent = np.array([place.get(parts[n].given, -1) for n in nodes], int)
    links = tuple(
        (np.array(above)[:, None] == parent[level]).astype(float) for level, above in pairwise(levels)
    )
    tree = Tree(
        levels=tuple(slice(x[0], x[-1] + 1) for x in levels),
        links=links,
        parent=parent,
        chance=chance,
        event_node=event_node,
        event_chance=event_chance,
        denied=np.array([r.denied for r in rows]),
        affirmed=np.array([r.affirmed for r in rows]),
        fresh=np.ones(len(rows)),
    )
    return aged(Compiled(known, tree, tuple(judgements), tuple(labels), means(judgements),
                         nodes, tuple(r.id for r in rows), attends), as_of)  # fmt: skip


def aged(compiled: Compiled, as_of: dt.date) -> Compiled:
    """The same, read on another day on which nothing else is known: evidence has aged."""
    case = compiled.case
    life = {i.id: i.half_life for i in case.indicators if i.half_life}
    days = {w.id: w.by for w in case.watch} | {e.id: e.date[1] for e in case.events}
    fresh = np.array([
        0.5 ** (max((as_of - days[e]).days, 0) / life[node]) if node in life else 1.0
        for e, node in zip(compiled.events, compiled.bears_on, strict=True)
    ])  # fmt: skip
    question = case.question.model_copy(update={"as_of": as_of})
    return replace(
        compiled,
        case=case.model_copy(update={"question": question}),
        tree=replace(compiled.tree, fresh=fresh),
    )


@dataclass(frozen=True)
class _Row:
    """One line of evidence: `denied` and `affirmed` are what P(e|z) and 1 - P(e|z) are
    multiplied with, so silence is (0, 1), an event taken as certain (1, 0).
    """

    id: str
    node: str
    chance: tuple[Judgement, Judgement]
    denied: float
    affirmed: float


def _evidence(
    case: Case, as_of: dt.date, without: Collection[str], assume: Mapping[str, bool]
) -> list[_Row]:
    certain = {True: (1.0, 0.0), False: (0.0, 1.0)}
    rows = []
    for event in case.events:
        if event.id in without:
            continue
        node = case.node_of(event)
        assert node is not None  # rules.answers_agree
        factors = certain[assume[event.id]] if event.id in assume else said(case, event)
        rows.append(_Row(event.id, node, case.likelihoods(event), *factors))
    answered = {e.answers for e in case.events if e.id not in without}
    for watch in case.watch:
        if watch.id in without or watch.bears_on is None:
            continue
        if watch.id in assume:
            rows = [r for r in rows if not _answers(case, r.id, watch.id)]
            factors = certain[assume[watch.id]]
        elif watch.by <= as_of and watch.id not in answered:
            factors = certain[False]
        else:
            continue
        rows.append(_Row(watch.id, watch.bears_on, case.likelihoods(watch), *factors))
    return rows


def said(case: Case, event: Event | Announcement) -> tuple[float, float]:
    """Products of phi over the origins that deny the event, and over those that affirm it.

    Several chains of one origin are one report, at the best of them.
    """
    best: dict[tuple[bool, str], float] = {}
    for report in event.reports:
        key = (report.denies, case.origin(report))
        best[key] = min(best.get(key, 1.0), case.phi(report))
    denied, affirmed = (
        float(np.prod([phi for (denies, _), phi in best.items() if denies == side]))
        for side in (True, False)
    )
    return denied, affirmed


def _answers(case: Case, event: str, watch: str) -> bool:
    return any(e.id == event and e.answers == watch for e in case.events)


def _check_ids(case: Case, known: Case, without: Collection[str], assume: Mapping[str, bool]) -> None:
    watches = {w.id: w for w in case.watch}
    told: tuple[Any, ...] = (*case.events, *case.announcements)
    for names, events in ((without, told), (assume, known.events)):
        for name in names:
            if name not in watches and name not in {e.id for e in events}:
                raise ValueError(f'no event or watch "{name}" in the case as known on '
                                 f"{known.question.as_of}")  # fmt: skip
            if name in watches and watches[name].announces:
                raise ValueError(f'the watch "{name}" would be an announcement: what it would do '
                                 "depends on the day it names; see forecast.watch_table")  # fmt: skip


def _by_depth(case: Case) -> tuple[tuple[str, ...], dict[str, Any]]:
    both: tuple[Any, ...] = (*case.indicators, *case.actors)
    parts = {p.id: p for p in both}
    depth = _depths(parts)
    return tuple(sorted(parts, key=lambda n: -depth[n])), parts


def _depths(parts: Mapping[str, Any]) -> dict[str, int]:
    depth: dict[str, int] = {}
    for name in parts:
        chain = [name]
        while (up := parts[chain[-1]].given) and up not in depth:
            chain.append(up)
        for n in reversed(chain):
            above = parts[n].given
            depth[n] = depth[above] + 1 if above else 0
    return depth
