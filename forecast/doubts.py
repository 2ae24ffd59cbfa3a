"""What the forecast rests on, on the page: judgements, choices of the model, strain in the evidence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from forecast import svg
from forecast.criticising import Criticism
from forecast.labelling import judgement_words, names
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
    long_date,
    percent,
    short,
    short_date,
    signed,
    span,
    table,
    text,
    toned,
)
from forecast.pooling import AUTHOR, Analyst, Disagreement, disagreement
from forecast.updating import Forecast

_FEW, _MORE = 12, 18
_CLASS = {"row_type": "kind: ", "reference_class": "class "}
_SLIGHT = 0.005  # a spread that is not shown


def sensitivity(f: Forecast, swings: pd.DataFrame, choices: pd.DataFrame, strain: Criticism) -> Section:
    """The tornado, the forecast under other choices, and the criticism of the evidence.

    Parameters
    ----------
    f : Forecast
    swings : DataFrame
        From `forecast.tornado`.
    choices : DataFrame
        From `forecast.variants`.
    strain : Criticism
        From `forecast.criticism`.
    """
    lead = (f"Each line moves one judgement to its 5{NBSP}% and to its 95{NBSP}% point and leaves all others as they "
            "are. What the forecast depends on most comes first.")  # fmt: skip
    body = h("{}{}{}", _tornado(f, swings), _variants(f, choices), _criticism(f, strain))
    return Section("sensitivity", "What it depends on", body, lead)


def _tornado(f: Forecast, swings: pd.DataFrame) -> Html:
    if swings.empty:
        return h("<p>Every judgement of this case is a plain number: nothing can be moved.</p>")
    now, day = float(swings.attrs["now"]), long_date(swings.attrs["deadline"])
    low, high = svg.window([now, *swings.at_low, *swings.at_high])

    words = _judgement_words(f)

    def rows(part: pd.DataFrame) -> list[tuple[Any, ...]]:
        out: list[tuple[Any, ...]] = []
        for name, r in part.iterrows():
            whose, what = words(str(name))
            label = f"{whose}, {what}: {percent(r.at_low)} at its low end, {percent(r.at_high)} at its high end"
            marks: list[svg.Mark] = [("bar", now, r.at_low, "down"), ("bar", now, r.at_high, "up")]
            if (r.at_low - now) * (r.at_high - now) > 0 and abs(r.at_low - now) < abs(r.at_high - now):
                marks.reverse()  # both go one way: the shorter bar stays in sight
            marks.append(("tick", now))
            picture = svg.strip(marks, label, lambda p: (p - low) / (high - low))
            out.append((h("{}<small>{}</small>", text(whose), text(f"{what} · {_ends(r)}")), picture,
                        percent(r.at_low), percent(r.at_high)))  # fmt: skip
        return out

    ends = svg.axis(f"{100 * low:.0f}", "", f"{100 * high:.0f}{NBSP}%")
    columns = [Column("Judgement"), Column(ends, "pic"), Column("At its low end", "n"),
               Column("At its high end", "n")]  # fmt: skip
    caption = (f"The chance that it opens by {day} with one judgement at an end of its interval; today "
               f"{percent(now)}; bars run from {100 * low:.0f} to {100 * high:.0f}{NBSP}%")  # fmt: skip
    body = h('{}<p class="key"><span class="k down"></span> at its low end <span class="k up"></span> at its high end '
             '<span class="k tick"></span> as judged</p>', table(caption, columns, rows(swings.head(_FEW)), kind="cards"))  # fmt: skip
    more = swings.iloc[_FEW : _FEW + _MORE]
    if len(more):
        body = h("{}{}", body, fold(f"The next {len(more)}", table("The smaller ones", columns, rows(more), kind="cards")))  # fmt: skip
    rest = swings.swing.iloc[_FEW + _MORE :]
    if len(rest):
        body = h('<div>{}<p class="fine">{} {} it by at most {} points between the ends.</p></div>', body,
                 counted(len(rest), "further judgement"), "moves" if len(rest) == 1 else "move", f"{100 * rest.max():.1f}")  # fmt: skip
    return body


def _names(f: Forecast) -> dict[str, str]:
    """What each judgement may belong to, in words."""
    case = f.case
    return {
        **{e.id: short(e.what, 90) for e in case.events},
        **{w.id: short(w.what, 90) for w in case.watch},
        **{t.id: f"{t.label}, in all its events" for t in case.event_types},
        **{i.id: i.statement for i in case.indicators},
        **{a.id: a.name for a in case.actors},
        **{s.id: s.label for s in case.scenarios},
    }


def _ends(r: pd.Series[Any]) -> str:
    if r.high > 1:
        return f"{r.low:.0f} to {r.high:.0f} days"
    return f"{100 * r.low:.0f}–{100 * r.high:.0f}{NBSP}%"


def _variants(f: Forecast, choices: pd.DataFrame) -> Html:
    main, changed, called = f.case.headline, choices.attrs["changed"], _names(f)

    def said(name: str) -> str:
        """What was changed, in words."""
        if name == "as judged":
            return "Nothing is changed: this forecast."
        says = re.sub(r"\bconvener_type (\S+) instead of (\S+)\.",
                      lambda m: "convened by {} instead of {}.".format(*map(convener_words, m.groups())), changed[name])  # fmt: skip
        says = re.sub(r"\b(row_type|reference_class) ", lambda m: _CLASS[m[1]], says)
        says = says.replace("(another)", "not in the table")
        says = re.sub(
            r"\w+_\w+",
            lambda m: f"“{short(called[m[0]], 70)}”" if m[0] in called else m[0].replace("_", " "),
            says,
        )
        return re.sub("(?<=[a-z])-(?=[a-z])", " ", says) if "another class" in says else says

    rows = [
        (h("{}<small>{}</small>", str(name), text(said(str(name)))),
         svg.strip([("bar", 0, r[main], "accent" if i == 0 else "neutral")], f"{name}: {percent(r[main])}"),
         *map(percent, r))
        for i, (name, r) in enumerate(choices.iterrows())
    ]  # fmt: skip
    columns = [Column("What is chosen"), Column(svg.axis(), "pic"),
               *(Column(f"by {short_date(d, True)}", "n main" if d == main else "n") for d in choices.columns)]  # fmt: skip
    defended = choices[main].drop("nothing announced", errors="ignore")  # a question, and no choice
    low, high = float(defended.min()), float(defended.max())
    but = " (all but that nothing was announced)" if len(defended) < len(choices) else ""
    says = (f"Over these choices{but}, each of which could be defended, the chance that it opens by {long_date(main)} "
            f"runs from {percent(low)} to {percent(high)}.")  # fmt: skip
    now = f.held.sel(deadline=pd.Timestamp(main))
    if "low" in now:  # exact forecasts have no range
        first, last = float(now.low), float(now.high)
        says += (f" That is {100 * (high - low):.0f} points from end to end; the input range, {span(first, last)}, has "
                 f"{100 * (last - first):.0f}. They are different doubts: the input range draws the base rate and the judgements, "
                 "each by itself; here one choice is made otherwise, or all evidence leans one way.")  # fmt: skip
    return h("<h3>Under other choices</h3><p>{}</p>{}", says,
             table("The forecast under other choices of the model and its inputs", columns, rows, kind="cards"))  # fmt: skip


def _criticism(f: Forecast, c: Criticism) -> Html:
    if c.nodes.empty:
        return Html("")
    says = names(f.case)
    labels = {s.id: s.label for s in f.case.scenarios}
    verdict = (
        "less than the model expects (a future may be missing, or an indicator misjudged)" if c.tail < 0.05
        else "more than the model expects (as reports that copy each other do)" if c.tail > 0.95
        else "about as well as the model expects"
    )  # fmt: skip
    strained = c.nodes[c.nodes.decibans < 0]
    first = f"Together the reports agree {verdict}: in {percent(c.tail)} of {c.draws:,} simulated worlds they agree as little or less."
    nodes = table(
        "Where the reports contradict the rest, the most contradicted first",
        [Column("Indicator or actor"), Column("Events", "n"), Column("By its own reports", "n"),
         Column("By all others", "n"), Column("Agreement, decibans", "n"), Column("As little by chance", "n")],
        [(text(says[str(n)]), str(int(r.events)), percent(r.alone), percent(r.rest), toned(r.decibans), percent(r["tail"]))
         for n, r in strained.head(6).iterrows()], kind="cards",
    ) if len(strained) else h("<p>No indicator's own reports contradict the rest.</p>")  # fmt: skip
    scenarios = table(
        "How well each future accounts for the evidence",
        [Column("Scenario"), Column("Probability", "n"), Column("Agreement, decibans", "n"),
         Column("Expected, if it were true", "n"), Column("Strain", "n")],
        [(text(labels[str(s)]), percent(r.probability), toned(r.decibans), signed(r.expected), f"{signed(r.strain)} sd")
         for s, r in c.scenarios.iterrows()], kind="cards",
    )  # fmt: skip
    note = ("Agreement is how much more likely the reports are together than apart (the conflict measure of Jensen and others, 1990, "
            "with its sign reversed); strain is its distance from what the scenario expects. A hint at where to look, not a test.")  # fmt: skip
    return h('<h3>Does the evidence fit the model?</h3><p>{} {} below zero.</p>{}{}<p class="fine">{}</p>', first,
             f"{counted(len(strained), 'indicator or actor', 'indicators and actors')} of {len(c.nodes)} {'is' if len(strained) == 1 else 'are'}",
             nodes, fold("Strain by scenario", scenarios), note)  # fmt: skip


# --- several analysts ---


def analysts(f: Forecast, views: Mapping[str, Analyst]) -> Section:
    """What each analyst would forecast, all together, and which judgement divides them most.

    Parameters
    ----------
    f : Forecast
    views : mapping of str to Analyst
        From `forecast.analysts` of the case as it was read, which knows later news too.
    """
    title = "What other analysts would say"
    if not views:
        return Section("analysts", title, h("<p>Nobody but the author has judged this case.</p>"))
    d, words = disagreement(views, f.as_of), _judgement_words(f)
    lead = ("The forecast of this report is the author's. Each other analyst has read the same reports and changes only "
            "some judgements, with a reason. The pooled forecast is not a mean of theirs: it is that of one case whose "
            "judgements are the mean log-odds of all.")  # fmt: skip
    parts = (_opinions(d), _divides(d, words), _guests(d), _reasons(d, words))
    return Section("analysts", title, h("{}{}{}{}", *parts), lead)


def _judgement_words(f: Forecast) -> Callable[[str], tuple[str, str]]:
    """A function from a judgement's label to whose it is and what it is of, in words."""
    words, called = judgement_words(f.case), _names(f)
    shares = {
        s.id: f"share of the futures {'with' if s.held else 'without'} a meeting"
        for s in f.case.scenarios
    }
    told: tuple[Any, ...] = (*f.case.events, *f.case.watch)
    known = {x.id for x in (*f.case.indicators, *f.case.actors, *told)}

    def said(label: str) -> tuple[str, str]:
        owner, _, rest = label.partition(": ")
        if rest == "share":
            return called[owner], shares[owner]
        if owner in known:
            return words(label)
        whose, rest = called.get(owner, owner), rest.removesuffix(", in all its events")
        if rest in ("if true", "if false"):
            return (
                whose,
                f"chance of such an event if what it speaks of is {'' if rest == 'if true' else 'not '}so",
            )
        return whose, rest

    return said


def _opinions(d: Disagreement) -> Html:
    main, weighted = d.deadline, len({a.weight for a in d.analysts.values()}) > 1
    rows = []
    for n, r in d.held.iterrows():
        a, said = d.analysts.get(str(n)), []
        if a and n != AUTHOR:
            said += [str(n), counted(len(a.overrides), "own judgement")]
        if a and weighted:
            said.append(f"weight {a.weight:g}")
        if n == AUTHOR:
            said.append("the forecast of this report")
        name = a.label if a else "All of them, pooled"
        marks: list[svg.Mark] = [("bar", 0, r[main], "accent" if n == AUTHOR else "neutral")]
        rows.append((h("{}<small>{}</small>", text(name), text("; ".join(said))),
                     svg.strip(marks, f"{name}: {percent(r[main])}"), *map(percent, r)))  # fmt: skip
    columns = [Column("Analyst"), Column(svg.axis(), "pic"),
               *(Column(f"by {short_date(x, True)}", "n main" if x == main else "n") for x in d.held.columns)]  # fmt: skip
    return table("The chance that it opens, as each of them judges", columns, rows, kind="cards")


def _divides(d: Disagreement, words: Callable[[str], tuple[str, str]]) -> Html:
    if d.at.empty:
        return h("<p>They judge everything alike.</p>")
    shown = int((d.spread.iloc[:_FEW] >= _SLIGHT).sum())
    if not shown:
        return h('<p class="fine">No judgement on which they differ moves it by half a point.</p>')
    low, high = svg.window([d.now, *d.at.to_numpy().ravel()])

    def side(of: str, first: str) -> Html:
        """Who judges as one of them does, how, and the forecast that this makes."""
        judged = d.judged.loc[of]
        who = [
            str(n)
            for n, j in judged.items()
            if (j.low, j.high) == (judged[first].low, judged[first].high)
        ]
        return h(
            "{}<small>{}: {}</small>",
            percent(float(d.at.T[of][first])),
            text(", ".join(who)),
            _judged(judged[first]),
        )

    rows = []
    for of in map(str, d.at.index[:shown]):
        r: pd.Series[float] = d.at.T[of]
        said = "; ".join(f"{n} {percent(p)}" for n, p in r.items())
        marks: list[svg.Mark] = [
            ("range", r.min(), r.max()),
            ("tick", d.now),
            ("dot", r.min(), "down"),
            ("dot", r.max(), "up"),
        ]
        rows.append((h("{}<small>{}</small>", *map(text, words(of))),
                     svg.strip(marks, f"{', '.join(words(of))}: {said}", lambda p: (p - low) / (high - low)),
                     side(of, str(r.idxmin())), side(of, str(r.idxmax())), f"{100 * d.spread[of]:.1f}"))  # fmt: skip
    columns = [Column("Judgement"), Column(svg.axis(f"{100 * low:.0f}", "", f"{100 * high:.0f}{NBSP}%"), "pic"),
               Column("Lowest"), Column("Highest"), Column("Points apart", "n")]  # fmt: skip
    caption = (f"The pooled chance that it opens by {long_date(d.deadline)}, {percent(d.now)}, with one judgement as one "
               "analyst and as another has it; what divides them most comes first")  # fmt: skip
    body, left = table(caption, columns, rows, kind="cards"), d.spread.iloc[shown:]
    if len(left):
        body = h('{}<p class="fine">{}, of {} points at most.</p>', body, counted(len(left), "other difference"),
                 f"{100 * left.max():.1f}")  # fmt: skip
    return h("<h3>What divides them</h3>{}", body)


def _judged(judgement: Any) -> Html:
    word, _, ends = str(judgement).replace("-", "–").rpartition(" (")
    shown = h('<span class="nowrap">{}{}</span>', "(" if word else "", ends)
    return h("{} {}", word, shown) if word else shown


def _guests(d: Disagreement) -> Html:
    columns = [
        Column("Actor"),
        *(Column(str(n), "n main" if n == AUTHOR else "n") for n in d.actors.index),
    ]
    rows = [(text(a.name), *map(percent, d.actors[a.id])) for a in d.pooled.actors if not a.required]
    caption = "The chance that each takes part, if it is held"
    return (
        fold("Who comes, as each of them judges", table(caption, columns, rows, kind="cards"))
        if rows
        else Html("")
    )


def _reasons(d: Disagreement, words: Callable[[str], tuple[str, str]]) -> Html:
    return fold("Their reasons", join(
        h("<h3>{}</h3><ul>{}</ul>", text(a.label), join(
            h("<li>{}; {}: <b>{}</b>. {}</li>", *map(text, words(o.of)), _judged(o.value), text(o.why)) for o in a.overrides))
        for a in d.analysts.values() if a.overrides
    ))  # fmt: skip
