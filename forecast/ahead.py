"""What is to come, on the page: when it may open, what to watch for, how far the forecast may move."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from forecast import svg, tables
from forecast.markup import (
    NBSP,
    Column,
    Html,
    Section,
    figure,
    h,
    join,
    long_date,
    percent,
    short,
    short_date,
    span,
    table,
    text,
    toned,
    whole,
)
from forecast.updating import Forecast
from forecast.watching import movement

_AHEAD = 14  # days


def when(f: Forecast) -> Section:
    """The distribution of the opening day."""
    days = [*f.case.question.deadlines]
    shown = [d for d in days if d > f.as_of]
    cumulative = tables.table(f, "held").probability
    at = [tables.in_hundred(float(cumulative.loc[pd.Timestamp(d)])) for d in shown]
    ever, horizon = tables.in_hundred(float(f.ever.probability)), f.case.question.horizon
    edges = [f.as_of, *shown, horizon]
    rows = []
    for i, (a, b) in enumerate(pairwise(edges)):
        total = [0, *at, ever]
        part = total[i + 1] - total[i]
        if a == b:
            continue
        first = a + dt.timedelta(1)
        name = f"{short_date(first, first.year != b.year)} – {short_date(b, year=True)}"
        rows.append((name, _bar(part, name, "accent"), whole(part), whole(total[i + 1])))
    rest = f"not by {short_date(horizon, year=True)}"
    rows.append((rest, _bar(100 - ever, rest, "neutral"), whole(100 - ever), ""))
    columns = [Column("It opens"), Column(svg.axis(), "pic"), Column("Chance", "n"),
               Column("Up to then", "n")]  # fmt: skip
    foot = ("All", "", "100\u00a0%", "")
    key = h(
        '<p class="key"><span class="k line"></span> forecast <span class="k dash"></span> base rate</p>'
    )
    body = h("{}{}{}{}", figure(_curve(f, False), kind="wide"), figure(_curve(f, True), kind="narrow"), key,
             table(f"When it opens, by period; the rows add up to 100{NBSP}%", columns, rows, foot, "cards"))  # fmt: skip
    named = f.case.as_known(f.as_of).announcements
    shaped = ("What has been announced shapes it: it may slip, and it may fail." if named
              else "No day is named, so the opening may fall on any day.")  # fmt: skip
    lead = (f"{shaped} The curve climbs to "
            f"{percent(f.ever.probability)} by {long_date(horizon)}, where time is cut")  # fmt: skip
    shown_to = f.as_of + dt.timedelta(_last(f))
    lead += "." if shown_to == horizon else f"; the picture ends earlier, on {long_date(shown_to)}."
    return Section("when", "When", body, lead)


def _bar(n: int, name: str, tone: str) -> Html:
    return svg.strip([("bar", 0, n / 100, tone)], f"{name}: {whole(n)}")


def _last(f: Forecast) -> int:
    """The day, counted from the as-of date, on which the picture of the curve ends."""
    q = f.case.question
    to_horizon, asked = ((d - f.as_of).days for d in (q.horizon, max(q.deadlines)))
    return min(to_horizon, int(1.2 * asked) + 5) if asked > 0 else to_horizon


def _curve(f: Forecast, narrow: bool) -> Html:
    q, last = f.case.question, _last(f)
    top = f.opening.prior.values.cumsum()[: last + 1], f.opening.probability.values.cumsum()[: last + 1]
    shown = [d for d in q.deadlines if f.as_of < d and (d - f.as_of).days <= last]
    marked = sorted({f.as_of, *shown, f.as_of + dt.timedelta(last)})
    names = [short_date(d, year=not narrow or d == f.as_of or d.year != f.as_of.year) for d in marked]
    size, days = (360, 222, 46, 16, 22) if narrow else (860, 250, 50, 116, 24), (0, last)
    ceiling = svg.ceiling(float(max(x.max() for x in top)))
    frame = svg.Frame(*size, 24, days, ceiling)
    half = [3.3 * len(x) for x in names]
    xs = [
        min(max(frame.x((d - f.as_of).days), w), frame.width - w)
        for d, w in zip(marked, half, strict=True)
    ]
    rows = svg.lanes([(x - w, x + w) for x, w in zip(xs, half, strict=True)], 6)
    bottom = 24 + 15 * max(rows)
    frame = svg.Frame(size[0], size[1] + bottom - 24, *size[2:], bottom, days, ceiling)
    jumps = np.flatnonzero(np.maximum(*(np.diff(x, prepend=0) for x in top)) > 0.01)
    every = np.unique([*np.linspace(0, last, 90).astype(int), *jumps, *np.minimum(jumps + 1, last)])

    def line(p: Any) -> str:
        points = np.concatenate([[0.0], p])
        at = [f"{frame.x(d)} {frame.y(points[min(d, len(points) - 1)])}" for d in every]
        return "M" + "L".join(at)

    area = f"{line(top[1])}V{frame.floor}H{frame.x(0)}Z"
    parts = [frame.grid(), h('<path class="band" d="{}"/>', area),
             h('<path class="base" d="{}"/>', line(top[0])),
             h('<path class="line" d="{}"/>', line(top[1]))]  # fmt: skip
    for d, name, at, row in zip(marked, names, xs, rows, strict=True):
        x = frame.x((d - f.as_of).days)
        parts.append(h('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="num" x="{}" y="{}" '
                       'text-anchor="middle">{}</text>', x, x, frame.floor, frame.floor + 5, at,
                       frame.floor + 18 + 15 * row, name))  # fmt: skip
    said = []
    for d in shown:
        x = frame.x((d - f.as_of).days)
        p = float(f.held.probability.sel(deadline=pd.Timestamp(d)))
        said.append(f"{percent(p)} by {long_date(d)}")
        at, y, anchor = x - 6, frame.y(p) - 8, "end"
        if at - 8 * len(percent(p)) < frame.left:  # off the scale
            at, y, anchor = x + 8, frame.y(p) + 16, "start"
        parts.append(h(
            '<line class="lead" x1="{}" x2="{}" y1="{}" y2="{}"/><circle class="now" cx="{}" cy="{}" r="4.5"/>'
            '<text class="value" x="{}" y="{}" text-anchor="{}">{}</text>',
            x, x, frame.y(p), frame.floor, x, frame.y(p), at, y, anchor, percent(p)))  # fmt: skip
    if not narrow:
        ends = svg.spread([frame.y(float(x[-1])) for x in (top[1], top[0])], [18, 18], 10, frame.floor)
        for y, name in zip(ends, ("forecast", "base rate"), strict=True):
            kind = "value" if name == "forecast" else "num"
            parts.append(h('<text class="{}" x="{}" y="{}">{}</text>', kind,
                           frame.width - frame.right + 8, y + 4, name))  # fmt: skip
    said.append(f"{percent(f.ever.probability)} by {long_date(q.horizon)}")
    label = f"Chance that it has opened, by day: {', '.join(said)}."
    return frame.drawing(parts, label, "narrow" if narrow else "wide")


def watch(f: Forecast, ahead: pd.DataFrame) -> Section:
    """What may be seen soon, and what it would do to the forecast."""
    now = float(ahead.attrs["now"])
    low, high = svg.window([now, *ahead.if_seen, *ahead.if_not])
    rows = []

    def scale(p: float) -> float:
        return (p - low) / (high - low)

    for _, r in ahead.iterrows():
        name = short(r.what, 90)
        label = f"{name}: {percent(r.if_seen)} if seen, {percent(r.if_not)} if not, now {percent(now)}"
        tone = "up" if r.if_seen > now else "down"
        other = "down" if tone == "up" else "up"
        marks = [("range", r.if_not, r.if_seen), ("tick", now), ("dot", r.if_not, other),
                 ("dot", r.if_seen, tone)]  # fmt: skip
        rows.append((h("{}<small>by {} · chance of seeing it {} · tells {} millibits</small>", text(r.what),
                       short_date(r.by, True), percent(r.chance), f"{1000 * r.bits:.1f}"),
                     svg.strip(marks, label, scale),
                     h("{} <small>{}</small>", percent(r.if_seen), toned(100 * (r.if_seen - now))),
                     h("{} <small>{}</small>", percent(r.if_not), toned(100 * (r.if_not - now)))))  # fmt: skip
    ends = svg.axis(f"{100 * low:.0f}", "", f"{100 * high:.0f}{NBSP}%")
    columns = [Column("Event that may come"), Column(ends, "pic"), Column("If seen", "n"),
               Column("If not", "n")]  # fmt: skip
    day = long_date(f.case.headline)
    body = (
        table(f"The chance that it opens by {day}, if this is seen by its day and if it is not; "
              f"the most informative first, in millibits: thousandths of a bit, which is what a toss of a coin tells; bars run from {100 * low:.0f} to {100 * high:.0f}{NBSP}%", columns, rows, kind="cards")
        if rows else Html("<p>No event is being watched for.</p>")
    )  # fmt: skip
    answered = {e.answers for e in f.case.events}
    naming = [w for w in f.case.watch if w.announces and w.by > f.as_of and w.id not in answered
              and f.case.fit is None]  # fmt: skip
    if naming:
        items = join(
            h("<li>{}, by {}</li>", text(short(w.what, 200)), short_date(w.by, True)) for w in naming
        )
        body = h("{}<p>News that would name or move the day itself; this forecast has no weight for "
                 "it yet:</p><ul>{}</ul>", body, items)  # fmt: skip
    body = h("{}{}", body, _movement(f))
    lead = (f"Written down before it happens, each with a day: once the day has passed, silence counts "
            f"too. The line is the forecast of today, {percent(now)}; all else stays as it is.")  # fmt: skip
    return Section("watch", "What to watch", body, lead)


def _movement(f: Forecast) -> Html:
    """How far the forecast is expected to move in two weeks."""
    if (f.case.question.horizon - f.as_of).days <= _AHEAD:
        return Html("")
    moves = movement(f.case, f.as_of, days=_AHEAD)
    everything, quiet = moves.loc["all"], float(moves.attrs["quiet"])
    opened, ended = float(f.opening.probability.values[:_AHEAD].sum()), float(moves.attrs["ended"])
    off = f", and is called off or given up with chance {percent(ended)}" if ended else ""
    waits = "it has neither opened nor been called off or given up" if ended else "it has not opened"

    def ends(name: str, r: pd.Series) -> str:
        # the few ways in which it opens lie beyond the 5 % and 95 % points
        spread = percent(r.low) != percent(r.high)
        if spread or name == "watches" or moves.attrs["on"] > str(f.case.headline):
            return span(r.low, r.high)
        return f"{percent(r.low)}, or {'0 or ' * bool(ended)}100{NBSP}%"

    if np.allclose(
        moves.loc["a day named"], moves.loc["time"]
    ):  # nothing is known of how days are named
        moves = moves.drop("a day named")
    names = {"time": f"only time passes: it has opened{', is off,' * bool(ended)} or {'neither' if ended else 'not'}", "watches": "the events above are seen or not",
             "a day named": f"{'there is news of its day' if f.case.announcements else 'a day is named'} or not", "all": "all of these"}  # fmt: skip
    rows = [
        (names.get(str(name), str(name)), f"{100 * r['move']:.1f}", f"{100 * r.sd:.1f}", ends(str(name), r))
        for name, r in moves.iterrows()
    ]  # fmt: skip
    columns = [Column("What becomes known"), Column("Expected change, points", "n"),
               Column("Standard deviation", "n"), Column(f"90{NBSP}% of the time within", "n")]  # fmt: skip
    near = ("" if moves.attrs["on"] < str(f.case.headline) or f.as_of >= f.case.headline else
            f"By then {short_date(f.case.headline)} has passed, and it is 0 or 100{NBSP}%. ")  # fmt: skip
    said = "nothing was heard of its day" if f.case.announcements else "no day was named"
    still = f"If nothing is heard, so that {waits}, no event above was seen and {said}, it will stand at {percent(quiet)}. "
    says = (f"In the next {_AHEAD} days the forecast is expected to move by {100 * everything['move']:.1f} points, in either "
            f"direction: on average it stays where it is. {near}{still}By then it has opened with chance {percent(opened)}{off}. "
            "News that nobody has written down as a watch is not in this.")  # fmt: skip
    return h("<h3>How far it may move</h3><p>{}</p>{}", says,
             table(f"The forecast on {long_date(moves.attrs['on'])}, as it may turn out", columns, rows, kind="cards"))  # fmt: skip
