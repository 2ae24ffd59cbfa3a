"""What the page rests on: the evidence, its sources, and the reasons of what was judged."""

from __future__ import annotations

from typing import Any

import pandas as pd

from forecast import svg
from forecast.case import Case
from forecast.dependence import ladder as dependence
from forecast.judgement import Judgement
from forecast.labelling import about, like_history, origin, state, when
from forecast.markup import (
    NBSP,
    Column,
    Html,
    Section,
    convener_words,
    counted,
    fold,
    h,
    join,
    link,
    long_date,
    percent,
    period,
    short,
    short_date,
    signed,
    table,
    text,
    toned,
)
from forecast.parts import Passage, Report
from forecast.summary import first_known, grade, main_origin, numbers, points, what_happened
from forecast.updating import Forecast, update
from forecast.weights import settled

_FEW = 14


def evidence(f: Forecast, moved: pd.DataFrame) -> Section:
    """The waterfall from the base rate to the forecast."""
    day = long_date(moved.attrs["deadline"])
    before, after = float(moved.attrs["before"]), float(moved.attrs["after"])
    if moved.empty:
        text_ = h("<p>No report is known: the forecast is the base rate, {}.</p>", percent(after))
        return Section("evidence", "What moved it", text_)
    if moved.decibans.isna().all():
        return Section("evidence", "What moved it", settled(f, after))
    ids, what, known = numbers(f), what_happened(f), first_known(f)
    ranked = moved.reindex(sorted(moved.index, key=lambda i: -abs(moved.points[i])))
    tenth, few = points(moved), ranked.head(_FEW)
    rest = ranked.iloc[_FEW:]
    running = before + few.points.cumsum().to_numpy()
    high_end = float(running[-1]) + float(rest.points[rest.points >= 0].sum())
    low, high = svg.window([before, after, *running, high_end])

    def scale(p: float) -> float:
        return (p - low) / (high - low)

    events = {e.id: e for e in f.case.events}

    def told(name: str, bears_on: str) -> tuple[Html, Html]:
        tone = "up" if tenth[name] > 0 else "down" if tenth[name] < 0 else "flat"
        if name in events:
            e = events[name]
            came = origin(f.case, main_origin(f.case, e))
            notes = h("{} · {} · grade {}", period(e.date), came, grade(f.case, e))
        else:
            notes = h("{} · silence", short_date(known[name], True))
        return (h('<a class="pill {}" href="#e-{}">{}</a>', tone, name, ids[name]),
                h("{}<small>{} · on {}</small>", text(short(what[name], 160)), notes,
                  text(short(about(f.case, bears_on), 70))))  # fmt: skip

    rows: list[tuple[Any, ...]] = [
        ("", h("<b>Base rate</b><small>as of the day, before any report{}</small>",
               " but what was announced" if f.case.announcements else ""),
         svg.strip([("dot", before, "neutral")], f"base rate {percent(before)}", scale), "", "", percent(before))
    ]  # fmt: skip
    start = before
    for (name, r), end in zip(few.iterrows(), running, strict=True):
        key, tone = str(name), "up" if r.points >= 0 else "down"
        label = f"{short(what[key])}: {signed(tenth[key])} points, to {percent(end)}"
        rows.append((*told(key, str(r.bears_on)), svg.strip([("tick", start), ("bar", start, end, tone)], label, scale),
                     toned(tenth[key]), toned(r.decibans), percent(end)))  # fmt: skip
        start = float(end)
    more = Html("")
    if len(rest):
        for says, some in (("raise", rest[rest.points >= 0]), ("lower", rest[rest.points < 0])):
            if some.empty:
                continue
            left, end = (
                round(sum(tenth[str(i)] for i in some.index), 1),
                start + float(some.points.sum()),
            )
            name = f"{counted(len(some), 'other')} that {says}{'s' if len(some) == 1 else ''} it"
            label = f"{name}: {signed(left)} points, to {percent(end)}"
            tone = "up" if says == "raise" else "down"
            rows.append(("", name, svg.strip([("tick", start), ("bar", start, end, tone)], label, scale),
                         toned(left), toned(float(some.decibans.sum())), percent(end)))  # fmt: skip
            start = end
        others = [
            (*told(str(i), str(r.bears_on)), toned(tenth[str(i)]), toned(r.decibans))
            for i, r in rest.iterrows()
        ]
        plain = [Column(Html('<abbr title="number">No.</abbr>'), "no"), Column("Event"), Column("Points", "n"),
                 Column("Decibans", "n")]  # fmt: skip
        more = fold(
            f"The other {len(rest)}, one by one",
            table("The smaller ones", plain, others, kind="cards fall"),
        )
    total = round(sum(tenth.values()), 1)
    foot = ("", h("<b>Forecast</b>"), svg.strip([("dot", after, "accent")], f"forecast {percent(after)}", scale),
            toned(total), toned(float(moved.decibans.sum())), percent(after))  # fmt: skip
    columns = [
        Column(Html('<abbr title="number">No.</abbr>'), "no"), Column("Event"),
        Column(svg.axis(f"{100 * low:.0f}", "", f"{100 * high:.0f}{NBSP}%"), "pic"), Column("Points", "n"),
        Column("Decibans", "n"), Column("Running total", "n"),
    ]  # fmt: skip
    caption = (f"From the base rate to the chance that it opens by {day}, the largest first; bars run "
               f"from {100 * low:.0f} to {100 * high:.0f}{NBSP}%")  # fmt: skip
    error = f"The orders are sampled: standard error at most {100 * moved.points_se.max():.1g} points. "
    note = (
        "Points and decibans (10 log₁₀ of an odds ratio: 3 dB about double the odds) are Shapley values: what each event "
        "adds, averaged over the orders in which the events could be told. "
        f"{error if moved.attrs['method'] == 'sampled' else ''}They describe this model; they are no causes."
    )
    body = h('{}{}<p class="fine">{}</p>', table(caption, columns, rows, foot, "cards fall"), more, note)
    net = after - before
    pieces = ""
    if float(moved.points.abs().max()) <= abs(net) / 3:
        rise, fall = ({str(i): x for i, x in tenth.items() if sign * x > 0} for sign in (1, -1))
        pieces = (f"The net move, {signed(total)} points, is the sum of many events, none of them more than a third of it: "
                  f"{counted(len(rise), 'event')} raise it by {signed(sum(rise.values()))}, "
                  f"{counted(len(fall), 'event')} lower it by {signed(sum(fall.values()))}. ")  # fmt: skip
    return Section("evidence", "What moved it", body,
                   f"{pieces}Each event with its date, its origin (in quotes: the case's own name of one utterance or document), the grade "
                   "of the weakest link in its best chain, from A, to be relied on, to E, not, and F, unknown; and its weight.")  # fmt: skip


def ladder(f: Forecast) -> Section:
    """What double counting would have done, and what each document does alone."""
    frame = dependence(f.case)
    columns = [Column("Reports are read as"), Column(svg.axis(), "pic"),
               *(Column(f"by {short_date(d, True)}", "n main" if d == f.case.headline else "n")
                 for d in frame.columns)]  # fmt: skip
    main = f.case.headline
    names = {"layers": "layers (this forecast)"}
    rows = [
        (names.get(str(rung), str(rung)),
         svg.strip([("bar", 0, r[main], "accent" if rung == "layers" else "neutral")],
                   f"{rung}: {percent(r[main])}"), *map(percent, r))
        for rung, r in frame.iterrows()
    ]  # fmt: skip
    caption = f"Chance that it opens, by how reports depend on each other; the bar is by {short_date(main, True)}"
    body = table(caption, columns, rows, kind="cards")
    alone = _alone(f)
    lead = ("Reports of one thing must not count twice. In layers, a repeated report saturates at its "
            "event, and repeated events at what they are signs of; the last line counts each as news of its own.")  # fmt: skip
    return Section("ladder", "If reports were independent", h("{}{}", body, alone), lead)


def _alone(f: Forecast) -> Html:
    documents = [d for d in f.case.documents if d.published <= f.as_of]
    if not documents:
        return Html("")
    days = [*f.case.question.deadlines]
    each = [(text(f"{d.title}, alone"), update(f.case.only(d.id), f.as_of, draws=0)) for d in documents]
    none = update(f.case, f.as_of, without=[*(e.id for e in f.case.events)], draws=0)
    rows = [(name, *(percent(p) for p in x.held.probability.values))
            for name, x in [*each, ("all reports", f), ("no report (silences count)", none)]]  # fmt: skip
    columns = [Column("What is read"), *(Column(f"by {short_date(d, True)}", "n") for d in days)]
    return h("<h3>One document alone</h3>{}",
             table("Chance that it opens, by what is read", columns, rows, kind="cards"))  # fmt: skip


def sources(f: Forecast) -> Section:
    """Every event with its reports, and the reason for its weight."""
    ids, types = numbers(f), {t.id: t for t in f.case.event_types}
    items = []
    for e in sorted(f.case.events, key=lambda e: ids.get(e.id, 0)):
        kind = types.get(e.type or "")
        false, true = f.case.likelihoods(e)
        reason = [text(x) for x in (e.why, kind.ground if kind else None) if x]
        named = h(" · kind: {}", text(kind.label)) if kind else ""
        items.append(h(
            '<li id="e-{}"><p class="what"><span class="pill flat">{}</span> {}</p>'
            '<p class="fine">{} · on {}{} · such an event: {} if true, {} if not</p><ul>{}</ul>'
            '<p class="why">{}</p></li>',
            e.id, ids.get(e.id, "–"), text(e.what), period(e.date),
            text(short(about(f.case, str(f.case.node_of(e))), 70)), Html(named), _words(true), _words(false),
            join(_report(f, r) for r in e.reports), join(reason, " ")))  # fmt: skip
    items += [
        h('<li id="e-{}"><p class="what"><span class="pill flat">{}</span> {}</p><p class="fine">seen by '
          "then: {} if true, {} if not</p>{}</li>", w.id, ids[w.id], text(what_happened(f)[w.id]),
          _words(w.if_true), _words(w.if_false), h('<p class="why">{}</p>', text(w.why)) if w.why else Html(""))
        for w in f.case.watch if w.id in ids and w.if_true and w.if_false
    ]  # fmt: skip
    items += [
        h('<li id="e-{}"><p class="what"><span class="pill flat">{}</span> {}</p><p class="fine">an announcement: it is in '
          "the base rate of the day, as one likelihood with all others</p><ul>{}</ul></li>",
          a.id, ids[a.id], text(a.what), join(_report(f, r) for r in a.reports))
        for a in f.case.announcements if a.id in ids
    ]  # fmt: skip
    documents = join(
        h("<li>{}{}, {}{}</li>", link(d.url, d.title) if d.url else text(d.title),
          h(", {}", text(d.author)) if d.author else "", long_date(d.published),
          h("<small>{}</small>", text(d.note)) if d.note else "")
        for d in f.case.documents if d.published <= f.as_of
    )  # fmt: skip
    listed = h('<ol class="sources">{}</ol>', join(items) if items else Html("<li>No report is known.</li>"))  # fmt: skip
    if len(items) > _FEW:
        count = counted(len(items), "numbered entry", "numbered entries")
        listed = fold(f"Open the list: {count}, each with its reports", listed)
    body = h("{}{}", h("<p>What was read:</p><ul>{}</ul>", documents) if documents else Html(""), listed)
    lead = (f"All that was public by {long_date(f.as_of)} and is weighed, in the order in which it became known: who "
            "says so, where it is written, how far the source is trusted (A best, E worst, F cannot be judged), "
            "and why the event weighs what it does.")  # fmt: skip
    return Section("sources", "Sources", body, lead)


def _report(f: Forecast, r: Report) -> Html:
    links = [f.case.source(x) for x in (r.source, *r.via)]
    chain = join(
        (h('{} <span class="grade">{}</span>', text(s.name), s.reliability) for s in links), " via "
    )
    where = [h(", {}", _passage(f, r.article))] if r.article else []
    if r.url:
        where.append(h(", {}", link(r.url)))
    # that a report is its source's own word goes without saying
    came = h(", origin: {}", origin(f.case, r.origin)) if r.origin and r.origin != r.source else Html("")
    return h("<li>{}{}, published {}{}{}</li>", h("<b>denies it:</b> ") if r.denies else Html(""), chain,
             short_date(r.published, True), came, join(where))  # fmt: skip


def _passage(f: Forecast, at: Passage) -> Html:
    title = next((d.title for d in f.case.documents if d.id == at.document), at.document)
    where = h("{}, paragraph {}", text(short(title, 60)), at.paragraph)
    return h("{}: “{}”", where, text(at.locator)) if at.locator else where


def judgements(f: Forecast) -> Section:
    """The grounds of what people judged: base rate, scenarios, indicators, actors, context."""
    case, base = f.case, f.case.base_rate
    if base.days_to_open:
        low, high = base.days_to_open
        judged = f"such a meeting is ever held, {base.held}; if so after {low:g} to {high:g} days"
    else:
        judged = (f"learned from {str(base.reference_class).replace('_', ' ')}, stage {base.stage}, convened by {convener_words(base.convener_type)}, "
                  f"kind {str(base.row_type).replace('_', ' ')}, conflict {base.conflict}")  # fmt: skip
    parts = [h("<p>Base rate: {}. {}{}</p>", text(judged), text(base.why), _at(f, base.article))]
    rows: list[tuple[Any, ...]] = []
    for s in case.scenarios:
        share = _words(s.share) if s.share else "the rest"
        days = f"{s.days_to_open[0]:g} to {s.days_to_open[1]:g} days" if s.days_to_open else ""
        rows.append((text(s.label), "held" if s.held else "not held", share, days,
                     h("{}{}", text(s.why or ""), _at(f, s.article))))  # fmt: skip
    parts.append(fold(f"Scenarios ({len(rows)})", table(
        "Share of the held ones, or of those not held", [Column("Scenario"), Column("Side"),
         Column("Share"), Column("Days to open"), Column("Why")], rows, kind="cards text")))  # fmt: skip
    now = {str(n): (float(a), float(b)) for n, a, b in zip(
        f.indicators.indicator.values, f.indicators.prior.values, f.indicators.probability.values, strict=True)}  # fmt: skip
    rows = []
    for i in case.indicators:
        chance = ([("", i.chance)] if i.chance is not None else
                  [(f"if {state(case, str(i.given), x)}, ", y) for x, y in ((True, i.if_true), (False, i.if_false))])  # fmt: skip
        a, b = now[i.id]
        rows.append((text(i.statement), _tables(case, chance), percent(a), percent(b),
                     h("{}{}", text(i.why), _at(f, i.article))))  # fmt: skip
    columns = [
        Column("Indicator"),
        Column("Judged"),
        Column("Before", "n"),
        Column("Now", "n"),
        Column("Why"),
    ]
    if rows:
        parts.append(fold(f"Indicators ({len(rows)})",
                          table("Chance of being true, by scenario", columns, rows, kind="cards text")))  # fmt: skip
    rows = []
    for x in case.actors:
        if x.attends_like:
            how = text(like_history(case, x))
        else:
            willing = ([("willing, ", x.willing)] if x.willing is not None else
                       [(f"willing if {state(case, str(x.given), so)}, ", y)
                        for so, y in ((True, x.willing_if_true), (False, x.willing_if_false))])  # fmt: skip
            attends = [
                ("comes if willing, ", x.attends_if_willing),
                ("comes if not, ", x.attends_if_unwilling),
            ]
            how = _tables(case, [(k, v) for k, v in (*willing, *attends) if v])
        rows.append((text(x.name), how, h("{}{}", text(x.why), _at(f, x.article))))
    if rows:
        parts.append(fold(f"Actors ({len(rows)})", table(
            "Would come, if it were held and he were let in; and comes", [Column("Actor"), Column("Judged"),
             Column("Why")], rows, kind="cards text")))  # fmt: skip
    if case.context:
        items = join(h("<li>{} <span class=\"why\">Not weighed: {}</span>{}</li>", text(c.what),
                       text(c.why_not_evidence), _at(f, c.article)) for c in case.context)  # fmt: skip
        parts.append(fold(f"Known, and not weighed ({len(case.context)})", h("<ul>{}</ul>", items)))
    lead = ("What people judged, each with its ground. A word of probability always stands with its range; an "
            f"interval is read as a central 90{NBSP}% interval.")  # fmt: skip
    return Section("judgements", "Judgements", join(parts), lead)


def _at(f: Forecast, at: Passage | None) -> Html:
    known = at and any(d.id == at.document and d.published <= f.as_of for d in f.case.documents)
    return h(" <small>{}</small>", _passage(f, at)) if at and known else Html("")


def _tables(case: Case, given: list[tuple[str, Any]]) -> Html:
    lines = []
    for name, judged in given:
        for key, value in judged.items():
            who = "" if key == "otherwise" and len(judged) == 1 else when(case, key)
            said = f"{name}{who}".removesuffix(", ")
            lines.append(h("<li>{}{}</li>", text(f"{said}: ") if said else "", _words(value)))
    return h('<ul class="plain">{}</ul>', join(lines))


def _words(value: Judgement) -> Html:
    return h('<span class="nowrap">{}</span>', str(value).replace("-", "–"))
