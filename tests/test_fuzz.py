"""Files that are wrong in ways nobody thought of, and laws of the tree on cases nobody wrote.

Each input is loaded with numbers that are right, or refused with clean messages: `benchmarks.fuzz`
makes them and says what must hold; `python -m benchmarks.fuzz` makes ten thousand and more.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enumeration import enumerate_worlds, random_case
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fuzz
from forecast.base_rate import share_means
from forecast.case import Case
from forecast.judgement import Judgement
from forecast.loading import CaseError
from forecast.parts import Scenario
from forecast.updating import Forecast, update

EXACT = 1e-12

# --- files ---

INPUTS, SEED = 500, 20  # another seed than that of the command


def test_every_input_loads_rightly_or_is_refused_cleanly(tmp_path: Path) -> None:
    counts, wrong = fuzz.run(SEED, range(INPUTS), tmp_path)
    assert wrong == []
    assert sum(counts.values()) == INPUTS
    # it is no test of refusals alone, nor of one file
    for verdict, least in (("refused", 150), ("loaded, as brute force", 50), ("resolution refused", 5),
                           ("analyst refused", 5)):  # fmt: skip
        assert counts[verdict] >= least, counts


def test_every_operator_is_used_and_inputs_can_be_made_again() -> None:
    made = [fuzz.mutant(SEED, i) for i in range(INPUTS)]
    done = Counter(what.split(": ")[1] for m in made for what in m.done)
    wanted = {f.__name__ for f in (*fuzz.TREE, *fuzz.MILD)} | {"bytes"}
    assert set(done) == wanted
    assert min(done.values()) >= 5, done
    again = [fuzz.mutant(SEED, i) for i in range(0, INPUTS, 50)]
    assert again == made[::50]


# a message or number that must be told of: what breaks the law, and what is said
CAUGHT = (
    (lambda p: fuzz.require(False, "x"), "x"),
    # a message that paints the terminal, one in a library's words, one without a place
    (lambda p: fuzz.check_messages(_said("case.toml", "a\x1b[2J"), p), "control characters"),
    (lambda p: fuzz.check_messages(_said("case.toml", "Input should be a valid string"), p), "user's words"),
    (lambda p: fuzz.check_messages(_said("", "wrong"), p), "no place"),
    (lambda p: fuzz.check_messages(_said("case.toml", "x" * 500), p), "500 characters|5\\d\\d characters"),
    (lambda p: fuzz.check_messages(CaseError([]), p), "without a problem"),
)  # fmt: skip


def _said(file: str, message: str) -> CaseError:
    return CaseError([fuzz.forecast.rules.Problem(file, "", message)])


@pytest.mark.parametrize(("do", "message"), CAUGHT)
def test_the_judge_itself_can_find_fault(tmp_path: Path, do: Any, message: str) -> None:
    with pytest.raises(fuzz.Wrong, match=message):
        do(tmp_path)


def test_a_hang_and_an_exception_are_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(folder: Path) -> str:
        while True:
            pass

    def fail(folder: Path) -> str:
        raise KeyError("inner")

    for stub, said in ((hang, "more than 0.2 s"), (fail, "KeyError: 'inner'")):
        monkeypatch.setattr(fuzz, "verdict", stub)
        counts, wrong = fuzz.run(SEED, range(1), tmp_path, seconds=0.2)
        assert counts["WRONG"] == 1
        assert said in wrong[0]


# --- laws that tests/test_update.py and tests/test_tree.py do not have ---

cases = st.integers(0, 10_000).map(lambda seed: random_case(np.random.default_rng(seed)))
FEW = settings(max_examples=20)


def replaced(case: Case, **sections: Any) -> Case:
    return case.model_copy(update=sections)


def same(a: Forecast, b: Forecast) -> None:
    """What is asked of a meeting and of who takes part is the same."""
    assert a.held.probability.values == pytest.approx(b.held.probability.values, abs=EXACT)
    assert a.opening.probability.values == pytest.approx(b.opening.probability.values, abs=EXACT)
    assert a.actors.by.values == pytest.approx(b.actors.by.values, abs=EXACT)
    assert a.actors.given_held.values == pytest.approx(b.actors.given_held.values, abs=EXACT)
    assert a.log_evidence == pytest.approx(b.log_evidence, abs=1e-10)


def renamed(part: Any, names: dict[str, str]) -> Any:
    """A part with all its ids, references and tables by scenario under other names."""
    update: dict[str, Any] = {}
    for k in ("id", "given", "bears_on", "part_of", "answers"):
        if (old := getattr(part, k, None)) in names:
            update[k] = names[old]
    for k in type(part).model_fields:
        table = getattr(part, k)
        if isinstance(table, dict):
            update[k] = {names.get(x, x): v for x, v in table.items()}
    return part.model_copy(update=update)


@FEW
@given(cases, st.randoms(use_true_random=False))
def test_names_and_the_order_of_parts_mean_nothing(case: Case, random: Any) -> None:
    parts = ("scenarios", "indicators", "actors", "watch", "events")
    ids = [x.id for section in parts for x in getattr(case, section)]
    names = dict(zip(ids, random.sample([f"z{i}" for i in range(len(ids))], len(ids)), strict=True))
    other = replaced(case, **{
        s: tuple(renamed(x, names) for x in random.sample(getattr(case, s), len(getattr(case, s))))
        for s in parts
    })  # fmt: skip
    a, b = update(case, draws=0), update(other, draws=0)
    assert a.held.probability.values == pytest.approx(b.held.probability.values, abs=EXACT)
    for of, dim in (("scenarios", "scenario"), ("indicators", "indicator"), ("actors", "actor")):
        x, y = getattr(a, of), getattr(b, of)
        there = {dim: [names[str(i)] for i in x[dim].values]}
        for k in x.data_vars:
            wanted = x[k].values
            found = y[k].sel(there).values if dim in y[k].dims else y[k].values
            assert found == pytest.approx(wanted, abs=EXACT, nan_ok=True), (of, k)


@FEW
@given(cases, st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_what_nothing_is_heard_of_changes_nothing(case: Case, p: float, q: float) -> None:
    # an indicator on its own, one below it, and an actor, none with an event
    node = case.indicators[0]
    said = {"otherwise": Judgement(p, p)}, {"otherwise": Judgement(q, q)}
    free = {"given": None, "chance": said[0], "if_true": None, "if_false": None}
    alone = node.model_copy(update=free | {"id": "alone"})
    below = node.model_copy(
        update=free | {"id": "below", "given": node.id, "chance": None, "if_true": said[0], "if_false": said[1]}
    )  # fmt: skip
    more = replaced(case, indicators=(alone, *case.indicators, below))
    a, b = update(case, draws=0), update(more, draws=0)
    same(a, b)
    ids = [i.id for i in case.indicators]
    assert b.indicators.probability.sel(indicator=ids).values == pytest.approx(
        a.indicators.probability.values, abs=EXACT
    )
    assert float(b.indicators.probability.sel(indicator="alone")) == pytest.approx(p, abs=EXACT)
    # what was below it follows by total probability
    above = float(a.indicators.probability.sel(indicator=node.id))
    expected = above * p + (1 - above) * q
    assert float(b.indicators.probability.sel(indicator="below")) == pytest.approx(expected, abs=EXACT)


def halves(case: Case, at: int, part: float) -> Case:
    """One scenario in two of the same kind, with these shares of its share."""
    old = case.scenarios[at]
    side = [s for s in case.scenarios if s.held == old.held]
    share = dict(zip((s.id for s in case.scenarios), share_means(case.scenarios), strict=True))

    def sure(x: float) -> Judgement:
        return Judgement(x, x)

    takes_rest = next(s for s in side if not s.share)
    fixed = [
        s.model_copy(update={"share": sure(share[s.id])})
        if s.held == old.held and s != takes_rest
        else s
        for s in case.scenarios
    ]
    twin = fixed[at].model_copy(update={"id": "twin", "share": sure(share[old.id] * part)})
    if old != takes_rest:
        fixed[at] = fixed[at].model_copy(update={"share": sure(share[old.id] * (1 - part))})
    scenarios = (*fixed, twin)

    def both(x: Any) -> Any:
        tables = {k: v | {"twin": v[old.id]} for k in type(x).model_fields
                  if isinstance(v := getattr(x, k), dict) and old.id in v}  # fmt: skip
        return x.model_copy(update=tables)

    return replaced(case, scenarios=scenarios, indicators=tuple(map(both, case.indicators)),
                    actors=tuple(map(both, case.actors)))  # fmt: skip


@FEW
@given(cases, st.integers(0, 5), st.floats(0.1, 0.9))
def test_two_scenarios_that_are_alike_are_one(case: Case, at: int, part: float) -> None:
    at %= len(case.scenarios)
    a, b = update(case, draws=0), update(halves(case, at, part), draws=0)
    same(a, b)
    old = case.scenarios[at].id
    together = b.scenarios.probability.sel(scenario=[old, "twin"])
    assert float(together.sum()) == pytest.approx(
        float(a.scenarios.probability.sel(scenario=old)), abs=EXACT
    )
    assert float(together[1]) == pytest.approx(part * float(together.sum()), abs=EXACT)


@FEW
@given(cases, st.booleans())
def test_a_scenario_of_hardly_any_share_changes_hardly_anything(case: Case, held: bool) -> None:
    tiny = Judgement(1e-9, 1e-9)
    extra = Scenario(id="tiny", held=held, label="x", share=tiny)
    # its tables say for it what they say for the group, or for a scenario of its kind
    alike = next(s for s in case.scenarios if s.held == held)

    def says(x: Any) -> Any:
        groups = {"held" if held else "not_held", "otherwise"}
        tables = {k: v | {"tiny": v[alike.id]} for k in type(x).model_fields
                  if isinstance(v := getattr(x, k), dict) and alike.id in v and not groups & set(v)}  # fmt: skip
        return x.model_copy(update=tables)

    more = replaced(case, scenarios=(*case.scenarios, extra), indicators=tuple(map(says, case.indicators)),
                    actors=tuple(map(says, case.actors)))  # fmt: skip
    a, b = update(case, draws=0), update(more, draws=0)
    assert float(b.scenarios.probability.sel(scenario="tiny")) < 1e-4
    assert b.held.probability.values == pytest.approx(a.held.probability.values, abs=1e-4)
    assert b.actors.given_held.values == pytest.approx(a.actors.given_held.values, abs=1e-3)


@FEW
@given(cases, st.integers(0, 9), st.sampled_from("abcdef"))
def test_an_outlet_that_repeats_a_report_adds_nothing(case: Case, which: int, outlet: str) -> None:
    known = case.as_known(case.question.as_of)
    if not known.events:
        return
    event = known.events[which % len(known.events)]
    told = event.reports[0]
    # any other outlet, a link longer, no earlier: one origin all the same
    again = told.model_copy(
        update={"via": (*told.via, outlet), "origin": case.origin(told) if told.origin else None}
    )
    if not told.origin and not isinstance(told.source, str):
        return  # an inline source without an origin is its own
    more = event.model_copy(update={"reports": (*event.reports, again, again)})
    events = tuple(more if e.id == event.id else e for e in known.events)
    with_it = replaced(known, events=events, sources=case.sources)
    same(update(known, draws=0), update(with_it, draws=0))


@FEW
@given(cases)
def test_two_indicators_in_a_row_that_always_agree_are_one(case: Case) -> None:
    # the second is, but for a billionth, what the first is: its events may speak of either
    first = next((i for i in case.indicators if not i.half_life), None)
    if first is None:
        return
    sure, never = ({"otherwise": Judgement(x, x)} for x in (1 - 1e-9, 1e-9))
    copy = first.model_copy(
        update={"id": "again", "given": first.id, "chance": None, "if_true": sure, "if_false": never}
    )
    events = tuple(e.model_copy(update={"bears_on": "again"}) if e.bears_on == first.id else e
                   for e in case.events)  # fmt: skip
    more = replaced(case, indicators=(*case.indicators, copy), events=events)
    a, b = update(case, draws=0), update(more, draws=0)
    assert b.held.probability.values == pytest.approx(a.held.probability.values, abs=1e-6)
    # and it is what brute force says of the case with one
    worlds = enumerate_worlds(case)
    assert float(b.indicators.probability.sel(indicator="again")) == pytest.approx(
        worlds.node(first.id), abs=1e-6
    )
