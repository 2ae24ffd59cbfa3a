"""The sampled twin: the tree's formulas on PyTensor, and its draws against the exact answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from enumeration import (
    GRADED,
    actor,
    event,
    indicator,
    make_case,
    random_case,
    report,
    watch,
)

import forecast
from forecast.base_rate import futures
from forecast.case import Case
from forecast.compiling import compile_case
from forecast.judgement import draw
from forecast.sampling import given_draws
from forecast.updating import actor_chances, opened_by, solve, update

pytestmark = pytest.mark.slow

LIMIT = 4.0
"""Standard errors that a sampled number may be off: one in 16,000 is, by chance."""


def rich() -> Case:
    """A denied event, an ageing profession, an actor with a precondition, a delegate, a silence."""
    return make_case(
        base_rate={"held": [0.2, 0.6]},
        scenarios=[
            {"id": "soon", "held": True, "label": "x", "share": [0.2, 0.5], "days_to_open": [10, 90]},
            {"id": "late", "held": True, "label": "x"},
            {"id": "never", "held": False, "label": "x"},
        ],
        sources=GRADED,
        indicators=[
            indicator("ready", {"held": "very likely", "otherwise": "unlikely"}),
            indicator("says", given="ready", if_true="almost certain", if_false="likely", half_life=20),
        ],
        actors=[
            actor("body", {"held": "likely", "otherwise": "unlikely"}, attends_if_willing=[0.7, 0.95]),
            actor("delegate", "likely", part_of="body"),
            actor("guest", given="ready", willing_if_true="very likely", willing_if_false="remote"),
            actor("host", {"held": "likely", "otherwise": "unlikely"}, required=True),
        ],
        events=[
            event("speaks", "says", "likely", "unlikely", report("c"), report("b", 20)),
            event("meets", "ready", [0.4, 0.7], [0.1, 0.3], report("b"), report("d", denies=True)),
            event("declines", "guest", "remote", "roughly even", report("a")),
        ],
        watch=[watch("past", "body", 0.6, "unlikely", by=20)],
    )  # fmt: skip


def small() -> Case:
    """Two indicators and two events: quick to compile from nothing."""
    return make_case(
        indicators=[
            indicator("ready", {"held": "very likely", "otherwise": "unlikely"}),
            indicator("says", "likely"),
        ],
        events=[
            event("meets", "ready", "likely", [0.1, 0.3], report("c"), report("b")),
            event("speaks", "says", "likely", "unlikely", report("b")),
        ],
    )


def certain() -> Case:
    """Every judgement a plain number, and no actor: there is nothing to draw."""
    ready = indicator("ready", {"yes": 0.8, "no": 0.3})
    return make_case(indicators=[ready], events=[event("meets", "ready", 0.6, 0.2)])


def bare() -> Case:
    """A base rate and nothing else."""
    return make_case()


# --- the formulas ---


@pytest.mark.parametrize("case", [rich(), certain(), bare(), *(
    random_case(np.random.default_rng(seed)) for seed in (1, 2, 3, 4, 5, 6)
), *map(forecast.load, forecast.shipped())])  # fmt: skip
def test_one_draw_is_what_the_tree_says_of_it(case: Case) -> None:
    from pytensor import function
    from pytensor.compile.mode import Mode

    as_of = case.question.as_of
    compiled, root = compile_case(case, as_of), futures(case, as_of)
    theta = draw(compiled.judgements, 1, np.random.default_rng(7))[:, 0]
    exact = solve(compiled, root, theta)
    attends = actor_chances(compiled, theta, exact)
    true = (exact.node * exact.scenario).sum(1)
    expected = {
        "reports": exact.log_evidence,
        "scenario_is": exact.scenario,
        "held_by": exact.scenario @ opened_by(root, as_of, case.question.deadlines),
        "ever": exact.scenario[root.held].sum(),
        "indicator_true": true[[compiled.nodes.index(i.id) for i in case.indicators]],
        "held_and_attends": (attends * exact.scenario)[:, root.held].sum(1),
    }
    twin = forecast.model(case)
    names = [k for k, v in expected.items() if np.size(v)]
    assert {x.name for x in (*twin.potentials, *twin.deterministics)} == set(names)
    inputs = [twin["theta"]] if twin.free_RVs else []
    call = function(inputs, [twin[k] for k in names], mode=Mode(linker="py", optimizer=None))
    free = np.array([not j.certain for j in compiled.judgements], bool)
    for name, value in zip(names, call(*[theta[free]] * len(inputs)), strict=True):
        assert value == pytest.approx(expected[name], abs=1e-12), name
    # the same of many draws, which is how `sample` gets them
    coords = {"judgement": np.array(compiled.labels)[free], "chain": [0], "draw": [0, 1, 2]}
    drawn = xr.Dataset(
        {"theta": (("chain", "draw", "judgement"), np.tile(theta[free], (1, 3, 1)))}, coords
    )
    told = given_draws(drawn if twin.free_RVs else drawn[["chain", "draw"]], case)
    assert set(told.data_vars) == set(names[1:])
    for name in told.data_vars:
        assert told[name].values == pytest.approx(
            np.broadcast_to(expected[str(name)], told[name].shape), abs=1e-12)  # fmt: skip


def test_dimensions_carry_the_names_of_the_case() -> None:
    twin = forecast.model(rich())
    coords = {k: list(v) for k, v in twin.coords.items()}
    assert coords["scenario"] == ["soon", "late", "never"]
    assert coords["deadline"] == [str(d) for d in rich().question.deadlines]
    assert coords["indicator"] == ["ready", "says"]
    assert coords["actor"] == ["body", "delegate", "guest", "host"]
    wide = [j for j in compile_case(rich(), rich().question.as_of).judgements if not j.certain]
    assert len(coords["judgement"]) == len(wide)
    assert twin.named_vars_to_dims["held_and_attends"] == ("actor",)


def test_the_twin_follows_what_the_forecast_is_asked() -> None:
    case = rich()
    plain = compile_case(case, case.question.as_of).labels
    assert "meets: if true" in plain
    twin = forecast.model(case, without=["meets"])
    assert not any("meets" in x for x in twin.coords["judgement"])
    assert any("meets" in x for x in forecast.model(case, assume={"meets": False}).coords["judgement"])


# --- the draws ---


@pytest.fixture(scope="module")
def draws_of_rich() -> xr.DataTree:
    return forecast.sample(rich(), seed=1, progressbar=False)


def agrees(case: Case, sampled: xr.DataTree) -> None:
    """Within Monte Carlo error of the exact answer in every row, and well mixed."""
    table = forecast.agreement(sampled, update(case, draws=0))
    assert len(table) == (len(case.question.deadlines) + 1 + len(case.scenarios)
                          + len(case.indicators) + len(case.actors))  # fmt: skip
    assert table["exact"].between(0, 1).all()
    assert table["mcse"].max() < 0.004
    assert table["z"].abs().max() < LIMIT, table
    quality = forecast.diagnostics(sampled)
    assert quality["divergences"] == 0
    assert quality["max_rhat"] < 1.01
    assert min(quality["min_ess_bulk"], quality["min_ess_tail"]) > 400


def test_the_exact_answer_within_monte_carlo_error(draws_of_rich: xr.DataTree) -> None:
    agrees(rich(), draws_of_rich)
    assert forecast.diagnostics(draws_of_rich)["draws"] == 4000
    assert draws_of_rich.attrs["seed"] == 1
    assert draws_of_rich.attrs["nuts_sampler"] == "nutpie"


@pytest.mark.parametrize("name", forecast.shipped())
def test_the_shipped_cases_too(name: str) -> None:
    case = forecast.load(name)
    agrees(case, forecast.sample(case, seed=1, progressbar=False))


def test_a_seed_repeats_in_silence(
    draws_of_rich: xr.DataTree, capfd: pytest.CaptureFixture[str]
) -> None:
    again = forecast.sample(rich(), seed=1, progressbar=False)
    for name, values in draws_of_rich["posterior"].data_vars.items():
        assert values.equals(again["posterior"][name]), name
    assert capfd.readouterr() == ("", "")


def test_a_seed_repeats_from_an_empty_and_from_a_warm_compile_cache(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k != "PYTENSOR_FLAGS"} | {
        "PYTENSOR_FLAGS": f"base_compiledir={tmp_path / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    code = """
import hashlib, forecast
from test_sampling import small
tree = forecast.sample(small(), seed=1, draws=50, tune=100, chains=2, progressbar=False)
draws = sorted(tree["posterior"].data_vars.items())
print(hashlib.sha256(b"".join(x.values.tobytes() for _, x in draws)).hexdigest())
"""
    digests, kept = [], []
    for _ in ("empty", "warm"):
        kept.append(sum(1 for x in tmp_path.rglob("*.nb*")))
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 0, done.stderr
        digests.append(done.stdout.strip())
    assert kept[0] == 0
    assert kept[1] > 0  # the second run did find what the first had compiled
    assert digests[0] == digests[1]
    assert len(digests[0]) == 64


def test_the_other_sampler_agrees(draws_of_rich: xr.DataTree) -> None:
    own = forecast.sample(rich(), seed=2, nuts_sampler="pymc", progressbar=False)
    agrees(rich(), own)
    assert own.attrs["nuts_sampler"] == "pymc"
    exact = update(rich(), draws=0)
    a, b = (forecast.agreement(x, exact) for x in (draws_of_rich, own))
    # the host is certain to be at his own meeting: no error, and nothing to compare
    both = np.hypot(a["mcse"], b["mcse"]).where(a["exact"] < 1)
    assert ((a["sampled"] - b["sampled"]).abs() / both).max() < LIMIT


def test_a_chance_to_attend_is_a_ratio_of_averages(draws_of_rich: xr.DataTree) -> None:
    draws = draws_of_rich["posterior"].to_dataset()
    table = forecast.agreement(draws_of_rich, update(rich(), draws=0)).set_index(["quantity", "of"])
    row = table.loc[("attends if held", "body")]
    joint, ever = draws.held_and_attends.sel(actor="body").values, draws.ever.values
    assert row["sampled"] == pytest.approx(joint.mean() / ever.mean(), rel=1e-12)
    # its error by another road: batches of draws, each with a ratio of its own
    batches = zip(np.split(joint, 50, axis=1), np.split(ever, 50, axis=1), strict=True)
    ratios = [x.mean() / y.mean() for x, y in batches]
    assert row["mcse"] == pytest.approx(np.std(ratios, ddof=1) / np.sqrt(50), rel=0.5)


@pytest.mark.parametrize("case", [certain(), bare()])
def test_without_doubt_every_draw_is_the_answer(case: Case) -> None:
    sampled = forecast.sample(case, draws=10, chains=2, progressbar=False)
    table = forecast.agreement(sampled, update(case, draws=0))
    assert table["sampled"].to_numpy() == pytest.approx(table["exact"].to_numpy(), abs=1e-12)
    assert (table["z"] == 0).all()
    quality = forecast.diagnostics(sampled)
    assert quality["divergences"] == 0
    assert np.isnan(quality["max_rhat"])


def test_what_cannot_be_done_is_said() -> None:
    case = certain()
    with pytest.raises(ValueError, match=r"nuts_sampler: 'gibbs'; expected \"nutpie\" or \"pymc\""):
        forecast.sample(case, nuts_sampler="gibbs")
    with pytest.raises(ValueError, match='no event or watch "nothing"'):
        forecast.model(case, without=["nothing"])
    sampled = forecast.sample(case, draws=10, chains=2, progressbar=False)
    with pytest.raises(ValueError, match="as_of: sampled 2020-01-31, exact 2020-02-01"):
        forecast.agreement(
            sampled, update(case, as_of=case.question.as_of.replace(month=2, day=1), draws=0)
        )


@pytest.mark.parametrize(
    ("flags", "before", "expected"),
    [
        (None, "", "False float64"),  # a seed repeats: sums keep their order
        ("warn_float64=ignore", "", "False float64"),  # other flags stay
        ("numba__fastmath=True", "", "True float64"),  # the user's own wish stands
        (None, "import pytensor", "False float64"),  # PyTensor came first: for the time of the sampling
    ],
)
def test_arithmetic_is_repeatable_unless_the_user_says_otherwise(
    flags: str | None, before: str, expected: str
) -> None:
    env = {k: v for k, v in os.environ.items() if k != "PYTENSOR_FLAGS"}
    env |= {"PYTENSOR_FLAGS": flags} if flags else {}
    code = f"""{before or "pass"}
from forecast import sampling
import os, pytensor
assert {flags!r} is None or {flags!r} in os.environ["PYTENSOR_FLAGS"]
with sampling._reproducible():
    print(pytensor.config.numba__fastmath, pytensor.config.floatX)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.stdout.strip() == expected, done.stderr
