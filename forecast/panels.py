"""The panel "try your own view": a section of the report, and a frame in a notebook."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

from forecast import svg, tables
from forecast.attendance import asked
from forecast.case import Case
from forecast.markup import (
    Html,
    Section,
    fold,
    h,
    join,
    long_date,
    percent,
    short,
    short_date,
    text,
    whole,
)
from forecast.panel_inputs import Effects, inputs
from forecast.updating import update
from forecast.whatif import numbers, whatif

MIME = "application/vnd.forecast.panel+json"
"""Of the panel in a notebook's output: its HTML, and the numbers that its script reads."""
_Row = tuple[str, str, float, str, str | None]  # result, name, probability, tone, whole per cents
_TEMPLATES = Path(__file__).parent / "templates" / "forecast"


@dataclass(frozen=True)
class Panel:
    """The panel: `section` for a page, `numbers` for its script."""

    section: Section
    numbers: Mapping[str, Any]

    def _repr_html_(self) -> str:
        """A frame with scripts and nothing else allowed, that works without a kernel."""
        css = "".join((_TEMPLATES / x).read_text("utf-8") for x in ("elements.css", "panel.css"))
        page = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(True))}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><title>Try your own view</title>'
            f'<style>{css}</style></head><body class="framed"><main>{self.section._repr_html_()}</main>'
            f"{scripts([self.numbers])}</body></html>"
        )
        return (
            f'<iframe title="Try your own view" sandbox="allow-scripts" srcdoc="{escape(page)}" '
            'style="width:100%;height:46rem;border:0"></iframe>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], Any]:
        # on a page it is one part of many; in a frame of its own it stands open
        says = "Open the panel: untick reports, suppose events, judge otherwise"
        html = replace(self.section, body=fold(says, self.section.body))._repr_html_()
        data = {"html": html, "numbers": dict(self.numbers)}
        return {"text/html": self._repr_html_(), "text/plain": repr(self), MIME: data}, {}

    def __repr__(self) -> str:
        return "<Try your own view: shown in a notebook, or in the report>"


def policy(script: bool) -> str:
    """What a page may load: nothing from elsewhere; no script, or the panel's and no other."""
    digest = base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if script else "'none'"
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        f"script-src {allowed}; base-uri 'none'; form-action 'none'"
    )


def scripts(panels: Iterable[Mapping[str, Any]]) -> str:
    """The numbers of a page's panels, in its order, and the one script that reads them."""
    data = [json.dumps(x, sort_keys=True, separators=(",", ":")).replace("<", "\\u003c") for x in panels]
    return "".join(
        f'<script type="application/json" class="forecast-panel">{x}</script>' for x in data
    ) + (f"<script>{_script()}</script>" if data else "")


def _script() -> str:
    return (_TEMPLATES / "panel.js").read_text("utf-8")


def panel(case: Case, as_of: dt.date | None = None) -> Panel:
    """The forecast to try one's own view on: leave out reports, suppose events, judge otherwise.

    Parameters
    ----------
    case : Case
    as_of : date, optional
        The last day whose news counts; the case's own by default.

    Returns
    -------
    Panel
        Shown by a notebook as a frame that needs no kernel and no network, and by
        `forecast report` as a section of the page.

    Notes
    -----
    Each answer is that of `forecast.update` with `without` and `assume`, or of the case with a
    plain number for a judgement. Another P(ever held) before any report scales the odds of
    the held scenarios together.
    """
    f = update(case, as_of, draws=0)
    model = whatif(case, f.as_of)
    return Panel(_section(Effects.of(f, model)), numbers(model))


def _section(x: Effects) -> Section:
    f = x.f
    until = f.case.headline if x.main.startswith("held") else f.case.question.horizon
    day = long_date(until)
    body = h(
        '<p class="fine">The numbers beside each input say what it does alone, in points of the chance that it opens '
        "by {}, all others kept: a Shapley value above, a mean over all orders, differs. Nothing here is causal: it is what this model would conclude, not what would make it happen.</p>"
        '<div class="try"><div class="beside">{}{}</div><div class="inputs">{}</div></div>',
        day, _now(x, day), _results(x), inputs(x),
    )  # fmt: skip
    lead = ("Leave out what you do not believe, suppose what may come, or judge otherwise: the page works out the exact "
            "forecast again, by itself, without a network.")  # fmt: skip
    return Section("try", "Try your own view", body, lead)


# --- results ---


def _now(x: Effects, day: str) -> Html:
    p = float(x.headline[0])
    bar = _bar("It opens", p, "accent")
    return h(
        '<div class="now" hidden><div class="main" data-out="{}"><p class="fine" data-name>It opens by {}</p>'
        '<p><b class="is">{}</b> <span>in your view<span class="by"></span>; <span class="was">{}</span> in the forecast</span></p>{}</div>'
        '<p class="fine how-many">No inputs differ from the forecast.</p><p class="do"><button type="button" data-do="reset">Reset</button> '
        '{}</p><p class="unseen" role="status"></p></div>',
        x.main, day, percent(p), percent(p), bar,
        Html('<button type="button" data-do="none">Untick all reports</button>') if x.groups else "",
    )  # fmt: skip


def _bar(name: str, p: float, tone: str, shown: str | None = None) -> Html:
    shown = shown or percent(p)
    return svg.strip([("bar", 0, p, tone), ("tick", p)], f"{short(name, 60)}: {shown}, forecast {shown}")


def _results(x: Effects) -> Html:
    f, case = x.f, x.f.case
    q = case.question
    opens: list[_Row] = [
        (f"held.{i}", short_date(d, True), float(x.seen.held[i, 0]), "accent", None)
        for i, d in enumerate(q.deadlines) if d > f.as_of
    ]  # fmt: skip
    if q.horizon not in q.deadlines:
        opens.append(("ever", short_date(q.horizon, True), float(x.seen.ever[0]), "accent", None))
    futures: list[_Row] = [
        (f"scenario.{i}", s.label, float(p), "accent" if s.held else "neutral", whole(n))
        for i, (s, p, n) in enumerate(zip(case.scenarios, x.seen.scenarios[:, 0],
                                          tables.whole_scenarios(f), strict=True))
    ]  # fmt: skip
    free = {a.id for a in asked(case)}
    people: list[_Row] = [
        (f"actor.{i}", a.name, float(x.seen.actors[i, 0]), "accent", None)
        for i, a in enumerate(case.actors) if a.id in free
    ]  # fmt: skip
    parts: list[tuple[str, list[_Row]]] = [("It opens by", opens), ("Scenarios", futures),
             ("Takes part, if it is held", people)]  # fmt: skip
    differs = Html('<div class="differs" hidden><h3>What differs from the forecast</h3><ul></ul></div>')
    return h(
        '<div class="results" hidden>{}{}</div>',
        join(_result(*part) for part in parts if part[1]),
        differs,
    )


def _result(caption: str, rows: Sequence[_Row]) -> Html:
    body = join(
        h('<tr data-out="{}"><th scope="row" data-name>{}</th><td class="pic">{}</td>'
          '<td class="n is">{}</td><td class="n">{}</td></tr>',
          out, text(short(name, 44)), _bar(name, p, tone, shown), shown or percent(p), shown or percent(p))
        for out, name, p, tone, shown in rows
    )  # fmt: skip
    return h(
        '<details open><summary>{}</summary><table><caption class="unseen">{}</caption><thead><tr><td></td><td></td>'
        '<th scope="col" class="n">Now</th><th scope="col" class="n">Forecast</th></tr></thead><tbody>{}</tbody></table></details>',
        caption, caption, body,
    )  # fmt: skip
