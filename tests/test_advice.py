"""Advice: a clean case gets none, each flaw its own, and none that is not asked for; the tree as drawn."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner
from wrong_files import CASE, EVENTS, OUTLETS, TYPES

import forecast
from forecast import drawing, loading
from forecast.advice import RULES, advise
from forecast.authoring import READING
from forecast.cli import app
from forecast.judgement import GRADES
from forecast.parts import Actor

GOOD = {
    "case.toml": CASE.replace(
        'yes_if = "A session opens."',
        'yes_if = "A session opens in Harbour House."\nvoid_if = "No two sources agree."',
    ),
    "events.toml": EVENTS,
    "event_types.toml": TYPES,
    "sources.toml": OUTLETS,
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write the clean case with replacements (each stands once), and more at the end of its files."""
    monkeypatch.setattr(loading, "seeds", lambda: tmp_path)

    def write(*swaps: tuple[str, str], case: str = "", events: str = "") -> Path:
        texts = dict(GOOD)
        for old, new in swaps:
            assert sum(t.count(old) for t in texts.values()) == 1, old
            texts = {name: t.replace(old, new) for name, t in texts.items()}
        texts["case.toml"] += case
        texts["events.toml"] += events
        folder = tmp_path / "harbour"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            own = name in ("case.toml", "events.toml")
            ((folder if own else tmp_path) / name).write_text(text)
        return folder

    return write


def event(
    name: str, node: str = "guild", more: str = "", source: str = '"wire"', day: str = "20"
) -> str:
    """An event of the case; by default it speaks against the guild, with a ratio of 2."""
    ratio = "" if "if_true" in more else "if_true = 0.2\nif_false = 0.4\n"
    return (
        f'\n[[events]]\nid = "{name}"\ndate = 2020-01-{day}\nwhat = "Of {name}."\nbears_on = "{node}"\n{ratio}why = "w"\n{more}\n'
        f"reports = [{{ source = {source}, published = 2020-01-{day} }}]\n"
    )


def reports(*rows: str) -> tuple[str, str]:
    """The reports of the first event, instead of its one."""
    old = '{ source = "crier", via = "wire", published = 2020-01-11, origin = "host_speech" }'
    return old, ", ".join(f"{{ {row} }}" for row in rows)


PASSAGE = '{ source = "wire", published = 2020-01-20, article = { document = "gazette", paragraph = 7, locator = "%s" } }'


def passage(name: str, node: str, words: str, origin: str = "") -> str:
    told = PASSAGE % words
    told = told.replace("published", f'origin = "{origin}", published') if origin else told
    return event(name, node).replace('{ source = "wire", published = 2020-01-20 }', told)


SCENARIO = '\n[[scenarios]]\nid = "%s"\nheld = false\nlabel = "%s"\n%s'

# What is replaced or added, and the beginning of the one piece of advice ("" if there is none).
ROWS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, ""),
    # the question: each of its three rules
    ({"swaps": [('\nvoid_if = "No two sources agree."', "\nno_if = 'None reported.'")]}, "case.toml: question: void_if: missing"),
    ({"swaps": [("open by {deadline}?", "open?")]}, "case.toml: question: text: has no {deadline}"),
    ({"swaps": [(" in Harbour House", "")]}, "case.toml: question: yes_if: names no meeting place"),
    ({"swaps": [(" in Harbour House", ", wherever it is")]}, ""),
    ({"swaps": [("A session opens in Harbour House", "Session near the old Customs House")]}, ""),
    ({"swaps": [("No two sources agree", "The harbour is closed")]}, "case.toml: question: yes_if: does not say by whose word"),
    # words of the template, in an entry that has no id
    ({"case": '\n[[context]]\nwhat = "x"\nwhy_not_evidence = "TODO"\n'}, "case.toml: context[1]: why_not_evidence: TODO"),
    # a scenario by who attends: an actor and a word of coming, in one clause
    ({"swaps": [('label = "Never"', 'label = "The guild stays away"')]}, 'case.toml: scenarios[3] "never": label: "The guild stays away"'),
    ({"swaps": [('label = "Never"', 'label = "Never"\nwhy = "War. The pilot declines."')]}, 'case.toml: scenarios[3] "never": why: "The pilot declines"'),
    ({"swaps": [('label = "Never"', 'label = "The guild has no ships: war comes"')]}, ""),
    # an indicator that no scenario distinguishes; with another given it, it may still matter
    ({"case": '\n[[indicators]]\nid = "moot"\nstatement = "s"\nwhy = "w"\nchance = { held = 0.5, not_held = [0.4, 0.6] }\n'},
     'case.toml: indicators[3] "moot": chance: the same in all scenarios'),
    ({"swaps": [('soon = "very likely"\nlate = "likely"\nnot_held = "unlikely"', "otherwise = 0.5")]}, ""),
    ({"swaps": [('if_false = "roughly even"\nhalf_life', 'if_false = "almost certain"\nhalf_life')]},
     'case.toml: indicators[2] "says": if_true: the same in all scenarios'),
    # equal likelihoods: of an event, of a watch, and after the layers only
    ({"events": event("dull", more="if_true = 0.3\nif_false = 0.3")}, 'events.toml: events[4] "dull": if_true: its two likelihoods are equal'),
    ({"swaps": [("if_true = 0.04\nif_false = 0.52", "if_true = 0.3\nif_false = 0.3"),
                ('answers = "guild_declines"', 'bears_on = "guild"\nif_true = 0.2\nif_false = 0.4\nwhy = "w"')]},
     'case.toml: watch[1] "guild_declines": if_true: its two likelihoods are equal'),
    ({"swaps": [reports('source = "crier", published = 2020-01-11, origin = "a"', 'source = "crier", published = 2020-01-11, origin = "b", denies = true')]},
     'events.toml: events[1] "host_declares": reports: after grades, denials and age its reports say nothing (ratio 1.000)'),
    # one side: five on one node (the sixth, on another, speaks for it); all that move the meeting
    ({"events": "".join(event(f"e{i}") for i in range(4))}, 'events.toml: events[3] "guild_refuses": bears_on: all 5 events on "guild" speak against it'),
    ({"events": "".join(event(f"e{i}") for i in range(3))}, ""),
    ({"swaps": [("if_true = 0.42\nif_false = 0.11", "if_true = 0.11\nif_false = 0.42"), ("if_true = 0.6\nif_false = 0.4", "if_true = 0.4\nif_false = 0.6"),
                ('direction = "for"', 'direction = "against"')],
      "events": event("e1", "ready") + event("e2", "ready")},
     'events.toml: events[1] "host_declares": all 5 events and silences that move the forecast move it down'),
    # a passage: as ground and event; as two events on two nodes; two claims of one paragraph are no fault
    ({"swaps": [('document = "gazette", paragraph = 3', 'document = "gazette", paragraph = 2, locator = "The host  is READY"'.replace("READY", "ready").replace("The", "the"))]},
     'events.toml: events[2] "house_let": article: the same passage is coded twice: it is the ground of indicator ready'),
    ({"swaps": [('why = "Elicited."', 'why = "Elicited."\narticle = { document = "gazette", paragraph = 3 }')]},
     'events.toml: events[2] "house_let": article: the same passage is coded twice: it chose the base rate'),
    ({"events": passage("p1", "guild", "the guild") + passage("p2", "ready", "see the guild")},
     'events.toml: events[5] "p2": article: the same passage feeds "ready" here and "guild" in "p1"'),
    ({"events": passage("p1", "guild", "the guild") + passage("p2", "ready", "the host")}, ""),
    # one origin behind nodes that hang together: an indicator and its sign, a body and its member
    ({"events": passage("p1", "ready", "a", "o") + passage("p2", "says", "b", "o")}, 'events.toml: events[4] "p1": reports: one origin, "o", feeds nodes that hang together: ready and says'),
    ({"events": passage("p1", "pilot", "a", "o") + passage("p2", "guild", "b", "o")}, 'events.toml: events[4] "p1": reports: one origin, "o", feeds'),
    ({"events": passage("p1", "host", "a", "o") + passage("p2", "guild", "b", "o")}, ""),
    # two origins of one event that look like one: a source on a day; a text. Another day is no fault, nor a denial
    ({"swaps": [reports('source = "wire", published = 2020-01-11, origin = "a"', 'source = "wire", published = 2020-01-11, origin = "b"')]},
     'events.toml: events[1] "host_declares": reports: "a" and "b" look like one origin: one source on one day'),
    ({"swaps": [reports('source = "wire", published = 2020-01-11, url = "http://x.org"', 'source = "crier", published = 2020-01-12, url = "http://x.org"')]},
     'events.toml: events[1] "host_declares": reports: "wire" and "crier" look like one origin: one text'),
    ({"swaps": [reports('source = "wire", published = 2020-01-11, origin = "a"', 'source = "wire", published = 2020-01-12, origin = "b"')]}, ""),
    # interest: an actor on others, and on himself; a source whose why owns up to one, or denies it
    ({"events": event("e1", "ready", source='{ name = "The guild, its master", reliability = "A" }')},
     'events.toml: events[4] "e1": reports: "The guild, its master" speaks of others here, with grade A'),
    ({"events": event("e1", "ready", source='{ name = "The guild", reliability = "C" }')}, ""),
    ({"events": event("e1", "guild", source='{ name = "The guild", reliability = "A" }')}, ""),
    # his own words, where he is named by his id; two reports of one event, one piece of advice
    ({"events": event("e1", "ready", source='{ name = "The guild", reliability = "A" }').replace("Of e1.", "Guild says that it will come.")}, ""),
    ({"events": event("e1", "ready", source='{ name = "The guild", reliability = "A" }').replace("reports = [", 'reports = [{ source = { name = "The guild", reliability = "A" }, via = "wire", published = 2020-01-20 }, ')},
     'events.toml: events[4] "e1": reports: "The guild" speaks of others here, with grade A'),
    # an event that ends after its last report
    ({"events": event("e1").replace("date = 2020-01-20", "date = [2020-01-20, 2020-02-01]")},
     'events.toml: events[4] "e1": date: its last day, 2020-02-01, is after its last report, 2020-01-20'),
    ({"events": event("e1", "pilot", source='{ name = "The guild", reliability = "A" }')}, ""),
    ({"events": event("e1", "ready", source='{ name = "Friends of the guild", reliability = "A" }')}, ""),
    ({"swaps": [('name = "The town crier"\nreliability = "C"', 'name = "The town crier"\nreliability = "B"\nwhy = "partisan"')]},
     'case.toml: sources[1] "crier": reliability: B, though its why says "partisan"'),
    ({"swaps": [('name = "The town crier"\nreliability = "C"', 'name = "The town crier"\nreliability = "B"\nwhy = "nothing at stake"')]}, ""),
    # certainty: D and a ratio of 5, D and one of 2, and plain numbers at an end
    ({"events": event("e1", more="if_true = 0.1\nif_false = 0.5", source='{ name = "A sailor", reliability = "D" }')},
     'events.toml: events[4] "e1": reports: graded D at best, for an event whose likelihoods have ratio 5.0'),
    ({"events": event("e1", source='{ name = "A sailor", reliability = "D" }')}, ""),
    ({"swaps": [("attends_if_willing = 0.9\n", "attends_if_willing = 0.98\n")]}, 'case.toml: actors[2] "pilot": attends_if_willing: 0.98 as a plain number'),
    # silence: a watch for a day or for invitations that does not announce; one for an answer is none
    ({"case": '\n[[watch]]\nid = "w"\nwhat = "The host names the day."\nby = 2020-03-01\nbears_on = "ready"\nif_true = 0.5\nif_false = 0.1\n'},
     'case.toml: watch[2] "w": announces: reads as the naming of a day'),
    ({"case": '\n[[watch]]\nid = "w"\nwhat = "The guild accepts the invitation."\nby = 2020-03-01\nbears_on = "guild"\nif_true = 0.5\nif_false = 0.1\n'}, ""),
    # the proposal itself as an event, on its day and later
    ({"events": event("e1", day="01").replace("Of e1.", "The host proposes talks.")}, 'events.toml: events[4] "e1": date: reports the proposal on its own day'),
    ({"events": event("e1", day="02").replace("Of e1.", "The host proposes talks.")}, ""),
    # a remainder that no judgement names, and gains; one that is named; one that loses
    ({"swaps": [('label = "Never"', 'label = "Never"\nshare = 0.3')], "case": SCENARIO % ("rest", "Some other end", "")}, ""),
    ({"swaps": [('label = "Never"', 'label = "Never"\nshare = 0.3'), ("not_held = \"unlikely\"", "never = 0.1\nnot_held = 0.9")], "case": SCENARIO % ("rest", "Some other end", "")},
     'case.toml: scenarios[4] "rest": takes the rest, leads its side and gains'),
    ({"swaps": [('label = "Never"', 'label = "Never"\nshare = 0.3'), ("not_held = \"unlikely\"", "never = 0.1\nrest = 0.9")], "case": SCENARIO % ("rest", "Some other end", "")}, ""),
    ({"swaps": [('label = "Never"', 'label = "Never"\nshare = 0.3'), ("not_held = \"unlikely\"", "never = 0.9\nnot_held = 0.1")], "case": SCENARIO % ("rest", "Some other end", "")}, ""),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[f"{i}-{r[1][:60]}" for i, r in enumerate(ROWS)])
def test_a_flaw_gets_its_advice_and_no_other(
    write: Callable[..., Path], row: tuple[dict[str, Any], str]
) -> None:
    change, expected = row
    folder = write(
        *change.get("swaps", ()), case=change.get("case", ""), events=change.get("events", "")
    )
    found = [str(a) for a in advise(loading.load(folder))]
    assert [text[: len(expected)] for text in found] == ([expected] if expected else []), found
    for text in found:
        assert re.fullmatch(r"(case|events)\.toml: .+: .+\. Way out: .+\.", text)


def test_every_rule_has_a_row() -> None:
    said = " ".join(expected for _, expected in ROWS)
    signs = {"unfilled": "TODO", "question": "void_if", "attendance": "stays away", "silence": "naming of a day", "unfinished": "after its last report",
             "plain_numbers": "plain number", "coded_twice": "coded twice", "indistinct": "the same in all", "silent": "are equal",
             "one_sided": "speak against", "origins": "one origin", "interests": "of others", "unsupported": "graded D",
             "remainder": "takes the rest"}  # fmt: skip
    # of a case that learns from history: below
    assert {r.__name__ for r in (*READING, *RULES)} == {*signs, "misspelt", "habits"}
    assert all(sign in said for sign in signs.values())


def test_an_announcement_coded_as_an_event_too() -> None:
    # of a case with announcements, which learns from history: without a fit, on the parts alone
    from forecast.authoring import silence
    from forecast.parts import Announcement, Event

    case = forecast.load("moscow_i")
    told = {"reports": [{"source": "tass", "published": "2014-11-20", "origin": "o"}]}
    news = Announcement(id="a", what="x", kind="day", opens="2015-01-20", **told)
    rest = {"id": "e", "date": "2014-11-20", "bears_on": "khatib", "type": "refusal"}
    other = {"reports": [told["reports"][0] | {"origin": "another"}]}
    for what, source, expected in (
        ("The host names the day of the talks.", told, ["tells of a day"]),
        ("Khatib sees the host.", told, ["of one origin with the announcement"]),
        ("Khatib sees the host.", other, []),
    ):
        one = case.model_copy(
            update={"announcements": (news,), "events": (Event(what=what, **rest, **source),)}
        )
        found = [reason for _, _, _, reason, _ in silence(one)]
        assert len(found) == len(expected)
        assert all(reason.startswith(says) for reason, says in zip(found, expected, strict=True))


def test_a_conflict_that_differs_from_the_table_by_its_spelling() -> None:
    case = forecast.load("moscow_i")
    for spelt, near in (("syria", "Syria"), ("Syrai", "Syria"), ("Syria", ""), ("Ruritania", "")):
        base = case.base_rate.model_copy(update={"conflict": spelt})
        found = [
            str(a) for a in advise(case.model_copy(update={"base_rate": base})) if "base_rate" in a.where
        ]
        assert len(found) == bool(near)
        assert not near or f'did you mean "{near}"?' in found[0]


def test_a_role_of_which_none_ever_stayed_away() -> None:
    case = forecast.load("moscow_i")
    for role, told in (("un_envoy", 1), ("main_opposition", 0)):
        actors = tuple(
            Actor(id=a.id, name=a.name, attends_like=role, why="w") if a.id == "egypt" else a
            for a in case.actors
        )
        found = [str(a) for a in advise(case.model_copy(update={"actors": actors}))]
        said = [x for x in found if "habit of the record" in x]
        assert len(said) == told


def test_the_words_of_a_draft_are_read_before_it_is_fitted(tmp_path: Path) -> None:
    case = tmp_path / "draft"
    shutil.copytree(loading.seeds() / "moscow_i", case)
    (case / "fit.json").unlink()
    text = (case / "case.toml").read_text("utf-8")
    (case / "case.toml").write_text(re.sub(r"(?m)^void_if = .*$", "", text, count=1), "utf-8")
    done = CliRunner().invoke(app, ["check", str(case)])
    assert done.exit_code == 1
    assert "void_if: missing" in done.output
    assert "make it with: forecast fit" in done.output


def test_only_what_is_known_by_the_date_is_read(write: Callable[..., Path]) -> None:
    late = event("e1", more="if_true = 0.3\nif_false = 0.3", day="31")
    case = loading.load(write(events=late))
    assert [a.where for a in advise(case)] == ['events[4] "e1": if_true']
    assert advise(case, case.question.as_of.replace(month=1, day=30)) == []


def test_shipped_case_keeps_the_advice_that_was_weighed() -> None:
    assert [a.where.split(" ")[0] + " " + a.where.rsplit(": ")[-1] for a in forecast.advise(forecast.load("moscow_i"))] == [
        "scenarios[4] first_signs", "events[1] bears_on", "events[3] reports", "sources[8] reliability",
    ]  # fmt: skip


def test_advice_is_no_problem_unless_asked_for(write: Callable[..., Path]) -> None:
    run = CliRunner().invoke
    good, bad = (
        str(write()),
        [
            (" in Harbour House", ""),
            ('label = "Never"', 'label = "The guild stays away \\u001b[2J[red]"'),
        ],
    )
    done = run(app, ["check", good, "--strict"])
    assert (done.exit_code, "advice" in done.output) == (0, False)
    write(*bad)
    done, strict = run(app, ["check", good]), run(app, ["check", good, "--strict"])
    assert (done.exit_code, strict.exit_code) == (0, 1)
    assert done.output == strict.output
    assert "2 pieces of advice" in done.output
    assert "stays away ?[2J[red]" in done.output


# --- the picture ---


def test_outline_says_what_the_file_says(write: Callable[..., Path]) -> None:
    case = loading.load(write())
    f = forecast.update(case, draws=0)
    nodes = {n.id: n for n in drawing.outline(f)}
    assert [(n.id, n.depth, n.given) for n in nodes.values()] == [
        ("ready", 0, None), ("says", 1, "ready"), ("guild", 0, None), ("pilot", 0, None), ("host", 0, None),
    ]  # fmt: skip
    assert nodes["ready"].judgements == (
        ("chance", "soon very likely (80-95 %); late likely (55-80 %); not_held unlikely (20-45 %)"),
    )
    assert dict(nodes["pilot"].judgements)["part of"] == "guild"
    assert np.isnan(nodes["host"].probability)
    assert nodes["guild"].chance.tolist() == [[0.7, 0.7, 0.3]] * 2
    assert nodes["guild"].probability == float(f.actors.given_held[0])
    # a house let, by a wire (A) and a clerk (D), two origins: by hand
    (let,) = nodes["ready"].signs
    phi = GRADES["A"] * GRADES["D"]
    ratio = (0.42 + 0.58 * phi) / (0.11 + 0.89 * phi)
    assert let.decibans == pytest.approx(10 * np.log10(ratio), abs=1e-12)
    assert (let.reports, let.origins, let.grade, let.when) == (2, 2, "A", "2020-01-14")


def test_a_silence_stands_among_the_events(write: Callable[..., Path]) -> None:
    folder = write()
    text = (folder / "events.toml").read_text()
    (folder / "events.toml").write_text(text.split('[[events]]\nid = "guild_refuses"')[0])
    f = forecast.update(loading.load(folder), draws=0)
    (quiet,) = next(n for n in drawing.outline(f) if n.id == "guild").signs
    assert quiet.decibans == pytest.approx(10 * np.log10(0.96 / 0.48), abs=1e-12)
    assert (quiet.reports, quiet.what) == (0, "not seen: The guild says that it will not come.")


def test_show_prints_every_part_and_nothing_dangerous(write: Callable[..., Path]) -> None:
    folder = str(write(('The host is ready"\nwhy', 'Ready \\u001b[2J [red]x[/red]"\nwhy')))
    done = CliRunner().invoke(app, ["show", folder])
    assert done.exit_code == 0
    case = loading.load(folder)
    for part in (*case.scenarios, *case.indicators, *case.actors, *case.events):
        assert part.id in done.output
    assert "soon very likely (80-95 %); late likely (55-80 %)" in done.output
    assert "Ready ?[2J [red]x[/red]" in done.output
    assert "\x1b" not in done.output
    early = CliRunner().invoke(app, ["show", folder, "--as-of", "2020-01-12"]).output
    assert "watch  by " in early
    assert "host_declares" in early
    assert "house_let" not in early


def test_figure_has_its_words_and_no_text_on_another(tmp_path: Path) -> None:
    f = forecast.update(forecast.load("moscow_i"), draws=0)
    ax = drawing.tree(f)
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()
    nodes = drawing.outline(f)
    assert len(nodes) > 20
    # every watch of the case that bears on a node: none is answered or past on that day
    ahead = {name: (n.id, by) for n in nodes for name, _, by in n.ahead}
    assert ahead == {w.id: (w.bears_on, str(w.by)) for w in f.case.watch if w.bears_on}
    assert len(ahead) >= 8
    assert "1\u00a0watch" in next(t.get_text() for t in ax.texts if t.get_text().startswith("1, 1, D"))
    boxes = [t.get_window_extent() for t in ax.texts if t.get_text() and not t.get_rotation()]
    apart = [(a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0)
             for i, a in enumerate(boxes) for b in boxes[:i]]  # fmt: skip
    assert len(boxes) > 200
    assert all(apart)
    marks = [tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() in ("o", "x")]
    assert len(marks) == len(set(marks)) == len(f.compiled.events)  # none hides another
    forecast.reading_plots.save(ax, tmp_path / "tree.svg")
    title = ET.parse(tmp_path / "tree.svg").getroot().find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text
    assert "6 scenarios, 13 indicators, 14 actors, 49 events and silences" in title.text
    assert "Muath al-Khatib: 3 events and silences, " in title.text


def test_show_draws_or_says_why_not(write: Callable[..., Path], tmp_path: Path) -> None:
    folder, run = str(write()), CliRunner().invoke
    for name, head in (("tree.svg", b"<?xml"), ("tree.png", b"\x89PNG")):
        assert run(app, ["show", folder, "--figure", str(tmp_path / name)]).exit_code == 0
        assert (tmp_path / name).read_bytes().startswith(head)
    done = run(app, ["show", folder, "--figure", "tree.pdf"])
    assert done.exit_code == 1
    assert "tree.pdf: expected a name that ends in .svg or .png" in done.output
    narrow = Console(width=60, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    narrow.print(drawing.terminal(forecast.update(loading.load(folder), draws=0)))
    assert max(map(len, narrow.export_text().splitlines())) <= 60
