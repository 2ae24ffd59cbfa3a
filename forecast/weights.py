"""What the reports weigh on the page: the confidence; by what they are signs of, by who speaks, by scenario."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecast import svg
from forecast.case import Case
from forecast.dependence import matrix as diagnosticity
from forecast.labelling import named, names, origin
from forecast.markup import (
    NBSP,
    Column,
    Html,
    Section,
    counted,
    fold,
    h,
    join,
    long_date,
    percent,
    short,
    signed,
    table,
    tenths,
    text,
    toned,
)
from forecast.shapley import contributions
from forecast.summary import main_origin, numbers, what_happened
from forecast.updating import Forecast

_FEW, _ROWS, _MORE, _STEPS = 12, 8, 20, 4
_NO_MOVE = 0.0005  # shown as 0.0 points


@dataclass(frozen=True)
class Confidence:
    """How much stands behind a forecast: not how likely the event is."""

    word: str
    says: Html
    sources: int
    origins: int


def confidence(f: Forecast, moved: pd.DataFrame) -> Confidence:
    """Low, moderate or high, by a rule that is said with it.

    High: 12 distinct origins at least, none carrying more than a third of what the reports moved, and
    an input range of at most 20 points. Low: fewer than 4, or one carrying more than two
    thirds, or a range of more than 50 points. Moderate between. One step lower where one origin or
    source makes more than two thirds of the net move, which other moves may hide in the sum of all.
    """
    case = f.case
    origins = {case.origin(r) for e in case.events for r in e.reports}
    if not origins:
        says = h("No report is known: this is the base rate, and rests on nothing else.")
        return Confidence("low", says, 0, 0)
    carried: dict[str, float] = defaultdict(float)
    events = {e.id: e for e in case.events}
    for name, points in moved.points.abs().items():
        carried[main_origin(case, events[str(name)]) if name in events else "silence"] += float(points)
    total = sum(carried.values())
    strongest = max(carried.values()) / total if total > _NO_MOVE else 1.0
    now = f.held.sel(deadline=pd.Timestamp(case.headline))
    width = float(now.high - now.low) if "low" in now else np.nan
    words = ("low", "moderate", "high")
    if len(origins) >= 12 and strongest <= 1 / 3 and width <= 0.2:
        step = 2
    elif len(origins) < 4 or strongest > 2 / 3 or width > 0.5:
        step = 0
    else:
        step = 1
    moves, leans = _by_one(f)
    ends = f"; the input range spans {100 * width:.0f} points" if np.isfinite(width) else ""
    says = h(
        "It speaks of the evidence, not of the event: {}. {}{}{}. "
        "High would take 12 origins, none above a third, and 20 points at most; fewer than 4, one above two "
        "thirds, or more than 50 points is low; and it is one step lower where one origin or source makes more "
        "than two thirds of the net move.", basis(f), moves,
        f"The strongest origin carries {percent(strongest)} of all moves, up and down" if total > _NO_MOVE
        else "No report moves it, which is low", ends)  # fmt: skip
    return Confidence(words[max(step - leans, 0)], says, len(_sources(case)), len(origins))


def _sources(case: Case) -> set[str]:
    """Who can know: the sources that speak, not the outlets that pass it on."""
    return {case.source(r.source).name for e in case.events for r in e.reports}


def basis(f: Forecast) -> str:
    """How much was read, in one line that is the same wherever the page says it."""
    case = f.case
    reports = [r for e in case.events for r in e.reports]
    outlets = {case.source(x).name for r in reports for x in r.via}
    origins = {case.origin(r) for r in reports}
    days = len(case.announcements)
    return (
        f"{counted(len(case.events), 'event')} in {counted(len(reports), 'report')} by "
        f"{counted(len(_sources(case)), 'source')}"
        + (f", passed on by {counted(len(outlets), 'outlet')}" if outlets else "")
        + f", from {counted(len(origins), 'distinct origin')} (utterances or documents)"
        + (f", and {counted(days, 'announcement')} of a day or period" if days else "")
    )


def _by_one(f: Forecast) -> tuple[Html, bool]:
    """What one origin or source does, in words; and whether one makes most of the net move."""
    case = f.case
    now = f.held.sel(deadline=pd.Timestamp(case.headline))
    net = 100 * float(now.probability - now.prior)
    gains = {
        (by, str(i)): 100 * float(p)
        for by in ("origin", "source")
        for i, p in contributions(case, by=by, seed=f.seed).points.items()
        if not str(i).startswith("silence: ")
    }
    most = max(gains, key=lambda k: abs(gains[k]))
    if abs(gains[most]) < 100 * _NO_MOVE:
        return Html(""), False
    says = h("Of the {}s, each taken whole, {} {} moves it most, by {} points; all others together by {}. ",
             most[0], *_who(case, *most), signed(gains[most]), signed(net - gains[most]))  # fmt: skip
    along = max(gains, key=lambda k: gains[k] * net)
    if abs(net) < 1 or gains[along] * net <= 2 / 3 * net**2:
        return says, False
    who = "That" if along == most else h("The {} {}, {} points,", along[0], _who(case, *along)[0], signed(gains[along]))  # fmt: skip
    if gains[along] / net > 1:
        return h("{}{} is more than the net move, {} points: without it the others would move it the other way. ",
                 says, who, signed(net)), True  # fmt: skip
    return h("{}{} is more than two thirds of the net move, {} points. ", says, who, signed(net)), True


def _who(case: Case, by: str, of: str) -> tuple[Html, Html]:
    """An origin or source in words, and of how many events it speaks."""
    told = [
        e.what
        for e in case.events
        if of in (case.origin(r) if by == "origin" else getattr(r.source, "name", r.source) for r in e.reports)
    ]  # fmt: skip
    called = short(told[0], 120) if by == "origin" and len(told) == 1 else named(case, of)
    return h("“{}”", text(called)), h("({} of the {})", len(told), counted(len(case.events), "event"))


def groups(f: Forecast) -> Section:
    """The way from the base rate to the forecast by indicator and actor; by source; by origin."""
    title = "What moved it, by what it is a sign of"
    if not f.compiled.events:
        return Section("groups", title, h("<p>No report is known.</p>"))
    by_indicator, by_source, by_origin = (
        contributions(f.case, f.as_of, by=by) for by in ("indicator", "source", "origin")
    )
    if by_indicator.decibans.isna().all():
        return Section("groups", title, settled(f, float(by_indicator.attrs["after"])))
    says = names(f.case)
    on = pd.Series(f.compiled.bears_on).value_counts()
    spoken = {
        str(i): h("{}<small>{}</small>", text(says[str(i)]), counted(int(on[str(i)]), "event"))
        for i in by_indicator.index
    }
    main = _shares(f, by_indicator, spoken, "indicator or actor")
    rest = join(
        fold(f"The same by {what}", _shares(f, frame, {str(i): origin(f.case, str(i)) for i in frame.index}, what))
        for what, frame in (("source", by_source), ("origin", by_origin))
    )  # fmt: skip
    exact = all(x.attrs["method"] == "exact" for x in (by_indicator, by_source, by_origin))
    note = (
        "Points are Shapley values, means over all orders of telling, of all that is said on one indicator, by one source, or from one origin: "
        f"{'exact, over every set of them' if exact else 'over sampled orders where there are too many sets'}. "
        "A source is who can know; an origin is the one utterance or document that reports come from, in quotes as the "
        "case calls it. A deciban is 10 log₁₀ of an odds ratio: 3 of them about double the odds."
    )
    lead = "An indicator saturates: however many reports there are of it, it can say no more than that it is true."
    return Section("groups", title, h('{}{}<p class="fine">{}</p>', main, rest, note), lead)


def settled(f: Forecast, p: float) -> Html:
    """That the headline's chance is 0 or 1, whatever is told: it has no odds that could move."""
    day = f.case.headline
    why = "that day has passed" if day <= f.as_of else f"it is {percent(p)}, whatever is told"
    return h("<p>No report moves the chance that it opens by {}: {}.</p>", long_date(day), why)


def _shares(f: Forecast, frame: pd.DataFrame, label: dict[str, Html], what: str) -> Html:
    day = long_date(frame.attrs["deadline"])
    before, after = float(frame.attrs["before"]), float(frame.attrs["after"])
    frame = frame.reindex(frame.points.abs().sort_values(ascending=False, kind="stable").index)
    tenth = tenths((100 * frame.points).to_list())
    end = max(float(frame.points.abs().max()), 1e-9)
    few = range(min(_FEW, len(frame)))
    rows: list[tuple[Any, ...]] = [
        (label[str(frame.index[i])], _bar(frame.points.iloc[i], end, tenth[i]),
         toned(tenth[i]), toned(frame.decibans.iloc[i]))
        for i in few
    ]  # fmt: skip
    if len(frame) > _FEW:
        left = frame.iloc[_FEW:]
        points = round(sum(tenth[_FEW:]), 1)
        rows.append((f"The other {len(left)} together" if len(left) > 1 else "One more", _bar(points / 100, end, points),
                     toned(points), toned(float(left.decibans.sum()))))  # fmt: skip
    total = round(sum(tenth), 1)
    foot = ("All", "", toned(total), toned(float(frame.decibans.sum())))
    axis = svg.axis(f"−{100 * end:.1f}", "0", f"+{100 * end:.1f}")
    columns = [Column(what.capitalize()), Column(axis, "pic"), Column("Points", "n"), Column("Decibans", "n")]  # fmt: skip
    caption = (f"From the base rate, {percent(before)}, to the chance that it opens by {day}, "
               f"{percent(after)}, by {what}; the largest first")  # fmt: skip
    return table(caption, columns, rows, foot, "cards")


def _bar(value: float, end: float, shown: float) -> Html:
    at = 0.5 + 0.5 * value / end
    marks: list[svg.Mark] = [("bar", 0.5, at, "up" if value >= 0 else "down"), ("tick", 0.5)]
    return svg.strip(marks, f"{signed(shown)} points")


def matrix(f: Forecast) -> Section:
    """What each event says of each scenario: the matrix of competing hypotheses, with numbers."""
    title = "What each report says of each future"
    if not f.compiled.events:
        return Section("matrix", title, h("<p>No report is known.</p>"))
    frame = diagnosticity(f.case, f.as_of).to_pandas()
    order = frame.index[np.argsort(-np.ptp(frame.to_numpy(), axis=1), kind="stable")]
    ids, what = numbers(f), what_happened(f)
    top = max(float(np.abs(frame.to_numpy()).max()), 1e-9)
    columns = [Column(Html('<abbr title="number">No.</abbr>'), "no"), Column("Event"),
               *(Column(short(s.label.split(":")[0], 34), "n") for s in f.case.scenarios)]  # fmt: skip

    def rows(names: Any) -> list[tuple[Any, ...]]:
        return [
            (h('<a class="pill flat" href="#e-{}">{}</a>', n, ids[n]), text(short(what[n], 110)),
             *(_heat(float(x), top) for x in frame.loc[n]))
            for n in names
        ]  # fmt: skip

    caption = ("Decibans by which each event moved each scenario, all other reports kept; "
               "the most telling first")  # fmt: skip
    body = table(caption, columns, rows(order[:_ROWS]), kind="cards fall matrix")
    rest = order[_ROWS : _ROWS + _MORE]
    if len(rest):
        body = h("{}{}", body, fold(f"The next {len(rest)}, from more to less telling",
                                    table("The less telling", columns, rows(rest), kind="cards fall matrix")))  # fmt: skip
    left = np.ptp(frame.loc[order[_ROWS + _MORE :]].to_numpy(), axis=1)
    if len(left):
        body = h('{}<p class="fine">{} less telling: at most {} decibans between the scenarios.</p>', body,
                 counted(len(left), "further event is", "further events are"), f"{left.max():.1f}")  # fmt: skip
    note = h('<p class="fine">In this table a deciban is 10 log₁₀ of a ratio of probabilities, P(scenario | all reports) over '
             "P(scenario | all but this one), and not of odds: what an event adds to the others, after the layers.</p>")  # fmt: skip
    lead = ("Analysts know it as the matrix of competing hypotheses: read across, not down. An event whose row is near zero "
            "throughout tells the futures apart little.")  # fmt: skip
    return Section("matrix", title, h("{}{}", body, note), lead)


def _heat(x: float, top: float) -> Html:
    shown = signed(x)
    step = 0 if shown == "0.0" else min(int(_STEPS * abs(x) / top) + 1, _STEPS)
    tone = "up" if x > 0 else "down"
    return h('<span class="heat {} s{}">{}</span>', tone, step, shown.replace(" ", NBSP))
