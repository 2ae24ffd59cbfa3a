"""The page: what a reader sees of a forecast, section by section.

Each function returns a `Section`, which a notebook shows and the report collects. What
is expensive to read is made once and passed in: `moved` is
`contributions(f.case)`, `past` is `replay(f.case, ...)`, `ahead` is `watch_table(f.case)`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import svg, tables
from forecast.ahead import watch, when
from forecast.closing import limits, method, reproduce, rule
from forecast.doubts import analysts, sensitivity
from forecast.grounds import evidence, judgements, ladder, sources
from forecast.markup import (
    NBSP,
    Column,
    Html,
    Section,
    counted,
    figure,
    fold,
    h,
    join,
    long_date,
    percent,
    row_span,
    short,
    short_date,
    span,
    table,
    text,
    toned,
    whole,
)
from forecast.outcome import outcome
from forecast.past import base_rate
from forecast.people import actors, together
from forecast.replaying import replay
from forecast.summary import Line, forms, points, timeline, what_happened
from forecast.updating import Forecast, update
from forecast.weights import confidence, groups, matrix

_MANY = 16

__all__ = [
    "actors", "analysts", "base_rate", "evidence", "groups", "judgements", "ladder", "limits", "matrix", "method", "opening",
    "outcome", "over_time", "reproduce", "rule", "scenarios", "sensitivity", "sources", "together", "watch", "when",
]  # fmt: skip


def opening(f: Forecast, moved: pd.DataFrame, ahead: pd.DataFrame) -> Section:
    """The question, the headline and what is behind it in a few lines."""
    q, day = f.case.question, f.case.headline
    now = f.held.sel(deadline=pd.Timestamp(day))
    p, n = float(now.probability), tables.in_hundred(float(now.probability))
    sure = confidence(f, moved)
    asked = q.text.replace("{deadline}", long_date(day))
    meta = " · ".join((
        f"As of {long_date(f.as_of)}", f"deadline {long_date(day)}",
        counted(sure.sources, "source"), counted(sure.origins, "distinct origin"),
    ))  # fmt: skip
    ranged = (
        h('<p class="fine">Other draws of the base rate and other readings of the judgements, each from its interval, give '
          '<b>{}</b>: an <em>input range</em>. It says how far the inputs move the answer, not how '
          "often such a forecast is right.</p>", span(now.low, now.high))
        if "low" in now and day > f.as_of else ""
    )  # fmt: skip
    said = h("The chance that it opens by {} is <b>{} in 100</b>.", long_date(day), n)
    if day <= f.as_of:
        said = h("{} has passed, and it has not opened. The chance that it opens by {} is <b>{}</b>.",
                 long_date(day), long_date(q.horizon), percent(f.ever.probability))  # fmt: skip
    word, brackets = tables.worded(p).split(" (")
    picture = svg.dots(n, f"{n} of 100 dots are filled.")
    hero = h(
        '<div class="hero"><div><p class="big"><span class="num">{}<span class="pc">%</span></span> '
        '<span class="word"><b>{}</b> <span>({}</span></span></p>'
        '<p class="say">{}</p>{}{}</div>{}</div>',
        _big(p), word, brackets.replace("-", "–").replace(" %", f"{NBSP}%"), said, Html(ranged), _facts(f, p, float(now.prior), sure.word),
        figure(picture, f"Of 100 questions given this chance, about {n} should come true and "
                        f"about {100 - n} should not."),
    )  # fmt: skip
    lines = join(h("<li><b>{}</b> {}</li>", line.label, line.says) for line in _lines(f, moved, ahead))
    body = h(
        '<p class="kicker">Scenario forecast · {}</p><h1 id="forecast-title">{}</h1><p class="meta">{}</p>'
        '{}<ul class="keys">{}</ul><p class="confidence"><b>Confidence {}.</b> {}</p>',
        text(q.title), text(asked), meta, hero, lines, sure.word, sure.says,
    )  # fmt: skip
    return Section("forecast", "Forecast", body, level=1)


def _big(p: float) -> str:
    return tables.percent(p).removesuffix(" %")


def _facts(f: Forecast, p: float, prior: float, confidence: str) -> Html:
    facts: list[tuple[str, Any]] = []
    earlier = f.as_of - dt.timedelta(7)
    if earlier >= f.case.question.proposed:
        before = replay(f.case, [earlier]).probability.sel(deadline=pd.Timestamp(f.case.headline))
        change = 100 * (p - float(before.values[0]))
        facts.append((f"Since {short_date(earlier)}", h("{} points", toned(change, 0))))
    facts += [("Base rate, as of the day", percent(prior)), ("Confidence", confidence)]
    return h('<dl class="facts">{}</dl>',
             join(h("<div><dt>{}</dt><dd>{}</dd></div>", k, v) for k, v in facts))  # fmt: skip


def _lines(f: Forecast, moved: pd.DataFrame, ahead: pd.DataFrame) -> list[Line]:
    what, tenth = what_happened(f), points(moved)
    out = []
    for label, sign in (("Up:", 1), ("Down:", -1)):
        ranked = moved[sign * moved.points > 0.0005].sort_values("points", ascending=sign < 0)
        named = join((h("{} ({})", text(short(what[str(i)], 120)), toned(tenth[str(i)]))
                      for i in ranked.index[:2]), "; ")  # fmt: skip
        out.append(Line(label, named if len(ranked) else Html("nothing that was reported.")))
    told = [(a.first_told, a) for a in f.case.announcements if a.first_told]
    if told and f.case.headline > f.as_of:
        _, last = max(told, key=lambda x: x[0])
        without = update(f.case, f.as_of, without=[last.id], draws=0).held.probability
        out.append(Line("Announced:", h("{} ({} without it)", text(short(last.what, 120)),
                                        percent(without.sel(deadline=pd.Timestamp(f.case.headline))))))  # fmt: skip
    shares = forms(f)
    if shares:
        s = max(f.case.scenarios, key=lambda s: shares.get(s.id, 0))
        form = h("if it opens by {}: “{}” ({})", long_date(f.case.headline), text(short(s.label, 120)),
                 whole(shares[s.id]))  # fmt: skip
        out.append(Line("Most likely form:", form))
    if len(ahead):
        seen = join((h("{} ({} if seen by {}, {} if not)", text(short(r.what, 120)), percent(r.if_seen),
                       short_date(r.by), percent(r.if_not))
                     for _, r in ahead.head(2).iterrows()), "; ")  # fmt: skip
        out.append(Line("What to watch:", seen))
    return out


def over_time(f: Forecast, past: xr.Dataset, moved: pd.DataFrame) -> Section:
    """The forecast as it was on each day, by what was known on that day."""
    past = _own_range(f, past)
    wide = timeline(f, past, moved, narrow=False)
    narrow = timeline(f, past, moved, narrow=True)
    day = pd.Timestamp(f.case.headline)
    shown = past.sel(deadline=day)
    rows = []
    before = np.nan
    for i, stamp in enumerate(shown.as_of.values):
        p = float(shown.probability[i])
        named = wide.by_day.get(pd.Timestamp(stamp).date(), "")
        limits_ = span(shown.low[i], shown.high[i]) if "low" in shown else ""
        change = "" if np.isnan(before) else toned(100 * (p - before))
        rows.append((short_date(stamp, year=True), named, percent(p), change, limits_,
                     percent(shown.prior[i])))  # fmt: skip
        before = p
    columns = [Column("Day"), Column("Reports, by number"), Column("Chance", "n"), Column("Points", "n"),
               Column("Input range", "n"), Column("Base rate", "n")]  # fmt: skip
    caption = f"Chance that it opens by {long_date(day)}, as of each day"
    said = [("line", h("chance by {}", long_date(day))), ("area", "its input range"),
            ("thin", "other deadlines"), ("dash", "base rate: the same without any report"),
            ("up", "numbered events that raise it"), ("down", "that lower it")]  # fmt: skip
    if f.case.announcements:
        said[3] = ("dash", "base rate: the same without any report but announcements")
        said.append(("named", "an announcement: it names a day or a period, or moves it"))
    key = h('<p class="key">{}</p>', join(
        (h('<span class="whole"><span class="k {}"></span> {}</span>', *x) for x in said), " "))  # fmt: skip
    listed = h('<ol class="numbered">{}</ol>', wide.items)
    if wide.count > _MANY:
        listed = fold(f"The {wide.count} numbered events, by the day they became known", listed)
    body = h("{}{}{}{}{}", figure(wide.picture, kind="wide"), figure(narrow.picture, kind="narrow"), key,
             listed, fold("The same as a table", table(caption, columns, rows, kind="cards")))  # fmt: skip
    lead = ("The model is run again for every day on which something was published, and once a week, with what "
            "was public by then. Between reports it moves too: time runs out, and old statements count for less. The "
            "numbers above the line are by how much the forecast changed on that day. Those in the list below are "
            "each event’s Shapley value, its mean share in the forecast of today, and differ from them.")  # fmt: skip
    return Section("over-time", "Probability over time", body, lead)


def _own_range(f: Forecast, past: xr.Dataset) -> xr.Dataset:
    """With the forecast's own input range on its day: one number wherever the page says it."""
    if "low" not in past or "low" not in f.held:
        return past
    earlier = past.as_of != pd.Timestamp(f.as_of)
    return past.assign({k: past[k].where(earlier, f.held[k]) for k in ("low", "high")})


def scenarios(f: Forecast) -> Section:
    """The futures, exclusive and exhaustive, each with its first signs."""
    frame = tables.table(f, "scenarios")
    after, before = (tables.whole_scenarios(f, k) for k in ("probability", "prior"))
    parts = forms(f)
    rows = []
    for s, (_, r), p, q in zip(f.case.scenarios, frame.iterrows(), after, before, strict=True):
        marks: list[svg.Mark] = [("bar", 0, r.probability, "accent" if s.held else "neutral")]
        marks.append(("tick", r.prior))
        label = f"{s.label}: {whole(p)}, base rate {whole(q)}"
        signs = h("<small>First signs: {}</small>", text(s.first_signs)) if s.first_signs else ""
        kind = h(
            '<span class="chip {}">{}</span>',
            "yes" if s.held else "no",
            "held" if s.held else "not held",
        )
        rows.append((h("{} {}{}", text(s.label), kind, Html(signs)), svg.strip(marks, label), whole(p),
                     row_span(r), whole(q), whole(parts[s.id]) if s.id in parts else ""))  # fmt: skip
    columns = [Column("Scenario"), Column(svg.axis(), "pic"), Column("Chance", "n"),
               Column("Input range", "n"), Column("Base rate", "n"),
               Column(f"If it opens by {short_date(f.case.headline, True)}", "n")]  # fmt: skip
    ever = tables.in_hundred(float(f.ever.probability))
    horizon = long_date(f.case.question.horizon)
    foot = ("All", "", f"100{NBSP}%", "", f"100{NBSP}%", f"100{NBSP}%" if parts else "")
    body = table(f"Futures up to {horizon}; the rows add up to 100{NBSP}%", columns, rows, foot, "cards")
    note = h('<p class="fine">The held ones add up to {}, the chance that it opens by {}; by {} it '
             "is {}. The line across a bar is the base rate.</p>", whole(ever), horizon,
             long_date(f.case.headline),
             percent(f.held.probability.sel(deadline=pd.Timestamp(f.case.headline))))  # fmt: skip
    lead = "Each future excludes the others; those without a meeting say why there is none."
    return Section("scenarios", "Scenarios", h("{}{}", body, note), lead)
