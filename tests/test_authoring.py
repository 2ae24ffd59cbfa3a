"""A new case passes at once and says what it lacks; its schema and `load` agree on structure."""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from typer.testing import CliRunner
from wrong_files import FILES, WRONG

from forecast import authoring, loading
from forecast.advice import advise
from forecast.cli import app
from forecast.loading import CaseError, load, seeds, shipped
from forecast.parts import CaseFile, EventsFile
from forecast.rules import Problem

TODAY = dt.date(2025, 3, 10)


def run(*args: str) -> Any:
    return CliRunner().invoke(app, list(args))


# --- a new case ---


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return authoring.new("river_talks", tmp_path, TODAY)


def test_new_case_loads_forecasts_and_all_its_advice_is_what_to_fill_in(made: Path) -> None:
    case = load(made)
    assert (case.question.proposed, case.question.as_of) == (dt.date(2025, 3, 3), TODAY)
    advice = advise(case)
    assert all(a.reason.startswith("TODO") for a in advice)
    # each TODO that is not in a comment is pointed to, by its part and key
    pointed = {
        (a.file, a.where.split(":")[0].split(" ")[0], k)
        for a in advice
        for k in a.where.split(": ")[1].split(", ")
    }
    lines = {
        (f"{f}.toml", *place)
        for f in ("case", "events")
        for place in todos((made / f"{f}.toml").read_text())
    }
    assert pointed == lines
    assert len(lines) > 20


def todos(text: str) -> Iterator[tuple[str, str]]:
    """Section with number, and key, of each TODO in a file: read line by line, not by the parser."""
    section, count = "", dict[str, int]()
    for line in text.splitlines():
        if header := re.fullmatch(r"\[\[?([\w.]+)\]\]?", line):
            name = header[1]
            count[name] = count.get(name, 0) + 1
            section = f"{name}[{count[name]}]" if line.startswith("[[") else name
        elif re.match(r"\w+ = .*TODO", line):
            yield section, line.split(" ")[0]


def test_a_case_that_is_filled_in_has_no_such_advice_left(made: Path) -> None:
    for name in ("case.toml", "events.toml"):
        text = (
            (made / name)
            .read_text()
            .replace("TODO and TODO", "A and B")
            .replace("in TODO", "in Geneva")
            .replace("TODO: ", "")
        )
        (made / name).write_text(text.replace("TODO", "Done"))
    assert advise(load(made)) == []


def test_schemas_stand_beside_the_files_that_name_them(made: Path) -> None:
    assert sorted(p.name for p in made.iterdir()) == [
        "case.schema.json", "case.toml", "events.schema.json", "events.toml",
    ]  # fmt: skip
    for name in ("case", "events"):
        first = (made / f"{name}.toml").read_text().splitlines()[0]
        assert first == f"#:schema ./{name}.schema.json"
        assert (made / f"{name}.schema.json").read_text() == run("schema", name).output
        assert is_valid(name, tomllib.loads((made / f"{name}.toml").read_text()))
    assert stat.S_IMODE(made.stat().st_mode) & 0o500 == 0o500


def test_what_stands_in_comments_is_valid_too(made: Path) -> None:
    for name in ("case.toml", "events.toml"):  # the examples that are commented out
        text = (made / name).read_text()
        text = re.sub(r"^# (?=\[\[|\w+ = )", "", text, flags=re.MULTILINE)
        (made / name).write_text(text)
    with pytest.raises(CaseError) as caught:  # an announcement needs a fit, and nothing else is wrong
        load(made)
    assert [p.message.split(",")[0] for p in caught.value.problems] == ["missing"]
    assert load(made, fitted=False).announcements[0].kind == "window"
    assert load(made, fitted=False).context[0].what == "The parties met once before."


def test_list_of_event_types_in_the_template_is_the_rubric(made: Path) -> None:
    rubric = tomllib.loads((seeds() / "event_types.toml").read_text())["event_types"]
    comment = re.search(r"for  (.*)against(.*?)\n#\n", (made / "events.toml").read_text(), re.DOTALL)
    assert comment
    for said, direction in zip(comment.groups(), ("for", "against"), strict=True):
        assert re.findall(r"\w+", said) == [t["id"] for t in rubric if t["direction"] == direction]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("river_talks", "already there"),
        (shipped()[0], "a shipped case has this name"),
        ("../up", "expected a name of letters"),
        ("a b", "expected a name of letters"),
        ("x" * 65, "expected a name of letters"),
        (".", "expected a name of letters"),
        ("\x1b[2J", "expected a name of letters"),
    ],
)
def test_new_refuses_and_leaves_nothing(made: Path, name: str, message: str) -> None:
    before = sorted(p.name for p in made.parent.iterdir())
    done = run("new", name, "--folder", str(made.parent))
    assert done.exit_code == 1
    assert message in done.output
    assert "\x1b" not in done.output
    assert sorted(p.name for p in made.parent.iterdir()) == before


def test_new_leaves_nothing_if_it_breaks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: str) -> str:  # the disk is full at the second file
        if name == "events":
            raise OSError(28, "No space left on device")
        return "{}"

    monkeypatch.setattr(authoring, "schema", full)
    done = run("new", "river", "--folder", str(tmp_path))
    assert done.exit_code == 1
    assert "no space left on device" in done.output
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "river").symlink_to(tmp_path / "nowhere")  # a link to nothing is there, too
    assert "already there" in run("new", "river", "--folder", str(tmp_path)).output
    assert "no such folder" in run("new", "lake", "--folder", str(tmp_path / "no")).output


# --- the schema's verdict and ours ---

_CHECKS = {n: Draft202012Validator(json.loads(authoring.schema(n)), format_checker=FormatChecker())
           for n in ("case", "events")}  # fmt: skip


def as_json(value: Any) -> Any:
    """What an editor's schema checker sees: dates are strings, a huge number is one."""
    if isinstance(value, dict):
        return {k: as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_json(v) for v in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return float("1e300") if isinstance(value, int) and abs(value) > 1e300 else value


def is_valid(name: str, content: Any) -> bool:
    return bool(_CHECKS[name].is_valid(as_json(content)))


# Of the structure: unknown and missing keys, types, words, ranges, lengths. The rest (ids that exist,
# shares, orders, centuries, which keys exclude each other, eight words of a locator) is ours alone.
STRUCTURE = re.compile(
    r"unknown key|: missing$|missing; expected a table|does not belong in this file|; expected (a table|tables)|"
    r"quotation marks$|no such word of prob|expected a word such as|a probability lies between|"
    r"the ends of an interval lie|expected a whole number|expected lower case letters|expected at most|"
    r"expected a list|expected two values|expected \d+ or (?:more|less)|found none; expected at least one|expected more than|expected at least one entry|"
    r"expected some text|move it above the header|expected \"[^\"]+\"[,;]|expected \"A\"|expected a table with|expected the id of|expected a day such"
)
# JSON has no nan, and a blank text is empty only once we have trimmed it.
NOT_IN_JSON = re.compile(r': nan: |"\s+": expected some text')


def verdicts() -> Iterator[tuple[str, tuple[str, ...], bool]]:
    for old, new, *said in WRONG:
        texts = {n: FILES[f"{n}.toml"].replace(old, new) for n in ("case", "events")}
        own = tuple(m for m in said if m.startswith(("case.toml", "events.toml")))
        try:
            read = {n: as_json(tomllib.loads(text)) for n, text in texts.items()}
            accepted = all(is_valid(n, content) for n, content in read.items())
        except (ValueError, RecursionError):  # not TOML, or nested too deeply: no schema is asked
            continue
        if own:
            yield new, own, accepted


def test_schema_refuses_what_we_refuse_for_its_structure_and_nothing_else() -> None:
    kinds = {True: 0, False: 0}
    for new, said, accepted in verdicts():
        structural = any(STRUCTURE.search(m) and not NOT_IN_JSON.search(m) for m in said)
        assert accepted != structural, (new, said, accepted)
        kinds[structural] += 1
    assert min(kinds.values()) > 25


OTHERS = (3, -1.5, "Some Text", "", True, [], [0.2, "x"], {"x": 1})


def changed(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every place of a file: without it (None), with values of another kind, with an unknown key."""
    if isinstance(content, dict):
        yield (*path, "no_such_key"), 1
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for i, (key, value) in enumerate(items):
        here = (*path, key)
        for other in (None, OTHERS[i % 8], OTHERS[(i + 3) % 8]):
            yield here, other
        if isinstance(value, dict | list):
            yield from changed(value, here)


@pytest.mark.parametrize("name", ["case", "events"])
def test_what_the_schema_refuses_we_refuse(name: str) -> None:
    files = {n: tomllib.loads(FILES[f"{n}.toml"]) for n in ("case", "events")}
    extra = {"event_types": tomllib.loads(FILES["event_types.toml"])["event_types"],
             "outlets": tomllib.loads(FILES["sources.toml"])["sources"]}  # fmt: skip
    keys = set(CaseFile.model_fields) | set(EventsFile.model_fields)

    def refused(content: Any) -> bool:  # as `load` does once the files are read
        problems: list[Problem] = []
        both = files | {name: content}
        raw = both["case"] | both["events"]
        draft = loading._draft(raw | extra, (), problems)
        return bool(raw.keys() - keys or problems or loading.check(draft))

    assert not refused(files[name])
    total = 0
    for path, value in changed(files[name]):
        content = copy.deepcopy(files[name])
        at = content
        for step in path[:-1]:
            at = at[step]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
        if not is_valid(name, content):
            assert refused(content), (path, value)
            total += 1
    assert total > 100
