"""The report: one offline page, the same bytes each time, inert whatever a case says."""

from __future__ import annotations

import base64
import csv
import dataclasses
import datetime as dt
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser

import forecast
from forecast import page, report, tables, weights
from forecast.dependence import ladder
from forecast.fits import LEVELS
from forecast.labelling import about, state
from forecast.loading import seeds
from forecast.markup import convener_words, h, inside, join, link, period, short, signed, tenths, text
from forecast.people import partition
from forecast.replaying import news_days, replay
from forecast.shapley import contributions
from forecast.summary import forms
from forecast.watching import _either, watch_table

mpl.use("Agg")

EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(1)> </title></style><!-- \"quoted\" 'too' & &amp; "
    "$x^2$ $\\bad{$ {{ 7*7 }} {% raw %} `code` **bold** שלום مرحبا"
)
BIRD = "a" * 90  # one long word has to break somewhere

TITLE = f"Evil {EVIL}"
CASE = f"""
[question]
title = {json.dumps(TITLE, ensure_ascii=False)}
text = {json.dumps("Will it open by {deadline}? " + EVIL, ensure_ascii=False)}
yes_if = EVIL
no_if = EVIL
attends_if = EVIL
proposed = 2020-01-01
as_of = 2020-02-10
deadlines = [2020-03-01, 2020-06-01, 2020-09-01]
horizon = 2021-01-01
headline = 2020-06-01

[base_rate]
held = [0.2, 0.6]
days_to_open = [20, 300]
why = EVIL

[[scenarios]]
id = "soon"
held = true
share = [0.2, 0.5]
label = EVIL
first_signs = EVIL
days_to_open = [10, 90]
[[scenarios]]
id = "late"
held = true
label = "Late"
why = EVIL
[[scenarios]]
id = "balks"
held = false
share = [0.1, 0.3]
label = "{BIRD}"
[[scenarios]]
id = "never"
held = false
label = "Never"

[[indicators]]
id = "ready"
statement = EVIL
chance = {{ held = "very likely", otherwise = "unlikely" }}
why = EVIL
article = {{ document = "paper", paragraph = 1, locator = "<b>bold</b> & more" }}
[[indicators]]
id = "says"
statement = "The host says so"
given = "ready"
if_true = "almost certain"
if_false = "likely"
why = "It costs little."
half_life = 60

[[actors]]
id = "body"
name = EVIL
role = "main_opposition"
attends_if = EVIL
willing = {{ held = "likely", otherwise = "unlikely" }}
attends_if_willing = [0.7, 0.95]
attends_if_unwilling = "remote"
why = EVIL
[[actors]]
id = "person"
name = "{BIRD}"
part_of = "body"
willing = "likely"
attends_if_willing = 0.9
attends_if_unwilling = 0.1
why = "x"
[[actors]]
id = "neighbour"
name = "The neighbour"
willing = "roughly even"
attends_if_willing = 0.9
attends_if_unwilling = 0.1
why = "x"
[[actors]]
id = "host"
name = "The host"
required = true
willing = {{ held = "likely", otherwise = "unlikely" }}
why = "x"

[[sources]]
id = "wire"
name = EVIL
reliability = "B"

[[documents]]
id = "paper"
title = EVIL
author = EVIL
url = "https://example.org/?q=<script>alert(1)</script>"
published = 2020-01-12
note = EVIL

[[context]]
what = EVIL
why_not_evidence = EVIL

[[watch]]
id = "rain"
what = "It rains"
by = 2020-01-20
bears_on = "person"
if_true = "likely"
if_false = "unlikely"
[[watch]]
id = "letter"
what = EVIL
by = 2020-03-20
bears_on = "says"
if_true = "likely"
if_false = "unlikely"
why = EVIL
[[watch]]
id = "date"
what = EVIL
by = 2020-03-20
announces = true
""".replace("EVIL", json.dumps(EVIL, ensure_ascii=False))
EVENTS = """
[[events]]
id = "first"
date = 2020-01-10
what = EVIL
bears_on = "says"
if_true = "likely"
if_false = "unlikely"
why = EVIL
[[events.reports]]
source = "wire"
published = 2020-01-12
article = { document = "paper", paragraph = 3, locator = "<i>said</i>" }
[[events.reports]]
source = { name = EVIL, reliability = "D" }
via = "wire"
published = 2020-01-13
url = "https://example.org/?a=1&b=%22onmouseover=alert(1)"
denies = true

[[events]]
id = "second"
date = [2020-01-30, 2020-02-02]
what = "He says that he will not come, not he"
bears_on = "body"
if_true = "unlikely"
if_false = "likely"
why = "x"
reports = [{ source = "wire", origin = "letter", published = 2020-02-03, url = "https://example.org/'onmouseover=alert(1)" }]

[[events]]
id = "later"
date = 2020-02-20
what = "Nobody knows this yet"
bears_on = "says"
if_true = "likely"
if_false = "unlikely"
why = "hidden"
reports = [{ source = { name = "Tomorrow Times", reliability = "A" }, published = 2020-02-21 }]
""".replace("EVIL", json.dumps(EVIL, ensure_ascii=False))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases") / "evil"
    folder.mkdir()
    (folder / "case.toml").write_text(CASE, "utf-8")
    (folder / "events.toml").write_text(EVENTS, "utf-8")
    return folder


@pytest.fixture(scope="module")
def f(folder: Path) -> forecast.Forecast:
    return forecast.update(forecast.load(folder), draws=200)


@pytest.fixture(scope="module")
def done(folder: Path) -> Any:
    return report.run_notebook(report.notebook(), {"CASE": str(folder), "DRAWS": 40})


@pytest.fixture(scope="module")
def html(done: Any) -> str:
    return report.export(done)


@pytest.fixture(scope="module")
def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")


def seen(node: Any) -> str:
    return " ".join(node.get_text(" ").split())


# --- the same bytes ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_second_run_gives_the_same_bytes(folder: Path, html: str) -> None:
    again = report.run_notebook(report.notebook(), {"CASE": str(folder), "DRAWS": 40})
    assert report.export(again) == html


@pytest.mark.slow
def test_nbconvert_gives_the_same_bytes(done: Any, html: str, tmp_path: Path) -> None:
    nbformat.write(done, tmp_path / "run.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "forecast", "run.ipynb"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "run.html").read_bytes() == html.encode()


# --- what is in the page ----------------------------------------------------------------------------


def problems(soup: BeautifulSoup) -> list[str]:
    """What a page must not have."""
    out = []
    if soup.html is None or soup.html.get("lang") != "en":
        out.append("no language")
    if len(soup.find_all("h1")) != 1:
        out.append(f"{len(soup.find_all('h1'))} headings of the first level")
    ids = [t["id"] for t in soup.find_all(id=True)]
    out += [f"id {i} twice" for i in {i for i in ids if ids.count(i) > 1}]
    out += [f"dead anchor {a['href']}" for a in soup.select('a[href^="#"]') if a["href"][1:] not in ids]
    out += [f"label for nothing {t['aria-labelledby']}" for t in soup.select("[aria-labelledby]")
            if t["aria-labelledby"] not in ids]  # fmt: skip
    out += [
        f"{t.name} in the page"
        for t in soup.find_all(["iframe", "object", "embed", "form", "base", "link"])
    ]
    # the panel's numbers, and the one script that the policy names by its hash
    *data, code = soup.find_all("script") or [None]
    for t in data:
        if t.attrs != {"type": "application/json", "class": ["forecast-panel"]}:
            out.append(f"script {t.attrs}")
        json.loads(t.string)
    hashed = code and base64.b64encode(hashlib.sha256(code.string.encode()).digest()).decode()
    allowed = f"script-src 'sha256-{hashed}';" if code else "script-src 'none';"
    for t in soup.find_all(True):
        for key, value in t.attrs.items():
            loads = key in ("src", "srcset", "data", "poster", "background", "action", "xlink:href")
            if (loads and not str(value).startswith("data:image/png;base64,")) or key.startswith("on"):
                out.append(f"{t.name} {key}={str(value)[:60]}")
            if key == "href" and not re.match(
                r"#|https?://|data:(text/csv|application/json);", str(value)
            ):
                out.append(f"{t.name} {key}={str(value)[:60]}")
            if key == "href" and str(value).startswith("http") and "noopener" not in t.get("rel", ""):
                out.append(f"link without rel {value}")
    out += [
        f"url() in a style: {s.string[:60]}"
        for s in soup.find_all("style")
        if "url(" in s.string or "@import" in s.string
    ]
    out += [
        "picture without words"
        for t in soup.select("img")
        if not t.get("alt") or "No description" in t["alt"]
    ]
    out += [
        f"chart without words: {str(t)[:80]}"
        for t in soup.select("svg")
        if t.get("role") != "img" or not t.get("aria-label")
    ]
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})
    if (
        policy is None
        or "default-src 'none'" not in policy["content"]
        or allowed not in policy["content"]
    ):
        out.append("no policy")
    return out


@pytest.mark.slow
def test_page_is_sound(soup: BeautifulSoup, html: str) -> None:
    assert problems(soup) == []
    assert "nan" not in seen(soup.main).split()
    assert len(html.encode()) < 600_000


@pytest.mark.slow
def test_poison_is_shown_unharmed(soup: BeautifulSoup) -> None:
    shown = " ".join(EVIL.split())
    assert shown in seen(soup.h1)
    assert shown in " ".join(soup.title.string.split())
    for section in ("scenarios", "actors", "sources", "judgements", "rule", "watch"):
        assert shown in seen(soup.find(id=section)), section
    assert soup.main.find("math") is not None
    assert not [m for m in soup.find_all("math") if m.find_parent("section")["id"] != "method"]


@pytest.mark.slow
def test_nothing_later_is_in_the_page(html: str) -> None:
    assert "Nobody knows this yet" not in html
    assert "Tomorrow Times" not in html


@pytest.mark.slow
def test_names_stand_for_ids() -> None:
    """What a reader sees of a case are its words: no id, with its underscores or without."""
    case = forecast.load("moscow_i")
    f = forecast.update(case, draws=0)
    html_ = "".join(
        s._repr_html_()
        for s in (page.sources(f), page.judgements(f), page.outcome(f, case), page.groups(f))
    )
    words = BeautifulSoup(re.sub(r'(id|href)="[^"]*"|https?:[^<]*', "", html_), "html.parser").get_text(
        " "
    )
    parts = (case.indicators, case.actors, case.scenarios, case.events, case.watch, case.outlets)
    ids = {str(x.id) for part in parts for x in part if "_" in str(x.id)}
    assert len(ids) > 100
    assert {i for i in ids if re.search(rf"\b{i}\b", words)} == set()
    # an origin without a name, in quotes, may be called as an event is
    spaced = re.sub("“[^”]*”", "", words)
    for i in case.indicators:  # two ids are words of a statement
        spaced = spaced.replace(i.statement, "")
    assert {i for i in ids if re.search(rf"\b{i.replace('_', ' ')}\b", spaced)} == set()


@pytest.mark.slow
def test_every_element_has_its_place(soup: BeautifulSoup) -> None:
    sections = [s["id"] for s in soup.find_all("section")]
    assert sections == [
        "forecast", "over-time", "when", "groups", "evidence", "matrix", "ladder", "actors", "together", "scenarios", "watch",
        "try", "sensitivity", "analysts", "base-rate", "sources", "judgements", "method", "limits", "rule", "outcome",
        "reproduce", "code",
    ]  # fmt: skip
    contents = [a["href"][1:] for a in soup.select("nav.side a")]
    assert contents == sections


def whole(cell: str) -> int:
    return 0 if cell.startswith("<") else int(re.match(r">?(\d+)", cell)[1])


@pytest.mark.slow
def test_rows_that_say_so_add_up(soup: BeautifulSoup) -> None:
    tables_ = [t for t in soup.find_all("table") if "add up to 100" in seen(t.caption)]
    assert len(tables_) == 3  # when, together, scenarios; one opponent alone is not counted
    for t in tables_:
        chances = [seen(r.select("td.n")[0]) for r in t.tbody.find_all("tr")]
        assert sum(map(whole, chances)) == 100, t.caption


@pytest.mark.slow
def test_headline_tables_and_downloads_agree(soup: BeautifulSoup, f: forecast.Forecast) -> None:
    files = {a["download"].rsplit(".")[-1]: base64.b64decode(a["href"].split(",")[1]).decode()
             for a in soup.select("a[download]")}  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(files["csv"])))
    held = {r["by"]: float(r["probability"]) for r in rows if r["of"] == "held"}
    assert {r["by"]: r["probability"] for r in json.loads(files["json"])["held"]} == held
    p = held["2020-06-01"]
    assert p == float(f.held.probability[1])
    n = tables.in_hundred(p)
    assert seen(soup.select_one(".big .num")).replace(" ", "") == f"{n}%"
    assert f"{n} in 100" in seen(soup.select_one(".say"))
    assert len(soup.select(".dots .on")) == n
    up_to = {
        seen(r.th): seen(r.select("td.n")[1]) for r in soup.find(id="when").tbody.find_all("tr")[:-1]
    }
    assert up_to["2 Mar – 1 Jun 2020"] == f"{n} %"
    assert seen(soup.select_one("#evidence tfoot").select("td")[-1]) == f"{n} %"
    assert seen(soup.select("#ladder table")[0].tbody.tr.select_one("td.main")) == f"{n} %"
    ever = tables.in_hundred(float(f.ever.probability))
    on = [whole(seen(r.select("td.n")[0])) for r in soup.find(id="scenarios").tbody.find_all("tr")
          if r.select(".chip.yes")]  # fmt: skip
    assert sum(on) == ever


# --- in a browser -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_page_in_a_browser(browser: Browser, html: str, tmp_path: Path, width: int, scheme: Any) -> None:
    file = tmp_path / "page.html"
    file.write_text(html, "utf-8")
    # the policy of the page keeps axe out too; it is tested in the page's source
    size = {"width": width, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    tab = context.new_page()
    heard: list[str] = []
    tab.on("dialog", lambda d: (heard.append(f"dialog {d.message}"), d.dismiss()))
    tab.on("console", lambda m: heard.append(m.text))
    tab.on("pageerror", lambda e: heard.append(str(e)))
    tab.on("request", lambda r: r.url.startswith(("data:", "file:")) or heard.append(r.url))
    tab.goto(file.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    result = Axe().run(tab).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in result] == []
    assert heard == []
    context.close()


@pytest.mark.slow
def test_policy_breaks_nothing_and_paper_shows_the_folds(
    browser: Browser, html: str, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(html, "utf-8")
    tab = browser.new_page()
    heard: list[str] = []
    tab.on("console", lambda m: heard.append(m.text))
    tab.goto(file.as_uri())
    # the panel's answers stand open, and are not printed
    tall = """[...document.querySelectorAll('main details:not(.code, .results *)')].map(
        d => d.offsetHeight > d.querySelector('summary').offsetHeight + 20)"""
    assert not any(tab.evaluate(tall))
    tab.emulate_media(media="print")
    assert all(tab.evaluate(tall))
    assert heard == []
    tab.close()


# --- running ----------------------------------------------------------------------------------------


def test_a_failing_cell_leaves_no_report(tmp_path: Path) -> None:
    old = tmp_path / "out" / "nowhere.html"
    old.parent.mkdir()
    with pytest.raises(
        report.ReportError, match=r"cell 2 \(The case and its forecast\) failed: CaseError"
    ):
        report.make_report(tmp_path / "nowhere", old.parent)
    assert list(old.parent.iterdir()) == []
    old.write_text("the last good one")
    with pytest.raises(report.ReportError, match="CaseError"):
        report.make_report(tmp_path / "nowhere", old.parent)
    assert [(p.name, p.read_text()) for p in old.parent.iterdir()] == [
        ("nowhere.html", "the last good one")
    ]


def test_progress_tells_what_each_cell_does(tmp_path: Path) -> None:
    code = "\n".join(["import sys", "print(sys.executable)"])
    nb = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("A = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_markdown_cell("Words"),
        nbformat.v4.new_code_cell(f"# Who runs this\n{code}\nprint(A)"),
    ])  # fmt: skip
    nbformat.write(nb, tmp_path / "a.ipynb")
    heard: list[tuple[int, int, str]] = []
    done = report.run_notebook(tmp_path / "a.ipynb", {"A": "it's"}, lambda *x: heard.append(x))
    assert heard == [(0, 2, 'A = "it\'s"'), (1, 2, "Who runs this")]
    assert done.cells[2].outputs[0].text.split() == [sys.executable, "it's"]
    assert "execution" not in done.cells[2].metadata  # no clock in the result


PARAMETERS = [
    # value                       # line
    ("moscow", "CASE = 'moscow'  # which"),
    ('a "quoted" \\ path\n__import__("os")', None),  # stays one string
    (None, "CASE = None  # which"),
    (7, "CASE = 7  # which"),
]


@pytest.mark.parametrize(("value", "line"), PARAMETERS)
def test_parameters_are_literals(value: Any, line: str | None) -> None:
    cell = nbformat.v4.new_code_cell('CASE = "x"  # which\nSEED = 1', metadata={"tags": ["parameters"]})
    source = (
        report.set_parameters(nbformat.v4.new_notebook(cells=[cell]), {"CASE": value}).cells[0].source
    )
    assert len(source.splitlines()) == 2
    if line:
        assert source.splitlines()[0] == line
    names: dict[str, Any] = {}
    exec(source, names)
    assert (names["CASE"], names["SEED"]) == (value, 1)


def test_parameters_need_a_place() -> None:
    cell = nbformat.v4.new_code_cell("CASE = 1", metadata={"tags": ["parameters"]})
    nb = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(ValueError, match="no parameter SEDE"):
        report.set_parameters(nb, {"SEDE": 1})
    with pytest.raises(ValueError, match="neither text nor a number"):
        report.set_parameters(nb, {"CASE": object()})


# --- any notebook -----------------------------------------------------------------------------------


def shows(value: Any) -> Any:
    """The output that a cell ending in `value` would have."""
    if hasattr(value, "_repr_mimebundle_"):
        data, about = value._repr_mimebundle_()
    else:
        data, about = {"text/html": value._repr_html_()}, {}
    return nbformat.v4.new_output("execute_result", data=data, metadata=about)


def test_a_narrative_notebook_becomes_a_good_page(f: forecast.Forecast) -> None:
    from forecast import plots

    picture = plots.figure(plots.held(f))
    assert picture.alt.startswith("Chance that it has opened: by 1 Mar 2020")
    bare = nbformat.v4.new_output(
        "display_data", data={"image/png": base64.b64encode(picture.png).decode()}
    )
    danger = [
        nbformat.v4.new_output("display_data", data={"text/markdown": f"{EVIL} **bold**"}),
        nbformat.v4.new_output("display_data", data={"text/html": EVIL}),
        nbformat.v4.new_output(
            "display_data", data={"application/javascript": "alert(1)", "text/plain": EVIL}
        ),
        nbformat.v4.new_output("stream", name="stdout", text=EVIL),
    ]
    cells = [
        nbformat.v4.new_markdown_cell(
            "# A story\n\nWith $x^2$ and ![a picture](https://example.org/a.png)."
        ),
        nbformat.v4.new_markdown_cell("## One part"),
        nbformat.v4.new_code_cell("# The table\nf.table('actors')", outputs=[shows(f.table("actors"))]),
        nbformat.v4.new_markdown_cell("## One part\n\n# Another heading"),
        nbformat.v4.new_code_cell("# The figure\nfigure", outputs=[shows(picture), bare]),
        nbformat.v4.new_code_cell("f", outputs=[shows(f), *danger]),
    ]
    soup = BeautifulSoup(report.export(nbformat.v4.new_notebook(cells=cells)), "html.parser")
    assert [p for p in problems(soup) if "img" not in p and "picture" not in p] == []
    assert soup.title.string == "A story"
    assert [i.get("alt") for i in soup.select("figure img")] == [
        picture.alt,
        "Figure: The figure",
    ]
    assert len(soup.find_all("math")) == 1  # the author's, and no other
    assert [seen(s) for s in soup.select("details.code summary")] == [
        "Code: The table",
        "Code: The figure",
        "Code: f",
    ]
    assert not soup.select(".prompt")
    assert all(
        t.find_parent(class_="scroll") for t in soup.select("table")
    )  # also at 320 px, by keyboard
    assert not [t for t in soup.find_all("th") if not seen(t)]
    assert soup.select_one(".prose img").get("src") is None
    assert seen(soup.main).count(" ".join(EVIL.split())) >= 4


# --- figures ----------------------------------------------------------------------------------------


def figures(f: forecast.Forecast) -> dict[str, Callable[..., Any]]:
    from forecast import plots, reading_plots

    past = replay(f.case, news_days(f.case), draws=20)
    moved, rungs = contributions(f.case), ladder(f.case)
    z = pd.DataFrame({"quantity": ["held by", "ever"], "of": ["a", ""], "z": [0.5, -2.5]})
    return {
        "held": lambda **k: plots.held(f, **k), "opening": lambda **k: plots.opening(f, **k),
        "replay": lambda **k: reading_plots.replay(past, f.case, **k),
        "waterfall": lambda **k: plots.waterfall(moved, **k), "ladder": lambda **k: plots.ladder(rungs, **k),
        "actors": lambda **k: plots.actors(f, **k), "scenarios": lambda **k: plots.scenarios(f, **k),
        "ranges": lambda **k: plots.ranges(f, **k), "agreement": lambda **k: plots.agreement(z, **k),
    }  # fmt: skip


def test_figures_take_and_return_axes_and_say_what_they_show(f: forecast.Forecast) -> None:
    import matplotlib.pyplot as plt

    from forecast import plots

    before, open_figures = dict(mpl.rcParams), plt.get_fignums()
    for name, draw in figures(f).items():
        _, ax = plt.subplots()
        assert draw(ax=ax) is ax, name
        first, second = plots.figure(ax), plots.figure(draw())
        assert re.search(r"\d", first.alt), name
        assert "nan" not in first.alt, name
        assert first.alt == second.alt, name
        # the same bytes again, and neither a date nor a version in them
        assert plots.figure(draw()).png == second.png, name
        assert b"Software" not in first.png
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == open_figures


def test_a_figure_without_words_is_refused() -> None:
    import matplotlib.pyplot as plt

    from forecast import plots

    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="no alternative text"):
        plots.figure(ax)
    plt.close("all")


def test_dollars_are_no_formula(f: forecast.Forecast) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.cbook import is_math_text

    from forecast import plots

    for draw in (plots.actors, plots.scenarios, plots.ranges):
        ax = draw(f)
        for label in ax.get_yticklabels():
            assert (
                not is_math_text(label.get_text())[1]
                if isinstance(is_math_text(label.get_text()), tuple)
                else True
            )
        plt.close("all")
    ax = plots._axes(None, 1)
    plots._finish(ax, [plots._plain("$x^2$ and $\\bad{$", 60)], "x")
    plots._says(ax, "Dollars.")
    plots.figure(ax)  # a formula of this kind could not be drawn


# --- parts ------------------------------------------------------------------------------------------


def test_escaping_happens_in_one_place() -> None:
    assert h("<b>{}</b>", "<i>") == "<b>&lt;i&gt;</b>"
    assert h("<b>{}</b>", h("{}", "&")) == "<b>&amp;</b>"
    assert h('<a title="{}">', '"><script>') == '<a title="&quot;&gt;&lt;script&gt;">'
    assert h("{}", "a\x1b[2J\x00\x7f\x9b\t\n") == "a\ufffd[2J\ufffd\ufffd\ufffd\t\n"
    assert join(["<", h("<br>")], " & ") == "&lt; &amp; <br>"
    assert text("{x} <") == "<bdi>{x} &lt;</bdi>"
    # what turns the text around is told by its number; a mark that nobody sees is left out
    turned = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    assert text("".join(map(chr, turned))) == f"<bdi>{''.join(f'[U+{c:04X}]' for c in turned)}</bdi>"
    assert h('<a title="{}">', "a\u200e\u200f\u061cb\u202e") == '<a title="ab[U+202E]">'
    assert "href" not in link("javascript:alert(1)")
    assert 'href="https://example.org/?a&amp;&quot;"' in link('https://example.org/?a&"')


def test_numbers_and_dates_in_words() -> None:
    day = dt.date
    assert tenths([0.04, 0.04, 0.04]) == [0.1, 0.0, 0.0]
    assert tenths([1.26, -0.47, 0.05]) == [1.3, -0.5, 0.0]
    rng = np.random.default_rng(1)
    for values in rng.normal(size=(50, 7)):
        parts = tenths(values.tolist())
        assert round(sum(parts), 1) == round(values.sum(), 1)
        assert np.abs(np.array(parts) - values).max() < 0.1 + 1e-9
    assert [signed(x) for x in (1.25, -0.04, -1.0)] == ["+1.2", "0.0", "−1.0"]
    assert period((day(2014, 12, 4), day(2014, 12, 4))) == "4\u00a0Dec\u00a02014"
    assert period((day(2014, 12, 4), day(2014, 12, 9))) == "4–9\u00a0Dec\u00a02014"
    assert period((day(2014, 12, 4), day(2015, 1, 9))) == "4\u00a0Dec\u00a02014–9\u00a0Jan\u00a02015"
    assert short("One two three four.", 12) == "One two…"


def test_partition_adds_up_and_agrees_with_joint_attendance(f: forecast.Forecast) -> None:
    parts = partition(f)
    assert len(parts) == 5
    assert sum(n for _, n in parts) == 100
    assert sum(n for _, n in parts[1:]) == tables.in_hundred(float(f.ever.probability))
    assert abs(parts[1][1] - 100 * f.attendance(["body", "neighbour"])) <= 1


def test_the_form_is_of_the_question_asked(f: forecast.Forecast) -> None:
    ever = f.scenarios.probability.sel(scenario=["soon", "late"]).values
    share = 100 * ever[0] / ever.sum()
    at = {}
    for day in (*f.case.question.deadlines, f.case.question.horizon):
        question = f.case.question.model_copy(update={"headline": day})
        case = f.case.model_copy(update={"question": question})
        at[day] = forms(dataclasses.replace(f, case=case))
        assert sum(at[day].values()) == 100
    assert abs(at[day]["soon"] - share) <= 1  # by the horizon it is the share of those ever held
    soon = [x["soon"] for x in at.values()]
    assert soon == sorted(soon, reverse=True)  # what opens early is of the early kind
    assert soon[0] > share + 5


def test_what_names_a_day_is_among_the_numbered_events() -> None:
    f = forecast.update(forecast.load("moscow_middle_east"), draws=0)
    past = replay(f.case, news_days(f.case))
    shown = BeautifulSoup(page.over_time(f, past, contributions(f.case))._repr_html_(), "html.parser")
    items = shown.select("ol.numbered li")
    named = [seen(li) for li in items if li.select(".named")]
    silent = len(f.compiled.events) - len(f.case.events)
    assert len(items) == len(f.case.events) + len(f.case.announcements) + silent
    assert len(named) == len(f.case.announcements) == 2
    prior = past.prior.sel(deadline=pd.Timestamp(f.case.headline))
    day = pd.Timestamp(f.case.announcements[0].reports[0].published)
    before, after = (tables.percent(float(x)) for x in prior.sel(as_of=slice(None, day))[-2:])
    assert f"base rate {before} → {after}" in named[0]
    assert all(chart.select("rect.pill.named") for chart in shown.select("svg.chart"))


def test_any_section_alone_brings_its_style(f: forecast.Forecast) -> None:
    # a notebook may show one of them and no other; the exporter keeps one style, in the head
    for section in (
        page.opening(f, contributions(f.case), watch_table(f.case)),
        page.scenarios(f),
        page.rule(f),
    ):
        assert section._repr_html_().count("<style data-forecast>") == 1, section.id


def test_how_many_come_adds_up() -> None:
    f = forecast.update(forecast.load("moscow_i"), draws=0)
    shown = BeautifulSoup(page.together(f)._repr_html_(), "html.parser")
    how_many, lines = (t for t in shown.find_all("table") if "add up to 100" in seen(t.caption))
    for t, rows in ((how_many, 6), (lines, 5)):
        chances = [seen(r.select("td.n")[0]) for r in t.tbody.find_all("tr")]
        assert len(chances) == rows
        assert sum(map(whole, chances)) == 100, t.caption
    two = re.search(r"at least two come is (>?\d+)", seen(shown))
    assert int(two[1]) == sum(
        map(whole, [seen(r.select("td.n")[0]) for r in how_many.tbody.find_all("tr")][2:])
    )


def test_what_all_sentences_begin_with_is_said_once() -> None:
    assert _either(["He says yes", "He names a day"]) == "He says yes, or names a day"
    assert _either(["He comes", "She comes"]) == "He comes, or: She comes"
    assert _either(["He comes", "He comes today"]) == "He comes, or comes today"
    assert _either(["He comes"]) == "He comes"


MINIMAL = """
[question]
title = "Tiny"
text = "Will it open by {deadline}?"
yes_if = "It opens."
proposed = 2020-01-01
as_of = 2020-01-01
deadlines = [2020-03-01]
horizon = 2020-03-01
[base_rate]
held = 0.3
days_to_open = [10, 90]
why = "A guess."
[[scenarios]]
id = "yes"
held = true
label = "Yes"
[[scenarios]]
id = "no"
held = false
label = "No"
"""


@pytest.mark.parametrize("draws", [0, 50])
def test_a_minimal_case_has_all_its_sections(tmp_path: Path, draws: int) -> None:
    (tmp_path / "case.toml").write_text(MINIMAL)
    f = forecast.update(forecast.load(tmp_path), draws=draws)
    moved, ahead = contributions(f.case), watch_table(f.case)
    past = replay(f.case, news_days(f.case), draws=draws)
    sections = [
        page.opening(f, moved, ahead), page.over_time(f, past, moved), page.when(f), page.evidence(f, moved),
        page.ladder(f), page.actors(f), page.together(f), page.scenarios(f), page.watch(f, ahead), page.sources(f),
        page.judgements(f), page.limits(f), page.rule(f), page.reproduce(f),
    ]  # fmt: skip
    cells = [nbformat.v4.new_code_cell("x", outputs=[shows(s)]) for s in sections]
    html = report.export(nbformat.v4.new_notebook(cells=cells))
    assert problems(BeautifulSoup(html, "html.parser")) == []
    assert "nan" not in re.sub(r"<[^>]*>", " ", html).split()


# --- every section, of any case, on any day ---------------------------------------------------------


def sections(case: forecast.Case, as_of: dt.date | None = None, draws: int = 20) -> dict[str, str]:
    """Every section that the report makes, but for the sampler's."""
    f = forecast.update(case, as_of, draws=draws)
    moved, ahead = contributions(f.case), watch_table(f.case)
    past = replay(f.case, news_days(f.case), draws=2)
    choices = (forecast.tornado(f.case), forecast.variants(f.case), forecast.criticism(f.case, draws=50))
    made = [
        page.opening(f, moved, ahead), page.over_time(f, past, moved), page.when(f), page.groups(f), page.evidence(f, moved),
        page.matrix(f), page.ladder(f), page.actors(f), page.together(f), page.scenarios(f), page.watch(f, ahead),
        forecast.panel(f.case, f.as_of).section, page.sensitivity(f, *choices), page.analysts(f, forecast.analysts(case)),
        page.base_rate(f), page.sources(f), page.judgements(f), page.limits(f), page.rule(f), page.outcome(f, case),
        page.reproduce(f),
    ]  # fmt: skip
    return {s.id: seen(BeautifulSoup(f"<p>{s.lead}</p>{s.body}", "html.parser")) for s in made}


def test_an_actor_who_comes_as_his_role_came_is_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "like"
    shutil.copytree(seeds() / "moscow_i", folder)
    file = folder / "case.toml"
    words = file.read_text("utf-8")
    i = words.index('name = "Egypt"')
    a, b = words.index("given =", i), words.index("why =", i)
    file.write_text(f'{words[:a]}attends_like = "regional_patron"\n{words[b:]}', "utf-8")
    case = forecast.load(folder)
    told = sections(case)
    rate = tables.percent(case.in_history(next(x for x in case.actors if x.id == "egypt")))
    says = f"learned from history: of invited parties like it (regional patron) {rate} came"
    for section in ("actors", "judgements"):
        assert says in told[section].replace("\u00a0", " ")
        assert told[section].count("learned from history: of invited parties") == 1


@pytest.fixture(scope="module")
def named() -> forecast.Case:
    """Moscow I, had the host named a day and put it off to another."""
    case = forecast.load("moscow_i")
    news = [
        {"id": "first", "what": "The host names 20 January.", "kind": "day", "opens": "2015-01-20"},
        {
            "id": "second",
            "what": "The host moves it to 10 February.",
            "kind": "postponed",
            "opens": "2015-02-10",
        },
    ]
    host = {"name": "The host's ministry", "reliability": "A"}
    told = tuple(
        forecast.parts.Announcement.model_validate(
            {**x, "reports": [{"source": host, "published": f"2014-11-{20 + i}"}]}
        )
        for i, x in enumerate(news)
    )
    return case.model_copy(update={"announcements": told}).as_known(case.question.as_of)


def test_what_was_announced_is_told_where_it_moves_the_forecast(named: forecast.Case) -> None:
    told = {k: x.replace("\u00a0", " ") for k, x in sections(named).items()}
    day = pd.Timestamp(named.headline)
    without = forecast.update(named, without=["second"], draws=0).held.probability.sel(deadline=day)
    line = f"Announced: The host moves it to 10 February ({tables.percent(without)} without it)"
    assert line in re.sub(r"\s+", " ", told["forecast"])
    assert "as of the day, before any report but what was announced" in told["evidence"]
    assert (
        "in which it has not opened and days or periods were named, moved or called off"
        in told["base-rate"]
    )
    assert "Over these choices (all but that nothing was announced)" in told["sensitivity"]
    rest = forecast.variants(named)[named.headline].drop("nothing announced")
    assert (
        f"runs from {tables.percent(rest.min())} to {tables.percent(rest.max())}" in told["sensitivity"]
    )
    quiet = forecast.movement(named, days=14).attrs["quiet"]
    assert f"nothing was heard of its day, it will stand at {tables.percent(quiet)}" in told["watch"]
    assert "there is news of its day or not" in told["watch"]


def test_the_curve_turns_on_the_day_that_is_named(named: forecast.Case) -> None:
    """Up to the eve nothing; the point of the day itself is on the line."""
    f = forecast.update(named, draws=0)
    body = BeautifulSoup(page.when(f).body, "html.parser")
    (line,) = [x["d"] for x in body.select("svg.wide path.line")]
    points = [tuple(map(float, x.split())) for x in str(line)[1:].split("L")]
    x, y = (np.array(z) for z in zip(*points, strict=True))
    floor, left, right = y[0], x[0], x[-1]
    last = (dt.date(2015, 8, 15) - f.as_of).days
    scale = (right - left) / last
    eve, on = (left + scale * ((dt.date(2015, 2, n) - f.as_of).days) for n in (9, 10))
    ends = {n: y[np.abs(x - at).argmin()] for n, at in (("eve", eve), ("on", on))}
    assert min(np.abs(x - eve).min(), np.abs(x - on).min()) < 0.11
    by = f.opening.probability.values.cumsum()
    n = (dt.date(2015, 2, 10) - f.as_of).days
    height = (floor - y[-1]) / by[last - 1]
    assert floor - ends["eve"] == pytest.approx(height * by[n - 2], abs=0.2)
    assert floor - ends["on"] == pytest.approx(height * by[n - 1], abs=0.2)


def test_who_is_counted_is_called_what_he_is() -> None:
    """Where the only party of the opposition is required, all that are asked about are counted."""
    case = forecast.load("moscow_i")
    assert "opposition figures and bodies are expected" in page.together(
        forecast.update(case, draws=0)
    ).body.replace("\u00a0", " ")
    actors = tuple(
        a.model_copy(update={"role": "main_opposition" if a.required else None}) for a in case.actors
    )
    told = page.together(
        forecast.update(case.model_copy(update={"actors": actors}), draws=0)
    ).body.replace("\u00a0", " ")
    assert "12 actors are expected" in told
    assert "opposition figure" not in told


LATE = ["2015-03-31", "2015-06-25", "2015-07-01", "2015-11-29", "2016-02-20", "2016-11-10"]


@pytest.mark.parametrize("day", LATE)
def test_every_section_is_made_when_deadlines_have_passed(day: str) -> None:
    case = forecast.load("moscow_i")
    told = sections(case, dt.date.fromisoformat(day))
    assert not [k for k, x in told.items() if re.search(r"\bnan\b|\binf\b", x)]
    passed = "31 March 2015 has passed, and it has not opened" in told["forecast"].replace("\u00a0", " ")
    assert passed


def test_of_what_cannot_be_held_any_more_nobody_is_asked(f: forecast.Forecast) -> None:
    never = dataclasses.replace(
        f,
        ever=f.ever * 0,
        actors=f.actors * np.nan,
        posterior=dataclasses.replace(f.posterior, scenario=f.posterior.scenario * ~f.futures.held),
    )
    for section in (page.actors(never), page.together(never)):
        assert "It cannot be held any more" in section.body
        assert "<table" not in section.body


def test_every_section_is_made_on_every_day(folder: Path) -> None:
    case = forecast.load(folder)
    q = case.question
    days = [q.proposed + dt.timedelta(n) for n in range(0, (q.horizon - q.proposed).days, 60)]
    days += [*(d for d in q.deadlines), q.horizon - dt.timedelta(1)]
    for day in sorted(set(days)):
        f = forecast.update(case, day, draws=0)
        assert "None" not in page.when(f)._repr_html_()
        told = sections(case, day, draws=0)
        assert not [k for k, x in told.items() if re.search(r"\bnan\b", x)], day


# --- how much stands behind it ----------------------------------------------------------------------

AUTHOR_MOVES = [
    # by origin              # by source              # net   # what is said                  # steps down
    ({"a": 9.0, "b": 2.0, "c": 2.0}, {"a": 9.0}, 13.0, "Of the origins, each taken whole, “a” (0 of the {}) moves it most, by +9.0 points; all others together by +4.0. That", 1),
    ({"a": 4.0, "b": 5.0, "c": 4.0}, {"b": 4.0}, 13.0, "Of the origins, each taken whole, “b” (0 of the {}) moves it most, by +5.0 points; all others together by +8.0. The", 0),
    ({"a": -32.5, "b": 23.6}, {"b": 1.0}, -8.9, "Of the origins, each taken whole, “a” (0 of the {}) moves it most, by −32.5 points; all others together by +23.6. That", 1),
    ({"a": 20.0, "b": -12.0, "c": -14.0}, {"c": 0.0}, -6.0, "Of the origins, each taken whole, “a” (0 of the {}) moves it most, by +20.0 points; all others together by −26.0. The origin “c”, −14.0 points, is", 1),
    ({"a": 3.0, "b": -2.8}, {"a": 3.0}, 0.2, "Of the origins, each taken whole, “a” (0 of the {}) moves it most, by +3.0 points; all others together by −2.8. The", 0),
    ({"a": 2.0, "b": 2.0, "c": 2.0}, {"d": -7.0}, -6.0, "Of the sources, each taken whole, “d” (0 of the {}) moves it most, by −7.0 points; all others together by +1.0. That", 1),
]  # fmt: skip


@pytest.mark.parametrize(("origins", "sources", "net", "says", "down"), AUTHOR_MOVES)
def test_what_one_origin_does_is_told_in_every_direction(
    monkeypatch: pytest.MonkeyPatch, origins: Any, sources: Any, net: float, says: str, down: int
) -> None:
    f = forecast.update(forecast.load("moscow_i"), draws=0)
    moved = contributions(f.case)
    given = {"origin": origins, "source": sources}
    monkeypatch.setattr(
        weights, "contributions", lambda case, by, seed: pd.DataFrame({"points": given[by]}) / 100
    )
    held = f.held.assign(prior=f.held.probability - net / 100)
    sure = weights.confidence(dataclasses.replace(f, held=held), moved)
    told = BeautifulSoup(sure.says, "html.parser").get_text().replace("\u00a0", " ")
    assert says.format("49 events") in told
    # -32.5 of -8.9 is no part of it
    whole = f"is more than the net move, {signed(net)} points: without it the others would move it the other way"
    part = f"is more than two thirds of the net move, {signed(net)} points"
    most = max((x for x in (*origins.values(), *sources.values())), key=lambda x: x * net)
    assert (whole in told) == bool(down and most / net > 1)
    assert (part in told) == bool(down and most / net <= 1)
    assert sure.word == ("low" if down else "moderate")


def test_sources_are_who_can_know_and_not_who_prints() -> None:
    for name, sources, outlets in (("moscow_i", 16, 14), ("moscow_middle_east", 31, 31)):
        f = forecast.update(forecast.load(name), draws=0)
        reports = [r for e in f.case.events for r in e.reports]
        assert len({getattr(r.source, "name", r.source) for r in reports}) == sources
        assert len({getattr(x, "name", x) for r in reports for x in r.via}) == outlets
        told = weights.basis(f).replace("\u00a0", " ")
        assert f"by {sources} sources, passed on by {outlets} outlets, from" in told
        assert weights.confidence(f, contributions(f.case)).sources == sources


def test_nothing_that_moves_it_is_low(monkeypatch: pytest.MonkeyPatch) -> None:
    f = forecast.update(forecast.load("moscow_i"), dt.date(2016, 3, 1), draws=0)
    sure = weights.confidence(f, contributions(f.case))
    assert sure.word == "low"
    assert "No report moves it, which is low" in sure.says
    assert "moves it most" not in sure.says


# --- words ------------------------------------------------------------------------------------------


def test_the_input_range_of_the_last_day_is_the_forecasts_own(f: forecast.Forecast) -> None:
    past = replay(f.case, news_days(f.case), draws=7)
    moved = contributions(f.case)
    now = f.held.sel(deadline=pd.Timestamp(f.case.headline))
    own = f"{tables.percent(float(now.low))[:-2]}–{tables.percent(float(now.high))}"
    shown = BeautifulSoup(
        page.over_time(f, past, moved)._repr_html_().replace("\u00a0", " "), "html.parser"
    )
    assert [f"input range {own};" in x["aria-label"] for x in shown.select("svg.chart")] == [True, True]
    last = shown.select("table")[-1].select("tbody tr")[-1]
    assert seen(last.select("td")[-2]) == own
    # and of no other day
    assert page._own_range(f, past).low[0].equals(past.low[0])


def test_the_key_of_the_timeline_has_every_colour(f: forecast.Forecast) -> None:
    past = replay(f.case, news_days(f.case))
    shown = BeautifulSoup(page.over_time(f, past, contributions(f.case))._repr_html_(), "html.parser")
    for tone in ("up", "down"):
        assert shown.select(f".key .k.{tone}")
    assert "Shapley value" in seen(shown.select_one(".lead"))


def test_many_small_pieces_are_called_that() -> None:
    told = {}
    for name in ("moscow_i", "moscow_middle_east"):
        f = forecast.update(forecast.load(name), draws=0)
        moved = contributions(f.case)
        lead = page.evidence(f, moved).lead.replace("\u00a0", " ")
        parts = re.search(
            r"The net move, (\S+) points, .* raise it by (\S+), .* lower it by (\S+)\. Each", lead
        )
        small = moved.points.abs().max() <= abs(moved.points.sum()) / 3
        assert bool(parts) == small
        told[name] = parts
    assert told["moscow_i"]
    net, rise, fall = (float(x.replace("−", "-")) for x in told["moscow_i"].groups())
    assert round(rise + fall, 1) == net


def test_names_and_conveners_in_running_text() -> None:
    assert inside("The Taliban") == "the Taliban"
    assert inside("Theresa") == "Theresa"
    assert inside("A man") == "A man"
    for level in LEVELS["convener"]:
        words = convener_words(level)
        assert words.startswith(("a ", "the ", "someone")), level
        assert "_" not in words
        assert "-" not in words
    f = forecast.update(forecast.load("moscow_i"), draws=0)
    assert "convened by a state that backs one side, kind new initiative" in seen(
        BeautifulSoup(page.judgements(f).body, "html.parser")
    )


def test_an_actor_with_an_article_stands_inside_a_sentence(f: forecast.Forecast) -> None:
    said = [name for name, _ in partition(f)]
    assert any("the neighbour" in x for x in said)
    assert not any("The neighbour" in x for x in said)
    assert about(f.case, "neighbour") == "the neighbour"
    assert about(f.case, "says") == "The host says so"  # a statement
    assert state(f.case, "neighbour", True) == "the neighbour would come"


def test_long_sources_are_folded_and_short_ones_are_not(f: forecast.Forecast) -> None:
    many = BeautifulSoup(
        page.sources(forecast.update(forecast.load("moscow_i"), draws=0)).body, "html.parser"
    )
    assert (
        seen(many.select_one("details > summary"))
        == "Open the list: 49 numbered entries, each with its reports"
    )
    assert len(many.select("details ol.sources > li")) == 49
    assert not BeautifulSoup(page.sources(f).body, "html.parser").select("details")


def test_the_method_is_that_of_the_documents(f: forecast.Forecast) -> None:
    from forecast.closing import FORMULAS

    said = re.sub(r"[\s\\;,{}]", "", " ".join(FORMULAS))
    model = (Path(__file__).parents[1] / "docs" / "model.md").read_text("utf-8")
    for formula in re.findall(r"```math\n(.*?)\n```", model.split("## 2.")[0], re.DOTALL):
        body = re.sub(r"\\qquad.*|\\bigl|\\bigr", "", formula)
        assert re.sub(r"[\s\\;,{}]", "", body) in said, formula


def test_variants_and_the_input_range_are_told_apart_by_their_numbers() -> None:
    f = forecast.update(forecast.load("moscow_i"), draws=400)
    choices = forecast.variants(f.case)
    body = page.sensitivity(
        f, forecast.tornado(f.case), choices, forecast.criticism(f.case, draws=50)
    ).body
    told = seen(BeautifulSoup(body, "html.parser")).replace("\u00a0", " ")
    main, now = choices[f.case.headline], f.held.sel(deadline=pd.Timestamp(f.case.headline))
    spread = (main.max() - main.min(), float(now.high - now.low))
    assert re.search(
        r"That is (\d+) points from end to end; the input range, .*?, has (\d+)\.", told
    ).groups() == tuple(f"{100 * x:.0f}" for x in spread)
    assert "convened by anyone instead of a state that backs one side" in told
    assert "draws the base rate and the judgements" in told


@pytest.mark.slow
def test_a_link_opens_the_folded_sources(browser: Browser, tmp_path: Path) -> None:
    f = forecast.update(forecast.load("moscow_i"), draws=0)
    moved = contributions(f.case)
    cells = [
        nbformat.v4.new_code_cell("x", outputs=[shows(s)])
        for s in (page.evidence(f, moved), page.sources(f))
    ]
    file = tmp_path / "page.html"
    file.write_text(report.export(nbformat.v4.new_notebook(cells=cells)), "utf-8")
    tab = browser.new_page()
    tab.goto(file.as_uri())
    assert not tab.locator("ol.sources").is_visible()
    tab.locator("#evidence a.pill").first.click()
    tab.wait_for_selector("ol.sources li:target", state="visible")
    tab.goto("about:blank")
    tab.goto(file.as_uri())
    tab.emulate_media(media="print")
    assert tab.locator("ol.sources").bounding_box()["height"] > 1000
    tab.close()
