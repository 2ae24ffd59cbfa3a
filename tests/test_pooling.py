"""Several analysts: what each forecasts, the pool of them by hand arithmetic, what divides them by brute force."""

from __future__ import annotations

import datetime as dt
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from enumeration import enumerate_worlds, random_case
from typer.testing import CliRunner
from wrong_files import FILES

import forecast
from forecast import doubts, loading, plots
from forecast.case import Case
from forecast.cli import app
from forecast.compiling import compile_case
from forecast.judgement import WORDS, Judgement
from forecast.loading import CaseError, load
from forecast.pooling import POOLED, _places, analysts, disagreement, pool, put
from forecast.updating import update

EXACT = 1e-12
Write = Callable[..., Path]


def judgement(of: str, value: str, why: str = 'why = "He has been there."') -> str:
    return f'\n[[judgements]]\nof = "{of}"\nvalue = {value}\n{why}\n'


def analyst(*judgements: str, label: str = "One who knows", more: str = "") -> str:
    return f'label = "{label}"\n{more}\n{"".join(judgements)}'


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the small case with some of its text replaced, and its analysts by name."""
    seeds = tmp_path / "seeds"
    monkeypatch.setattr(loading, "seeds", lambda: seeds)

    def write(*edits: tuple[str, str], **files: str) -> Path:
        texts = dict(FILES)
        for old, new in edits:
            assert sum(t.count(old) for t in texts.values()) == 1, old
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        folder = tmp_path / f"case_{len(list(tmp_path.iterdir()))}"
        for name, text in texts.items():
            path = (folder if name in ("case.toml", "events.toml") else seeds) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        for name, text in files.items():
            (folder / "analysts").mkdir(exist_ok=True)
            (folder / "analysts" / f"{name}.toml").write_text(text)
        return folder

    return write


def same_forecast(a: Case, b: Case, tolerance: float = EXACT) -> None:
    one, two = update(a, draws=0), update(b, draws=0)
    for x, y in ((one.held, two.held), (one.scenarios, two.scenarios), (one.indicators, two.indicators)):
        assert x.probability.values == pytest.approx(y.probability.values, abs=tolerance)
    assert one.actors.by.values == pytest.approx(two.actors.by.values, abs=tolerance)
    assert one.log_evidence == pytest.approx(two.log_evidence, abs=tolerance)


# --- each analyst ---

# the label, the value, and what one would change in the files of the case by hand
BY_HAND = (
    ("base_rate: held", "[0.3, 0.7]", ("held = [0.2, 0.6]", "held = [0.3, 0.7]")),
    ("soon: share", "0.4", ("share = [0.2, 0.5]", "share = 0.4")),
    # a table by scenario, as a tornado names it
    ("ready: chance.late", '"unlikely"', ('late = "likely"', 'late = "unlikely"')),
    # a table of one judgement, by the field of the file, and by the tornado's name
    ("says: if_true", "0.9", ('if_true = "almost certain"', "if_true = 0.9")),
    ("says: chance if false", "0.2", ('if_false = "roughly even"', "if_false = 0.2")),
    ("guild: willing.otherwise", "0.2", ("otherwise = 0.3", "otherwise = 0.2")),
    ("pilot: attends_if_willing", "0.8", ("attends_if_willing = 0.9", "attends_if_willing = 0.8")),
    ("guild: attends if unwilling", "0.2", ('attends_if_unwilling = "remote"', "attends_if_unwilling = 0.2")),
    # a line of the rubric moves the events that borrow from it; a silence; an event's own
    ("declaration: if_true", "0.7", ("if_true = 0.6\nif_false = 0.4\nratio = 1.5",
                                     "if_true = 0.7\nif_false = 0.4\nratio = 1.75")),
    ("guild_declines: if true", "0.1", ("if_true = 0.04", "if_true = 0.1")),
    ("house_let: if false", "0.2", ("if_false = 0.11", "if_false = 0.2")),
    # an event that borrows gets its own: the other likelihood stays the type's
    ("host_declares: if false", "0.3", ('type = "declaration"', 'type = "declaration"\nif_true = 0.6\nif_false = 0.3\nwhy = "x"')),
)  # fmt: skip


@pytest.mark.parametrize(("of", "value", "edit"), BY_HAND, ids=[row[0] for row in BY_HAND])
def test_an_analyst_is_the_case_edited_by_hand(
    write: Write, of: str, value: str, edit: tuple[str, str]
) -> None:
    case = load(write(view=analyst(judgement(of, value))))
    views = analysts(case)
    assert views["author"].case is case
    edited = load(write(edit))
    same_forecast(views["view"].case, edited)
    # and it is no other forecast by accident
    one, two = update(case, draws=0), update(edited, draws=0)
    assert (
        max(
            float(abs(one.held - two.held).probability.max()),
            float(abs(one.actors.by - two.actors.by).max()),
        )
        > 1e-6
    )


def test_table_by_hand_has_a_row_for_every_kind_of_place(write: Write) -> None:
    kinds = {(section, field) for section, _, field, _ in _places(load(write())).values()}
    assert {k for k, _ in kinds} == {
        "base_rate",
        "scenarios",
        "indicators",
        "actors",
        "event_types",
        "watch",
        "events",
    }
    assert len(BY_HAND) >= len({k for k, _ in kinds})


def test_a_borrowed_likelihood_follows_the_type_that_the_same_analyst_changes(write: Write) -> None:
    both = analyst(judgement("host_declares: if false", "0.3"), judgement("declaration: if true", "0.7"))
    case = analysts(load(write(both=both)))["both"].case
    assert case.likelihoods(case.events[0]) == (Judgement(0.3, 0.3), Judgement(0.7, 0.7))


def test_labels_are_those_of_the_compiled_case() -> None:
    for seed in range(15):
        case = random_case(np.random.default_rng(seed))
        compiled = compile_case(case, case.question.as_of)
        answers = {e.id for e in case.events if e.answers}
        labels = [
            x
            for x in compiled.labels
            if not x.startswith("in history") and x.split(": ")[0] not in answers
        ]
        assert set(labels) <= set(_places(case))
        # to put something there is to put it into the tree
        value = Judgement(0.123, 0.321)
        for label in labels[:: max(len(labels) // 4, 1)]:
            there = compile_case(put(case, {label: value}), case.question.as_of)
            assert dict(zip(there.labels, there.judgements, strict=True))[label] == value


def test_the_plain_case_knows_nothing_of_analysts(write: Write) -> None:
    without, beside = write(), write(bad="not = [toml")
    assert load(beside).digest == load(without).model_copy(update={"name": beside.name}).digest
    assert analysts(load(without)) == {}


# --- what is wrong with a file ---

WRONG = (
    # a label that is not there, near to one that is, and near to none
    (analyst(judgement("guild: willing.hold", "0.2")), 'judgements[1].of: no judgement "guild: willing.hold"; did you mean "guild: willing.held"?'),
    (analyst(judgement("the weather", "0.2")), 'judgements[1].of: no judgement "the weather"'),
    # a field as in the file, misspelt
    (analyst(judgement("says: if_ture", "0.9")), 'judgements[1].of: no judgement "says: if_ture"; did you mean "says: chance if true"?'),
    # the event that answers a watch has the watch's likelihoods
    (analyst(judgement("guild_refuses: if true", "0.2")), 'judgements[1].of: no judgement "guild_refuses: if true"; did you mean "guild_declines: if true"?'),
    # twice, once by each name
    (analyst(judgement("says: if_true", "0.9"), judgement("says: chance if true", "0.8")),
     'judgements[2].of: "says: chance if true" stands there twice'),
    # no reason; no value; no label; a misspelt key
    (analyst(judgement("soon: share", "0.4", "")), "judgements[1].why: missing"),
    ('label = "x"\n[[judgements]]\nof = "soon: share"\nwhy = "y"', "judgements[1].value: missing"),
    (judgement("soon: share", "0.4"), "label: missing"),
    (analyst(more="wieght = 2"), "wieght: unknown key; did you mean \"weight\"?"),
    (analyst(more="weight = 0"), "weight: 0: expected more than 0"),
    # no word of the scale; impossible
    (analyst(judgement("soon: share", '"likly"')), 'judgements[1].value: "likly": no such word of probability; did you mean "likely"?'),
    (analyst(judgement("soon: share", "1")),
     "judgements[1].value: 1: a probability lies between 0 and 1, both excluded: nothing that is asked about is impossible or certain"),
    # what the case file would not be allowed to say either
    (analyst(judgement("declaration: if true", "0.3")),
     'event_types[1] "declaration": direction: "for", but if_true has mean 0.30 and if_false 0.40'),
    (analyst(judgement("host_declares: if false", "0.9")),
     'events[1] "host_declares": if_true: the type "declaration" speaks for, these likelihoods the other way'),
    ("label = [", 'not TOML: invalid value, at the end of the file; is a quotation mark or a bracket missing?'),
    # all at once
    (analyst(judgement("soon: shore", "0.4", ""), judgement("late: x", '"maybe"')),
     "judgements[1].why: missing",
     'judgements[2].value: "maybe": no such word of probability; the words are remote, very unlikely, unlikely, roughly even, likely, very likely, almost certain',
     'judgements[1].of: no judgement "soon: shore"; did you mean "soon: share"?',
     'judgements[2].of: no judgement "late: x"'),
)  # fmt: skip


@pytest.mark.parametrize("row", WRONG, ids=[row[1][:50] for row in WRONG])
def test_a_mistake_gets_its_message(write: Write, row: tuple[str, ...]) -> None:
    text, *messages = row
    case = load(write(wrong=text, right=analyst()))
    with pytest.raises(CaseError) as caught:
        analysts(case)
    assert [str(p) for p in caught.value.problems] == [f"analysts/wrong.toml: {m}" for m in messages]


def test_problems_of_all_files_are_told_at_once(write: Write) -> None:
    case = load(write(author=analyst(), b=analyst(judgement("x", "0.1")), c="lable = 1"))
    with pytest.raises(CaseError) as caught:
        analysts(case)
    assert [str(p) for p in caught.value.problems] == [
        'analysts/author.toml: the name "author" is taken: rename the file',
        'analysts/b.toml: judgements[1].of: no judgement "x"',
        'analysts/c.toml: lable: unknown key; did you mean "label"?',
    ]


@pytest.mark.parametrize("of", ["base rate: P(ever held)", "base_rate: held"])
def test_a_learned_base_rate_is_no_judgement(tmp_path: Path, of: str) -> None:
    shutil.copytree(
        loading.seeds() / "moscow_i", tmp_path / "mine", ignore=shutil.ignore_patterns("analysts")
    )
    (tmp_path / "mine" / "analysts").mkdir()
    (tmp_path / "mine" / "analysts" / "a.toml").write_text(
        f'label = "A"\n[[judgements]]\nof = "{of}"\nvalue = 0.3\nwhy = "w"\n', "utf-8"
    )
    with pytest.raises(CaseError, match="is learned here, and no judgement: compare other classes"):
        analysts(forecast.load(tmp_path / "mine"))


def test_shares_that_leave_nothing(write: Write) -> None:
    middle = (
        '[[scenarios]]\nid = "late"',
        '[[scenarios]]\nid = "middle"\nheld = true\nshare = 0.4\nlabel = "M"\n\n[[scenarios]]\nid = "late"',
    )
    case = load(
        write(
            middle,
            ('late = "likely"', 'otherwise = "likely"'),
            view=analyst(judgement("soon: share", "0.7")),
        )
    )
    with pytest.raises(
        CaseError, match=r"view.toml: scenarios with held = true: the shares' means add up to 1\.10"
    ):
        analysts(case)


# --- the pool ---


def by_hand(weights: list[float], ends: list[float]) -> float:
    """exp(m) / (1 + exp(m)), m the weighted mean of log(p / (1 - p))."""
    m = sum(w * math.log(p / (1 - p)) for w, p in zip(weights, ends, strict=True)) / sum(weights)
    return math.exp(m) / (1 + math.exp(m))


def two(case: Case, of: str, a: Judgement, b: Judgement) -> list[Case]:
    return [put(case, {of: a}), put(case, {of: b})]


def at(case: Case, of: str) -> Judgement:
    compiled = compile_case(case, case.question.as_of)
    return compiled.judgements[compiled.labels.index(of)]


def test_two_intervals_pooled_by_hand(write: Write) -> None:
    cases = two(load(write()), "ready: chance.late", Judgement(0.2, 0.5), Judgement(0.5, 0.8))
    whole = at(pool(cases), "ready: chance.late")
    # odds 1/4 and 1: their geometric mean is 1/2, so 1/3; odds 1 and 4: 2, so 2/3
    assert (whole.low, whole.high) == pytest.approx((1 / 3, 2 / 3), abs=EXACT)
    # weight 2 to the first: odds (1/16 * 1)^(1/3) and (1 * 4)^(1/3)
    low, high = ((x := odds ** (1 / 3)) / (1 + x) for odds in (1 / 16, 4))
    weighed = at(pool(cases, (2, 1)), "ready: chance.late")
    assert (weighed.low, weighed.high) == pytest.approx((low, high), abs=EXACT)


def test_weights_count_like_that_many_analysts_and_by_their_ratio_alone(write: Write) -> None:
    a, b = two(load(write()), "guild: willing.held", Judgement(0.7, 0.7), Judgement(0.2, 0.4))
    for of_one in (pool([a, b], (6, 3)), pool([b, a], (1, 2)), pool([a, b, a]), pool([a, a, b])):
        same_forecast(pool([a, b], (2, 1)), of_one)
    whole = at(pool([a, b], (2, 1)), "guild: willing.held")
    assert whole.low == pytest.approx(by_hand([2, 1], [0.7, 0.2]), abs=EXACT)
    assert whole.high == pytest.approx(by_hand([2, 1], [0.7, 0.4]), abs=EXACT)


def test_numbers_stay_numbers(write: Write) -> None:
    a, b = two(load(write()), "soon: share", Judgement(0.9, 0.9), Judgement(0.1, 0.1))
    assert pool([a, b]).scenarios[0].share == Judgement(pytest.approx(0.5), pytest.approx(0.5))
    assert pool([a, b]).scenarios[0].share.certain


def test_one_analyst_pooled_with_himself_changes_nothing() -> None:
    for seed in range(8):
        case = random_case(np.random.default_rng(seed))
        for whole in (pool([case]), pool([case, case, case], (1, 2, 0.5))):
            assert whole.digest == case.digest
            same_forecast(whole, case)


def test_what_all_agree_on_keeps_its_word(write: Write) -> None:
    a, b = two(load(write()), "soon: share", Judgement(0.3, 0.3), Judgement(0.2, 0.2))
    assert at(pool([a, b]), "ready: chance.soon") == Judgement(*WORDS["very likely"], word="very likely")


def test_an_event_of_its_own_is_pooled_with_the_type_that_it_borrows_from(write: Write) -> None:
    case = load(write())
    a, b = (
        put(case, {"host_declares: if true": Judgement(0.9, 0.9)}),
        put(case, {"declaration: if true": Judgement(0.8, 0.8)}),
    )
    whole = pool([a, b])
    assert at(whole, "host_declares: if true").low == pytest.approx(
        by_hand([1, 1], [0.9, 0.8]), abs=EXACT
    )
    assert at(whole, "host_declares: if false").low == pytest.approx(0.4, abs=EXACT)
    assert whole.event_types[0].if_true.low == pytest.approx(by_hand([1, 1], [0.6, 0.8]), abs=EXACT)


@pytest.mark.parametrize(("weights", "message"), [
    ((1, 0), "a positive weight; found 2 and the weights [1.0, 0.0]"),
    ((1,), "a positive weight; found 2 and the weights [1.0]"),
    ((1, math.inf), "a positive weight"),
    ((1, math.nan), "a positive weight"),
])  # fmt: skip
def test_weights_that_are_none(write: Write, weights: tuple[float, ...], message: str) -> None:
    case = load(write())
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        pool([case, case], weights)


def test_what_cannot_be_pooled(write: Write) -> None:
    case = load(write())
    with pytest.raises(ValueError, match="found 0"):
        pool([])
    other = load(write(("horizon = 2021-01-01", "horizon = 2020-12-01")))
    with pytest.raises(ValueError, match="differ in more than their judgements"):
        pool([case, other])
    sure = put(case, {"soon: share": Judgement(0.0, 0.0)})
    assert pool([sure, sure]).scenarios[0].share == Judgement(0.0, 0.0)
    with pytest.raises(ValueError, match="soon: share: 0 or 1 cannot be pooled"):
        pool([case, sure])


# --- what divides them ---

FIRST = analyst(
    judgement("ready: chance.soon", "0.5"),
    judgement("guild: willing.held", '"unlikely"'),
    label="The <b>first</b>",
)
SECOND = analyst(
    judgement("ready: chance.soon", '"likely"'),
    judgement("declaration: if false", "0.5"),
    more="weight = 3",
)


def test_disagreement_by_brute_force(write: Write) -> None:
    views = analysts(load(write(first=FIRST, second=SECOND)))
    assert [(n, a.weight, len(a.overrides)) for n, a in views.items()] == [
        ("author", 1, 0),
        ("first", 1, 2),
        ("second", 3, 2),
    ]
    day = dt.date(2020, 3, 1)
    d = disagreement(views, deadline=day)
    weights = [1.0, 1.0, 3.0]
    # each judgement as the author, the first and the second have it, and how the file says it
    said = {
        "ready: chance.soon": ([(0.8, 0.95), (0.5, 0.5), (0.55, 0.8)], 'soon = "very likely"', "soon = {}"),
        "guild: willing.held": ([(0.7, 0.7), (0.2, 0.45), (0.7, 0.7)], "{ held = 0.7", "{{ held = {}"),
        "declaration: if false": ([(0.4, 0.4), (0.4, 0.4), (0.5, 0.5)], "if_false = 0.4\nratio = 1.5", "if_false = {}\nratio = {}"),
    }  # fmt: skip
    mean = {
        of: tuple(by_hand(weights, [x[i] for x in ends]) for i in (0, 1))
        for of, (ends, *_) in said.items()
    }

    def edit(of: str, value: tuple[float, float]) -> tuple[str, str]:
        low, high = value
        shown = str(low) if low == pytest.approx(high) else f"[{low}, {high}]"
        return said[of][1], said[of][2].format(shown, 0.6 / low)

    def held(**values: tuple[float, float]) -> float:
        """By every possible world of a case whose files were edited."""
        edits = [edit(of, values.get(of, mean[of])) for of in said]
        case = load(write(*edits))
        return enumerate_worlds(case, case.question.as_of).held(day)

    assert d.now == pytest.approx(held(), abs=1e-9)
    assert d.held.loc[POOLED, day] == pytest.approx(d.now, abs=EXACT)
    assert set(d.at.index) == set(said)
    for of, (ends, *_) in said.items():
        for name, value in zip(views, ends, strict=True):
            assert d.at.loc[of, name] == pytest.approx(held(**{of: value}), abs=1e-9)
    assert list(d.spread) == sorted(d.spread, reverse=True)
    assert d.spread.iloc[0] > d.spread.iloc[-1] >= 0
    for name, a in views.items():
        f = update(a.case, draws=0)
        assert d.held.loc[name].to_numpy() == pytest.approx(f.held.probability.values, abs=EXACT)
        assert d.actors.loc[name].to_numpy() == pytest.approx(f.actors.given_held.values, abs=EXACT)


def test_order_of_analysts_is_irrelevant(write: Write) -> None:
    views = analysts(load(write(first=FIRST, second=SECOND)))
    one, two_ = disagreement(views), disagreement(dict(reversed(views.items())))
    same_forecast(one.pooled, two_.pooled)
    assert one.at.to_numpy() == pytest.approx(
        two_.at.loc[one.at.index, one.at.columns].to_numpy(), abs=EXACT
    )


def test_news_of_a_later_day_is_not_talked_of(write: Write) -> None:
    views = analysts(
        load(
            write(view=analyst(judgement("house_let: if true", "0.5"), judgement("soon: share", "0.4")))
        )
    )
    assert set(disagreement(views).at.index) == {"house_let: if true", "soon: share"}
    before = disagreement(views, dt.date(2020, 1, 14))  # the day before it was printed
    assert list(before.at.index) == ["soon: share"]
    assert [o.of for o in before.analysts["view"].overrides] == ["soon: share"]


# --- what is shown ---


def test_page_and_figure(write: Write) -> None:
    case = load(write(first=FIRST, second=SECOND))
    views, f = analysts(case), update(case, draws=0)
    page = doubts.analysts(f, views)._repr_html_()
    assert "The &lt;b&gt;first&lt;/b&gt;" in page
    assert "<b>first" not in page
    d = disagreement(views)
    for n in d.at.columns:
        assert f"{n} {plots.percent(d.at.iloc[0][n])}" in page
    assert "He has been there." in page
    assert "Nobody but the author" in doubts.analysts(f, {})._repr_html_()
    from forecast import doubt_plots

    ax = doubt_plots.analysts(d)
    assert f"second {plots.percent(d.at.iloc[0]['second'])}" in plots.alt(ax)
    assert [line.get_xdata()[0] for line in ax.lines[:3]] == pytest.approx(d.at.iloc[0].tolist())
    plots.figure(ax)


def test_command(write: Write) -> None:
    done = CliRunner().invoke(app, ["analysts", str(write(first=FIRST, second=SECOND))])
    assert done.exit_code == 0, done.output
    assert "pooled" in done.output
    assert "guild: willing.held" in done.output
    done = CliRunner().invoke(app, ["analysts", str(write())])
    assert done.exit_code == 1
    assert "no analyst beside the author" in done.output


def test_shipped_analysts_give_reasons_and_stand_on_either_side() -> None:
    case = forecast.load("moscow_i")
    views = forecast.analysts(case)
    assert list(views) == ["author", "optimist", "sceptic"]
    assert all(6 <= len(a.overrides) <= 10 for a in list(views.values())[1:])
    d = disagreement(views)
    assert (d.held.loc["sceptic"] < d.held.loc["author"]).all()
    assert (d.held.loc["optimist"] > d.held.loc["author"]).all()
    assert views["author"].case.digest == case.digest
    same_forecast(
        pool([a.case for a in views.values()]), pool([a.case for a in reversed(views.values())])
    )
