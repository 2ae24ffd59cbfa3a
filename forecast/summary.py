"""What the page says at a glance: the confidence, and the picture of the forecast over time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import svg, tables
from forecast.case import Case
from forecast.judgement import GRADES
from forecast.markup import (
    Html,
    counted,
    h,
    join,
    long_date,
    percent,
    short,
    short_date,
    signed,
    span,
    tenths,
    text,
    toned,
)
from forecast.parts import Event
from forecast.updating import Forecast


@dataclass(frozen=True)
class Line:
    """A line of the summary."""

    label: str
    says: Html


@dataclass(frozen=True)
class Confidence:
    """How much stands behind a forecast: not how likely the event is."""

    word: str
    says: str
    sources: int
    origins: int


def grade(case: Case, event: Event) -> str:
    """The Admiralty grade of the event's best chain: its worst link."""
    links = [[case.source(x).reliability for x in (r.source, *r.via)] for r in event.reports]
    return min((max(chain, key=GRADES.__getitem__) for chain in links), key=GRADES.__getitem__)


def main_origin(case: Case, event: Event) -> str:
    """The origin of the event's most trusted report."""
    return case.origin(min(event.reports, key=case.phi))


def confidence(f: Forecast, moved: pd.DataFrame) -> Confidence:
    """Low, moderate or high, by a rule that is said with it.

    High: 12 independent origins at least, none carrying more than a third of what the reports moved, and
    an input range of at most 20 points. Low: fewer than 4, or one carrying more than two
    thirds, or a range of more than 50 points. Moderate between.
    """
    case = f.case
    origins = {case.origin(r) for e in case.events for r in e.reports}
    cited = {case.source(x).name for e in case.events for r in e.reports for x in (r.source, *r.via)}
    carried: dict[str, float] = defaultdict(float)
    events = {e.id: e for e in case.events}
    for name, points in moved.points.abs().items():
        carried[main_origin(case, events[str(name)]) if name in events else "silence"] += float(points)
    total = sum(carried.values())
    strongest = max(carried.values(), default=0.0) / total if total else 1.0
    now = f.held.sel(deadline=pd.Timestamp(case.headline))
    width = float(now.high - now.low) if "low" in now else np.nan
    if len(origins) >= 12 and strongest <= 1 / 3 and width <= 0.2:
        word = "high"
    elif len(origins) < 4 or strongest > 2 / 3 or width > 0.5:
        word = "low"
    else:
        word = "moderate"
    ends = f"; the input range spans {100 * width:.0f} points" if np.isfinite(width) else ""
    if not origins:
        says = "No report is known: this is the base rate, and rests on nothing else."
    else:
        says = (
            f"It speaks of the evidence, not of the event: {counted(len(origins), 'independent origin')}, "
            f"the strongest carrying {percent(strongest)} of what the reports moved{ends}. High would take 12 "
            "origins, none above a third, and 20 points at most; fewer than 4, one above two thirds, or more "
            "than 50 points is low."
        )
    return Confidence(word, says, len(cited), len(origins))


def first_known(f: Forecast) -> dict[str, dt.date]:
    """The day on which each event, or the silence after a watch, became known."""
    days = {e.id: min(r.published for r in e.reports) for e in f.case.events}
    silent = {w.id: min(w.by, f.as_of) for w in f.case.watch if w.id in f.compiled.events}
    return days | silent


def numbers(f: Forecast) -> dict[str, int]:
    """The number of each event and silence on the page: by the day it became known."""
    known = first_known(f)
    happened = {e.id: e.date[0] for e in f.case.events}
    order = sorted(known, key=lambda i: (known[i], happened.get(i, known[i])))
    return {name: n for n, name in enumerate(order, 1)}


def points(moved: pd.DataFrame) -> dict[str, float]:
    """Points of each event in tenths, the same wherever the page shows them."""
    return dict(zip(map(str, moved.index), tenths((100 * moved.points).to_list()), strict=True))


def what_happened(f: Forecast) -> dict[str, str]:
    """In words: each event, and each silence."""
    silent = {w.id: f"No report by {short_date(w.by, True)}: {w.what}" for w in f.case.watch}
    return silent | {e.id: e.what for e in f.case.events}


@dataclass(frozen=True)
class Timeline:
    """The picture, the numbered events below it, and their numbers by day."""

    picture: Html
    items: Html
    by_day: dict[dt.date, str]


def timeline(f: Forecast, past: xr.Dataset, moved: pd.DataFrame, narrow: bool) -> Timeline:
    """The forecast over time as a step line, with numbered events along the axis."""
    start, day = f.case.question.proposed, pd.Timestamp(f.case.headline)
    days = [(pd.Timestamp(d).date() - start).days for d in past.as_of.values]
    end = days[-1] + max(1, round(0.02 * days[-1]))
    shown = past.sel(deadline=day)
    p = shown.probability.values
    high = float(shown.high.max()) if "high" in shown else 0.0
    lines = [d for d in past.deadline.values if pd.Timestamp(d) > pd.Timestamp(f.as_of)] or [
        day.to_datetime64()
    ]
    top = svg.ceiling(
        max(high, float(past.probability.sel(deadline=lines).max()), float(shown.prior.max()))
    )

    ids = numbers(f)
    known = first_known(f)
    groups: dict[dt.date, list[str]] = defaultdict(list)
    for name in ids:  # what was known before the proposal is known on its first day
        groups[max(known[name], start)].append(name)
    size = (360, 400, 34, 106, 64, 20) if narrow else (860, 430, 44, 150, 76, 20)
    pill_at = {d: (min(ids[n] for n in g), max(ids[n] for n in g)) for d, g in groups.items()}
    wide = {d: 20 + 6.5 * (len(_numbered(*n)) - 1) for d, n in pill_at.items()}
    frame = svg.Frame(*size, (0, end), top)
    x = {d: frame.x((d - start).days) for d in groups}
    rows = dict(zip(groups, svg.lanes([(x[d] - wide[d] / 2, x[d] + wide[d] / 2) for d in groups], 2),
                    strict=True))  # fmt: skip
    bottom = 46 + 24 * (1 + max(rows.values(), default=-1))
    frame = svg.Frame(size[0], size[1] - 40 + bottom, *size[2:5], bottom, (0, end), top)

    parts = [frame.grid()]
    if "low" in shown:
        parts.append(svg.band(frame, days, shown.low.values, shown.high.values, end))
    parts.append(h('<path class="base" d="{}"/>', svg.steps(frame, days, shown.prior.values, end)))
    for d in lines:
        main = pd.Timestamp(d) == day
        path = svg.steps(frame, days, past.probability.sel(deadline=d).values, end)
        parts.append(h('<path class="{}" d="{}"/>', "line" if main else "thin", path))
    parts += _pills(frame, pill_at, x, wide, rows, groups, moved)
    parts += _months(frame, start, end, narrow)
    parts += _largest(frame, days, p, groups, pill_at, start, f, narrow)
    parts += _ends(frame, past, lines, day, narrow)
    ranged = f", input range {span(shown.low[-1], shown.high[-1])}" if "low" in shown else ""
    label = (
        f"Chance that it opens by {long_date(day)}: {percent(p[0])} on {long_date(start)}, "
        f"{percent(p[-1])} on {long_date(f.as_of)}{ranged}; base rate {percent(shown.prior[-1])}. "
        f"{counted(len(ids), 'numbered event')} along the axis."
    )
    picture = frame.drawing(parts, label, "narrow" if narrow else "wide")
    what, shown_points = what_happened(f), points(moved)
    items = join(
        h('<li value="{}"><a href="#e-{}">{}</a> {}</li>', n, name, text(short(what[name], 90)),
          toned(shown_points[name]))
        for name, n in ids.items()
    )  # fmt: skip
    return Timeline(picture, items, {d: _numbered(*n) for d, n in pill_at.items()})


def _numbered(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _pills(
    frame: svg.Frame, pill_at: Any, x: Any, wide: Any, rows: Any, groups: Any, moved: pd.DataFrame
) -> list[Html]:
    out = []
    for d, numbered in pill_at.items():
        total = float(moved.points[groups[d]].sum())
        y = frame.floor + 38 + 24 * rows[d]
        out.append(h(
            '<line class="lead" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            '<rect class="pill {}" x="{}" y="{}" width="{}" height="20" rx="10"/>'
            '<text class="on" x="{}" y="{}" text-anchor="middle">{}</text>',
            x[d], x[d], frame.top, y - 10, "up" if total >= 0 else "down", round(x[d] - wide[d] / 2, 1),
            y - 10, wide[d], x[d], y + 4, _numbered(*numbered)))  # fmt: skip
    return out


def _months(frame: svg.Frame, start: dt.date, end: int, narrow: bool) -> list[Html]:
    first, last = pd.Timestamp(start), pd.Timestamp(start) + pd.Timedelta(days=end)
    ticks = [first, *pd.date_range(first, last, freq="MS")]
    if len(ticks) < 4:
        ticks = list(pd.date_range(first, last, freq="7D"))
    most = 4 if narrow else 9
    ticks = ticks[:: -(-len(ticks) // most)]
    out, free = [], -1.0
    for i, tick in enumerate(ticks):
        at = frame.x((tick - first).days)
        if at < free or at > frame.width - frame.right:
            continue
        name = short_date(tick, year=i == 0)
        free = at + 6.6 * len(name) + 8
        out.append(h('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="num" x="{}" y="{}">{}</text>',
                     at, at, frame.floor, frame.floor + 6, at, frame.floor + 18, name))  # fmt: skip
    return out


def _largest(
    frame: svg.Frame, days: list[int], p: Any, groups: Any, pill_at: Any, start: dt.date, f: Forecast,
    narrow: bool,
) -> list[Html]:  # fmt: skip
    """The largest moves, labelled in place."""
    what = what_happened(f)
    moves = []
    for d in groups:
        i = days.index((d - start).days) if (d - start).days in days else 0
        change = float(p[i] - p[i - 1]) if i else 0.0
        moves.append((abs(change), d, change))
    chosen = sorted(sorted(moves, reverse=True)[: 2 if narrow else 3], key=lambda m: m[1])
    out = []
    for row, (size, d, change) in enumerate(m for m in chosen if m[0] >= 0.005):
        del size
        x = frame.x((d - start).days)
        y = 16 + 19 * row
        count = len(groups[d])
        room = 30 if narrow else 52
        name = short(what[groups[d][0]], room) if count == 1 else f"{count} events"
        label = f"{_numbered(*pill_at[d])} · {name} "
        wide = 6.8 * (len(label) + 5)
        late = x + wide > frame.width
        at = x if not late or x >= wide else float(frame.width)
        out.append(h('<line class="lead" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                     '<text class="label" x="{}" y="{}" text-anchor="{}">{}<tspan class="{}">{}</tspan></text>',
                     x, x, y + 4, frame.top, at, y, "end" if late else "start", label,
                     "up" if change > 0 else "down", signed(100 * change)))  # fmt: skip
    return out


def _ends(frame: svg.Frame, past: xr.Dataset, lines: Any, day: pd.Timestamp, narrow: bool) -> list[Html]:
    """Where each line stands today, with its deadline."""
    values = [float(past.probability.sel(deadline=d)[-1]) for d in lines]
    base = float(past.prior.sel(deadline=day)[-1])
    main = [pd.Timestamp(d) == day for d in lines]
    apart = [46.0 if m else 17.0 for m in main] + [17.0]
    ys = svg.spread([frame.y(v) for v in (*values, base)], apart, 8, frame.floor + 30)
    edge = frame.width - frame.right
    out = []
    for d, v, y, m in zip(lines, values, ys, main, strict=False):
        if m:
            out.append(h('<circle class="now" cx="{}" cy="{}" r="5.5"/>', edge, frame.y(v)))
            out.append(h('<text class="big" x="{}" y="{}">{}</text><text class="num" x="{}" y="{}">by {}</text>',
                         edge + 12, y + 4, tables.percent(v), edge + 12, y + 19,
                         short_date(d, year=not narrow)))  # fmt: skip
        else:
            out.append(h('<text class="num" x="{}" y="{}"><tspan class="value">{}</tspan> by {}</text>',
                         edge + 12, y + 4, percent(v), short_date(d, year=not narrow)))  # fmt: skip
    out.append(
        h('<text class="num" x="{}" y="{}">base rate {}</text>', edge + 12, ys[-1] + 4, percent(base))
    )
    return out
