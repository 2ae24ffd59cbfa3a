"""The inputs of the panel "try your own view", and what each of them does alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.judgement import word_for
from forecast.labelling import judgement_words, names
from forecast.markup import (
    Html,
    counted,
    fold,
    h,
    join,
    long_date,
    percent,
    short,
    short_date,
    text,
    toned,
)
from forecast.parts import Watch
from forecast.summary import numbers as numbered
from forecast.summary import what_happened
from forecast.updating import Forecast
from forecast.watching import watch_table
from forecast.whatif import View, Views, WhatIf, ever_ends, see

SLIGHT = 1.0
"""Judgements that move the headline, and every actor, by less have no slider; in points."""
_FEW = 10


@dataclass(frozen=True)
class Effects:
    """What the rows show without a script: what each input does alone.

    `column` says which of the views `seen` is of a key: ("without", rows ...), ("seen", watch),
    ("not", watch), ("ever", end) or (label, end), the ends 0 and 1.
    """

    f: Forecast
    model: WhatIf
    groups: dict[str, list[str]]
    span: tuple[float, float] | None
    main: str
    column: dict[tuple[Any, ...], int]
    seen: Views
    headline: NDArray[Any]

    @staticmethod
    def of(f: Forecast, model: WhatIf) -> Effects:
        c, groups, span = model.compiled, _groups(f, model), ever_ends(model)
        views: dict[tuple[Any, ...], View] = {(): View()}
        for rows in groups.values():
            for some in (rows, *([e] for e in rows)):
                views["without", *some] = View(without=some)
        for w in _ahead(f):
            views["seen", w.id], views["not", w.id] = (View(assume={w.id: x}) for x in (True, False))
        for end, p in enumerate(span or ()):
            views["ever", end] = View(ever=p)
        for label, j in zip(c.labels, c.judgements, strict=True):
            if not j.certain:
                for end, p in enumerate((j.low, j.high)):
                    views[label, end] = View(judged={label: p})
        seen = see(model, list(views.values()))
        still = f.case.headline > f.as_of
        at = f.case.question.deadlines.index(f.case.headline)
        return Effects(f, model, groups, span, f"held.{at}" if still else "ever",
                      {key: n for n, key in enumerate(views)}, seen, seen.held[at] if still else seen.ever)  # fmt: skip

    def points(self, *key: Any) -> float:
        """What a view does to the headline, in percentage points."""
        return float(100 * (self.headline[self.column[key]] - self.headline[0]))

    def of_actors(self, *key: Any) -> NDArray[Any]:
        """What a view does to each actor, if it is held, in percentage points."""
        return np.asarray(100 * (self.seen.actors[:, self.column[key]] - self.seen.actors[:, 0]))


def _ahead(f: Forecast) -> list[Watch]:
    """Watches that may be supposed: their day has not passed."""
    return [w for w in f.case.watch if not w.announces and w.by > f.as_of]


def _groups(f: Forecast, model: WhatIf) -> dict[str, list[str]]:
    """Events and silences by what they bear on, in the order of their numbers."""
    out: dict[str, list[str]] = defaultdict(list)
    ids, c = numbered(f), model.compiled
    about = dict(zip(c.events, c.bears_on, strict=True))
    for e in sorted((*c.events[: model.known], *model.due), key=lambda e: ids.get(e, len(about) + 1)):
        out[about[e]].append(e)
    return out


def inputs(x: Effects) -> Html:
    """Reports to untick, watches to suppose, judgements to move."""
    return join((_reports(x), _watches(x), _judgements(x)))


def _table(caption: str, columns: Sequence[str], rows: Iterable[Html]) -> Html:
    head = join(h('<th scope="col"{}>{}</th>', Html(' class="n"' if i else ""), c)
                for i, c in enumerate(columns))  # fmt: skip
    return h('<table><caption class="unseen">{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
             caption, head, join(rows))  # fmt: skip


def _cells(*points: float) -> Html:
    return join(h('<td class="n">{}</td>', toned(p)) for p in points)


def _reports(x: Effects) -> Html:
    if not x.groups:
        return Html("")
    ids, what, called = numbered(x.f), what_happened(x.f), names(x.f.case)

    def row(name: str) -> Html:
        # a watch that was answered in time: left out with its answer, or silent without it
        note = (
            ""
            if name in ids
            else h("<small>counts only where no event that answers it is ticked</small>")
        )
        return h('<tr><th scope="row"><label><input type="checkbox" checked hidden data-row="{}"> <span class="no">{}</span>'
                 "<span><span data-name>{}</span>{}</span></label></th>{}</tr>", x.model.compiled.events.index(name),
                 ids.get(name, "–"), text(short(what[name], 150)), Html(note), _cells(x.points("without", name)))  # fmt: skip

    kinds = ("event or silence", "events and silences") if x.model.due else ("event", "events")
    folds, together = [], {node: x.points("without", *rows) for node, rows in x.groups.items()}
    button = Html('<p class="do"><button type="button" hidden data-do="none">Untick these</button></p>')
    for node in sorted(x.groups, key=lambda n: -abs(together[n])):
        rows = x.groups[node]
        summary = h('<span>{}</span> <span class="count" hidden>{} of {}</span> <span class="effect">{}</span>',
                    text(short(called[node], 110)), len(rows), len(rows), toned(together[node]))  # fmt: skip
        body = _table(
            f"What was reported of: {called[node]}", ("Reported", "If unticked"), map(row, rows)
        )
        folds.append(fold(summary, h("{}{}", button if len(rows) > 1 else Html(""), body)))
    return h("<h3>Untick what was reported</h3><p class=\"fine\">{}, by what they are signs of; beside each, what "
             "it does to untick them all.</p>{}",
             counted(sum(map(len, x.groups.values())), *kinds), join(folds))  # fmt: skip


def _watches(x: Effects) -> Html:
    table = watch_table(x.f.case, x.f.as_of)
    effects = {w.id: (x.points("seen", w.id), x.points("not", w.id)) for w in _ahead(x.f)}
    rows = []
    for w in sorted(_ahead(x.f), key=lambda w: -max(map(abs, effects[w.id]))):
        place, name = x.model.compiled.events.index(w.id), short(w.what, 150)
        buttons = join(
            h('<label><input type="radio" name="w{}" data-row="{}" value="{}"{}> {}</label>', place, place, value,
              Html("" if value else " checked"), says)
            for value, says in (("", "as it is"), ("seen", "seen"), ("not", "not seen"))
        )  # fmt: skip
        chance = f"chance {percent(table.chance[w.id])}" if w.id in table.index else "reported already"
        rows.append(h(
            '<tr><th scope="row"><span data-name>{}</span><small>by {} · {}</small>'
            '<span class="three" role="radiogroup" aria-label="{}" hidden>{}</span></th>{}</tr>',
            text(name), short_date(w.by, True), chance, name, buttons, _cells(*effects[w.id])))  # fmt: skip
    rows += _naming(x.f, table)
    if not rows:
        return Html("")
    columns = ("Watched event", "If seen", "If not")
    return h(
        "<h3>Suppose what may come</h3>{}", _table("What may come, and what it would do", columns, rows)
    )


def _naming(f: Forecast, table: pd.DataFrame) -> list[Html]:
    """Watches for an announcement: their own effect, and why they cannot be supposed here."""
    out = []
    for w in f.case.watch:
        if w.announces and w.id in table.index:
            now = float(table.attrs["now"])
            chance, seen, unseen = (float(table[k][w.id]) for k in ("chance", "if_seen", "if_not"))
            why = (f"by {short_date(w.by, True)} · chance {percent(chance)} · it would name an opening day: what that "
                   "does hangs on which day, and when, so it cannot be supposed here")  # fmt: skip
            cells = _cells(100 * (seen - now), 100 * (unseen - now))
            out.append(h('<tr><th scope="row">{}<small>{}</small></th>{}</tr>', text(short(str(table.what[w.id]), 150)), why, cells))  # fmt: skip
        elif w.announces and w.by > f.as_of and f.case.fit is None:
            why = f"by {short_date(w.by, True)} · it would name an opening day, for which this forecast has no weight yet"
            out.append(h('<tr><th scope="row">{}<small>{}</small></th><td></td><td></td></tr>', text(short(w.what, 150)), why))  # fmt: skip
    return out


@dataclass(frozen=True)
class _Move:
    """A judgement that a slider moves, and what its ends do."""

    at: str
    name: str
    of: str
    mean: float
    ends: tuple[float, ...]
    headline: Sequence[float]
    actor: int = -1
    theirs: Sequence[float] = ()

    @property
    def swing(self) -> float:
        return max(map(abs, self.headline), default=0.0)

    @property
    def their_swing(self) -> float:
        return max(map(abs, self.theirs), default=0.0)


def _moves(x: Effects) -> list[_Move]:
    c, said = x.model.compiled, judgement_words(x.f.case)
    asked_ = [i for i, a in enumerate(x.f.case.actors) if not a.required]
    out = []
    for j, (label, judgement) in enumerate(zip(c.labels, c.judgements, strict=True)):
        if judgement.certain:
            continue
        name, of = said(label)
        others = np.array([x.of_actors(label, end)[asked_] for end in (0, 1)])
        most = int(np.abs(others).max(0).argmax()) if asked_ else -1
        move = _Move(str(j), name, of, float(c.theta[j]), (judgement.low, judgement.high),
                     [x.points(label, end) for end in (0, 1)], asked_[most] if asked_ else -1,
                     others[:, most].tolist() if asked_ else ())  # fmt: skip
        if max(move.swing, move.their_swing) >= SLIGHT:
            out.append(move)
    return out


def _judgements(x: Effects) -> Html:
    moves, columns = _moves(x), ("Judgement", "Low end", "High end")
    first = sorted((m for m in moves if m.swing >= SLIGHT), key=lambda m: -m.swing)
    if 0 < x.model.before < 1:
        of = f"before any report, by {long_date(x.f.case.question.horizon)}; as of the day, and with what is known of dates"
        ends = x.span or ()
        first.insert(0, _Move("ever", "It is ever held", of, x.model.before, ends,
                              [x.points("ever", end) for end in range(len(ends))]))  # fmt: skip
    if not first and not moves:
        return Html("")
    caption = "Judgements, and what each does to the chance that it opens"
    parts = [_table(caption, columns, (_slider(m, m.headline) for m in first[: _FEW + 1]))]
    if more := first[_FEW + 1 :]:
        parts.append(fold(h("<span>{} more that move it by a point or more</span>", len(more)),
                          _table(caption, columns, (_slider(m, m.headline) for m in more))))  # fmt: skip
    theirs: dict[int, list[_Move]] = defaultdict(list)
    for m in sorted((m for m in moves if m.swing < SLIGHT), key=lambda m: -m.their_swing):
        theirs[m.actor].append(m)
    if theirs:
        parts.append(h('<h4>Who takes part</h4><p class="fine">Judgements that move this more than the meeting: their numbers '
                       "are points of the chance that the one named takes part, if it is held.</p>"))  # fmt: skip
    for actor, some in theirs.items():
        name = x.f.case.actors[actor].name
        caption = f"Judgements, and what each does to whether {name} takes part"
        parts.append(fold(h("<span>{}: {}</span>", text(name), counted(len(some), "judgement")),
                          _table(caption, columns, (_slider(m, m.theirs) for m in some))))  # fmt: skip
    return h('<h3>Judge otherwise</h3><p class="fine">What moves the chance that it opens, or who takes part, by a point or '
             "more; beside each, what it does at the 5\u00a0% and at the 95\u00a0% point of its interval. Without a slider: the times to open, "
             "and what is judged once for a kind of event and moves all its events together.</p>{}", join(parts))  # fmt: skip


def _slider(m: _Move, points: Sequence[float]) -> Html:
    value = min(max(round(m.mean, 2), 0.01), 0.99)
    cells = join(h('<td class="n">{}<small>at {}</small></td>', toned(p), percent(e))
                 for p, e in zip(points, m.ends, strict=True))  # fmt: skip
    return h(
        '<tr><th scope="row"><label><span data-name>{}</span><small>{}</small><input type="range" hidden '
        'value="{}" data-at="{}"></label><output>{}, {}</output></th>{}</tr>',
        text(m.name), text(m.of), f"{value:.2f}", m.at, percent(value), word_for(value),
        cells or Html('<td class="n"></td><td class="n"></td>'),
    )  # fmt: skip
