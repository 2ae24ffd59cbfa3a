"""The base rate on the page: what history says, and the proposals that it is read from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from forecast import history, svg
from forecast.base_rate import opening
from forecast.fits import curve
from forecast.markup import (
    Column,
    Html,
    Section,
    convener_words,
    counted,
    fold,
    h,
    join,
    link,
    percent,
    short_date,
    span,
    table,
    text,
)
from forecast.updating import RANGE, Forecast

_STAGES = {"floated": "no time named at first", "window": "a period named at first",
           "dated": "a day named at first"}  # fmt: skip
SHOWN = 12
"""Comparable proposals shown before the fold."""


def base_rate(f: Forecast) -> Section:
    """What the base rate is, where it comes from, and the comparable proposals."""
    if not f.case.fit_used:
        judged = percent(float(opening(f.case).ever.mean()))
        body = h("<p>Elicited: {} that such a meeting ever opens.</p>{}", judged, _bridge(f))
        return Section(
            "base-rate", "Base rate", body, "How often and how fast such proposals lead to talks."
        )
    base, fit = f.case.base_rate, f.case.fit
    known = history.as_known(history.proposals(fit.reference_class), fit.as_of, fit.leave_out)
    settled = known[known.status != "open"]
    classes = {
        "all proposals": settled.index == settled.index,
        _STAGES.get(str(base.stage), f"first {base.stage}"): settled.stage == base.stage,
        f"convened by {convener_words(base.convener_type)}": settled.convener_type == base.convener_type,
        f"on {base.conflict}": settled.conflict == base.conflict,
    }
    rows: list[tuple[Any, ...]] = []
    for name, inside in classes.items():
        of = settled[inside]
        if len(of):
            n, p = int((of.status == "held").sum()), float((of.status == "held").mean())
            mark: list[svg.Mark] = [("bar", 0, p, "neutral")]
            label = f"{name}: {n} of {len(of)} held"
            rows.append((text(name), svg.strip(mark, label), f"{n} of {len(of)}", percent(p)))
    about = (base.stage or "", base.convener_type or "", base.row_type, base.conflict or "")
    ever = curve(fit, *about).ever
    low, high = np.quantile(ever, RANGE)
    learned: list[svg.Mark] = [("range", low, high), ("dot", float(ever.mean()), "accent")]
    name = f"learned for this class: {percent(ever.mean())}, of which {span(low, high)}"
    rows.append((h("<b>learned for this class</b>"), svg.strip(learned, name), span(low, high),
                 h("<b>{}</b>", percent(ever.mean()))))  # fmt: skip
    columns = [Column("Class"), Column(svg.axis(), "pic"), Column("Held", "n"), Column("Share", "n")]
    days = np.exp(curve(fit, *about).log_days)
    lead = (f"How often and how fast such proposals led to talks, learned from {counted(len(known), 'proposal')} "
            f"as known on {short_date(fit.as_of, True)}, when this one was made; this one is not among them. The "
            f"median time to open is {days.mean():.0f} days.")  # fmt: skip
    note = h("<p>Shares as recorded are no base rates: quiet failures are missing, famous ones were looked for. The "
             "learned one pools the classes, lets time run out, and allows for failures that nobody wrote "
             "down.</p>")  # fmt: skip
    body = h("{}{}{}{}", table("Recorded shares, and what was learned", columns, rows, kind="cards"), _bridge(f), note,
             _comparable(f, known))  # fmt: skip
    return Section("base-rate", "Base rate", body, lead)


def _bridge(f: Forecast) -> Html:
    """From the class's share to the base rate in the headline."""
    waited, day = (f.as_of - f.case.question.proposed).days, f.case.headline
    named = f.case.as_known(f.as_of).announcements
    news = "no day was named"
    if named:
        news = f"{'a day or period was' if len(named) == 1 else 'days or periods were'} named, moved or called off"
    silence = "in which it has not opened"
    if f.case.fit_used and not any(a.kind in ("day", "cancelled") for a in named):
        silence = "in which it has neither opened nor been called off or given up"
    silence = f"{silence} and {news}" if f.case.fit else silence
    by = percent(float(f.held.prior.sel(deadline=pd.Timestamp(day))))
    return h("<p>From there to the base rate of today: after {} {}, {} that it is ever held, and {} that it opens "
             "by {}.</p>", counted(waited, "day"), silence, percent(float(f.ever.prior)), by,
             short_date(day, True))  # fmt: skip


def _comparable(f: Forecast, known: pd.DataFrame) -> Html:
    base, every = f.case.base_rate, history.proposals(f.case.reference_class)
    kind = (known.stage == base.stage) & (known.convener_type == base.convener_type)
    near = known[(known.conflict == base.conflict) | kind].sort_values("first_proposed", ascending=False)
    rows = []
    for r in near.itertuples():
        fate = {"held": f"held after {r.days} days", "dead": f"never, given up after {r.days} days",
                  "open": "still open"}[str(r.status)]  # fmt: skip
        urls = str(every.source_urls.get(r.Index, "")) if "source_urls" in every else ""
        title = link(urls.split(";")[0], str(r.name)) if urls else text(str(r.name))
        rows.append((title, text(str(r.conflict)), short_date(r.first_proposed, True),
                     h('<span class="{}">{}</span>', "up" if r.status == "held" else "down", fate)))  # fmt: skip
    columns = [
        Column("Proposal"),
        Column("Conflict"),
        Column("Proposed", "n"),
        Column("What became of it"),
    ]
    caption = ("Comparable proposals, the latest first: of the same conflict, or by the same kind of convener with "
               f"{_STAGES[str(base.stage)]}")  # fmt: skip
    first = table(caption, columns, rows[:SHOWN], kind="cards")
    if len(rows) <= SHOWN:
        return first
    more = table("Comparable proposals, earlier ones", columns, rows[SHOWN:], kind="cards")
    return join([first, fold(f"{len(rows) - SHOWN} earlier ones", more)])
