"""What the reports weigh on the page: by what they are signs of, by who speaks, by scenario."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecast import svg
from forecast.dependence import matrix as diagnosticity
from forecast.labelling import names, origin
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
from forecast.summary import numbers, what_happened
from forecast.updating import Forecast

_FEW, _ROWS, _MORE, _STEPS = 12, 8, 20, 4


def groups(f: Forecast) -> Section:
    """The way from the base rate to the forecast by indicator and actor; by source; by origin."""
    title = "What moved it, by what it is a sign of"
    if not f.compiled.events:
        return Section("groups", title, h("<p>No report is known.</p>"))
    by_indicator, by_source, by_origin = (
        contributions(f.case, f.as_of, by=by) for by in ("indicator", "source", "origin")
    )
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
    note = h('<p class="fine">Decibans: 10 log₁₀ of P(scenario | all reports) over P(scenario | all but this one), after '
             "the layers: what an event adds to those of its kind.</p>")  # fmt: skip
    lead = "Analysts know it as the matrix of competing hypotheses: read across, not down. An event that speaks for every future speaks for none."
    return Section("matrix", title, h("{}{}", body, note), lead)


def _heat(x: float, top: float) -> Html:
    shown = signed(x)
    step = 0 if shown == "0.0" else min(int(_STEPS * abs(x) / top) + 1, _STEPS)
    tone = "up" if x > 0 else "down"
    return h('<span class="heat {} s{}">{}</span>', tone, step, shown.replace(" ", NBSP))
