"""The panel "try your own view": the page's script gives the numbers of Python, on any view."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from enumeration import make_case, random_case
from playwright.sync_api import Browser, Page
from test_report import CASE, EVENTS, EVIL, problems

import forecast
from forecast import report, tables
from forecast.base_rate import futures
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.markup import signed
from forecast.panels import MIME, Panel, panel, policy, scripts
from forecast.parts import Actor
from forecast.updating import actor_chances, opened_by, solve, update
from forecast.watching import watch_table
from forecast.whatif import View, WhatIf, see, whatif

SAME = 1e-9


def expected(case: Case, as_of: dt.date, view: View) -> dict[str, list[float]]:
    """What Python's own functions say of a view, by other means than `forecast.whatif`."""
    compiled = compile_case(case, as_of, view.without, view.assume)
    theta = compiled.theta.copy()
    for label, p in view.judged.items():
        if label in compiled.labels:  # else it is of an event that is left out
            theta[compiled.labels.index(label)] = p
    root = futures(compiled.case, as_of)
    posterior = solve(compiled, root, theta)
    s, attends = posterior.scenario, actor_chances(compiled, theta, posterior)
    if view.ever is not None:
        # as odds: another prior of both sides, and nothing else, is another ratio of the two
        before = np.exp(root.log_root)[root.held].sum()
        s = s * np.where(root.held, view.ever / before, (1 - view.ever) / (1 - before))
        s = s / s.sum()
    held = s[root.held]
    return {
        "held": (s @ opened_by(root, as_of, case.question.deadlines)).tolist(),
        "ever": held.sum().tolist(),
        "scenarios": s.tolist(),
        "actors": (attends[:, root.held] @ held / held.sum()).tolist(),
    }


def random_view(rng: np.random.Generator, model: WhatIf) -> View:
    rows, known = model.compiled.events, model.known
    often = rng.choice([0.1, 0.5, 1.0])
    labels = model.compiled.labels
    judged = rng.choice(len(labels), min(int(rng.integers(0, 7)), len(labels)), replace=False)
    return View(
        without=[e for e in rows if rng.random() < often * 0.6],
        assume={w: bool(rng.random() < 0.5) for w in rows[known:] if rng.random() < 0.4},
        judged={labels[j]: float(rng.integers(1, 100)) / 100 for j in judged},
        ever=float(rng.integers(1, 100)) / 100 if rng.random() < 0.4 else None,
    )


def as_state(model: WhatIf, view: View) -> dict[str, Any]:
    """The view as the page's script takes it."""
    row, place = model.compiled.events.index, model.compiled.labels.index
    return {
        "without": [row(e) for e in view.without],
        "assume": [[row(w), x] for w, x in view.assume.items()],
        "judged": [[place(label), p] for label, p in view.judged.items()],
        "ever": view.ever,
    }


def close(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert got.keys() == wanted.keys()
    for name in wanted:
        assert got[name] == pytest.approx(wanted[name], abs=SAME), name


def moscow() -> Case:
    return forecast.load(forecast.shipped()[0])


def cases() -> list[tuple[Case, dt.date, int]]:
    """Cases with every feature, dates, and how many views of each."""
    case = moscow()
    like = {"attends_like": "regional_patron", "why": "x"}
    actors = tuple(Actor(id=a.id, name=a.name, **like) if a.id in ("egypt", "turkey") else a
                   for a in case.actors)  # fmt: skip
    rng = np.random.default_rng(4)
    small = [random_case(rng) for _ in range(30)]
    return [
        (case, case.question.as_of, 50),
        # watches answered and not, announcements, evidence that has aged
        (case, dt.date(2015, 1, 20), 50),
        # some come as their kind came in the past
        (case.model_copy(update={"actors": actors}), dt.date(2014, 12, 20), 30),
        *((c, c.question.as_of, 6) for c in small),
    ]


FEATURES = {
    # what the cases must have among them, that parity means something
    "a chain of given": lambda m: (m.compiled.tree.parent >= 0).any() and len(m.compiled.tree.levels) > 2,
    "part of a body": lambda m: any(a.part_of for a in m.compiled.case.actors),
    "required": lambda m: any(a.required for a in m.compiled.case.actors),
    "like his kind": lambda m: any(a.attends_like for a in m.compiled.case.actors),
    "aged": lambda m: (m.compiled.tree.fresh < 1).any(),
    "a silence": lambda m: any(m.past[w - m.known] and w not in m.answers
                               for w in range(m.known, len(m.compiled.events))),
    "an answer past its day": lambda m: any(m.past[w - m.known] for w in m.answers if w >= 0),
    "an answer before its day": lambda m: any(not m.past[w - m.known] for w in m.answers if w >= 0),
    "a denial": lambda m: (m.compiled.tree.denied < 1).any(),
}  # fmt: skip


@pytest.fixture(scope="module")
def views() -> list[tuple[Case, dt.date, WhatIf, list[View]]]:
    rng = np.random.default_rng(5)
    models = [(c, d, whatif(c, d), n) for c, d, n in cases()]
    missing = [k for k, has in FEATURES.items() if not any(has(m) for _, _, m, _ in models)]
    assert missing == []
    return [(c, d, m, [View(), *(random_view(rng, m) for _ in range(n))]) for c, d, m, n in models]


# --- in Python --------------------------------------------------------------------------------------


def test_many_views_at_once_are_the_forecasts_of_each(views: Any) -> None:
    for case, day, model, some in views[1::2]:
        got = see(model, some)
        for n, view in enumerate(some):
            wanted = expected(case, day, view)
            close({k: getattr(got, k)[..., n].tolist() for k in wanted}, wanted)


def test_a_view_is_update_with_and_without(views: Any) -> None:
    case, day, model, some = views[0]
    got = see(model, [View(v.without, v.assume) for v in some[:8]])
    for n, v in enumerate(some[:8]):
        f = update(case, day, v.without, v.assume, draws=0)
        assert got.held[:, n] == pytest.approx(f.held.probability.values, abs=1e-12)
        assert got.scenarios[:, n] == pytest.approx(f.scenarios.probability.values, abs=1e-12)
        assert got.actors[:, n] == pytest.approx(f.actors.given_held.values, abs=1e-12)


def test_a_judgement_moved_is_the_case_with_a_plain_number() -> None:
    actor = {"id": "x", "name": "x", "why": "x", "attends_if_willing": 0.9, "attends_if_unwilling": 0.1}
    chance = {"held": "likely", "otherwise": "unlikely"}

    def made(willing: Any, base: Any) -> Case:
        return make_case(actors=[actor | {"willing": willing}], base_rate={"held": base})

    got = see(whatif(made(chance, [0.2, 0.6])), [View(judged={"x: willing.held": 0.31}), View(ever=0.7)])
    moved = update(made(chance | {"held": 0.31}, [0.2, 0.6]), draws=0)
    assert got.actors[0, 0] == pytest.approx(float(moved.actors.given_held[0]), abs=1e-12)
    assert got.actors[0, 0] == pytest.approx(0.31 * 0.9 + 0.69 * 0.1)
    # without reports the base rate is the forecast, and when it opens stays as it was
    now = update(made(chance, [0.2, 0.6]), draws=0)
    assert got.ever[1] == pytest.approx(0.7, abs=1e-12)
    assert got.held[:, 1] == pytest.approx(
        now.held.probability.values * 0.7 / float(now.ever.probability)
    )


REFUSED = [
    (View(without=["nothing"]), 'without: no event or watch "nothing"'),
    (View(assume={"e0": True}), 'assume: no watch "e0"'),
    (View(judged={"x: chance": 0.5}), 'judged: no judgement "x: chance"'),
    (View(ever=1.0), "both excluded: 1.0"),
]


@pytest.mark.parametrize(("view", "message"), REFUSED)
def test_views_of_what_is_not_there_are_refused(view: View, message: str) -> None:
    case = make_case(indicators=[{"id": "i", "statement": "x", "why": "x", "chance": "likely"}])
    with pytest.raises(ValueError, match=message):
        see(whatif(case), [view])


# --- what each input does alone ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("cases") / "evil"
    folder.mkdir()
    (folder / "case.toml").write_text(CASE, "utf-8")
    (folder / "events.toml").write_text(EVENTS, "utf-8")
    return forecast.load(folder)


def page_of(*panels: Panel) -> str:
    cells = [nbformat.v4.new_markdown_cell("# A page")]
    for p in panels:
        data, about = p._repr_mimebundle_()
        output = nbformat.v4.new_output("execute_result", data=data, metadata=about)
        cells.append(nbformat.v4.new_code_cell("forecast.panel(case)", outputs=[output]))
    return report.export(nbformat.v4.new_notebook(cells=cells))


def effects(row: Any) -> list[str]:
    return [next(td.stripped_strings, "") for td in row.select("td.n")]


@pytest.mark.parametrize("day", ["2014-12-04", "2015-01-20"])
def test_each_row_shows_what_it_does_alone(day: str) -> None:
    case, as_of = moscow(), dt.date.fromisoformat(day)
    model, when = whatif(case, as_of), case.question.deadlines.index(case.headline)
    soup = BeautifulSoup(panel(case, as_of).section._repr_html_(), "html.parser")

    def headline(**view: Any) -> float:
        return 100 * expected(case, as_of, View(**view))["held"][when]

    now, seen = headline(), set()
    for n, box in enumerate(soup.select("input[type=checkbox]")):
        name = model.compiled.events[int(box["data-row"])]
        seen.add(name)
        assert n % 4 or effects(box.find_parent("tr")) == [signed(headline(without=[name]) - now)], name
    assert seen == set(model.compiled.events[: model.known]) | set(model.due)
    for fold in soup.select(".inputs details:has(input[type=checkbox])"):
        rows = [model.compiled.events[int(b["data-row"])] for b in fold.select("input[type=checkbox]")]
        assert fold.select_one(".effect").text == signed(headline(without=rows) - now)
    for group in soup.select("[role=radiogroup]"):
        name = model.compiled.events[int(group.input["data-row"])]
        wanted = [signed(headline(assume={name: x}) - now) for x in (True, False)]
        assert effects(group.find_parent("tr")) == wanted
    open_watches = [w for w in case.watch if w.by > as_of and not w.announces]
    assert len(soup.select("[role=radiogroup]")) == len(open_watches)


def test_watches_that_would_name_a_day_show_their_effect_and_no_control(evil: Case) -> None:
    case = moscow()
    table = watch_table(case)
    names = [w.id for w in case.watch if w.announces and w.id in table.index]
    assert names
    soup = BeautifulSoup(panel(case).section._repr_html_(), "html.parser")
    row = next(tr for tr in soup.select("tr") if table.what[names[0]].rstrip(".") in tr.text)
    r, now = table.loc[names[0]], table.attrs["now"]
    assert effects(row) == [signed(100 * (r.if_seen - now)), signed(100 * (r.if_not - now))]
    assert "cannot be supposed here" in row.text
    assert not row.select("input")
    # and where nothing is learned of announcements, that there is no weight
    soup = BeautifulSoup(panel(evil).section._repr_html_(), "html.parser")
    assert [tr.select("input") for tr in soup.select("tr") if "no weight yet" in tr.text] == [[]]


def test_sliders_are_those_that_move_something(evil: Case) -> None:
    model = whatif(evil)
    soup = BeautifulSoup(panel(evil).section._repr_html_(), "html.parser")
    tables_ = {of: forecast.tornado(evil, of=of) for of in (None, "body", "person", "neighbour")}

    def most(label: str, frame: pd.DataFrame) -> float:
        if label not in frame.index:  # a watch that is open
            return 0.0
        ends = frame.loc[label, ["at_low", "at_high"]].to_numpy(float)
        return float(np.abs(ends - frame.attrs["now"]).max())

    moving = {
        label for label, j in zip(model.compiled.labels, model.compiled.judgements, strict=True)
        if not j.certain and max(most(label, t) for t in tables_.values()) >= 0.01
    }  # fmt: skip
    sliders = [x["data-at"] for x in soup.select("input[type=range]")]
    assert sliders[0] == "ever"
    assert {model.compiled.labels[int(j)] for j in sliders[1:]} == moving
    assert 3 < len(moving) < len(model.compiled.labels)
    headline = tables_[None]
    first = [most(model.compiled.labels[int(j)], headline) for j in sliders[1:]]
    large = [x for x in first if x >= 0.01]
    assert first[: len(large)] == sorted(large, reverse=True)


# --- the page ---------------------------------------------------------------------------------------


def test_page_has_the_script_and_the_frame_has_no_more(evil: Case) -> None:
    p = panel(evil)
    data, _ = p._repr_mimebundle_()
    assert data.keys() == {"text/html", "text/plain", MIME}
    frame = BeautifulSoup(data["text/html"], "html.parser").iframe
    assert frame["sandbox"] == ["allow-scripts"]
    assert frame["title"]
    inside = BeautifulSoup(frame["srcdoc"], "html.parser")
    html = page_of(p)
    page = BeautifulSoup(html, "html.parser")
    assert [x for x in problems(page) if "svg" not in x] == []
    for soup in (page, inside):
        numbers, code = soup.find_all("script")
        assert json.loads(numbers.string) == p.numbers
        digest = base64.b64encode(hashlib.sha256(code.string.encode()).digest()).decode()
        rules = soup.find("meta", attrs={"http-equiv": True})["content"]
        assert f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; " \
               f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" == rules  # fmt: skip
        assert not [k for t in soup.find_all(True) for k in t.attrs if k.startswith("on")]
        assert " ".join(EVIL.split()) in " ".join(soup.find(id="try").get_text().split())
        assert "Nobody knows this yet" not in str(soup)
    assert page_of(p) == html == page_of(panel(evil))
    assert "script-src 'none'" in policy(False)
    assert page_of().count("<script") == 0


def test_a_notebook_that_runs_while_it_is_exported_has_it_too(evil: Case) -> None:
    data, about = panel(evil)._repr_mimebundle_()

    def run(nb: Any, resources: Any) -> tuple[Any, Any]:  # as `nbconvert --execute` does
        nb.cells[0].outputs = [nbformat.v4.new_output("display_data", data=data, metadata=about)]
        return nb, resources

    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x")])
    html, _ = report.ReportExporter(preprocessors=[run]).from_notebook_node(nb)
    scripts_ = BeautifulSoup(html, "html.parser").find_all("script")
    assert [s.get("class") for s in scripts_] == [["forecast-panel"], None]
    assert "'sha256-" in html


def test_numbers_cannot_end_their_script() -> None:
    out = scripts([{"x": "</script><script>alert(1)</script><!--"}])
    data, code = BeautifulSoup(out, "html.parser").find_all("script")
    assert json.loads(data.string) == {"x": "</script><script>alert(1)</script><!--"}
    assert "alert" not in code.string


def test_numbers_are_whole_and_hold_no_text_of_the_case(evil: Case) -> None:
    model = whatif(evil)
    numbers = json.loads(json.dumps(panel(evil).numbers))
    assert numbers["theta"] == model.compiled.theta.tolist()  # every digit
    text = json.dumps(numbers)
    assert not [w for w in ("script", "letter", "person", "onerror", EVIL) if w in text]


# --- in a browser -----------------------------------------------------------------------------------


@pytest.fixture
def tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that must stay silent: no dialog, no error, no request."""
    context = browser.new_context(
        **getattr(request, "param", {"viewport": {"width": 1280, "height": 900}})
    )
    tab = context.new_page()
    heard: list[str] = []
    tab.on("dialog", lambda d: (heard.append(f"dialog {d.message}"), d.dismiss()))
    tab.on("console", lambda m: heard.append(m.text))
    tab.on("pageerror", lambda e: heard.append(str(e)))
    tab.on("request", lambda r: r.url.startswith(("data:", "file:")) or heard.append(r.url))
    yield tab
    context.close()
    assert heard == []


@pytest.mark.slow
def test_script_gives_the_numbers_of_python(tab: Page, views: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    for group in (views[:3], views[3:]):
        file.write_text(page_of(*(panel(c, d) for c, d, *_ in group)), "utf-8")
        tab.goto(file.as_uri())
        states = [[i, as_state(m, v)] for i, (_, _, m, some) in enumerate(group) for v in some]
        got = tab.evaluate("states => states.map(([i, s]) => forecastPanel.solve(s, i))", states)
        wanted = [expected(c, d, v) for c, d, _, some in group for v in some]
        assert len(got) == len(wanted)
        for x, y in zip(got, wanted, strict=True):
            close(x, y)
    assert sum(len(some) for *_, some in views) > 300


def read(tab: Page) -> dict[str, tuple[str, str]]:
    """Of each result: what is shown as now, and how far its bar goes."""
    return tab.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("tr[data-out]")].map(r =>
        [r.dataset.out, [r.querySelector(".is").textContent, r.querySelector("rect").getAttribute("width")]]))"""
    )


def shown(case: Case, f: forecast.Forecast) -> dict[str, list[str]]:
    """The same from a forecast."""
    out = {}

    def add(key: str, p: float, whole: str | None = None) -> None:
        out[key] = [(whole or tables.percent(p)).replace(" ", "\u00a0"), f"{max(100 * p, 0.4):.2f}%"]

    for i, p in enumerate(f.held.probability.values):
        add(f"held.{i}", p)
    add("ever", float(f.ever.probability))
    for i, (p, n) in enumerate(
        zip(f.scenarios.probability.values, tables.whole_scenarios(f), strict=True)
    ):
        add(f"scenario.{i}", p, f"{n} %" if n else "<1 %")
    for i, a in enumerate(case.actors):
        if not a.required:
            add(f"actor.{i}", float(f.actors.given_held[i]))
    return out


@pytest.mark.slow
def test_controls_show_the_forecast_of_the_view(tab: Page, evil: Case, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(panel(evil)), "utf-8")
    tab.goto(file.as_uri())
    before = shown(evil, update(evil, draws=0))
    assert read(tab) == before
    assert tab.locator(".try [hidden]").count() == 1  # what differs: nothing yet
    assert not tab.locator(".try").is_visible()  # on a page the panel is folded
    tab.evaluate("document.querySelectorAll('#try details').forEach(d => d.open = true)")
    # the fold around the panel is none of its groups
    assert tab.locator(".now [data-do=none]").inner_text() == "Untick all reports"
    counts = tab.locator(".inputs .count").all_inner_texts()
    assert counts == [f"{n} of {n}" for n in (int(x.split()[0]) for x in counts)]
    assert sum(int(x.split()[0]) for x in counts) == tab.locator(".try input[type=checkbox]").count()
    model = whatif(evil)
    row = {name: i for i, name in enumerate(model.compiled.events)}
    status, differs = tab.locator("[role=status]"), tab.locator(".differs li")

    def is_now(f: forecast.Forecast, n: int) -> None:
        assert read(tab) == shown(evil, f)
        when = evil.question.deadlines.index(evil.headline)
        now, was = (tables.percent(float(x.held.probability[when])).replace(" ", "\u00a0")
                    for x in (f, update(evil, draws=0)))  # fmt: skip
        inputs = "1 input differs" if n == 1 else f"{n or 'No'} inputs differ"
        assert status.inner_text() == f"{now} in your view; {was} in the forecast. {inputs}."
        assert tab.locator("tr.changed").count() == n
        assert differs.count() == n

    # from the keyboard: space unticks
    tab.locator(f"input[data-row='{row['first']}']").focus()
    tab.keyboard.press("Space")
    is_now(update(evil, without=["first"], draws=0), 1)
    assert " ".join(differs.inner_text().split()).startswith(
        "left out: <script>alert(1)</script><img src=x"
    )
    assert tab.locator("details.changed").count() == 1
    tab.keyboard.press("Space")
    is_now(update(evil, draws=0), 0)
    # a click on the words does it too; so does a silence
    tab.locator("label", has=tab.locator(f"input[data-row='{row['rain']}']")).locator("bdi").click()
    is_now(update(evil, without=["rain"], draws=0), 1)
    # an arrow goes from "as it is" to "seen", and on to "not seen"
    tab.locator(f"input[data-row='{row['letter']}'][value='']").focus()
    tab.keyboard.press("ArrowRight")
    is_now(update(evil, without=["rain"], assume={"letter": True}, draws=0), 2)
    tab.keyboard.press("ArrowRight")
    is_now(update(evil, without=["rain"], assume={"letter": False}, draws=0), 2)
    # arrows move a judgement by a hundredth; the mean itself is not a whole per cent
    label = "body: willing.held"
    slider = tab.locator(f"input[data-at='{model.compiled.labels.index(label)}']")
    at = float(slider.input_value())
    assert at == pytest.approx(model.compiled.theta[model.compiled.labels.index(label)], abs=0.005)
    slider.focus()
    for _ in range(4):
        tab.keyboard.press("ArrowLeft")
    view = View(["rain"], {"letter": False}, {label: round(at - 0.04, 2)})
    got, wanted = read(tab), expected(evil, evil.question.as_of, view)
    for i, p in enumerate(wanted["held"]):
        assert got[f"held.{i}"] == [tables.percent(p).replace(" ", "\u00a0"), f"{100 * p:.2f}%"]
    for i in range(3):
        assert got[f"actor.{i}"][1] == f"{100 * wanted['actors'][i]:.2f}%"
    assert slider.get_attribute("aria-valuetext") == f"{100 * (at - 0.04):.0f}\u00a0%, likely"
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    is_now(update(evil, without=["rain"], assume={"letter": False}, draws=0), 2)
    # no report at all is the base rate
    tab.locator("[data-do=reset]").press("Enter")
    is_now(update(evil, draws=0), 0)
    tab.locator(".now [data-do=none]").press("Enter")
    without = ["first", "second", "rain"]
    is_now(update(evil, without=without, draws=0), 3)
    assert read(tab)["ever"][0] == tables.percent(float(update(evil, draws=0).ever.prior)).replace(
        " ", "\u00a0"
    )
    tab.locator("[data-do=reset]").press("Enter")
    assert read(tab) == before
    # the base rate
    base = tab.locator("input[data-at=ever]")
    base.focus()
    tab.keyboard.press("End")
    ever = expected(evil, evil.question.as_of, View(ever=0.99))["ever"]
    assert read(tab)["ever"] == [tables.percent(ever).replace(" ", "\u00a0"), f"{100 * ever:.2f}%"]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light"), (320, "light")])
def test_section_is_accessible_when_changed(
    browser: Browser, evil: Case, tmp_path: Path, width: int, scheme: Any
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(panel(evil)), "utf-8")
    # the policy of the page keeps axe out too
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    tab = context.new_page()
    tab.goto(file.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    tab.locator("input[type=checkbox]").first.press("Space")
    tab.locator("input[type=radio]").first.press("ArrowRight")
    tab.locator("input[type=range]").first.press("ArrowRight")
    assert tab.locator(".differs li").count() == 3
    result = Axe().run(tab).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in result] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    # a control that has the focus is not under the bar that stays on top
    last = tab.locator(".inputs summary").last
    last.focus()
    bar = tab.locator(".now").bounding_box()
    box = last.bounding_box()
    assert bar
    assert box
    assert width > 900 or box["y"] >= bar["y"] + bar["height"] - 1
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("tab", [{"java_script_enabled": False}], indirect=True)
def test_without_scripts_there_is_no_control(tab: Page, evil: Case, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(panel(evil)), "utf-8")
    tab.goto(file.as_uri())
    tab.locator("#try > details > summary").click()
    for summary in tab.locator(".try summary:visible").all():
        summary.click()
    assert tab.locator(".try :is(input, button):visible").count() == 0
    assert tab.locator(".try .results:visible, .try .now:visible").count() == 0
    model = whatif(evil)
    assert (
        tab.locator(".try tr:has(input[type=checkbox]) td.n:visible").count()
        == len(model.compiled.events) - 1
    )


@pytest.mark.slow
def test_paper_shows_the_effects_and_no_control(tab: Page, evil: Case, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page_of(panel(evil)), "utf-8")
    tab.goto(file.as_uri())
    tab.emulate_media(media="print")
    assert tab.locator(".try :is(input, button, .now):visible").count() == 0
    heights = "[...document.querySelectorAll('.try .inputs td.n span')].map(x => x.getBoundingClientRect().height)"
    assert min(tab.evaluate(heights)) > 5


@pytest.mark.slow
def test_a_notebook_shows_it_in_a_frame(tab: Page, evil: Case, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    html = f"<!DOCTYPE html><title>x</title>{panel(evil)._repr_html_()}"
    file.write_text(html, "utf-8")
    tab.goto(file.as_uri())
    frame = tab.frame_locator("iframe")
    frame.locator("input[type=radio]").first.press("ArrowRight")
    assert "1 input differs" in frame.locator("[role=status]").inner_text()
    assert frame.locator(".try").evaluate("e => e.ownerDocument.documentElement.scrollWidth") <= 1280
