"""What a forecast would be under another view: reports left out, events supposed, other judgements.

The same pass of the tree as `forecast.update`, for many views at once; and the compiled
numbers from which `templates/forecast/panel.js` makes that pass in the page. Nothing in
it is causal: it says what this model would conclude, not what would bring it about.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast import attendance
from forecast.base_rate import Futures, futures
from forecast.case import Case
from forecast.compiling import Compiled, compile_case
from forecast.judgement import WORDS
from forecast.tree import collect, marginals, weigh
from forecast.updating import RANGE, Posterior, actor_chances, opened_by, weighted_quantiles

_DRAWS = 1000


@dataclass(frozen=True)
class View:
    """How somebody's view differs from the forecast.

    Parameters
    ----------
    without : collection of str
        Events and watches left out, as in `forecast.update`.
    assume : mapping of str to bool
        Watches taken as seen, or not, as in `forecast.update`; not those that announce.
    judged : mapping of str to float
        A number in (0, 1) in place of the mean of the judgement with that label.
    ever : float, optional
        P(ever held) before any report, in (0, 1): the odds of the held scenarios are
        scaled together, and so are those of the others.
    """

    without: Collection[str] = ()
    assume: Mapping[str, bool] = field(default_factory=dict)
    judged: Mapping[str, float] = field(default_factory=dict)
    ever: float | None = None


@dataclass(frozen=True)
class Views:
    """The answers to N views: P(held by each deadline), (L, N); P(ever held), (N,);
    P(s), (S, N); P(attends | ever held), (A, N).
    """

    held: NDArray[Any]
    ever: NDArray[Any]
    scenarios: NDArray[Any]
    actors: NDArray[Any]


@dataclass(frozen=True)
class WhatIf:
    """A case as known on a date, so compiled that each of its inputs can be changed.

    Parameters
    ----------
    compiled : Compiled
        With a row for each known event, then one for each watch that does not announce.
    root : Futures
    known : int
        Number of rows that are events.
    answers : ndarray of int, shape (known,)
        Row of the watch that each event answers; -1 for none.
    past : ndarray of bool, shape (rows - known,)
        Whether the day of each watch has passed, so that silence counts.
    """

    compiled: Compiled
    root: Futures
    known: int
    answers: NDArray[Any]
    past: NDArray[Any]

    @property
    def before(self) -> float:
        """P(ever held) before any report, as of the date."""
        return float(np.exp(self.root.log_root)[self.root.held].sum())

    @property
    def due(self) -> tuple[str, ...]:
        """Watches whose day has passed: silent, unless an event answers them."""
        return tuple(
            w for w, past in zip(self.compiled.events[self.known :], self.past, strict=True) if past
        )


def whatif(case: Case, as_of: dt.date | None = None) -> WhatIf:
    """Compile a case for views of it.

    Parameters
    ----------
    case : Case
    as_of : date, optional
        The last day whose news counts; the case's own by default.
    """
    as_of = as_of or case.question.as_of
    told = [w for w in case.watch if not w.announces]
    now = compile_case(case, as_of)
    # a second time with every watch taken as not seen: its row, its age and its judgements
    then = compile_case(case, as_of, assume=dict.fromkeys((w.id for w in told), False))
    events = [i for i, e in enumerate(now.events) if e not in {w.id for w in told}]
    watches = [then.events.index(w.id) for w in told]
    labels, judgements, theta = list(now.labels), list(now.judgements), list(now.theta)
    chance = np.empty((len(watches), 2), int)
    for row, e in enumerate(watches):
        for z, j in enumerate(then.tree.event_chance[e]):
            if then.labels[j] not in labels:
                labels.append(then.labels[j])
                judgements.append(then.judgements[j])
                theta.append(then.theta[j])
            chance[row, z] = labels.index(then.labels[j])
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(now.tree, name)[events], getattr(then.tree, name)[watches]])
        for name in ("denied", "affirmed", "fresh")
    }
    tree = replace(
        now.tree,
        event_node=np.hstack([now.tree.event_node[:, events], then.tree.event_node[:, watches]]),
        event_chance=np.concatenate([now.tree.event_chance[events], chance]),
        **joined,
    )
    rows = (*(now.events[i] for i in events), *(w.id for w in told))
    compiled = replace(
        now,
        tree=tree,
        labels=tuple(labels),
        judgements=tuple(judgements),
        theta=np.array(theta),
        events=rows,
    )
    answers = {e.id: e.answers for e in compiled.case.events}
    return WhatIf(
        compiled,
        futures(compiled.case, as_of),
        len(events),
        np.array([rows.index(a) if (a := answers[e]) else -1 for e in rows[: len(events)]], int),
        np.array([w.by <= as_of for w in told], bool),
    )


def see(model: WhatIf, views: Sequence[View]) -> Views:
    """The exact answers to views, all in one pass.

    Raises
    ------
    ValueError
        If a view names what the case has not.
    """
    compiled, root = model.compiled, model.root
    place = {label: j for j, label in enumerate(compiled.labels)}
    theta = np.repeat(compiled.theta[:, None], len(views), axis=1)
    log_root = np.repeat(root.log_root[:, None], len(views), axis=1)
    told, seen = (np.zeros((len(compiled.events), len(views))) for _ in range(2))
    usual = _heard(model, View())
    for n, view in enumerate(views):
        _check(model, view, place)
        for label, p in view.judged.items():
            theta[place[label], n] = p
        if view.ever is not None:
            log_root[:, n] += np.where(
                root.held, np.log(view.ever / model.before), np.log1p(-view.ever) - np.log1p(-model.before)
            )  # fmt: skip
        told[:, n], seen[:, n] = _heard(model, view) if view.without or view.assume else usual
    tree = compiled.tree
    as_seen = replace(tree, denied=np.ones(len(tree.denied)), affirmed=np.zeros(len(tree.denied)))
    log_lam = weigh(tree, theta) * told[:, None] + weigh(as_seen, theta) * seen[:, None]
    log_lik, chance = collect(tree, theta, log_lam)
    joint = log_root + log_lik
    evidence = np.logaddexp.reduce(joint)
    scenarios = np.exp(joint - evidence)
    posterior = Posterior(evidence, scenarios, chance, marginals(tree, chance))
    ever = scenarios[root.held].sum(0)
    attends = (actor_chances(compiled, theta, posterior) * scenarios)[:, root.held].sum(1)
    question = compiled.case.question
    by = opened_by(root, question.as_of, question.deadlines)
    given = np.divide(attends, ever, out=np.full_like(attends, np.nan), where=ever > 0)
    return Views(by.T @ scenarios, ever, scenarios, given)


def _check(model: WhatIf, view: View, place: Mapping[str, int]) -> None:
    rows = model.compiled.events
    for name in view.without:
        if name not in rows:
            raise ValueError(f'without: no event or watch "{name}" that is known and weighed')
    for name in view.assume:
        if name not in rows[model.known :]:
            raise ValueError(f'assume: no watch "{name}" that is weighed')
    for label in view.judged:
        if label not in place:
            raise ValueError(f'judged: no judgement "{label}"')
    for p in (*view.judged.values(), *([] if view.ever is None else [view.ever])):
        if not 0 < p < 1:
            raise ValueError(f"a probability lies between 0 and 1, both excluded: {p}")


def _heard(model: WhatIf, view: View) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each row, whether it counts as reported (a watch: as not seen), and whether as seen."""
    told, seen = (np.zeros(len(model.compiled.events), bool) for _ in range(2))
    rows = model.compiled.events
    kept = np.array([e not in view.without for e in rows], bool)
    answered = set(model.answers[kept[: model.known]])
    for row, name in enumerate(rows):
        if not kept[row]:
            continue
        if row < model.known:
            watch = model.answers[row]
            told[row] = watch < 0 or not kept[watch] or rows[watch] not in view.assume
        elif name in view.assume:
            (seen if view.assume[name] else told)[row] = True
        else:
            told[row] = model.past[row - model.known] and row not in answered
    return told, seen


def ever_ends(model: WhatIf) -> tuple[float, float] | None:
    """The 5 % and 95 % points of P(ever held) before any report; None if it is certain."""
    case = model.compiled.case
    drawn = futures(case, case.question.as_of, _DRAWS, np.random.default_rng(1)).draws
    total = np.exp(drawn).sum(0)
    ever = np.exp(drawn)[model.root.held].sum(0) / total
    # a draw under which it would have opened by now speaks the less
    low, high = weighted_quantiles(ever, total / total.sum(), RANGE)
    return (float(low), float(high)) if high - low > 1e-9 else None


def numbers(model: WhatIf) -> dict[str, Any]:
    """What the script of the panel computes from: plain numbers, and the words of the scale.

    Events are `[node, if false, if true, fresh, denied, affirmed, answers]`, watches
    `[node, if false, if true, fresh, past]`; judgements and nodes by their places, -1 is
    certain and -2 never.
    """
    c, case = model.compiled, model.compiled.case
    by = opened_by(model.root, case.question.as_of, case.question.deadlines)
    node = c.tree.event_node.argmax(0) if c.events else np.empty(0, int)
    required = {a.id for a in case.actors if a.required}
    place = {n: k for k, n in enumerate(c.nodes)}
    actor = {a.id: i for i, a in enumerate(case.actors)}
    rows = [
        [int(node[e]), *map(int, c.tree.event_chance[e]), float(c.tree.fresh[e])]
        for e in range(len(c.events))
    ]
    return {
        "root": np.exp(model.root.log_root).tolist(),
        "held": [int(x) for x in model.root.held],
        "by": by.tolist(),
        "theta": c.theta.tolist(),
        "parent": c.tree.parent.tolist(),
        "chance": c.tree.chance.tolist(),
        "events": [
            [*rows[e], float(c.tree.denied[e]), float(c.tree.affirmed[e]), int(model.answers[e])]
            for e in range(model.known)
        ],
        "watches": [[*row, int(p)] for row, p in zip(rows[model.known :], model.past, strict=True)],
        "attends": c.attends.tolist(),
        "place": [place[a.id] for a in case.actors],
        "needs": [
            [actor[b] for b in attendance.bodies(case, a.id) if b not in required] for a in case.actors
        ],
        "words": [[high, word] for word, (_, high) in WORDS.items()],
    }
