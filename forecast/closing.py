"""The end of the page: the method and its limits, the rule of the question, how to make it again."""

from __future__ import annotations

import base64
import json
import platform
from importlib import metadata
from typing import Any

import xarray as xr
from latex2mathml.converter import convert

from forecast import __version__, tables
from forecast.markup import (
    Column,
    Html,
    Section,
    counted,
    fold,
    h,
    join,
    long_date,
    signed,
    table,
    text,
)
from forecast.updating import Forecast
from forecast.weights import basis

FORMULAS = (
    r"P(s,t \mid \text{reports}) \;\propto\; \bar{\pi}(s,t) \, L(s,t) \prod_{\text{roots } z} \lambda_z(s)",
    r"\lambda_z(s,u) = \sum_{z} P(z \mid s,u) \prod_{e} \lambda_e(z) \prod_{w} \lambda_w(z) "
    r"\prod_{\text{children } c} \lambda_c(s,z)",
    r"\lambda_e(z) = P(e \mid z) \prod_{\text{denying}} \varphi + (1 - P(e \mid z)) \prod_{\text{affirming}} \varphi",
    r"\lambda_w(z) = 1 - P(w \mid z)",
)
"""As in section 1 of docs/model.md."""


def rule(f: Forecast) -> Section:
    """How the question resolves."""
    q = f.case.question
    rows = [
        ("Yes if", q.yes_if),
        ("No if", q.no_if),
        ("Void if", q.void_if),
        ("Takes part if", q.attends_if),
    ]
    items = join(h("<div><dt>{}</dt><dd>{}</dd></div>", k, text(v)) for k, v in rows if v)
    days = ", ".join(long_date(d) for d in q.deadlines)
    body = h('<dl class="list">{}<div><dt>Deadlines</dt><dd>{}; time is cut at {}</dd></div></dl>',
             items, days, long_date(q.horizon))  # fmt: skip
    return Section("rule", "What counts", body)


def method(f: Forecast, sampled: xr.DataTree) -> Section:
    """Method in three sentences and a formula; what was sampled; how the engines agree."""
    from forecast.sampling import agreement, diagnostics

    frame, health = agreement(sampled, f), diagnostics(sampled)
    formula = join(h('<div class="formula" tabindex="0" role="group" aria-label="Formula {}">{}</div>',
                     n, Html(convert(x, display="block"))) for n, x in enumerate(FORMULAS, 1))  # fmt: skip
    prose = (
        "<p>Each future <i>s</i> makes conditions and stances <i>z</i> more or less likely, some of them by "
        "way of another, <i>u</i>, that they are given; each of these makes events <i>e</i> and watched events <i>w</i> more or "
        "less likely; and each event makes reports likely, by how far their sources can be trusted (φ). The base rate π̄ says how often and how fast such "
        "proposals lead to talks. That nothing has opened by the as-of date <i>lowers</i> it; that the proposal is not known to be at "
        "its end, or that a day is named (<i>L</i>), may raise it. Everything hidden is summed exactly, in one pass over the "
        "tree, with the judgements at their means; the input ranges come from drawing them.</p>"
    )
    names = {
        "max_rhat": "largest R̂ (1 is converged)", "min_ess_bulk": "fewest effective draws, bulk",
        "min_ess_tail": "fewest effective draws, tails", "divergences": "divergences", "draws": "draws of each chain",
    }  # fmt: skip
    rows = [(names.get(k, k), f"{v:.3f}" if k == "max_rhat" else f"{v:.0f}") for k, v in health.items()]
    rows.append(("for the input ranges, drawn apart: effective draws", f"{f.effective_draws:.0f}"))
    checked = table("What was sampled", [Column("Diagnostic"), Column("Value", "n")], rows, kind="cards")
    each = [(text(f"{r.quantity} {str(r.of).replace('_', ' ')}"), f"{100 * r.exact:.2f}", f"{100 * r.sampled:.2f}",
             f"{100 * r.mcse:.2f}", signed(r.z)) for _, r in frame.iterrows()]  # fmt: skip
    columns = [
        Column("Quantity"),
        *(Column(x, "n") for x in ("Exact, %", "Sampled, %", "MC error", "z")),
    ]
    worst = float(frame["z"].abs().max())
    body = h("{}{}<h3>Two engines</h3><p>The same tree, sampled with PyMC: {}, the largest difference {} standard "
             "errors.</p>{}{}", Html(prose), formula, counted(len(frame), "quantity", "quantities"), f"{worst:.1f}",
             checked, fold("Exact beside sampled", table("Exact beside sampled", columns, each, kind="cards")))  # fmt: skip
    return Section("method", "Method", body)


def limits(f: Forecast) -> Section:
    """What the model cannot know."""
    notes = [h("{}: {}", text(d.title), text(d.note)) for d in f.case.documents if d.note]
    items: list[Any] = [
        f"The futures, indicators and likelihoods are judgements of people. If the true future is not among the "
        f"{counted(len(f.case.scenarios), 'scenario')}, the model cannot find it.",
        "The input range shows how far the same reasoning moves when its inputs do: the base rate and the judgements. "
        "It is not an interval that covers the event, and it is not scored.",
        "Judgements are drawn each by itself. A person who reads “likely” high reads it high everywhere: that would "
        "widen the range, where such judgements add up, or narrow it, where they cancel.",
        "Grades of sources are judgements too: nobody has published a calibration of them against truth.",
        f"It rests on {basis(f)}. What nobody reported is known only by the silence after events that were watched for.",
        f"Nothing published after {long_date(f.as_of)} is used, by the days of publication that the case gives.",
        *(h("Of a document that was read: {}", note) for note in notes),
        "How long before the opening a day is named, and how it slips, is learned from few proposals; how early a "
        "delay is heard of is a judgement."
        if f.case.fit
        else "Without a fit to history, that no opening day has been named says nothing here.",
        "Weights describe this model of the evidence; they are no causes.",
    ]
    return Section("limits", "Limits", h("<ul>{}</ul>", join(h("<li>{}</li>", x) for x in items)))


def reproduce(f: Forecast) -> Section:
    """Digest, versions, seed, and the numbers to take away."""
    packages = ("numpy", "scipy", "pandas", "xarray", "pymc", "nutpie", "arviz", "nbconvert")
    rows = [
        ("Case", f.case.name), ("As of", str(f.as_of)), ("Digest of the case", f.case.digest), ("Seed", str(f.seed)),
        ("forecast", __version__), ("Python", platform.python_version()),
        *((p, metadata.version(p)) for p in packages),
    ]  # fmt: skip
    stamp = join(h("<div><dt>{}</dt><dd>{}</dd></div>", k, text(v)) for k, v in rows)
    numbers_ = json.dumps(f.to_dict(), ensure_ascii=False, indent=1)
    name = f"{f.case.name}-{f.as_of}"
    body = h(
        '<p class="downloads"><a download="{}.csv" href="{}">The numbers as CSV</a> '
        '<a download="{}.json" href="{}">and as JSON</a></p><dl class="stamp">{}</dl>',
        name, _data(tables.as_csv(f), "text/csv"), name, _data(numbers_, "application/json"), stamp,
    )  # fmt: skip
    return Section("reproduce", "Reproduce", body,
                   "The same case, date, seed and versions give this page again, byte for byte.")  # fmt: skip


def _data(content: str, kind: str) -> str:
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(content.encode()).decode()}"
