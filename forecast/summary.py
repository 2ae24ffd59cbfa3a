"""What the page says at a glance: the numbered events, and the picture of the forecast over time."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

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
    period,
    short,
    short_date,
    signed,
    span,
    tenths,
    text,
    toned,
)
from forecast.parts import Announcement, Event
from forecast.updating import Forecast, opened_by


@dataclass(frozen=True)
class Line:
    """A line of the summary."""

    label: str
    says: Html


def grade(case: Case, event: Event) -> str:
    """The Admiralty grade of the event's best chain: its worst link."""
    links = [[case.source(x).reliability for x in (r.source, *r.via)] for r in event.reports]
    return min((max(chain, key=GRADES.__getitem__) for chain in links), key=GRADES.__getitem__)


def main_origin(case: Case, event: Event) -> str:
    """The origin of the event's most trusted report."""
    return case.origin(min(event.reports, key=case.phi))


def forms(f: Forecast) -> dict[str, int]:
    """P(scenario | it opens by the headline's deadline), of the held scenarios, by id.

    Whole per cents that add up to 100; empty if it cannot open by then.
    """
    by = opened_by(f.futures, f.as_of, [f.case.headline])[:, 0]
    joint = f.posterior.scenario * by
    if not joint.sum() > 0:
        return {}
    held = [(s.id, float(p)) for s, p in zip(f.case.scenarios, joint, strict=True) if s.held]
    return dict(zip([i for i, _ in held], tables.rounded([p for _, p in held]), strict=True))


def first_known(f: Forecast) -> dict[str, dt.date]:
    """The day on which each event, announcement, or silence after a watch became known."""
    told: tuple[Event | Announcement, ...] = (*f.case.events, *f.case.announcements)
    days = {e.id: min(r.published for r in e.reports) for e in told}
    silent = {w.id: min(w.by, f.as_of) for w in f.case.watch if w.id in f.compiled.events}
    return days | silent


def numbers(f: Forecast) -> dict[str, int]:
    """The number of each event, announcement and silence on the page: by the day it became known."""
    known = first_known(f)
    happened = {e.id: e.date[0] for e in f.case.events}
    order = sorted(known, key=lambda i: (known[i], happened.get(i, known[i])))
    return {name: n for n, name in enumerate(order, 1)}


def points(moved: pd.DataFrame) -> dict[str, float]:
    """Points of each event in tenths, the same wherever the page shows them."""
    return dict(zip(map(str, moved.index), tenths((100 * moved.points).to_list()), strict=True))


def what_happened(f: Forecast) -> dict[str, str]:
    """In words: each event, each announcement, and each silence."""
    silent = {w.id: f"No report by {short_date(w.by, True)}: {w.what}" for w in f.case.watch}
    told: tuple[Event | Announcement, ...] = (*f.case.events, *f.case.announcements)
    return silent | {e.id: e.what for e in told}


@dataclass(frozen=True)
class Timeline:
    """The picture, the numbered events below it, and their numbers by day."""

    picture: Html
    items: Html
    by_day: dict[dt.date, str]
    count: int


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
    size = (376, 400, 46, 136, 64, 20) if narrow else (860, 430, 50, 150, 76, 20)
    number_of = {d: _numbered(ids, g) for d, g in groups.items()}
    frame = svg.Frame(*size, (0, end), top)
    named = {a.id: a for a in f.case.announcements}
    pills = _merged(frame, groups, start, ids, narrow)
    bottom = 46 + 24 * (1 + max((pill.row for pill in pills), default=-1))
    frame = svg.Frame(size[0], size[1] - 40 + bottom, *size[2:5], bottom, (0, end), top)

    parts = [frame.grid()]
    if "low" in shown:
        parts.append(svg.band(frame, days, shown.low.values, shown.high.values, end))
    parts.append(h('<path class="base" d="{}"/>', svg.steps(frame, days, shown.prior.values, end)))
    for d in lines:
        main = pd.Timestamp(d) == day
        path = svg.steps(frame, days, past.probability.sel(deadline=d).values, end)
        parts.append(h('<path class="{}" d="{}"/>', "line" if main else "thin", path))
    parts += _pills(frame, pills, moved, named)
    parts += _months(frame, start, f.as_of, narrow)
    parts += _largest(frame, days, p, groups, number_of, start, f, moved, narrow)
    parts += _ends(frame, past, lines, day, f.as_of, narrow)
    ranged = f", input range {span(shown.low[-1], shown.high[-1])}" if "low" in shown else ""
    label = (
        f"Chance that it opens by {long_date(day)}: {percent(p[0])} on {long_date(start)}, "
        f"{percent(p[-1])} on {long_date(f.as_of)}{ranged}; base rate {percent(shown.prior[-1])}. "
        f"{counted(len(ids), 'numbered piece')} of news along the axis."
    )
    picture = frame.drawing(parts, label, "narrow" if narrow else "wide")
    what, shown_points = what_happened(f), points(moved)

    def item(name: str) -> Html:
        if name not in named:
            return h(
                '<a href="#e-{}">{}</a> {}', name, text(short(what[name], 90)), toned(shown_points[name])
            )
        news, i = named[name], days.index((max(known[name], start) - start).days)
        rate = [percent(x) for x in shown.prior.values[max(i - 1, 0) : i + 1]]
        opens = period(news.opens) if news.opens else ""
        kind = {"postponed": f"put off {opens and 'to '}{opens}", "cancelled": "called off"}
        of = f.case.source(min(news.reports, key=lambda r: r.published).source).name
        return h('{} <small><span class="k named"></span>{} · {}, {} · base rate {}</small>', text(short(news.what, 160)),
                 kind.get(news.kind, f"named: {opens}"), text(of), short_date(known[name], True), " → ".join(rate))  # fmt: skip

    items = join(h('<li value="{}">{}</li>', n, item(name)) for name, n in ids.items())
    return Timeline(picture, items, number_of, len(ids))


def _numbered(ids: dict[str, int], group: list[str]) -> str:
    first, last = min(ids[n] for n in group), max(ids[n] for n in group)
    return str(first) if first == last else f"{first}–{last}"


@dataclass(frozen=True)
class _Pill:
    """A mark under the axis: the events of a day or, where there is no room, of some weeks."""

    group: list[str]
    number: str
    x: float
    width: float
    row: int = 0


def _merged(
    frame: svg.Frame, groups: dict[dt.date, list[str]], start: dt.date, ids: dict[str, int], narrow: bool
) -> list[_Pill]:
    """A pill for each day, or as many weeks as it takes; on a narrow screen for a week at least."""
    pills: list[_Pill] = []
    for span_ in (7, 14, 28, 56) if narrow else (1, 7, 14, 28):
        spans: dict[int, list[dt.date]] = defaultdict(list)
        for d in groups:
            spans[(d - start).days // span_].append(d)
        pills = []
        for of in spans.values():
            group = [name for d in of for name in groups[d]]
            number = _numbered(ids, group)
            x = (frame.x((of[0] - start).days) + frame.x((of[-1] - start).days)) / 2
            pills.append(_Pill(group, number, round(x, 1), 20 + 6.5 * (len(number) - 1)))
        rows = svg.lanes([(x.x - x.width / 2, x.x + x.width / 2) for x in pills], 2)
        pills = [replace(x, row=row) for x, row in zip(pills, rows, strict=True)]
        if max(rows, default=0) < (4 if narrow else 6):
            break
    return pills


def _pills(
    frame: svg.Frame, pills: list[_Pill], moved: pd.DataFrame, named: Collection[str]
) -> list[Html]:
    out = []
    for pill in pills:
        total = float(moved.points[[n for n in pill.group if n not in named]].sum())
        tone = "named" if any(n in named for n in pill.group) else "up" if total >= 0 else "down"
        y = frame.floor + 38 + 24 * pill.row
        out.append(h(
            '<line class="lead" x1="{}" x2="{}" y1="{}" y2="{}"/>'
            '<rect class="pill {}" x="{}" y="{}" width="{}" height="20" rx="10"/>'
            '<text class="on" x="{}" y="{}" text-anchor="middle">{}</text>',
            pill.x, pill.x, frame.top, y - 10, tone, round(pill.x - pill.width / 2, 1),
            y - 10, pill.width, pill.x, y + 4, pill.number))  # fmt: skip
    return out


def _months(frame: svg.Frame, start: dt.date, as_of: dt.date, narrow: bool) -> list[Html]:
    first, last = pd.Timestamp(start), pd.Timestamp(as_of)
    ticks = [first, *pd.date_range(first, last, freq="MS")]
    if len(ticks) < 4:
        ticks = list(pd.date_range(first, last, freq="7D"))
    most = 4 if narrow else 9
    ticks = ticks[:: -(-len(ticks) // most)]
    today, end = short_date(as_of, year=True), frame.x((last - first).days)
    free, taken = -1.0, end - 6.6 * len(today) - 8
    marks = [(end, "end", today)]
    for i, tick in enumerate(ticks):
        at, name = frame.x((tick - first).days), short_date(tick, year=i == 0)
        if free <= at and at + 6.6 * len(name) <= taken:
            free = at + 6.6 * len(name) + 8
            marks.append((at, "start", name))
    return [
        h('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="num" x="{}" y="{}" text-anchor="{}">{}</text>',
          at, at, frame.floor, frame.floor + 6, at, frame.floor + 18, anchor, name)
        for at, anchor, name in marks
    ]  # fmt: skip


def _largest(
    frame: svg.Frame, days: list[int], p: Any, groups: Any, number_of: dict[dt.date, str], start: dt.date,
    f: Forecast, moved: pd.DataFrame, narrow: bool,
) -> list[Html]:  # fmt: skip
    """The largest moves, labelled in place."""
    what, named = what_happened(f), {a.id for a in f.case.announcements}
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
        count, room = len(groups[d]), 30 if narrow else 52
        day = next((n for n in groups[d] if n in named), groups[d][0])  # a day named says most
        others = f" and {count - 1} more" if count > 1 else ""
        name = (
            f"{count} events"
            if others and day not in named
            else short(what[day], room - len(others)) + others
        )
        told = float(moved.points[[n for n in groups[d] if n not in named]].sum())
        if day not in named and told * change < 0:  # it moved as it did in spite of what was told
            name = f"time passes, in spite of {'it' if count == 1 else 'them'}"
        label = f"{number_of[d]} · {name} "
        wide = 6.8 * (len(label) + 5)
        late = x + wide > frame.width
        at = x if not late or x >= wide else float(frame.width)
        out.append(h('<line class="lead" x1="{}" x2="{}" y1="{}" y2="{}"/>'
                     '<text class="label" x="{}" y="{}" text-anchor="{}">{}<tspan class="{}">{}</tspan></text>',
                     x, x, y + 4, frame.top, at, y, "end" if late else "start", label,
                     "up" if change > 0 else "down", signed(100 * change)))  # fmt: skip
    return out


def _ends(
    frame: svg.Frame, past: xr.Dataset, lines: Any, day: pd.Timestamp, as_of: dt.date, narrow: bool
) -> list[Html]:
    """Where each line stands today, with its deadline."""
    values = [float(past.probability.sel(deadline=d)[-1]) for d in lines]
    base = float(past.prior.sel(deadline=day)[-1])
    main = [pd.Timestamp(d) == day for d in lines]
    apart = [46.0 if m else 17.0 for m in main] + [17.0]
    ys = svg.spread([frame.y(v) for v in (*values, base)], apart, 8, frame.floor + 30)
    edge = frame.width - frame.right
    out = []
    for d, v, y, m in zip(lines, values, ys, main, strict=False):
        name = short_date(d, year=not narrow or pd.Timestamp(d).year != as_of.year)
        if m:
            out.append(h('<circle class="now" cx="{}" cy="{}" r="5.5"/>', edge, frame.y(v)))
            out.append(h('<text class="big" x="{}" y="{}">{}</text><text class="num" x="{}" y="{}">by {}</text>',
                         edge + 12, y + 4, tables.percent(v), edge + 12, y + 19, name))  # fmt: skip
        else:
            out.append(h('<text class="num" x="{}" y="{}"><tspan class="value">{}</tspan> by {}</text>',
                         edge + 12, y + 4, percent(v), name))  # fmt: skip
    out.append(
        h('<text class="num" x="{}" y="{}">base rate {}</text>', edge + 12, ys[-1] + 4, percent(base))
    )
    return out
