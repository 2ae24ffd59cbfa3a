"""A resolution says what happened or gets one clear message a problem; only scoring opens it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from wrong_files import FILES

from forecast import loading
from forecast.loading import CaseError, load, seeds, shipped
from forecast.resolution import FILE, Resolution, load_resolution
from forecast.updating import update

ROOT = Path(__file__).parents[1]
Write = Callable[..., Path]

# The small case of wrong_files.py: deadlines 2020-03-01 and 2020-06-01, actors guild, pilot (part of it) and
# host (required), proposed 2020-01-01, horizon 2021-01-01.
RESOLUTION = """\
resolved = 2020-07-01

[meeting]
opened = 2020-04-20
days = [2020-04-19, 2020-04-22]
why = "The host and the guild sat down on the 20th; before, the guild sat alone."
sources = ["gazette", "crier"]

[[sources]]
id = "gazette"
name = "The gazette"
url = "https://example.org/gazette"
published = 2020-04-20

[[sources]]
id = "crier"
name = "The town crier"
url = "https://example.org/crier"
published = 2020-04-23

[[deadlines]]
by = 2020-03-01
answer = "no"
sure = "almost certain"
why = "It opened in April."
sources = ["gazette", "crier"]

[[deadlines]]
by = 2020-06-01
answer = "yes"
sure = "almost certain"
why = "It opened in April."
sources = ["crier", "gazette"]

[[actors]]
id = "guild"
answer = "yes"
sure = "very likely"
why = "Its master was seen."
sources = ["gazette"]
few = "Nobody else was let in."

[[actors]]
id = "pilot"
answer = "void"
why = "One saw him, one did not."
"""
NO_MEETING = RESOLUTION[: RESOLUTION.index("[meeting]")] + RESOLUTION[RESOLUTION.index("[[sources]]") :]
YES_BY_MARCH = ('by = 2020-03-01\nanswer = "no"', 'by = 2020-03-01\nanswer = "yes"')


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    shared, folder = tmp_path / "seeds", tmp_path / "harbour"
    monkeypatch.setattr(loading, "seeds", lambda: shared)

    def write(resolution: str | bytes | None) -> Path:
        for name, text in FILES.items():
            path = (folder if name in ("case.toml", "events.toml") else shared) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        if resolution is not None:
            data = resolution.encode() if isinstance(resolution, str) else resolution
            (folder / FILE).write_bytes(data)
        return folder

    return write


def problems(folder: Path) -> list[str]:
    with pytest.raises(CaseError) as caught:
        load_resolution(folder)
    said = [str(p) for p in caught.value.problems]
    for text in said:
        assert text.isprintable()
        assert len(text) <= 400
        for leak in ("Input should be", "Value error", "validation error", "Traceback"):
            assert leak not in text
    return said


def test_what_is_right_is_read(write: Write) -> None:
    r = load_resolution(write(RESOLUTION))
    assert str(r.opened) == "2020-04-20"
    assert {str(d): a for d, a in r.by.items()} == {"2020-03-01": "no", "2020-06-01": "yes"}
    assert r.present == {"guild": True}  # the pilot is void


def test_no_meeting_leaves_nobody_present(write: Write) -> None:
    text = NO_MEETING.replace('by = 2020-06-01\nanswer = "yes"', 'by = 2020-06-01\nanswer = "no"')
    text = text.replace('"guild"\nanswer = "yes"', '"guild"\nanswer = "no"').replace(
        "2020-04", "2020-06"
    )
    r = load_resolution(write(text))
    assert r.opened is None
    assert r.present == {}


# What is replaced by what, and every message that it gets, without the name of the file.
WRONG: tuple[tuple[str, str, list[str]], ...] = (
    # partial: a deadline, an actor
    ("2020-06-01\nanswer", "2020-06-02\nanswer",
     ["deadlines[2] 2020-06-02: by: is none of the deadlines; they are 2020-03-01, 2020-06-01",
      "deadlines: no answer for 2020-06-01; expected one, or void with its reason"]),
    ('\n[[actors]]\nid = "pilot"\nanswer = "void"\nwhy = "One saw him, one did not."\n', "",
     ['actors: no answer for "pilot"; expected one, or void with its reason']),
    # an unknown actor: the one that was meant is not missing as well
    ('id = "pilot"', 'id = "pilott"', ['actors[2] "pilott": id: no actor "pilott"; did you mean "pilot"?']),
    # the required one is no question
    ('id = "pilot"', 'id = "host"',
     ['actors[2] "host": id: is required: without him there is no meeting, and no question; leave him out',
      'actors: no answer for "pilot"; expected one, or void with its reason']),
    # answered twice
    ('id = "pilot"', 'id = "guild"',
     ['actors[2] "guild": id: already answered by actors[1] "guild"',
      'actors: no answer for "pilot"; expected one, or void with its reason']),
    # contradictory: with the opening, ...
    (*YES_BY_MARCH,
     ["deadlines[1] 2020-03-01: answer: yes, but the meeting opened on 2020-04-20, after it"]),
    ('by = 2020-06-01\nanswer = "yes"', 'by = 2020-06-01\nanswer = "no"',
     ["deadlines[2] 2020-06-01: answer: no, but the meeting opened on 2020-04-20",
      'deadlines[2] 2020-06-01: sources: "crier" was published on 2020-04-23, before the deadline '
      "(2020-06-01): it cannot know",
      'deadlines[2] 2020-06-01: sources: "gazette" was published on 2020-04-20, before the deadline '
      "(2020-06-01): it cannot know"]),
    # ... with the question's life, ...
    ("opened = 2020-04-20\ndays = [2020-04-19, 2020-04-22]", "opened = 2019-12-31\ndays = 2019-12-31",
     ["meeting: opened: 2019-12-31 is not between proposed (2020-01-01) and the horizon (2021-01-01): by the "
      "question no meeting was held",
      "deadlines[1] 2020-03-01: answer: no, but the meeting opened on 2019-12-31"]),
    ("days = [2020-04-19, 2020-04-22]", "days = [2020-04-15, 2020-04-19]",
     ["meeting: opened: 2020-04-20 is none of its days, 2020-04-15 to 2020-04-19"]),
    # ... of a person with his body
    ('"guild"\nanswer = "yes"\nsure = "very likely"\nwhy = "Its master was seen."\nsources = ["gazette"]\n'
     'few = "Nobody else was let in."\n\n[[actors]]\nid = "pilot"\nanswer = "void"',
     '"guild"\nanswer = "no"\nsure = 0.9\nwhy = "Not seen."\nsources = ["gazette", "crier"]\n'
     '\n[[actors]]\nid = "pilot"\nanswer = "yes"\nsure = 0.9\nsources = ["gazette", "crier"]',
     ['actors[2] "pilot": answer: yes, but he comes only with "guild", which has no']),
    # dated before its event: a source of the opening, of an actor, of a deadline; the resolution
    ("published = 2020-04-20", "published = 2020-04-18",
     ['meeting: sources: "gazette" was published on 2020-04-18, before the opening (2020-04-20): it cannot know',
      'deadlines[2] 2020-06-01: sources: "gazette" was published on 2020-04-18, before the opening '
      "(2020-04-20): it cannot know",
      'actors[1] "guild": sources: "gazette" was published on 2020-04-18, before the first session '
      "(2020-04-19): it cannot know"]),
    ("resolved = 2020-07-01", "resolved = 2020-04-19",
     ["resolved: 2020-04-19 is before the opening (2020-04-20) of meeting",
      "resolved: 2020-04-19 is before the opening (2020-04-20) of deadlines[2] 2020-06-01",
      'sources[1] "gazette": published: 2020-04-20 is after resolved (2020-04-19)',
      'sources[2] "crier": published: 2020-04-23 is after resolved (2020-04-19)']),
    # sources: unknown, too few, twice the same
    ('sources = ["crier", "gazette"]', 'sources = ["crier", "gazete"]',
     ['deadlines[2] 2020-06-01: sources: no source "gazete"; did you mean "gazette"?']),
    ('few = "Nobody else was let in."\n', "",
     ['actors[1] "guild": sources: found 1; expected two at least, or few = why there are no more']),
    ('sources = ["crier", "gazette"]', 'sources = ["crier", "crier"]',
     ["deadlines[2] 2020-06-01: sources: found 1; expected two at least, or few = why there are no more"]),
    ('id = "crier"', 'id = "gazette"',
     ['sources[2] "gazette": id: already used',
      'meeting: sources: no source "crier"', 'deadlines[1] 2020-03-01: sources: no source "crier"',
      'deadlines[2] 2020-06-01: sources: no source "crier"']),
    # never forced
    ('sure = "very likely"', 'sure = "roughly even"',
     ['actors[1] "guild": sure: roughly even (45-55 %): an answer that is not even likely is not forced; '
      'expected answer = "void"']),
    ('sure = "very likely"\n', "",
     ['actors[1] "guild": sure: missing; expected how likely the answer is right, such as "likely"']),
    # what pydantic finds, in our words
    ('answer = "void"', 'answer = "maybe"',
     ['actors[2].answer: "maybe": expected "yes", "no" or "void"']),
    ("[[deadlines]]\nby = 2020-06-01\nanswer", "[[deadlines]]\nby = 2020-06-01\nanswr",
     ['deadlines[2].answr: unknown key; did you mean "answer"?']),
    ("published = 2020-04-23", 'published = "April"',
     ['sources[2].published: "April": expected a day such as 2014-12-04, without a time or quotation marks']),
    ("resolved = 2020-07-01\n", "", ["resolved: missing"]),
    ('"https://example.org/crier"', '"example.org"',
     ['sources[2].url: "example.org": an address starts with http:// or https://']),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "messages"), WRONG)
def test_a_mistake_gets_its_message(write: Write, old: str, new: str, messages: list[str]) -> None:
    assert RESOLUTION.count(old) == 1, "the row does not say what it changes"
    assert problems(write(RESOLUTION.replace(old, new))) == [f"{FILE}: {m}" for m in messages]


def test_answers_without_a_meeting_contradict_it(write: Write) -> None:
    text = NO_MEETING.replace(*YES_BY_MARCH)
    text = text.replace('by = 2020-06-01\nanswer = "yes"', 'by = 2020-06-01\nanswer = "no"')
    text = text.replace("published = 2020-04", "published = 2020-06")
    assert problems(write(text)) == [
        f"{FILE}: {m}" for m in (
            "deadlines[1] 2020-03-01: answer: yes, but no meeting was held: expected a table below [meeting]",
            "deadlines[2] 2020-06-01: answer: no, but yes by 2020-03-01, which is earlier",
            'actors[1] "guild": answer: yes, but no meeting was held',
        )
    ]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), [
    (None, f"{FILE}: missing: this case has no resolution, so there is nothing to score against; write one "
           "beside its case.toml"),
    ("", f"{FILE}: the file is empty"),
    (b"\xff\xfe", f"{FILE}: line 1: not UTF-8 (byte 0xff); save the file as UTF-8"),
    ("What happened?\n", f"{FILE}: line 1: What happened?: not TOML: expected '=' after a key in a key/value "
                         "pair; a line is key = value"),
])  # fmt: skip
def test_a_file_that_is_no_resolution(write: Write, content: str | bytes | None, message: str) -> None:
    assert problems(write(content)) == [message]


def test_what_is_void_needs_a_reason_and_no_more(write: Write) -> None:
    # a source of before the event may be what makes it void
    text = RESOLUTION.replace('why = "One saw him, one did not."', 'why = "?"\nsources = ["early"]')
    early = (
        '\n[[sources]]\nid = "early"\nname = "E"\nurl = "https://example.org"\npublished = 2020-01-05\n'
    )
    assert load_resolution(write(text + early)).present == {"guild": True}


# --- the shipped ones ---


@pytest.mark.parametrize("case", [c for c in shipped() if (seeds() / c / FILE).exists()])
def test_shipped_resolution_answers_every_question(case: str) -> None:
    c, r = load(case), load_resolution(case)
    assert set(r.by) == set(c.question.deadlines)
    assert {a.id for a in r.actors} == {a.id for a in c.actors if not a.required}
    assert isinstance(r, Resolution)


def test_shipped_resolution_reads_the_rule_to_the_letter() -> None:
    # Both sides sat together on the 28th, not on the 26th; the UN's presence is told in two ways.
    r = load_resolution("moscow_i")
    assert str(r.opened) == "2015-01-28"
    assert list(r.by.values()) == ["no", "yes", "yes", "yes"]
    assert {a for a, here in r.present.items() if here} == {"jamil", "salih_muslim"}
    assert {a.id for a in r.actors} - set(r.present) == {"un_office", "de_mistura"}


# --- nothing but scoring opens it ---

MODULES = {p.stem: p for p in (ROOT / "forecast").glob("*.py") if p.stem != "__init__"}
# Whatever computes a forecast, or reads one.
COMPUTES = ("updating", "replaying", "sampling", "watching", "shapley", "dependence", "loading", "tables",
            "fitting", "opening", "attending", "hub")  # fmt: skip


def _imports(name: str) -> set[str]:
    """Modules of the package that it imports anywhere, in functions too; not those for types alone."""
    found, todo = set(), list(ast.parse(MODULES[name].read_text("utf-8")).body)
    while todo:
        node: ast.AST = todo.pop()  # type: ignore[assignment]
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
        todo.extend(ast.iter_child_nodes(node))  # type: ignore[arg-type]
    return {m.removeprefix("forecast.") for m in found} & set(MODULES)


def test_only_scoring_imports_it() -> None:
    assert {m for m in MODULES if "resolution" in _imports(m)} == {"scoring"}
    assert "hub" in _imports("scoring")  # the parser does see imports


@pytest.mark.parametrize("name", COMPUTES)
def test_no_forecast_can_reach_it(name: str) -> None:
    reached, todo = set(), [name]
    while todo:
        at = todo.pop()
        if at not in reached:
            reached.add(at)
            todo += _imports(at)
    assert "resolution" not in reached
    assert len(reached) > 1  # the parser does see imports


def test_no_other_module_names_the_file() -> None:
    naming = {m for m, p in MODULES.items() if FILE in p.read_text("utf-8").replace(f"`{FILE}`", "")}
    assert naming == {"resolution"}


CHILD = """
import json, sys
from pathlib import Path
opened = []
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)) and "resolution.toml" in str(args[0]):
        opened.append(str(args[0]))
sys.addaudithook(hook)
import forecast
from typer.testing import CliRunner
from forecast.cli import app
folder = sys.argv[1]
codes = [CliRunner().invoke(app, [*args]).exit_code for args in
         (["check", folder], ["run", folder], ["run", folder, "--json"], ["run", folder, "--hub"], ["replay", folder, "--every", "20"])]
case = forecast.load(folder)
f = forecast.update(case, draws=50)
str(f), f._repr_html_(), f.to_dict(), forecast.tables.as_csv(f)
days = forecast.replaying.news_days(case)[-3:]
past = forecast.replay(case, days)
table = forecast.contributions(case)
before = list(opened)
try:
    forecast.load_resolution(case)
except forecast.CaseError:
    pass
print(json.dumps({"codes": codes, "held": f.held.probability.values.tolist(), "digest": case.digest,
                  "opened": before, "seen": len(opened)}))
"""


def test_no_forecast_opens_it(tmp_path: Path) -> None:
    # in a child, since such a hook stays; with a file that would stop whoever reads it
    folder = tmp_path / "my_case"
    folder.mkdir()
    for path in (seeds() / "moscow_i").iterdir():
        if path.is_file() and path.name != FILE:
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / FILE).write_bytes(b"\xff\x00 this is no resolution")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["codes"] == [0, 0, 0, 0, 0]
    assert said["opened"] == []
    assert said["seen"] == 1  # by `load_resolution` afterwards: the hook does see it
    f = update(load("moscow_i"), draws=0)
    assert said["held"] == f.held.probability.values.tolist()
