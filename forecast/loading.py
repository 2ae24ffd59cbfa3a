"""Reading a case: its files, the rubric and the outlets; every problem in the user's words."""

from __future__ import annotations

import os
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from forecast import case as c
from forecast.judgement import did_you_mean
from forecast.rules import FILE_OF, Draft, Problem, check, passages, where

MAX_BYTES = 5_000_000
"""A larger file is refused before it is read."""

_PACKAGE = Path(__file__).parent


class CaseError(ValueError):
    """A case that cannot be used; `problems` holds one `Problem` each."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


def seeds() -> Path:
    """The folder of the shipped cases, the rubric and the outlets' grades."""
    installed = _PACKAGE / "_data" / "seeds"
    return installed if installed.is_dir() else _PACKAGE.parent / "seeds"


def shipped() -> list[str]:
    """Names of the shipped cases."""
    return sorted(p.parent.name for p in seeds().glob("*/case.toml"))


def load(case: str | os.PathLike[str]) -> c.Case:
    """Read and check a case.

    Parameters
    ----------
    case : str or path
        The name of a shipped case, or the path of a folder with a `case.toml` and, where
        there is news, an `events.toml`.

    Returns
    -------
    Case
        Frozen. It holds news of any date; `forecast.update` uses what was known in time.

    Raises
    ------
    CaseError
        With every problem that was found, each with its place and the value.
    """
    folder = _folder(os.fspath(case))
    problems: list[Problem] = []
    raw: dict[str, Any] = {}
    for path, optional in (
        (folder / "case.toml", False),
        (folder / "events.toml", True),
        (seeds() / "event_types.toml", True),
        (seeds() / "sources.toml", True),
    ):
        sections = _read(path, optional, problems)
        if path.name == "sources.toml":
            sections = {"outlets": sections.get("sources", [])}
        model = {"case.toml": c.CaseFile, "events.toml": c.EventsFile}.get(path.name)
        if model is not None:
            for key in sections.keys() - model.model_fields.keys():
                hint = did_you_mean(key, model.model_fields)
                problems.append(Problem(path.name, _clean(key), f"unknown key{hint}"))
        raw |= {k: v for k, v in sections.items() if k in _MODELS}
    if any(not p.where for p in problems):  # a file could not be read: more would mislead
        raise CaseError(problems)
    draft = _draft(raw, problems)
    problems += check(draft)
    if problems:
        raise CaseError(problems)
    one = {"question", "base_rate"}
    parts = {k: tuple(p for _, p in v) for k, v in draft.parts.items()}
    fields = {k: v[0] if k in one else v for k, v in parts.items()}
    return c.Case.model_construct(
        name=folder.resolve().name,
        **{k: fields.get(k, f.default) for k, f in c.Case.model_fields.items() if k != "name"},
    )


def _folder(case: str) -> Path:
    path = Path(case)
    if path.name == "case.toml":
        path = path.parent
    is_name = re.fullmatch(r"[A-Za-z0-9_-]+", case) is not None
    if (path / "case.toml").is_file():
        return path
    if is_name and (seeds() / case / "case.toml").is_file():
        return seeds() / case
    shown = _clean(case)
    if path.is_dir():
        raise CaseError([Problem("", shown, "the folder has no case.toml")])
    known = ", ".join(shipped())
    raise CaseError([Problem("", shown, f"no such folder, and no shipped case of that name"
                             f"{did_you_mean(case, shipped())} (shipped: {known})")])  # fmt: skip


def _read(path: Path, optional: bool, problems: list[Problem]) -> dict[str, Any]:
    name = path.name
    try:
        if optional and not path.exists():
            return {}
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _Unreadable(f"{size:,} bytes; a file of at most {MAX_BYTES:,} was expected")
        text = path.read_bytes().decode("utf-8-sig")
        if not text.strip() and not optional:
            raise _Unreadable("the file is empty")
        return tomllib.loads(text)
    except UnicodeDecodeError as e:
        message = f"not UTF-8 (byte {e.start + 1}); save the file as UTF-8"
    except tomllib.TOMLDecodeError as e:
        message = _toml_message(text, str(e))
    except RecursionError:
        message = "not TOML: nested too deeply"
    except OSError as e:
        message = f"cannot be read: {e.strerror}"
    except _Unreadable as e:
        message = str(e)
    problems.append(Problem(name, "", message))
    return {}


class _Unreadable(Exception):
    pass


def _toml_message(text: str, message: str) -> str:
    """The parser's message; where an inline table was broken over lines, what to do."""
    found = re.search(r"at line (\d+)", message)
    if found:
        lines = text.splitlines()
        number = min(int(found[1]), len(lines))
        # the parser stops at the end of the line with the open brace, or at the next
        for n in (number, number - 1):
            line = lines[n - 1] if n >= 1 else ""
            bare = re.sub(r'"(?:\\.|[^"\\])*"|\'[^\']*\'', "", line).split("#")[0]
            if bare.count("{") > bare.count("}"):
                return (
                    f"line {n}: an inline table {{ ... }} has to stand on one line; put it on "
                    "one line, or write its keys below a [header] of their own"
                )
    return f"not TOML: {message[0].lower()}{message[1:]}"


_MODELS: dict[str, type[BaseModel]] = {
    "question": c.Question,
    "base_rate": c.BaseRate,
    "scenarios": c.Scenario,
    "indicators": c.Indicator,
    "actors": c.Actor,
    "sources": c.Source,
    "documents": c.Document,
    "watch": c.Watch,
    "context": c.Context,
    "events": c.Event,
    "event_types": c.EventType,
    "outlets": c.Source,
}
_SINGLE = ("question", "base_rate")
_AT_LEAST = {"scenarios": 2}


def _draft(raw: Mapping[str, Any], problems: list[Problem]) -> Draft:
    parts: dict[str, tuple[tuple[int, Any], ...]] = {}
    ids: dict[str, frozenset[str]] = {}
    for section, model in _MODELS.items():
        file = FILE_OF.get(section, "case.toml")
        value = raw.get(section)
        if section in _SINGLE:
            if not isinstance(value, Mapping):
                problems.append(Problem(file, section, f"missing; expected a table [{section}]"))
                continue
            entries = [value]
        elif value is None:
            entries = []
        elif isinstance(value, list) and all(isinstance(x, Mapping) for x in value):
            entries = value
        else:
            problems.append(Problem(file, section, f"expected tables, each below [[{section}]]"))
            continue
        if len(entries) < _AT_LEAST.get(section, 0):
            problems.append(Problem(file, section, f"found {len(entries)}; expected at least "
                                    f"{_AT_LEAST[section]}, one held and one not"))  # fmt: skip
        good = []
        for i, entry in enumerate(entries):
            try:
                good.append((i, model.model_validate(entry)))
            except ValidationError as e:
                place = section if section in _SINGLE else where(section, i, entry)
                problems += [Problem(file, place, m) for m in _messages(e, entry, model)]
        parts[section] = tuple(good)
        ids[section] = frozenset(x["id"] for x in entries if isinstance(x.get("id"), str))
    return Draft(parts, ids)


def _messages(error: ValidationError, entry: Mapping[str, Any], model: type) -> Iterator[str]:
    seen = set()
    for e in error.errors(include_url=False):
        path, value, fields = _walk(e["loc"], entry, model)
        message = e["msg"].removeprefix("Value error, ")
        if e["type"] == "missing":
            message = "missing"
        elif e["type"] == "extra_forbidden":
            message = f"unknown key{did_you_mean(str(e['loc'][-1]), fields)}"
        elif path:
            message = f"{_shown(value)}: {message[0].lower()}{message[1:]}"
        text = f"{path}: {message}" if path else message
        if text not in seen:
            seen.add(text)
            yield text


def _walk(loc: tuple[int | str, ...], entry: Any, model: Any) -> tuple[str, Any, tuple[str, ...]]:
    """Follow pydantic's location through what the user wrote, skipping its inner steps."""
    path, value, fields = "", entry, tuple(model.model_fields)
    for step in loc:
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            path, value = f"{path}[{step + 1}]", value[step]
        elif isinstance(step, str) and isinstance(value, Mapping) and step in value:
            path, value = f"{path}.{_clean(step)}" if path else _clean(step), value[step]
            inner = model.model_fields.get(step) if hasattr(model, "model_fields") else None
            model = _model_in(inner.annotation) if inner else model
            fields = tuple(getattr(model, "model_fields", ()))
        elif isinstance(step, str) and step in fields:  # missing
            path, value = f"{path}.{step}" if path else step, None
    return path, value, fields


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _model_in(a))), None)


def _shown(value: Any) -> str:
    text = f'"{_clean(value)}"' if isinstance(value, str) else _clean(str(value))
    return text if len(text) <= 80 else f"{text[:76]} ..."


def _clean(text: str) -> str:
    """Without control characters, which could repaint a terminal."""
    return "".join(x if x.isprintable() else "?" for x in text)[:120]


# --- the text of a document, when it is at hand ---

_FOLD = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-"})


def fold(text: str) -> str:
    """Text for comparison: NFKC, quotation marks, dashes and spaces folded."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_FOLD).split())


def paragraphs(text: str) -> list[str]:
    """Non-empty lines of a document, in order."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def check_article(case: c.Case, text: str, document: str | None = None) -> list[Problem]:
    """Find every paragraph and locator of a document in its text.

    Parameters
    ----------
    case : Case
    text : str
        The whole text; its non-empty lines are the paragraphs, counted from 1.
    document : str, optional
        Which document it is; may be left out if the case has one.

    Returns
    -------
    list of Problem
        Empty if all were found.
    """
    if document is None:
        if len(case.documents) != 1:
            ids = ", ".join(d.id for d in case.documents) or "none"
            return [Problem("case.toml", "documents", f"say which document it is; found {ids}")]
        document = case.documents[0].id
    lines = [fold(p) for p in paragraphs(text)]
    draft = Draft(
        {k: tuple(enumerate(v)) for k in _MODELS if isinstance(v := getattr(case, k), tuple)}
        | {k: ((0, getattr(case, k)),) for k in _SINGLE}
    )
    problems = []
    for section, i, part, key, passage in passages(draft):
        if passage.document != document:
            continue
        file = FILE_OF.get(section, "case.toml")
        place = where(section, i, part, key) if section not in _SINGLE else f"{section}: {key}"
        if passage.paragraph > len(lines):
            problems.append(Problem(file, place, f"paragraph {passage.paragraph}: the text has "
                                    f"{len(lines)}"))  # fmt: skip
        elif passage.locator and fold(passage.locator) not in lines[passage.paragraph - 1]:
            there = [n + 1 for n, line in enumerate(lines) if fold(passage.locator) in line]
            hint = f"; it stands in {', '.join(map(str, there))}" if there else ""
            problems.append(Problem(file, place, f'paragraph {passage.paragraph} has no "'
                                    f'{_clean(passage.locator)}"{hint}'))  # fmt: skip
    return problems
