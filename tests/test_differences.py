"""What changed between two forecasts: each cause against forecasts of cases written in full."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import permutations
from pathlib import Path
from typing import Any

import enumeration
import numpy as np
import pytest
from enumeration import GRADED, actor, day, event, indicator, make_case, random_case, report, watch
from toys import CLASS, learned, toy_fit
from typer.testing import CliRunner

import forecast
from forecast import logbook
from forecast.attributing import attribute
from forecast.case import Case
from forecast.changes import compare
from forecast.cli import app
from forecast.differences import Difference, diff
from forecast.parts import Announcement
from forecast.updating import opened_by, update

EXACT = 1e-11
Raw = dict[str, Any]
Edit = Callable[[Raw], object]

TYPES = [
    {"id": "speaks", "label": "x", "direction": "for", "if_true": 0.6, "if_false": 0.3, "ratio": 2.0,
     "ground": "x"},
]  # fmt: skip
BASE: Raw = {
    "question": {},
    "base_rate": {},
    "scenarios": [
        {"id": "soon", "held": True, "label": "x", "days_to_open": [5, 60]},
        {"id": "late", "held": True, "label": "x", "share": [0.2, 0.6]},
        {"id": "later", "held": True, "label": "x", "share": 0.1},
        {"id": "no", "held": False, "label": "x"},
    ],
    "indicators": [
        indicator("ready", {"soon": "very likely", "held": "likely", "otherwise": "unlikely"}),
        indicator("says", given="ready", if_true=0.9, if_false=0.5, half_life=40.0),
        indicator("calm", {"soon": 0.7, "late": 0.6, "otherwise": 0.4}),
    ],
    "actors": [actor("body", {"held": 0.7, "otherwise": 0.2})],
    "sources": GRADED,
    "event_types": TYPES,
    "watch": [watch("quiet", "body", 0.6, 0.3, by=20), watch("ahead", "calm", 0.5, 0.2, by=45)],
    "events": [
        {"id": "speaks", "date": day(5), "what": "He speaks.", "bears_on": "says", "type": "speaks",
         "reports": [report("c")]},
        {"id": "again", "date": day(6), "what": "Again.", "bears_on": "calm", "type": "speaks",
         "reports": [report("b", 8)]},
        event("comes", "body", 0.5, 0.2, report("b", 12)),
    ],
}  # fmt: skip


def made(*edits: Edit) -> Case:
    raw = deepcopy(BASE)
    for change in edits:
        change(raw)
    return make_case(**raw)


def put(value: Any, *path: Any) -> Edit:
    """An edit: a value at a path of keys, positions and ids; None takes it out."""

    def change(raw: Raw) -> None:
        place: Any = raw
        for key in path[:-1]:
            place = next(x for x in place if x["id"] == key) if isinstance(place, list) else place[key]
        if isinstance(place, list):
            place[:] = [x for x in place if x["id"] != path[-1]] + ([value] if value else [])
        elif value is None:
            place.pop(path[-1])
        else:
            place[path[-1]] = value

    return change


def chance(case: Case, by: dt.date | None = None) -> float:
    """P(held by a day, or the headline), from the forecast of the case itself."""
    f = update(case, draws=0)
    return float(f.posterior.scenario @ opened_by(f.futures, f.as_of, [by or case.headline])[:, 0])


NEWS = event("news", "calm", 0.7, 0.2, report("a"), what="News.")
ANSWER = {"id": "answer", "date": day(18), "what": "x", "answers": "quiet", "reports": [report("a", 19)]}


@pytest.mark.parametrize(
    ("edits", "kind", "what", "before", "after"),
    [
        # a judgement: of some scenarios, of all, of the parent's value, of attendance
        ([put("likely", "indicators", "ready", "chance", "soon")], "judgement", "ready: chance, soon",
         "very likely (80-95 %)", "likely (55-80 %)"),
        ([put(0.8, "indicators", "says", "if_true")], "judgement", "says: if true", "0.9", "0.8"),
        ([put(0.9, "actors", "body", "willing", "held")], "judgement", "body: willing, held", "0.7", "0.9"),
        ([put(80.0, "indicators", "says", "half_life")], "half-life", "says: half life", "40", "80"),
        ([put(None, "indicators", "says", "half_life")], "half-life", "says: half life", "40", "-"),
        # under another key: the scenario that it is for is what counts
        ([put({"soon": 0.7, "late": 0.6, "later": 0.4, "no": 0.3}, "indicators", "calm", "chance")],
         "judgement", "calm: chance, otherwise -> no", "0.4", "0.3"),
        # events: added, removed, told otherwise, judged otherwise, about something else, older
        ([put(NEWS, "events", "news")], "event", "news: News.", "-", "added"),
        ([put(None, "events", "speaks")], "event", "speaks: He speaks.", "there", "removed"),
        ([put([report("c"), report("a")], "events", "speaks", "reports")], "reports", "speaks: He speaks.",
         "1 report (c)", "2 reports (a, c)"),
        ([put([report("c", denies=True)], "events", "speaks", "reports")], "reports", "speaks: He speaks.",
         "1 report (c)", "1 report (c denies)"),
        ([put(0.8, "events", "comes", "if_true")], "judgement", "comes: if true", "0.5", "0.8"),
        ([put(0.8, "events", "speaks", "if_true"), put(0.1, "events", "speaks", "if_false"),
          put("x", "events", "speaks", "why"), put(None, "events", "speaks", "type")], "judgement",
         "speaks: likelihoods", "type speaks: if true 0.6, if false 0.3", "its own: if true 0.8, if false 0.1"),
        ([put("ready", "events", "comes", "bears_on")], "event", "comes: node", "body", "ready"),
        ([put(day(1), "events", "speaks", "date")], "event", "speaks: date", "2020-01-06", "2020-01-02"),
        # what several events share, once
        ([put(0.5, "event_types", "speaks", "if_true"), put(0.5 / 0.3, "event_types", "speaks", "ratio")],
         "rubric", "type speaks: if true", "0.6", "0.5"),
        ([put({"id": "b", "name": "B", "reliability": "E"}, "sources", "b")], "source", "b: reliability",
         "B", "E"),
        # silence: a watch is gone, judged otherwise, is answered
        ([put(None, "watch", "quiet")], "silence", "quiet: x", "silent", "awaited"),
        ([put(0.1, "watch", "quiet", "if_false")], "judgement", "quiet: if false", "0.3", "0.1"),
        ([put(ANSWER, "events", "answer")], "event", "answer: x", "-", "added"),
        # the root
        ([put(0.6, "base_rate", "held")], "base rate", "held", "0.4", "0.6"),
        ([put([10, 100], "base_rate", "days_to_open")], "base rate", "days to open", "20 to 300",
         "10 to 100"),
        ([put(0.3, "scenarios", "later", "share")], "share", "later", "0.1", "0.3"),
        ([put([5, 90], "scenarios", "soon", "days_to_open")], "time to open", "soon", "5 to 60", "5 to 90"),
        ([put(day(300), "question", "horizon")], "question", "horizon", "2021-02-04", "2020-10-27"),
        ([put(day(40), "question", "as_of")], "as-of date", "the clock alone: no news", "2020-01-31",
         "2020-02-10"),
        # a node with the evidence on it, and another place in the tree
        ([put(None, "actors", "body"), put(None, "events", "comes"), put(None, "watch", "quiet")],
         "3 changes", "body: body; comes: x; quiet: x", "there; silent", "removed; awaited"),
        ([put(indicator("new", {"held": 0.9, "otherwise": 0.2}), "indicators", "new"),
          put(event("shows", "new", 0.6, 0.1), "events", "shows")], "node and event", "new: x; shows: x",
         "-", "added"),
        ([put(indicator("calm", given="ready", if_true=0.9, if_false=0.1), "indicators", "calm")], "node",
         "calm: x", "given -", "given ready"),
    ],
)  # fmt: skip
def test_a_change_alone_is_the_whole_difference(
    edits: list[Edit], kind: str, what: str, before: str, after: str
) -> None:
    a, b = made(), made(*edits)
    found = diff(a, b)
    assert found.causes is not None
    row = found.causes.iloc[0]
    assert [row.kind, row.what, row.before, row.after] == [kind, what, before, after]
    assert len(found.causes) == 1
    assert abs(chance(b) - chance(a)) > 1e-4
    assert row.points == pytest.approx(chance(b) - chance(a), abs=EXACT)
    assert (found.before, found.after) == pytest.approx((chance(a), chance(b)), abs=EXACT)
    back = diff(b, a).causes
    assert back is not None
    assert back.points.tolist() == pytest.approx([chance(a) - chance(b)], abs=EXACT)


@pytest.mark.parametrize(
    ("edits", "texts"),
    [
        ([], ()),
        # the same interval in other words
        ([put([0.8, 0.95], "indicators", "ready", "chance", "soon")], ()),
        ([put("Another title", "question", "title"), put("y", "events", "speaks", "what")],
         ("question: title", "speaks: what")),
        ([put(watch("ahead", "calm", 0.9, 0.2, by=45), "watch", "ahead")], ("watch ahead",)),
        ([put(event("soon", "calm", 0.9, 0.2, report("a", 31)), "events", "soon")], ()),  # later news
    ],
)  # fmt: skip
def test_without_an_effect_there_is_no_cause(edits: list[Edit], texts: tuple[str, ...]) -> None:
    found = diff(made(), made(*edits))
    assert found.causes is not None
    assert found.causes.empty
    assert found.after - found.before == pytest.approx(0, abs=EXACT)
    assert found.texts == texts
    assert "does not change" in found.summary()
    assert "Nothing differs that the forecast is made from." in found.summary()


def over_all_orders(edits: dict[str, list[Edit]], worth: Callable[[Case], float]) -> dict[str, float]:
    """Shapley values from cases written in full, each with some of the edits."""
    names = list(edits)
    gain = dict.fromkeys(names, 0.0)
    known: dict[frozenset[str], float] = {}

    def value(chosen: Iterable[str]) -> float:
        key = frozenset(chosen)
        if key not in known:
            known[key] = worth(made(*(e for n in names if n in key for e in edits[n])))
        return known[key]

    for order in permutations(names):
        for i, name in enumerate(order):
            gain[name] += value(order[: i + 1]) - value(order[:i])
    return {n: g / math.factorial(len(names)) for n, g in gain.items()}


TOGETHER: dict[str, dict[str, list[Edit]]] = {
    "two judgements of a subtree": {
        "says: if true": [put(0.6, "indicators", "says", "if_true")],
        "ready: chance, soon": [put("unlikely", "indicators", "ready", "chance", "soon")],
    },
    "one of each kind": {
        "base rate": [put(0.7, "base_rate", "held")],
        "judgement": [put(0.1, "actors", "body", "willing", "otherwise")],
        "event": [put(NEWS, "events", "news")],
        "source": [put({"id": "b", "name": "B", "reliability": "E"}, "sources", "b")],
        "rubric": [put(0.4, "event_types", "speaks", "if_true"),
                   put(0.4 / 0.3, "event_types", "speaks", "ratio")],
    },
    "shares that leave a rest": {
        "later": [put(0.3, "scenarios", "later", "share")],
        "late": [put(0.3, "scenarios", "late", "share")],
        "as-of date": [put(day(35), "question", "as_of")],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", list(TOGETHER))
def test_changes_together_are_shared_over_all_orders(name: str) -> None:
    edits = TOGETHER[name]
    found = diff(made(), made(*(e for some in edits.values() for e in some)))
    assert found.causes is not None
    assert found.method == "exact"
    points = {}
    for row in found.causes.itertuples():
        points[row.what if row.what in edits else row.kind] = row.points
    assert points == pytest.approx(over_all_orders(edits, chance), abs=EXACT)


def test_news_is_apart_from_the_time_in_which_it_came() -> None:
    """By the as-of date alone: time without news, a watch that fell silent, an event."""
    event_ = put(event("news", "calm", 0.7, 0.2, report("a", 40)), "events", "news")
    a, b = made(event_), made(event_, put(day(50), "question", "as_of"))
    found = diff(a, b).causes
    assert found is not None
    # the second road: cases in which each has happened by day 30, or has not by day 50
    edits = {
        "as-of date": [put(day(50), "question", "as_of")],
        "event": [put(event("news", "calm", 0.7, 0.2, report("a", 10)), "events", "news")],
        "silence": [put(watch("ahead", "calm", 0.5, 0.2, by=30), "watch", "ahead")],
    }

    def worth(case: Case) -> float:
        due = next(w for w in case.watch if w.id == "ahead").by == day(30)
        f = update(case, without=[] if due else ["ahead"], draws=0)
        return float(f.held.probability[-1])

    points = dict(zip(found.kind, found.points, strict=True))
    assert points == pytest.approx(over_all_orders(edits, worth), abs=EXACT)
    assert points["as-of date"] < 0 < points["event"]


def test_an_answered_watch_is_no_silence_whichever_the_date() -> None:
    answer = {
        "id": "yes",
        "date": day(40),
        "what": "x",
        "answers": "ahead",
        "reports": [report("a", 41)],
    }
    told = put(answer, "events", "yes")
    found = diff(made(told), made(told, put(day(50), "question", "as_of"))).causes
    assert found is not None
    assert set(found.kind) == {"event", "as-of date"}


def test_an_id_that_meant_another_watch_before() -> None:
    """Answered about one node in the one, silent about another node in the other."""
    a = made(
        put(watch("quiet", "calm", 0.6, 0.3, by=40), "watch", "quiet"), put(ANSWER, "events", "answer")
    )
    for b in (made(), made(put(NEWS, "events", "news"))):
        for one, two in ((a, b), (b, a)):
            found = diff(one, two).causes
            assert found is not None
            assert found.points.sum() == pytest.approx(chance(two) - chance(one), abs=EXACT)


def test_shares_that_pass_one_together_are_one_change() -> None:
    a = made(put(0.7, "scenarios", "late", "share"))
    b = made(put(0.2, "scenarios", "late", "share"), put(0.6, "scenarios", "later", "share"))
    found = diff(a, b).causes
    assert found is not None
    assert found.what.tolist() == ["late; later"]
    assert found.points.sum() == pytest.approx(chance(b) - chance(a), abs=EXACT)


def named(n: int) -> tuple[Announcement, ...]:
    """A day is named on the n-th day."""
    raw = {"id": "named", "what": "A day is named.", "kind": "day", "opens": day(55), "reports": [
        report("b", n)]}  # fmt: skip
    return (Announcement.model_validate(raw),)


def told(n: int, name: str, kind: str, opens: int | None = None) -> Announcement:
    raw = {"id": name, "what": name, "kind": kind, "reports": [report("b", n)]}
    return Announcement.model_validate(raw | ({} if opens is None else {"opens": day(opens)}))


FIRST, OFF, MOVED = (
    told(5, "first", "day", 30),
    told(10, "off", "cancelled"),
    told(10, "moved", "postponed", 45),
)


@pytest.mark.parametrize(("before", "after", "changes"), [
    ((FIRST, MOVED), (FIRST, OFF, MOVED), 1),
    ((FIRST, OFF), (FIRST, OFF, MOVED), 1),
    ((OFF, MOVED), (FIRST, OFF, MOVED), 1),
    ((FIRST, OFF, MOVED), (FIRST, MOVED, OFF), 2),
    ((FIRST, told(15, "off", "cancelled"), MOVED), (FIRST, OFF, MOVED), 1),
    ((MOVED, FIRST), (FIRST, MOVED), 2),
])  # fmt: skip
def test_of_two_announcements_of_one_day_the_later_in_the_file_supersedes(
    before: tuple[Announcement, ...], after: tuple[Announcement, ...], changes: int
) -> None:
    """Whatever is put in, taken out, corrected or swapped, the changes add up."""
    whole = made().model_copy(update={"fit": toy_fit()})
    a, b = (whole.model_copy(update={"announcements": x}).as_known(day(20)) for x in (before, after))
    a, b = (
        c.model_copy(update={"question": c.question.model_copy(update={"as_of": day(20)})})
        for c in (a, b)
    )
    found = diff(a, b)
    assert found.causes is not None
    assert found.causes.points.sum() == pytest.approx(chance(b) - chance(a), abs=EXACT)
    assert len(found.causes) == changes


def test_changes_that_make_no_sense_apart_are_one() -> None:
    plain = made()
    fitted = plain.model_copy(update={"fit": toy_fit()})
    one = learned(plain, toy_fit())
    moved = (put(day(35), "question", "proposed"), put(day(50), "question", "as_of"),
             put([], "watch"))  # fmt: skip
    below = {"if_true": 0.8, "if_false": 0.3}
    told = one.model_copy(update={"announcements": named(25)})
    table = [
        # two nodes that change places: with one move alone each would be given the other
        (made(put(indicator("calm", given="ready", **below), "indicators", "calm")),
         made(put(indicator("ready", given="calm", **below), "indicators", "ready")), "node"),
        # proposed after the first as-of date
        (plain, made(*moved), "as-of date and question"),
        # an elicited base rate for a learned one, with the same fit, and with another
        (fitted, one, "base rate"),
        (fitted, learned(plain, toy_fit(level=np.full(4, 1.0))), "base rate and fit"),
        # no day can be named on the day of the proposal
        (told.as_known(day(0)), told.as_known(day(30)), "announcement and as-of date"),
    ]  # fmt: skip
    for a, b, kind in table:
        found = diff(a, b).causes
        assert found is not None
        assert kind in found.kind.tolist()
        assert found.points.sum() == pytest.approx(chance(b) - chance(a), abs=EXACT)


def test_a_fit_and_what_is_learned_from_it() -> None:
    plain = made()
    one = learned(plain, toy_fit())
    other = one.model_copy(update={"fit": toy_fit(level=np.full(4, 1.0))})
    stage = learned(plain, toy_fit(on_stage=np.array([[0.0, 0.0, 2.0]] * 4)))
    dated = stage.model_copy(update={"base_rate": CLASS.model_copy(update={"stage": "dated"})})
    told = one.model_copy(update={"announcements": named(25)})
    table = [
        (one, other, "fit", "what history taught"),
        (stage, dated, "base rate", "stage"),
        (one, told, "announcement", "named: A day is named."),
        # an elicited base rate for a learned one: with its fit, one change
        (plain, one, "base rate and fit", None),
    ]
    for a, b, kind, what in table:
        found = diff(a, b).causes
        assert found is not None
        assert found.kind.tolist() == [kind]
        assert what in (None, found.what[0])
        assert found.points[0] == pytest.approx(chance(b) - chance(a), abs=EXACT)
        assert abs(found.points[0]) > 1e-4


def test_any_two_cases_of_the_same_scenarios(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever differs, the changes lead from the one to the other and add up."""
    scenarios = enumeration._random_scenarios(np.random.default_rng(0))
    monkeypatch.setattr(enumeration, "_random_scenarios", lambda rng: deepcopy(scenarios))
    sampled = kinds = 0
    for seed in range(14):
        rng = np.random.default_rng(seed)
        a, b = random_case(rng), random_case(rng)
        pair = compare(a, b)
        if any(sum(top in pair.touches(c) for c in pair.changes) > 9 for top in pair.top.values()):
            continue  # slow, and the next test's
        frame = attribute(pair, day(250))
        ends = chance(a, day(250)), chance(b, day(250))
        assert (frame.attrs["before"], frame.attrs["after"]) == pytest.approx(ends, abs=EXACT)
        assert frame.points.sum() == pytest.approx(ends[1] - ends[0], abs=EXACT)
        kinds += len(set(frame.kind))
        sampled += frame.attrs["method"] == "sampled"
    assert kinds > 30
    assert not sampled


def test_sampled_orders_are_near_all_orders_and_add_up() -> None:
    edits = [e for some in TOGETHER["one of each kind"].values() for e in some]
    pair = compare(made(), made(*edits))
    exact, some = attribute(pair, day(150)), attribute(pair, day(150), pairs=30, most=0)
    assert (some.attrs["method"], some.attrs["orders"]) == ("sampled", 60)
    some, exact = some.set_index("what"), exact.set_index("what")
    assert some.points_se.gt(0).all()
    gap = (some.points - exact.points).abs()
    assert (gap <= 4 * some.points_se).all()
    assert some.points.sum() == pytest.approx(exact.points.sum(), abs=EXACT)


def test_other_scenarios_are_not_comparable() -> None:
    other = made(
        put({"id": "never", "held": False, "label": "x", "share": 0.3}, "scenarios", "never"),
    )
    found = diff(made(), other)
    why = 'the sets of scenarios differ: scenario "never" is only in the second'
    assert (found.causes, found.unexplained) == (None, why)
    assert found.after - found.before == pytest.approx(chance(other) - chance(made()), abs=EXACT)
    assert f"What did it cannot be said: {why}." in found.summary()
    assert np.isnan(found.scenarios.difference["never"])
    swapped = made(put({"id": "later", "held": False, "label": "x", "share": 0.1}, "scenarios", "later"))
    assert diff(made(), swapped).unexplained.endswith('scenario "later" is held in only one of them')


# --- lines of a log ---


def logged(tmp_path: Path, *cases: Case) -> Path:
    path = tmp_path / "log.jsonl"
    for case in cases:
        logbook.log(update(case, draws=20), path)
    return path


def test_lines_of_a_log_are_compared_like_cases(tmp_path: Path) -> None:
    a, b = made(), made(put(0.6, "base_rate", "held"), put(NEWS, "events", "news"))
    path = logged(tmp_path, a, b)
    found, direct = diff(f"{path}:1", f"{path}"), diff(a, b)
    assert found.causes is not None
    assert direct.causes is not None
    assert found.causes.what.tolist() == direct.causes.what.tolist()
    assert found.causes.points.tolist() == pytest.approx(direct.causes.points.tolist(), abs=EXACT)
    assert diff(f"{path}:-1", f"{path}:2").after == found.after
    early = diff(f"{path}:2@{day(9)}", f"{path}:2@{day(11)}").causes
    assert early is not None
    assert set(early.kind) == {"event", "as-of date"}


def test_a_line_without_its_case_is_compared_by_its_numbers(tmp_path: Path) -> None:
    a, b = made(), made(put(0.6, "base_rate", "held"))
    path = logged(tmp_path, a, b)
    (logbook.kept_folder(path) / f"{a.digest}.json.gz").unlink()
    found = diff(f"{path}:1", f"{path}:2")
    assert found.causes is None
    assert found.after - found.before == pytest.approx(chance(b) - chance(a), abs=EXACT)
    assert found.unexplained == (
        f"log.jsonl line 1: the case {a.digest[:12]} is not kept in log.cases, and no case made with that "
        "digest is at hand"
    )
    for of in ("scenarios", "indicators"):
        one, two = (getattr(update(x, draws=0), of).probability.values for x in (a, b))
        assert getattr(found, of).difference.tolist() == pytest.approx((two - one).tolist(), abs=EXACT)


def test_what_the_program_did_is_a_cause_of_its_own(tmp_path: Path) -> None:
    """A line that another program logged, from the same case."""
    path = logged(tmp_path, made())
    record = dict(logbook.entry(path).record)
    held = deepcopy(record["held"])
    held[1]["probability"] += 0.05
    old = record | {"held": held, "version": "0.0.9", "code": "abc"}
    logbook.append(path, {k: v for k, v in old.items() if k not in ("line", "before", "sha256")})
    found = diff(f"{path}:2", f"{path}:1").causes
    assert found is not None
    row = found.iloc[0]
    assert (len(found), row.kind, row.before) == (1, "program", "0.0.9 (abc)")
    assert row.points == pytest.approx(-0.05, abs=EXACT)


# --- as a person meets it ---


def run(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["diff", *(str(a) for a in args)])
    return done.exit_code, done.output


def test_dates_of_a_case_on_the_command_line() -> None:
    case = forecast.shipped()[0]
    code, output = run(f"{case}@2014-11-20", f"{case}@2014-11-24", "--json")
    assert code == 0
    told = json.loads(output)
    assert set(told) == {"a", "b", "deadline", "before", "after", "difference", "causes", "unexplained",
                         "without_effect", "method", "orders", "held", "scenarios", "indicators",
                         "actors"}  # fmt: skip
    c = forecast.load(case)
    ends = [chance(c.as_known(dt.date(2014, 11, n))) for n in (20, 24)]
    assert [told["before"], told["after"]] == pytest.approx(ends, abs=EXACT)
    assert sum(x["points"] for x in told["causes"]) == pytest.approx(ends[1] - ends[0], abs=EXACT)
    assert "as-of date" in {x["kind"] for x in told["causes"]}
    assert told["method"] == "exact"
    by = json.loads(run(f"{case}@2014-11-20", f"{case}@2014-11-24", "--json", "--by", "2015-02-10")[1])
    assert by["after"] == pytest.approx(chance(c.as_known(dt.date(2014, 11, 24)), dt.date(2015, 2, 10)))
    code, output = run(f"{case}@2014-11-20", f"{case}@2014-11-24")
    assert code == 0
    assert "What did it, in points of per cent" in output
    assert f"{100 * told['causes'][0]['points']:+.1f}" in output


def test_text_of_a_case_is_shown_not_obeyed(tmp_path: Path) -> None:
    poison = "\x1b[2J [red]x[/red]"
    b = made(put(event("news", "calm", 0.7, 0.2, report("a"), what=poison), "events", "news"))
    path = logged(tmp_path, made(), b)
    code, output = run(f"{path}:1", f"{path}:2")
    assert code == 0
    assert "\x1b" not in output
    assert "?[2J [red]x[/red]" in output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere", "{log}"], "nowhere: no such folder, and no shipped case of that name "
         "(shipped: {shipped})\n1 problem found."),
        (["{log}", "{log}:9"], "{log}: no line 9; the log has 2 lines"),
        (["{log}:0", "{log}"], "{log}:0: expected FILE.jsonl:N with N the number of a line, from 1, or "
         "from the end: -1 for the last"),
        (["{log}:x", "{log}"], "{log}:x: expected FILE.jsonl:N with N the number of a line, from 1, or "
         "from the end: -1 for the last"),
        (["no.jsonl", "{log}"], "no.jsonl: no such file or directory"),
        (["{log}@2020-13-01", "{log}"], "{log}@2020-13-01: expected a day such as @2014-12-04"),
        (["{log}@1.2.2020", "{log}"], "{log}@1.2.2020: expected a day such as @2014-12-04"),
        (["{log}@2020-02-01", "{log}"], "{log}@2020-02-01: 2020-02-01 is later than 2020-01-31, the "
         "as-of date of the line: what was known later is not in it"),
        (["{log}@2019-12-31", "{log}"], "{log}@2019-12-31: as_of: 2019-12-31 is not from 2020-01-01 "
         "(proposed) to the day before 2021-02-04 (horizon)"),
        (["{log}", "{log}", "--by", "2022-01-01"], "{log}: does not say how likely it is by 2022-01-01 "
         "(deadlines of both: 2020-03-01, 2020-05-30, 2021-02-04)"),
    ],
)  # fmt: skip
def test_wrong_calls_get_one_clear_message(tmp_path: Path, args: list[str], message: str) -> None:
    path = logged(tmp_path, made(), made())

    def filled(x: str) -> str:
        return x.replace("{log}", str(path)).replace("{shipped}", ", ".join(forecast.shipped()))

    assert run(*map(filled, args)) == (1, filled(message) + "\n")


def test_a_difference_is_what_it_says() -> None:
    found = diff(made(), made(put(0.6, "base_rate", "held")))
    assert isinstance(found, Difference)
    assert found.held.difference.tolist() == pytest.approx(
        (found.held.after - found.held.before).tolist(), abs=EXACT
    )
    first, *_ = found.summary().splitlines()
    assert first == (
        f"P(held by 2020-05-30) rises by {100 * (found.after - found.before):.1f} points: "
        f"{forecast.tables.percent(found.before)} in made (as of 2020-01-31), "
        f"{forecast.tables.percent(found.after)} in made (as of 2020-01-31)."
    )


def test_a_deadline_that_has_passed_is_no_chance() -> None:
    d = diff("moscow_i", "moscow_i@2015-01-05")
    title, _, rows = next(x for x in d.sections() if x[0] == "It opens by")
    assert title
    by = {r[0]: r[1:] for r in rows}
    assert by["2014-12-31"][1:] == ("passed", "-")
    assert by["2014-12-31"][0].endswith("%")
    assert d.to_dict()["held"]["2014-12-31"]["after"] is None
    assert d.to_dict()["held"]["2014-12-31"]["difference"] is None
    assert "passed" not in by["2015-01-31"]


def test_a_difference_leads_with_a_deadline_that_both_can_speak_of() -> None:
    d = diff("moscow_i", "moscow_i@2015-04-05")  # its headline, 31 March, has passed
    assert d.deadline == dt.date(2015, 6, 30)
    asked = diff("moscow_i", "moscow_i@2015-04-05", dt.date(2015, 3, 31))
    assert asked.causes is None
    plain = asked.to_dict()
    assert plain["before"] == pytest.approx(0.332, abs=0.001)
    assert plain["after"] is plain["difference"] is None
    first, second = asked.summary().splitlines()[:2]
    assert first.startswith("P(held by 2015-03-31): 33 % in moscow_i ")
    assert "passed in moscow_i@2015-04-05" in first
    assert (
        second == "What did it cannot be said: 2015-03-31 has passed on the date of moscow_i@2015-04-05."
    )
    both = diff("moscow_i@2015-07-01", "moscow_i@2015-07-05")
    assert both.deadline == dt.date(2016, 11, 11)  # the horizon: all deadlines have passed
    held = {title: rows for title, _, rows in both.sections()}["It opens by"]
    assert [r[1:] for r in held[:-1]] == 4 * [("passed", "passed", "-")]
