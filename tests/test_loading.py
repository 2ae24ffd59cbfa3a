"""Bad input gets one clear message a problem; good input of every kind loads."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from wrong_files import CASE, EVENTS, FILES, OUTLETS, TYPES, WRONG

from forecast import loading
from forecast.case import Case
from forecast.loading import CaseError, check_article, fold, load, paragraphs
from forecast.parts import CaseFile, EventsFile
from forecast.rules import Problem
from forecast.wording import _as_id

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write the small case, with other texts for some of its files, and other seeds beside it."""
    seeds, folder = tmp_path / "seeds", tmp_path / "my_case"
    monkeypatch.setattr(loading, "seeds", lambda: seeds)

    def write(texts: dict[str, str | bytes | None] | None = None) -> Path:
        for name, text in (FILES | (texts or {})).items():
            own = name in ("case.toml", "events.toml")
            path = (folder if own else seeds) / name
            path.parent.mkdir(exist_ok=True)
            if text is not None:
                path.write_bytes(text.encode() if isinstance(text, str) else text)
        shipped = seeds / "harbour"
        shipped.mkdir(exist_ok=True)
        (shipped / "case.toml").write_text(CASE)
        (shipped / "events.toml").write_text(EVENTS)
        return folder

    return write


def problems(case: str | Path) -> list[str]:
    """The messages that a person gets, none of them raw or in a library's words."""
    with pytest.raises(CaseError) as caught:
        load(case)
    said = [str(p) for p in caught.value.problems]
    assert str(caught.value) == "\n".join(said)
    for text in said:
        assert text.isprintable()
        assert len(text) <= 400
        for leak in ("Input should be", "Value error", "validation error", "Traceback", "dictionary"):
            assert leak not in text
    return said


# --- one mistake at a time ---


@pytest.mark.parametrize(("old", "new", "messages"), [(w[0], w[1], list(w[2:])) for w in WRONG])
def test_a_mistake_gets_its_message(write: Write, old: str, new: str, messages: list[str]) -> None:
    assert sum(text.count(old) for text in FILES.values()) == 1, "the row does not say what it changes"
    folder = write({name: text.replace(old, new) for name, text in FILES.items()})
    assert problems(folder) == messages


def test_table_leaves_out_no_rule() -> None:
    # each rule is the only one that says this
    said = "\n".join(m for row in WRONG for m in row[2:])
    signs = ("already used by", "did you mean", "in a circle", "says nothing for", "takes the rest",
             "add up to", "is before proposed", "is not after as_of", "is before the last deadline",
             "none of the deadlines", "is before the event", "is not between", "but if_true has mean",
             "the means have ratio", "the other way", "both affirms and denies", "bears on",
             "judged beforehand", "already answered", "would be an announcement")  # fmt: skip
    assert [s for s in signs if s not in said] == []
    assert len(WRONG) >= 45


UNREADABLE: tuple[tuple[dict[str, str | bytes], list[str]], ...] = (
    # saved as UTF-16: its mark is no UTF-8
    ({"case.toml": CASE.encode("utf-16-le").join([b"\xff\xfe", b""])},
     ["case.toml: line 1: not UTF-8 (byte 0xff); save the file as UTF-8"]),
    # saved as Latin-1, an accent in the second line
    ({"case.toml": CASE.replace("Harbour talks", "Pourparlers à quai").encode("latin-1")},
     ["case.toml: line 2: not UTF-8 (byte 0xe0); save the file as UTF-8"]),
    # an empty case, and one of blanks
    ({"case.toml": ""}, ["case.toml: the file is empty"]),
    ({"case.toml": " \n\t\n"}, ["case.toml: the file is empty"]),
    # refused before it is read: by its size
    ({"events.toml": b"#" * (loading.MAX_BYTES + 1)},
     ["events.toml: 5,000,001 bytes; a file of at most 5,000,000 was expected"]),
    # both files: both are told of
    ({"case.toml": CASE.replace('"Late"', "Late"), "events.toml": EVENTS.replace("[[events]]", "[events")},
     ["case.toml: line 24: label = Late: not TOML: invalid value; text stands in quotation marks",
      "events.toml: line 1: [events: not TOML: expected ']' at the end of a table declaration"]),
    # a file that cannot be read, and a misspelt key in the other: what can be said is said
    ({"case.toml": "[question\n", "events.toml": EVENTS.replace("[[events]]", "[[event]]")},
     ["case.toml: line 1: [question: not TOML: expected ']' at the end of a table declaration",
      'events.toml: event: unknown key; did you mean "events"?']),
    # text that is no TOML at all
    ({"case.toml": "# Case\n\nWill they meet?\n"},
     ["case.toml: line 3: Will they meet?: not TOML: expected '=' after a key in a key/value pair; "
      "a line is key = value"]),
)  # fmt: skip


@pytest.mark.parametrize(("texts", "messages"), UNREADABLE)
def test_a_file_that_cannot_be_read(write: Write, texts: dict[str, Any], messages: list[str]) -> None:
    assert problems(write(texts)) == messages


def test_a_huge_file_is_not_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write()
    with (folder / "events.toml").open("wb") as file:
        file.truncate(10**12)  # a hole: no disk holds it, no memory could
    assert problems(folder) == [
        "events.toml: 1,000,000,000,000 bytes; a file of at most 5,000,000 was expected"
    ]


def test_not_a_file(write: Write) -> None:
    folder = write({"events.toml": None})
    (folder / "events.toml").mkdir()
    assert problems(folder) == ["events.toml: not a file"]
    (folder / "events.toml").rmdir()
    os.mkfifo(folder / "events.toml")  # reading it would wait for ever
    assert problems(folder) == ["events.toml: not a file"]


# what is passed to `load`, and the message
PLACES = (
    # a missing folder
    ("nowhere/at_all", "nowhere/at_all: no such folder, and no shipped case of that name (shipped: harbour)"),
    # a misspelt shipped name
    ("harbor", 'harbor: no such folder, and no shipped case of that name; did you mean "harbour"? '
               "(shipped: harbour)"),
    # a folder without a case
    ("empty", "empty: the folder has no case.toml"),
    # a missing file of the right name
    ("empty/case.toml", "empty/case.toml: the folder has no case.toml"),
    # another file
    ("my_case/events.toml", "my_case/events.toml: a file; expected the folder of a case"),
    # nothing
    ("", "an empty name; expected a case's name, or its folder"),
    # what would repaint a terminal, and what no path may hold
    ("\x1b[31m", "?[31m: no such folder, and no shipped case of that name (shipped: harbour)"),
    ("a\0b", "a?b: no such folder, and no shipped case of that name (shipped: harbour)"),
    # out of the seeds by their name: a name is no path
    ("../seeds/nothing", "../seeds/nothing: no such folder, and no shipped case of that name "
                         "(shipped: harbour)"),
)  # fmt: skip


@pytest.mark.parametrize(("place", "message"), PLACES)
def test_a_place_without_a_case(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, message: str
) -> None:
    write()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert problems(place) == [message]


# --- several at once ---


def test_all_problems_of_both_files_at_once(write: Write) -> None:
    edits = {
        "case.toml": (CASE, [("as_of = 2020-02-01", "as_of = 2019-02-01"),
                             ('late = "likely"', 'late = "likley"'),
                             ('part_of = "guild"', 'part_of = "gild"'),
                             ("half_life = 60", "halflife = 60"),
                             ('label = "Never"', 'label = "Never"\nshare = 0.4')]),
        "events.toml": (EVENTS, [("if_true = 0.42", "if_true = 1.5"),
                                 ('bears_on = "says"', 'bears_on = "sais"'),
                                 ("published = 2020-01-21", "published = 2020-01-19")]),
    }  # fmt: skip
    texts: dict[str, Any] = {}
    for name, (text, changes) in edits.items():
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        texts[name] = text
    assert sorted(problems(write(texts))) == sorted([
        "case.toml: question: as_of: 2019-02-01 is before proposed, 2020-01-01",
        'case.toml: indicators[1] "ready": chance.late: "likley": no such word of probability; '
        'did you mean "likely"?',
        'case.toml: actors[2] "pilot": part_of: no actor "gild"; did you mean "guild"?',
        'case.toml: indicators[2] "says": halflife: unknown key; did you mean "half_life"?',
        "case.toml: scenarios with held = false: exactly one has no share and takes the rest; found none",
        'events.toml: events[2] "house_let": if_true: 1.5: a probability lies between 0 and 1, '
        "both excluded: nothing that is asked about is impossible or certain",
        'events.toml: events[1] "host_declares": bears_on: no indicator or actor "sais"; '
        'did you mean "says"?',
        'events.toml: events[3] "guild_refuses": reports[1].published: 2020-01-19 is before the event, '
        "2020-01-20",
    ])  # fmt: skip


# what is replaced in a part that others refer to, by what, and the single message
REFERRED = (
    # an indicator that is given to another and has an event
    ('statement = "The host is ready"', "", 'case.toml: indicators[1] "ready": statement: missing'),
    # an actor that another is part of
    ('why = "It has ships there."', "", 'case.toml: actors[1] "guild": why: missing'),
    # a source, a document, a watch, a type, an outlet
    ('name = "The town crier"', "", 'case.toml: sources[1] "crier": name: missing'),
    ('title = "The gazette"', "", 'case.toml: documents[1] "gazette": title: missing'),
    ('what = "The guild says that it will not come."', "",
     'case.toml: watch[1] "guild_declines": what: missing'),
    ("ratio = 1.5", "", 'event_types.toml: event_types[1] "declaration": ratio: missing'),
    ('name = "The wire"', "", 'sources.toml: sources[1] "wire": name: missing'),
    # a scenario: tables name it, and its side has shares
    ("held = false", "", 'case.toml: scenarios[3] "never": held: missing'),
    # the question: nothing is compared with its dates
    ("horizon = 2021-01-01", "", "case.toml: question: horizon: missing"),
    # parts without a readable id: whatever refers to nothing known may mean them
    ('id = "crier"', 'idd = "crier"', 'case.toml: sources[1]: idd: unknown key; did you mean "id"?'),
    ('id = "gazette"', "id = 3", 'case.toml: documents[1]: id: 3: expected text in quotation marks'),
    ('id = "soon"', "", "case.toml: scenarios[1]: id: missing"),
    ('id = "guild"', "", "case.toml: actors[1]: id: missing"),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), REFERRED)
def test_one_part_that_cannot_be_read_is_one_message(
    write: Write, old: str, new: str, message: str
) -> None:
    assert sum(text.count(old) for text in FILES.values()) == 1
    assert problems(write({name: text.replace(old, new) for name, text in FILES.items()})) == [message]


def test_parts_of_a_problem(write: Write) -> None:
    folder = write({"events.toml": EVENTS.replace("if_true = 0.42", "if_true = 1.5")})
    with pytest.raises(CaseError) as caught:
        load(folder)
    assert isinstance(caught.value, ValueError)
    (problem,) = caught.value.problems
    assert (problem.file, problem.where) == ("events.toml", 'events[2] "house_let"')
    assert problem.message.startswith("if_true: 1.5: a probability lies between 0 and 1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.message = ""  # type: ignore[misc]


# --- what loads ---


def test_every_section_of_the_files_is_read() -> None:
    assert {*CaseFile.model_fields, *EventsFile.model_fields} <= set(loading._MODELS)


LOADS: tuple[dict[str, str | bytes | None], ...] = (
    {},
    # as an editor on Windows may save it
    {"case.toml": b"\xef\xbb\xbf" + CASE.replace("\n", "\r\n").encode(),
     "events.toml": b"\xef\xbb\xbf" + EVENTS.replace("\n", "\r\n").encode()},
    # days in quotation marks, as JSON has them
    {"case.toml": CASE.replace("as_of = 2020-02-01", 'as_of = "2020-02-01"')},
    # words in any case and spacing
    {"case.toml": CASE.replace('"very likely"', '"Very  Likely"')},
)  # fmt: skip


@pytest.mark.parametrize("texts", LOADS)
def test_the_same_case_however_it_was_saved(write: Write, texts: dict[str, Any]) -> None:
    case = load(write(texts))
    assert (case.name, len(case.events), case.question.as_of) == ("my_case", 3, dt.date(2020, 2, 1))
    assert case.digest == load(write()).model_copy(update={"name": "my_case"}).digest


def test_by_name_by_folder_by_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write()
    assert load("harbour").name == "harbour"
    assert load(folder) == load(str(folder)) == load(folder / "case.toml")
    monkeypatch.chdir(folder)
    assert load(".").name == "my_case"
    assert loading.shipped() == ["harbour"]


def test_without_news(write: Write) -> None:
    for events in (None, "", "# none yet\n"):
        folder = write({"events.toml": events})
        if events is None:
            (folder / "events.toml").unlink(missing_ok=True)
        assert load(folder).events == ()


def test_resolution_is_never_opened(write: Write) -> None:
    folder = write()
    before = load(folder).digest
    (folder / "resolution.toml").write_text("this is no TOML")
    assert load(folder).digest == before


# --- the schema that editors use ---


def as_json(text: str) -> Any:
    """A TOML file as an editor's schema checker sees it: dates are strings."""
    return json.loads(json.dumps(tomllib.loads(text), default=dt.date.isoformat))


SCHEMAS = {"case.toml": (CaseFile, CASE), "events.toml": (EventsFile, EVENTS)}

# the file, the path of what is changed, the new value (absent before where it is a new key)
REFUSED: tuple[tuple[str, tuple[str | int, ...], Any], ...] = (
    # unknown keys, at the top, in a part, in a table, in a report
    ("case.toml", ("senarios",), []),
    ("case.toml", ("question", "as_off"), "2020-01-01"),
    ("case.toml", ("indicators", 1, "halflife"), 60),
    ("events.toml", ("events", 0, "reports", 0, "grade"), "A"),
    # 1.5 as a judgement: alone, in an interval, in a table
    ("events.toml", ("events", 1, "if_true"), 1.5),
    ("case.toml", ("base_rate", "held"), [0.5, 1.5]),
    ("case.toml", ("indicators", 0, "chance", "soon"), 1.5),
    # certain, and a word that is none
    ("events.toml", ("events", 1, "if_true"), 1),
    ("events.toml", ("events", 1, "if_true"), "likley"),
    # a capital letter in an id, an empty reason, a boolean in words, no report
    ("case.toml", ("scenarios", 0, "id"), "Soon"),
    ("case.toml", ("indicators", 0, "why"), ""),
    ("case.toml", ("scenarios", 0, "held"), "yes"),
    ("events.toml", ("events", 0, "reports"), []),
)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_valid_and_accepts_a_valid_file(name: str) -> None:
    model, text = SCHEMAS[name]
    schema = model.model_json_schema()
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(as_json(text))) == []


@pytest.mark.parametrize(("name", "path", "value"), REFUSED)
def test_schema_refuses(name: str, path: tuple[str | int, ...], value: Any) -> None:
    model, text = SCHEMAS[name]
    file = copy.deepcopy(as_json(text))
    at = file
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    assert not Draft202012Validator(model.model_json_schema()).is_valid(file)


@pytest.mark.parametrize("name", SCHEMAS)
def test_file_as_json_is_the_same_file(name: str) -> None:
    model, text = SCHEMAS[name]
    whole = model.model_validate(tomllib.loads(text))
    assert model.model_validate(as_json(text)) == whole
    assert model.model_validate(whole.model_dump(mode="json")) == whole


# --- the text of a document ---

ARTICLE = """\
The Harbour Gazette

“The host is ready”, says the crier; the\u00a0host\u2019s house \u2014 on the quay \u2014 is let.

\t
The o\ufb03ce of the guild is closed.
"""

# a passage of `ready` in the document, and what is said of it; its paragraphs are three
PASSAGES: tuple[tuple[int, str | None, str | None], ...] = (
    # as it stands, and from the first paragraph
    (2, "host is ready", None),
    (1, "Harbour Gazette", None),
    # a paragraph alone
    (3, None, None),
    # straight marks for curly ones, a space for a hard one, a hyphen for a dash
    (2, '"The host is ready", says', None),
    (2, "the host's house - on the quay", None),
    # more spaces than there are
    (2, "on   the  quay", None),
    # NFKC: the ligature ffi
    (3, "The office of the guild", None),
    # the wrong paragraph: where it stands
    (1, "office of the guild", 'paragraph 1 has no "office of the guild"; it stands in paragraph 3'),
    # in two others
    (1, "is", 'paragraph 1 has no "is"; it stands in paragraph 2, 3'),
    # nowhere; capitals are not folded
    (2, "the host is ready", 'paragraph 2 has no "the host is ready"'),
    # beyond the end, alone and with a locator that is found
    (4, None, "paragraph 4: the text has 3 paragraphs"),
    (99, "on the quay", 'paragraph 99: the text has 3 paragraphs; "on the quay" stands in paragraph 2'),
)


@pytest.mark.parametrize(("paragraph", "locator", "message"), PASSAGES)
def test_passages(write: Write, paragraph: int, locator: str | None, message: str | None) -> None:
    old = 'paragraph = 2, locator = "the host is ready"'
    new = f"paragraph = {paragraph}" + (f", locator = {json.dumps(locator)}" if locator else "")
    case = load(write({"case.toml": CASE.replace(old, new)}))
    expected = (
        [] if message is None else [Problem("case.toml", 'indicators[1] "ready": article', message)]
    )
    assert check_article(case, ARTICLE) == expected


def test_every_passage_is_looked_for(write: Write) -> None:
    text = CASE.replace('why = "Elicited."', 'why = "Elicited."\narticle = { document = "gazette", '
                                             'paragraph = 7 }')  # fmt: skip
    case = load(write({"case.toml": text}))
    assert [str(p) for p in check_article(case, "One line.")] == [
        'case.toml: indicators[1] "ready": article: paragraph 2: the text has 1 paragraphs',
        'events.toml: events[2] "house_let": reports[1].article: paragraph 3: the text has 1 paragraphs',
        "case.toml: base_rate: article: paragraph 7: the text has 1 paragraphs",
    ]


def test_which_document(write: Write) -> None:
    case = load(write())
    two = load(
        write(
            {"case.toml": CASE + '\n[[documents]]\nid = "herald"\ntitle = "x"\npublished = 2020-01-02\n'}
        )
    )
    assert check_article(case, ARTICLE, "gazette") == check_article(case, ARTICLE)
    assert check_article(two, ARTICLE, "herald") == []  # no passage is of it
    said = [str(p) for p in (*check_article(two, ARTICLE), *check_article(two, ARTICLE, "gazete"))]
    assert said == [
        "case.toml: documents: say which document it is; found gazette, herald",
        'case.toml: documents: no document "gazete"; did you mean "gazette"?',
    ]
    none = case.model_copy(update={"documents": ()})
    assert [p.message for p in check_article(none, "x")] == ["say which document it is; found none"]


def test_paragraphs_are_lines_with_something_on_them() -> None:
    assert paragraphs("\n a \r\n\r\n\u00a0\nb\n\n\nc") == ["a", "b", "c"]
    assert (
        fold("\u201ea\u201c\u00a0 \u00abb\u00bb \u2018c\u2019 d\u2013e\u2026") == '"a" "b" \'c\' d-e...'
    )


# --- a case within a case ---


def reports(case: Case) -> list[tuple[str, int]]:
    return [(e.id, len(e.reports)) for e in case.events]


# a day, and the reports that were out by then (that day included), counted by hand
KNOWN = (
    (dt.date(2020, 1, 10), []),
    (dt.date(2020, 1, 11), [("host_declares", 1)]),
    (dt.date(2020, 1, 15), [("host_declares", 1), ("house_let", 1)]),
    (dt.date(2020, 1, 16), [("host_declares", 1), ("house_let", 2)]),
    (dt.date(2020, 1, 21), [("host_declares", 1), ("house_let", 2), ("guild_refuses", 1)]),
)


@pytest.mark.parametrize(("day", "known"), KNOWN)
def test_as_known(write: Write, day: dt.date, known: list[tuple[str, int]]) -> None:
    case = load(write())
    then = case.as_known(day)
    assert reports(then) == known
    assert then.question.as_of == day
    # what was written down beforehand stays, and the case itself is as it was
    assert (then.watch, then.indicators, then.actors) == (case.watch, case.indicators, case.actors)
    assert reports(case) == KNOWN[-1][1]
    assert case.question.as_of == dt.date(2020, 2, 1)


def test_only_one_document(write: Write) -> None:
    case = load(write())
    # of the two reports of the house one is in the gazette; the others are in none
    assert reports(case.only("gazette")) == [("house_let", 1)]
    assert case.only("gazette").events[0].reports[0].source == "wire"
    assert reports(case.only("herald")) == []
    assert case.only("gazette").model_copy(update={"events": case.events}) == case


def test_seeds_are_part_of_the_case(write: Write) -> None:
    case = load(write())
    declares, house, refuses = case.events
    # its type's, its own, its watch's
    assert [str(j) for e in (declares, house, refuses) for j in case.likelihoods(e)] == [
        "0.4", "0.6", "0.11", "0.42", "0.52", "0.04",
    ]  # fmt: skip
    assert [case.node_of(e) for e in case.events] == ["says", "ready", "guild"]
    # the worst link: crier (C) through the wire (A), the wire alone, a clerk (D)
    assert [case.phi(r) for e in case.events for r in e.reports] == [0.25, 0.03, 0.55, 0.03]
    assert case.cited == {"crier", "wire"}
    assert [t.id for t in case.event_types] == [tomllib.loads(TYPES)["event_types"][0]["id"]]
    assert [o.name for o in case.outlets] == [tomllib.loads(OUTLETS)["sources"][0]["name"]]


@pytest.mark.parametrize("name", ["case.toml", "events.toml"])
def test_a_link_that_leads_nowhere_is_told(write, name):
    folder = write(FILES)
    (folder / name).unlink()
    (folder / name).symlink_to(folder / "gone")
    with pytest.raises(CaseError, match=rf"{name}: cannot be read: No such file"):
        load(folder)


def test_the_actor_who_needs_a_fit_is_named(write):
    like = '\n[[actors]]\nid = "mayor"\nname = "The mayor"\nattends_like = "government"\nwhy = "x"\n'
    with pytest.raises(CaseError, match='attends_like of actor "mayor" is learned from history'):
        load(write({"case.toml": CASE + like}))


def test_a_name_is_offered_in_the_letters_of_an_id():
    for name, near in (
        ("Round 2", "round_2"),
        ("2nd round", "nd_round"),
        ("Reuters", "reuters"),
        ("7", ""),
    ):
        assert _as_id(name) == near
