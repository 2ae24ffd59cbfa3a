"""Who takes part: each actor, how many, and who together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr

from forecast import attendance, svg, tables
from forecast.judgement import word_for
from forecast.labelling import like_history
from forecast.markup import (
    NBSP,
    Column,
    Html,
    Section,
    counted,
    figure,
    fold,
    h,
    inside,
    join,
    long_date,
    percent,
    role_words,
    row_span,
    short,
    short_date,
    table,
    text,
    whole,
)
from forecast.parts import Actor
from forecast.updating import Forecast

_PAIRS = 24  # of which the table tells
_SLIGHT = 0.005  # a correlation below it is shown as none
_PLAIN = 0.05  # no map where no correlation is as large
_SCALE = 0.5  # the correlation of the full colour, if none is larger
_FULL = 0.45  # opacity of the strongest: a number has to stay readable on it
_NEVER = Html("<p>It cannot be held any more: nothing can be said of who would come.</p>")
_HISTORY = Html(
    "<p>In history: of the parties of that role that were invited to talks which were held, as learned from the "
    "reference class. It stands for comparison; it enters only where a case names it instead of a judgement. * No refusal is on record: the number rests on the prior.</p>"
)


def actors(f: Forecast) -> Section:
    """Each actor: if it is held, and overall."""
    if not f.ever.probability > 0:
        return Section("actors", "Who takes part", _NEVER)
    case, day = f.case, f.case.headline
    names = {a.id: a.name for a in case.actors}
    frame = tables.table(f, "actors")
    by = f.actors.by.sel(deadline=pd.Timestamp(day)).values
    silent = case.fit.diagnostics.get("without_refusals", ()) if case.fit else ()

    def past(a: Actor) -> tuple[str, ...]:
        rate = case.in_history(a)
        star = "*" if (a.attends_like or a.role) in silent else ""
        return () if not case.fit else ("",) if rate != rate else (f"{percent(rate)}{star}",)

    rows = []
    for a, (_, r), overall in zip(case.actors, frame.iterrows(), by, strict=True):
        notes = [] if not a.role else [role_words(a.role)]
        if a.part_of:
            notes.append(f"only with {inside(names[a.part_of])}")
        if a.attends_like:
            notes.append(like_history(case, a))
        if a.attends_if:
            notes.append(f"counts if {a.attends_if}")
        small = h("<small>{}</small>", text("; ".join(notes))) if notes else ""
        name = h("{}{}", text(a.name), Html(small))
        if a.required:
            picture = svg.strip([("ring", overall)], f"{a.name}: required; overall {percent(overall)}")
            rows.append((name, picture, "required", "", "", "", *past(a), percent(overall)))
            continue
        marks: list[svg.Mark] = [("range", r["low"], r["high"])] if "low" in r else []
        marks += [("tick", r["prior"]), ("ring", overall), ("dot", r["given_held"], "accent")]
        label = (f"{a.name}: {percent(r['given_held'])} if it is held, input range "
                 f"{row_span(r) or 'none'}, base rate {percent(r['prior'])}, overall {percent(overall)}")  # fmt: skip
        rows.append((name, svg.strip(marks, label), percent(r["given_held"]), word_for(r["given_held"]),
                     row_span(r), percent(r["prior"]), *past(a), percent(overall)))  # fmt: skip
    if not rows:
        return Section("actors", "Who takes part", Html("<p>The case asks about no actor.</p>"))
    horizon = case.question.horizon
    columns = [Column("Actor"), Column(svg.axis(), "pic"), Column(f"If held by {short_date(horizon, True)}", "n"),
               Column("In words", "w"), Column("Input range", "n"), Column("Base rate", "n"),
               *([Column("In history", "n")] if case.fit else []),
               Column(f"Opens by {short_date(day, True)}, and takes part", "n")]  # fmt: skip
    body = h(
        "{}"
        '<p class="key"><span class="k dot"></span> if it is ever held, with input range '
        '<span class="k ring"></span> overall: it opens by {} and the actor takes part '
        '<span class="k tick"></span> base rate: if it is held, without any report</p>'
        "<p>Takes part: {}.{}</p>{}",
        table(f"The chance that each takes part: if it is held, be it by {long_date(horizon)}; and overall, by "
              f"{long_date(day)}", columns, rows, kind="cards people"),
        long_date(day), text(case.question.attends_if.removesuffix(".")),
        " Without a required actor the meeting would not be this meeting." if any(a.required for a in case.actors)
        else "", _HISTORY if case.fit else "",
    )  # fmt: skip
    return Section("actors", "Who takes part", body,
                   f"The first number supposes that the meeting is ever held, by {long_date(horizon)}. The last is the "
                   f"chance that it opens by {long_date(day)} and the actor takes part. The days differ: do not "
                   "multiply the first by the headline.")  # fmt: skip


def together(f: Forecast) -> Section:
    """How many of the opposition, or of all, come, and who comes together."""
    group = attendance.opposition(f.case)
    if not f.ever.probability > 0:
        return Section("together", "Who comes together", _NEVER)
    if not group:
        return Section("together", "Who comes together", Html("<p>The case asks about no actor.</p>"))
    body = h("{}{}{}", _count(f, group) if len(group) > 1 else Html(""), _partition(f), _dependence(f))
    return Section("together", "Who comes together", body,
                   "Actors share scenarios, so their choices go together: these numbers are exact "
                   "joint ones, not products.")  # fmt: skip


def _count(f: Forecast, group: Sequence[Actor]) -> Html:
    """How many of several come."""
    number = f.count()
    p = number.values / number.values.sum()
    mean = float((number.number.values * p).sum())
    shown = tables.rounded([float(x) for x in p])
    rows = [
        (h("{} of {}", n, len(group)), svg.strip([("bar", 0, x, "accent")], f"{n} of {len(group)}: {whole(k)}"),
         whole(k))
        for n, (x, k) in enumerate(zip(p, shown, strict=True))
    ]  # fmt: skip
    columns = [Column("They come"), Column(svg.axis(), "pic"), Column("Chance", "n")]
    return h(
        "<p>If it is held, <b>{}</b> of {} are expected: {}. The chance that at least two come is <b>{}</b>.</p>{}",
        f"{mean:.1f}", counted(len(group), *_kind(group)), join((text(inside(a.name)) for a in group), "; "),
        whole(sum(shown[2:])),
        table(f"How many of them come, if it is held; the rows add up to 100{NBSP}%", columns, rows,
              ("All", "", f"100{NBSP}%"), "cards"),
    )  # fmt: skip


def _kind(group: Sequence[Actor]) -> tuple[str, str]:
    """What the counted actors are called, one and many."""
    if any(a.role in attendance.OPPOSITION for a in group):
        return "opposition figure or body", "opposition figures and bodies"
    return "actor", "actors"


def partition(f: Forecast) -> list[tuple[str, int]]:
    """Not held, and held with both, one or neither of the two least certain actors.

    Whole per cents by the horizon that add up to 100, and, but for the first, to P(ever held).
    """
    ever = tables.in_hundred(float(f.ever.probability))
    names = {a.id: inside(a.name) for a in f.case.actors}
    (_, _), *lines = attendance.partition(f)
    said = [_said([(names[a], comes) for a, comes in (who or {}).items()]) for who, _ in lines]
    shares = tables.rounded([p for _, p in lines], ever)
    return [("Not held", 100 - ever), *zip(said, shares, strict=True)]


def _said(who: list[tuple[str, bool]]) -> str:
    """Held, and who of two at most comes."""
    if len(who) < 2:
        return " ".join(["Held", *(f"{'with' if comes else 'without'} {name}" for name, comes in who)])
    (one, first), (other, second) = who
    if first == second:
        return f"Held with {'both' if first else 'neither'} {one} {'and' if first else 'nor'} {other}"
    return f"Held with {one if first else other}, without {other if first else one}"


def _partition(f: Forecast) -> Html:
    parts = partition(f)
    rows = [
        (text(name), svg.strip([("bar", 0, n / 100, "accent" if i else "neutral")], f"{name}: {whole(n)}"), whole(n))
        for i, (name, n) in enumerate(parts)
    ]  # fmt: skip
    columns = [Column("What happens"), Column(svg.axis(), "pic"), Column("Chance", "n")]
    caption = (f"The meeting and its two least certain guests, by {long_date(f.case.question.horizon)}; "
               f"the rows add up to 100{NBSP}%")  # fmt: skip
    assert sum(n for _, n in parts) == 100
    return h("<h3>The two least certain together</h3>{}",
             table(caption, columns, rows, ("All", "", f"100{NBSP}%"), "cards"))  # fmt: skip


def _dependence(f: Forecast) -> Html:
    """A map of how the attendance of every two actors goes together, and the table behind it."""
    names = {a.id: a.name for a in attendance.asked(f.case)}
    if len(names) < 2:
        return Html("")
    d = attendance.dependence(f)
    phi = d.correlation.values
    off = [(i, j) for i, j in combinations(range(len(names)), 2) if np.isfinite(phi[i, j])]
    top = max((abs(float(phi[pair])) for pair in off), default=0.0)
    ranked = sorted(off, key=lambda pair: -abs(phi[pair]))
    shown = [(i, j) for i, j in ranked if abs(phi[i, j]) >= _SLIGHT][:_PAIRS]
    label = [*names.values()]
    alone = np.diagonal(d.both.values)
    rows = [
        (h("{} and {}", text(label[i]), text(label[j])), f"{phi[i, j]:.2f}".replace("-", "\u2212"),
         percent(d.both.values[i, j]), percent(alone[i] * alone[j]))
        for i, j in shown
    ]  # fmt: skip
    columns = [Column("Pair"), Column("Correlation", "n"), Column("Both come", "n"),
               Column("If they were independent", "n")]  # fmt: skip
    pairs = len(names) * (len(names) - 1) // 2
    behind = h('{}<p class="fine">The phi coefficient of two yes or no answers; below {} it counts as none.</p>',
               table("Pairs of actors, if it is held; the strongest first", columns, rows, kind="cards"), _SLIGHT)  # fmt: skip
    title = f"{len(rows)} of {counted(pairs, 'pair')}, as a table"
    if top < _PLAIN:
        says = h("<p>Hardly at all: the strongest correlation is {}.</p>", f"{top:.2f}")
        return h(
            "<h3>How each two go together</h3>{}{}", says, fold(title, behind) if rows else Html("")
        )
    top = max(top, _SCALE)
    pictures = [figure(_map(d, label, top, kind == "narrow"), kind=kind) for kind in ("wide", "narrow")]
    instead = any(phi[pair] <= -_SLIGHT for pair in off)
    tones = h('<p class="key"><span class="k cell up"></span> come together{}; a name stands at the end of its row and on top '
              "of its column; the fullest colour is a correlation of {}, an empty cell one below {}</p>",
              Html(' <span class="k cell down"></span> come instead of each other' if instead else ""), f"{top:.2f}", _SLIGHT)  # fmt: skip
    return h("<h3>How each two go together</h3>{}{}{}", join(pictures), tones, fold(title, behind))


def _map(d: xr.Dataset, label: list[str], top: float, narrow: bool) -> Html:
    """Below the diagonal a cell for each pair, on it the names."""
    phi, n = d.correlation.values, len(label)
    width, room = (360, 128) if narrow else (860, 270)
    side = min((width - room) / (n - 1), 30 if narrow else 46)
    high = min(side, 26)
    parts, strongest = [], []
    for i in range(n):
        y = round(high * i, 1)
        if i:  # one ground for the row
            parts.append(
                h(
                    '<rect class="cell" x="0" y="{}" width="{}" height="{}"/>',
                    y,
                    round(side * i - 2, 1),
                    round(high - 2, 1),
                )
            )
        for j in range(i):
            x, r = round(side * j, 1), float(phi[i, j])
            cell = '<rect class="cell{}" x="{}" y="{}" width="{}" height="{}"{}/>'
            size = (round(side - 2, 1), round(high - 2, 1))
            if not np.isfinite(r) or abs(r) < _SLIGHT:
                continue
            full = h(' fill-opacity="{}"', round((0.8 if narrow else _FULL) * abs(r) / top, 3))
            parts.append(h(cell, " up" if r > 0 else " down", x, y, *size, full))
            if not narrow and side >= 30:
                parts.append(h('<text class="num" x="{}" y="{}" text-anchor="middle">{}</text>',
                               round(x + side / 2 - 1, 1), round(y + high / 2 + 3, 1),
                               f"{r:.2f}".replace("0.", ".").replace("-", "\u2212")))  # fmt: skip
            strongest.append((abs(r), r, f"{label[j]} and {label[i]}"))
        x = round(side * i + (3 if i else 0), 1)
        parts.append(h('<text x="{}" y="{}">{}</text>', x, round(y + high / 2 + 4, 1),
                       short(label[i], int((width - x) / 7.2))))  # fmt: skip
    first = [f"{who} {r:.2f}" for _, r, who in sorted(strongest, reverse=True)[:3]]
    says = (
        f"Correlations of who comes, {counted(n, 'actor')}; the strongest: {'; '.join(first) or 'none'}."
    )
    return h('<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
             "narrow" if narrow else "wide", width, round(high * n + 2), says, join(parts))  # fmt: skip
