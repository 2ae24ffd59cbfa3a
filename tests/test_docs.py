"""The documents are true: numbers are recomputed, code runs, links lead somewhere, pages are current."""

from __future__ import annotations

import datetime as dt
import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

import forecast
from benchmarks import announced
from forecast import announcements, base_rate, judgement, parts, pooling, resolution, scoring, updating
from forecast.compiling import compile_case
from forecast.fields import Table
from forecast.tree import collect, weigh

ROOT = Path(__file__).parents[1]
DOCS = sorted([*ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md"])
REMEDY = "docs/case_file.md is not what the models say: run `make docs`"


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def cells(page: str, heading: str) -> dict[str, list[str]]:
    """Rows of the table whose first heading is this one, by their first cell without emphasis."""
    lines = page.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |")) + 2
    out: dict[str, list[str]] = {}
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        key, *rest = (c.strip() for c in line.strip("|").split("|"))
        assert key.strip("*`") not in out, "two rows of one name"
        out[key.strip("*`")] = rest
    return out


def half_unit(number: str) -> float:
    """Half a unit of the last digit shown."""
    return 0.5 * 10.0 ** -len(number.partition(".")[2]) * (1 + 1e-6)


# --- docs/model.md: the example by hand ---

MODEL = text("docs/model.md")
BY_HAND = cells(MODEL, "number")


def arithmetic(formula: str) -> float:
    assert re.fullmatch(r"[\d.+\-*/() ]+", formula)
    return float(eval(formula))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> forecast.Case:
    """The case that stands in the document."""
    folder = tmp_path_factory.mktemp("tiny")
    (block,) = blocks(MODEL, "toml")
    _, case, events = re.split(r"# tiny/\w+\.toml\n", block)
    (folder / "case.toml").write_text(case, "utf-8")
    (folder / "events.toml").write_text(events, "utf-8")
    return forecast.load(folder)


@pytest.fixture(scope="module")
def computed(tiny: forecast.Case) -> dict[str, float]:
    """The same numbers from the program."""
    f = forecast.update(tiny, draws=0)
    tree, theta, chance = f.compiled.tree, f.compiled.theta, f.posterior.chance
    k = {name: i for i, name in enumerate(f.compiled.nodes)}
    event = np.exp(weigh(tree, theta))[f.compiled.events.index("minister_ready")]
    # Bayes, turned round: lambda of the event if true, times P(true | u), over P(true | u, reports)
    professes = event[1] * theta[tree.chance[k["professes"], :, 0]] / chance[k["professes"], :, 0]
    wants = professes[1] * theta[tree.chance[k["wants"], 0]] / chance[k["wants"], 0]
    silence = 0.5 * theta[tree.chance[k["envoy"], 0]] / chance[k["envoy"], 0]
    root = np.exp(f.futures.log_root)
    total = 0.25 + 0.5  # the program's root is normalised
    opened = base_rate.opening(tiny).opened[0, 0]
    given = float(f.actors.given_held.item())
    held = float(f.held.probability.item())
    return {
        "φ of the visitor and the newspaper (B, C)": float(tree.affirmed[0]),
        "λ of the event if he professes": event[1],
        "λ of the event if he does not": event[0],
        "λ of the profession if he wants": professes[1],
        "λ of the profession if he does not": professes[0],
        "λ of wanting, they meet": wants[0],
        "λ of wanting, it drifts": wants[1],
        "λ of the envoy's silence, they meet": silence[0],
        "λ of the envoy's silence, it drifts": silence[1],
        "root: held, and not opened in 30 days": root[0] * total,
        "root: never held": root[1] * total,
        'base rate of "held", as of the date': float(f.ever.prior),
        'weight of "they meet"': float(f.ever.probability) * np.exp(f.log_evidence) * total,
        'weight of "it drifts"': float(1 - f.ever.probability) * np.exp(f.log_evidence) * total,
        "held, ever": float(f.ever.probability),
        "opens by day 90, if held and not by day 30": (opened[90] - opened[30]) / (1 - opened[30]),
        "held by 1 April": held,
        "he wants it, if they meet": f.posterior.node[k["wants"], 0],
        "he wants it, if it drifts": f.posterior.node[k["wants"], 1],
        "he wants it": float(f.indicators.probability.sel(indicator="wants")),
        "the envoy is willing, if they meet": f.posterior.node[k["envoy"], 0],
        "the envoy comes, if they meet": given,
        "held by 1 April and he comes": f.actors.by.item(),
    }


@pytest.mark.parametrize("row", BY_HAND)
def test_example_by_hand_is_right_and_is_what_the_program_says(
    row: str, computed: dict[str, float]
) -> None:
    formula, shown = BY_HAND[row]
    # one unit: the terms of a formula are themselves rounded
    assert arithmetic(formula.strip("`")) == pytest.approx(float(shown), abs=2 * half_unit(shown))
    assert computed[row] == pytest.approx(float(shown), abs=2 * half_unit(shown))


def test_example_has_every_number(computed: dict[str, float]) -> None:
    assert list(computed) == list(BY_HAND)


def test_what_the_layers_did(tiny: forecast.Case) -> None:
    prose = re.findall(r"`([^`]+)` = (\d+\.\d+)", MODEL)
    assert len(prose) == 9
    for formula, shown in prose:
        assert arithmetic(formula) == pytest.approx(float(shown), abs=half_unit(shown)), formula
    said = re.search(r"would be\s+(0\.\d+) instead of (0\.\d+)", MODEL)
    assert said
    (event,) = tiny.events
    one = tuple(r.model_copy(update={"origin": "one"}) for r in event.reports)
    copied = tiny.model_copy(update={"events": (event.model_copy(update={"reports": one}),)})
    for case, shown in ((copied, said[1]), (tiny, said[2])):
        held = forecast.update(case, draws=0).held.probability.item()
        assert held == pytest.approx(float(shown), abs=half_unit(shown))


def test_grades_in_the_model_are_those_of_the_program() -> None:
    told = re.search(r"Admiralty grade: (.*?) \(", MODEL)
    assert told
    pairs = dict(x.split() for x in told[1].split(", "))
    assert {k: float(v) for k, v in pairs.items()} == forecast.judgement.GRADES


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`forecast\.(\w+)`", MODEL))))
def test_functions_that_are_named_exist(name: str) -> None:
    assert name in forecast.__all__


# --- docs/case_file.md: made from the models ---


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("case_file", ROOT / "docs" / "case_file.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = generator()
MODELS: dict[str, Any] = {
    name: found
    for module in (parts, resolution, pooling)
    for name in PAGE.EXAMPLES
    if (found := getattr(module, name, None)) is not None
}


def test_case_file_is_current() -> None:
    assert text("docs/case_file.md") == PAGE.markdown(), REMEDY


@pytest.mark.parametrize("name", PAGE.EXAMPLES)
def test_example_is_read_by_its_model_and_uses_every_field(name: str) -> None:
    model: type[BaseModel] = MODELS[name]
    used: set[str] = set()
    for piece in PAGE.EXAMPLES[name].split("\n---\n"):
        value: Any = tomllib.loads(piece)
        if name not in ("Resolution", "AnalystFile"):  # at the top: no table around them
            while len(value) == 1 and isinstance(inner := next(iter(value.values())), dict | list):
                value = inner[0] if isinstance(inner, list) else inner
        used |= set(value)
        if name == "Resolution":  # its sources have an example of their own
            (source,) = tomllib.loads(PAGE.EXAMPLES["ResolutionSource"])["sources"]
            value["sources"] = [source]
            used.discard("sources")
        model.model_validate(value)
    whole = {n for n, f in model.model_fields.items() if "tuple" in str(f.annotation)}
    inside = {"Resolution": {"meeting", *whole}, "AnalystFile": whole}.get(name, set())
    assert set(model.model_fields) - used == inside, "a field without an example in docs/case_file.py"


@pytest.mark.parametrize("name", PAGE.EXAMPLES)
def test_every_field_has_its_meaning_in_the_schema(name: str) -> None:
    fields = MODELS[name].model_json_schema()["properties"]
    no_word = [
        n for n, f in fields.items()
        if "description" not in f and "$ref" not in f and "$ref" not in f.get("items", ())
    ]  # fmt: skip
    assert no_word == [], "add Field(description=...) in the model"


def test_types_are_named_by_their_kind() -> None:
    assert PAGE.kind(TypeAdapter(Table).json_schema()) == "judgement, or by scenario"
    shown = cells(text("docs/case_file.md"), "field")  # of the question, the first
    assert shown["as_of"] == [
        "day",
        "**required**",
        "The last day whose news counts, that day included.",
    ]
    assert shown["deadlines"][0] == "list of days"


# --- docs/limits.md: what was measured ---

LIMITS = cells(text("docs/limits.md"), "what")
SHIPPED = "moscow_i"


@pytest.fixture(scope="module")
def measured() -> list[tuple[float, ...]]:
    """The numbers of each row, from the stored results and from the functions."""
    stored = text("seeds/peace_talks/backtest.txt")
    left, known = stored.split("\n\nAs known on the date: ")
    held, attended = left.split("Comes, if held and invited?")

    def against(part: str, score: str, whom: str = "stage") -> tuple[float, ...]:
        flat = " ".join(part.split())
        found = re.search(
            rf"share of its {whom} the model is (?:[\w ]+ by the Brier score, ([\d.]+) against ([\d.]+), "
            r"a gain of (\S+) \((\S+) to (\S+); [^)]*\)); "
            r"[\w ]+ by the log score, ([\d.]+) against ([\d.]+)", flat)  # fmt: skip
        assert found
        numbers = tuple(map(float, found.groups()))
        return {"brier": numbers[:2], "gain": numbers[2:5], "log": numbers[5:]}[score]

    def waiting(days: int) -> tuple[float, ...]:
        found = re.search(rf"^ *{days}  not dead either +([\d.]+)  ([\d.]+) ", held, re.MULTILINE)
        assert found
        return float(found[1]), float(found[2])

    def single(landmark: int, window: int) -> tuple[float, ...]:
        dated = known.split("Comes, if held and invited?")[0]
        found = re.search(rf"^ +{landmark} +{window} +\d+ +([\d.]+) +([\d.]+) ", dated, re.MULTILINE)
        assert found
        return float(found[2]), float(found[1])

    worse = re.search(r"worse than the share of its stage in (\d+) of 16", " ".join(held.split()))
    assert worse
    ranks = re.search(
        r"smallest p ([\d.]+), above \S+ / \d+ = ([\d.]+)", text("seeds/peace_talks/calibration.txt")
    )
    assert ranks
    case = forecast.load(SHIPPED)
    scores = scoring.summary(forecast.score(case)).droplevel("origin_date")
    three = scores.loc[["forecast-tree", "forecast-base_rate", "forecast-constant"]]
    day = case.headline
    variants, ladder = (
        x.rename(columns=str)[str(day)] for x in (forecast.variants(case), forecast.ladder(case))
    )
    f = forecast.update(case, draws=0)
    answers = {
        a.id: float(a.answer == "yes")
        for a in forecast.load_resolution(case).actors
        if a.answer != "void"
    }
    people = f.table("actors").drop("syrian_government")  # required: no question
    people = people[people.index.isin(list(answers)) & people.in_history.notna()]
    came = np.array([answers[a] for a in people.index])
    missed = [float(((people[c] - came) ** 2).mean()) for c in ("in_history", "prior", "given_held")]
    now = f.held.probability.sel(deadline=np.datetime64(day)).item()
    dated = announced.scores(case)
    # "a mean of 0.25 a week after, held 0.61"
    assert dated.loc[7, "said"].iloc[0] == pytest.approx(0.25, abs=0.005)
    assert dated.loc[7, "held"].iloc[0] == pytest.approx(0.61, abs=0.005)
    return [
        against(held, "brier"), against(held, "gain"), against(held, "log"), against(known, "brier"),
        (float(worse[1]),), waiting(60), waiting(90), single(30, 60), single(60, 120),
        against(attended, "brier", "role"),
        (float(ranks[1]), float(ranks[2])),
        *(tuple(three[c]) for c in ("held_brier", "rps", "attends_brier")), tuple(missed),
        tuple(three["attendance_log"]),
        (now, variants.min(), variants.max()),
        (ladder["every report independent"], ladder["one claim per origin"]),
        tuple(dated.loc[-3, "log score"]), tuple(dated.loc[7, "log score"]),
        (_last_deadline(), _last_deadline(KEPT=0.3), _last_deadline(KEPT=0.7), _last_deadline(NEWS=1 / 5), _last_deadline(NEWS=1 / 2)),
    ]  # fmt: skip


def _last_deadline(**constants: float) -> float:
    with pytest.MonkeyPatch.context() as m:
        for name, value in constants.items():
            m.setattr(announcements, name, value)
        f = forecast.update(forecast.load("moscow_middle_east"), draws=0)
    return float(f.held.probability[-1])


@pytest.mark.parametrize("row", range(len(LIMITS)), ids=range(len(LIMITS)))
def test_limits_quote_what_was_measured(row: int, measured: list[tuple[float, ...]]) -> None:
    numbers = [*LIMITS.values()][row][0].split(", ")
    assert len(measured) == len(LIMITS)
    assert len(numbers) == len(measured[row])
    for shown, found in zip(numbers, measured[row], strict=True):
        assert float(shown) == pytest.approx(found, abs=half_unit(shown)), [*LIMITS][row]


def test_limits_conclude_what_the_numbers_say(measured: list[tuple[float, ...]]) -> None:
    (model, share), (_, low, high), *_ = measured
    assert low < 0 < high  # not clearly different
    assert abs(model - share) < 0.005
    for said, held in (measured[5], measured[6]):
        assert abs(said - held) < 0.03
    single = [abs(said - held) for said, held in measured[7:9]]
    assert max(single) == pytest.approx(0.08)  # "by up to eight points"
    time, attends, history = measured[11], measured[13], measured[14]
    assert time[0] > time[2]  # worse than a coin toss
    assert time[0] < time[1]  # the evidence moved it the right way ...
    assert attends[0] > attends[1]  # ... and here the wrong way
    assert history[0] > 2 * max(history[1:])  # far worse than both
    gained = forecast.lessons(forecast.load(SHIPPED)).iloc[:, -1]
    assert gained.idxmin() == "khatib_in_moscow"


LIMITS_PAGE = " ".join(text("docs/limits.md").split())


def test_limits_tell_the_parts_of_the_input_range() -> None:
    """Of the tree's judgements alone, of base rate and shares alone, and of all."""
    case, draws, rng = forecast.load(SHIPPED), 20000, np.random.default_rng(1)
    compiled = compile_case(case, case.question.as_of)
    root = base_rate.futures(case, case.question.as_of, draws, rng)
    drawn = judgement.sampler(compiled.judgements)(draws, rng)
    means = np.repeat(compiled.theta[:, None], draws, axis=1)
    opens = updating.opened_by(root, case.question.as_of, [case.headline])
    opens_drawn = root.by_draw[:, case.question.deadlines.index(case.headline), root.which]

    def ends(log_root: Any, theta: Any, opens: Any) -> Any:
        joint = log_root + collect(compiled.tree, theta, weigh(compiled.tree, theta))[0]
        evidence = np.logaddexp.reduce(joint)
        held = (np.exp(joint - evidence) * opens).sum(0)
        weight = np.exp(evidence - evidence.max())
        return updating.weighted_quantiles(held, weight / weight.sum(), updating.RANGE)

    variants = forecast.variants(case).rename(columns=str)[str(case.headline)]
    told = re.search(
        r"it is (\d+) to (\d+) % by 31 March; letting all likelihoods lean together gives (\d+) to (\d+) %\. "
        r"Base rate and shares alone give (\d+) to (\d+) %, all together (\d+) to (\d+) %", LIMITS_PAGE
    )  # fmt: skip
    assert told
    computed = [
        *ends(np.repeat(root.log_root[:, None], draws, axis=1), drawn, opens),
        *variants[["weak evidence", "strong evidence"]],
        *ends(root.draws, means, opens_drawn),
        *ends(root.draws, drawn, opens_drawn),
    ]
    # a quarter of a point more than rounding: ends of drawn ranges are noisy
    np.testing.assert_allclose(
        np.array(told.groups(), float), 100 * np.array(computed), rtol=0, atol=0.75
    )
    # and what the package says of itself
    parts = forecast.input_ranges(case).xs(case.headline, level="deadline")
    by_name = parts.loc[["judgements of the tree", "base rate and shares", "all"], ["low", "high"]]
    np.testing.assert_allclose(
        by_name.to_numpy().ravel(), [*computed[:2], *computed[4:]], rtol=0, atol=0.01
    )


def test_limits_tell_who_feeds_the_events() -> None:
    case = forecast.load(SHIPPED)
    moved = forecast.contributions(case, by="origin")
    hears = [{case.origin(r) for r in e.reports} for e in case.as_known(case.question.as_of).events]
    one = sum("columnist" in x for x in hears)
    whole, points = 100 * (moved.attrs["after"] - moved.attrs["before"]), 100 * moved.points
    assert f"feeds {one} of {len(hears)} events" in LIMITS_PAGE
    assert f"+{points['columnist']:.1f} of +{whole:.1f} points" in LIMITS_PAGE
    assert sum("khatib_tweets" in x for x in hears) == 3
    assert f"three events and +{points['khatib_tweets']:.1f} points" in LIMITS_PAGE


def test_limits_tell_the_errors_of_coding() -> None:
    case = forecast.load(SHIPPED)
    row = forecast.proposals("peace_talks").loc["syr-2013-khatib-offer"]
    assert row.name not in case.base_rate.leave_out
    (event,) = (e for e in case.events if e.id == "khatib_states_conditions")
    assert event.date[0] == row.first_proposed.date()
    spared = forecast.update(case, without=[event.id], draws=0).table("held").probability
    assert f"without it 31 March is {100 * spared.iloc[2]:.0f} %" in LIMITS_PAGE


def test_a_report_without_origin_has_its_source_as_origin(tiny: forecast.Case) -> None:
    assert "a report without `origin` has its source as origin" in " ".join(
        text("docs/how_to.md").split()
    )
    (event,) = tiny.events
    first = event.reports[0].model_copy(update={"origin": None})
    source = first.source if isinstance(first.source, str) else first.source.name
    assert tiny.origin(first) == source
    later = first.model_copy(update={"published": first.published + dt.timedelta(4)})
    assert tiny.origin(later) == source


# --- all of them ---


@pytest.mark.parametrize("number", range(len(blocks(text("docs/how_to.md"), "python"))))
def test_code_of_the_notes_runs(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks(text("docs/how_to.md"), "python")[number], "docs/how_to.md", "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_links_and_files_that_are_named_exist(path: Path) -> None:
    page = path.read_text("utf-8")
    links = [x.partition("#")[0] for x in re.findall(r"\]\(([^)]+)\)", page) if "://" not in x]
    assert [x for x in links if not (path.parent / x).exists()] == []
    files = re.findall(r"`((?:forecast|seeds|notebooks|tests|benchmarks|docs|\.ci)/[\w./]*[\w/])`", page)
    assert [x for x in files if not (ROOT / x).exists()] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_commands_that_are_named_exist(path: Path) -> None:
    from typer.main import get_command

    from forecast.cli import app

    page, commands = path.read_text("utf-8"), get_command(app).commands  # type: ignore[attr-defined]
    coded = "\n".join([*re.findall(r"`([^`\n]+)`", page), *blocks(page, "sh")])
    assert set(re.findall(r"^forecast (\w+)", coded, re.MULTILINE)) - set(commands) == set()
    targets = set(re.findall(r"^(\w+):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"\bmake (\w+)", coded)) - targets == set()


def test_citation_can_be_read_and_agrees() -> None:
    cite = yaml.safe_load(text("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= set(cite)  # what the format requires
    assert cite["cff-version"] == "1.2.0"
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert str(cite["version"]) == project["version"]
    assert cite["license"] == project["license"]
    assert [a["name"] for a in cite["authors"]] == [a["name"] for a in project["authors"]]
    assert cite["keywords"] == project["keywords"]
