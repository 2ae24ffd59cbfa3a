"""Reading a case: its files, the rubric and the outlets; every problem in the user's words."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from forecast import parts as c
from forecast.case import Case
from forecast.fits import Fit, read
from forecast.judgement import did_you_mean
from forecast.rules import FILE_OF, SHOWN_AS, SINGLE, Draft, Problem, check, passages, where
from forecast.wording import clean, messages, nearest, shown, toml_message

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


def load(case: str | os.PathLike[str], fitted: bool = True) -> Case:
    """Read and check a case.

    Parameters
    ----------
    case : str or path
        The name of a shipped case, or the path of a folder with a `case.toml` and, where
        there is news, an `events.toml`; what is learned from history stands in `fit.json`.
    fitted : bool, optional
        False to read a case whose fit is missing or stale, in order to make it.

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
    lost: set[str] = set()
    for path, keys in (
        (folder / "case.toml", tuple(c.CaseFile.model_fields)),
        (folder / "events.toml", tuple(c.EventsFile.model_fields)),
        (seeds() / "event_types.toml", ("event_types",)),
        (seeds() / "sources.toml", ("sources",)),
    ):
        sections = read_toml(path, path.name != "case.toml", problems)
        for key in sections.keys() - set(keys):
            problems.append(Problem(path.name, clean(key), _no_such_section(key, keys)))
            lost |= {key, nearest(key, keys) or key}
        for key in sections.keys() & set(keys):
            raw["outlets" if path.name == "sources.toml" else key] = sections[key]
    if any(not p.where for p in problems):  # a file could not be read: more would mislead
        raise CaseError(problems)
    draft = _draft(raw, lost, problems)
    problems += check(draft)
    parts = {k: tuple(p for _, p in v) for k, v in draft.parts.items()}
    if any(not parts[section] for section in SINGLE):
        raise CaseError(problems)  # without these nothing is known of the fit
    fields = {k: v[0] if k in SINGLE else v for k, v in parts.items()}
    whole = Case.model_construct(
        name=folder.resolve().name.encode(errors="replace").decode(),  # a disk may hold any bytes
        folder=folder,
        **{k: fields.get(k, f.default) for k, f in Case.model_fields.items()
           if k not in ("name", "folder")},
    )  # fmt: skip
    fit = None
    if fitted:
        fit, problem = _fit(whole, folder)
        if problem:
            problems.append(Problem("fit.json", "", problem))
    if problems:
        raise CaseError(problems)
    return whole.model_copy(update={"fit": fit}) if fitted else whole


def _fit(case: Case, folder: Path) -> tuple[Fit | None, str]:
    """The stored fit of a case, or what is wrong with it."""
    path = folder / "fit.json"
    if not case.learns and not any(w.announces for w in case.watch):
        return None, ""  # nothing in the case would be read from it
    remedy = f"make it with: forecast fit {clean(str(folder))}"
    if not path.exists():
        # what asks for it last is what a user has just added
        like = next((a.id for a in case.actors if a.attends_like), None)
        why = ("the announcements are weighed by the lead and slip of earlier ones" if case.announcements
               else f'attends_like of actor "{like}" is learned from history' if like and not case.fit_used
               else "this case learns from history")  # fmt: skip
        return None, f"missing, and {why}; {remedy}" if case.learns else ""
    try:
        fit = read(path)
    except (ValueError, OSError) as e:
        return None, f"{e}; {remedy}"
    wanted = {"reference_class": case.reference_class, "as_of": case.question.proposed,
              "leave_out": case.base_rate.leave_out}  # fmt: skip
    for key, value in wanted.items():
        if getattr(fit, key) != value:
            return None, f"stale: {key} is {getattr(fit, key)}, this case has {value}; {remedy}"
    table = seeds() / case.reference_class / "proposals.csv"
    if not table.is_file():
        return None, f'no reference class "{clean(case.reference_class)}"'
    if hashlib.sha256(table.read_bytes()).hexdigest() != fit.file:
        # the file changed; that matters only if what was knowable on the day did
        from forecast import history

        known = history.as_known(history.proposals(table), fit.as_of, fit.leave_out)
        if history.digest(known) != fit.table:
            return None, f"stale: the table of proposals has changed; {remedy}"
    return fit, ""


def _no_such_section(key: str, keys: tuple[str, ...]) -> str:
    for name, file in (("case.toml", c.CaseFile), ("events.toml", c.EventsFile)):
        if key in file.model_fields:
            return f"does not belong in this file; expected in {name}"
    hint = did_you_mean(key, keys) or f"; the keys here are {', '.join(keys)}"
    return f"unknown key{hint}"


def _folder(case: str) -> Path:
    if not case:
        raise CaseError([Problem("", "", "an empty name; expected a case's name, or its folder")])
    path = Path(case)
    if path.name == "case.toml":
        path = path.parent
    is_name = re.fullmatch(r"[A-Za-z0-9_-]+", case) is not None
    if "\0" not in case and ((path / "case.toml").exists() or (path / "case.toml").is_symlink()):
        return path
    if is_name and (seeds() / case / "case.toml").is_file():
        return seeds() / case
    place = clean(case) or "."
    if "\0" not in case and path.exists():
        found = "the folder has no case.toml"
        if not path.is_dir():
            found = "a file; expected the folder of a case"
        raise CaseError([Problem("", place, found)])
    known = ", ".join(shipped()) or "none"
    raise CaseError([Problem("", place, f"no such folder, and no shipped case of that name"
                             f"{did_you_mean(case, shipped())} (shipped: {known})")])  # fmt: skip


def read_toml(path: Path, optional: bool, problems: list[Problem]) -> dict[str, Any]:
    """The tables of a file; why it could not be read is added to `problems`."""
    data, message = b"", ""
    try:
        if optional and not path.exists() and not path.is_symlink():
            return {}
        size = path.stat().st_size
        if not path.is_file():  # a pipe or a device could be read for ever
            message = "not a file"
        elif size > MAX_BYTES:
            message = f"{size:,} bytes; a file of at most {MAX_BYTES:,} was expected"
        else:
            data = path.read_bytes()
            text = data.decode("utf-8-sig")
            if text.strip() or optional:
                return tomllib.loads(text)
            message = "the file is empty"
    except UnicodeDecodeError as e:
        line = data[: e.start].count(b"\n") + 1
        message = f"line {line}: not UTF-8 (byte 0x{data[e.start]:02x}); save the file as UTF-8"
    except tomllib.TOMLDecodeError as e:
        message = toml_message(text, str(e))
    except RecursionError:
        message = "not TOML: nested too deeply"
    except OSError as e:
        message = f"cannot be read: {e.strerror}"
    except ValueError:  # Python refuses to read an integer of more than 4300 digits
        message = "not TOML: a number has too many digits"
    problems.append(Problem(path.name, "", message))
    return {}


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
    "announcements": c.Announcement,
    "event_types": c.EventType,
    "outlets": c.Source,
}


def _draft(raw: Mapping[str, Any], lost: Collection[str], problems: list[Problem]) -> Draft:
    """Read what can be read of each section; `lost` are those under a name that was refused."""
    parts: dict[str, tuple[tuple[int, Any], ...]] = {}
    ids: dict[str, frozenset[str]] = {}
    broken, nameless = set(lost), set(lost)
    for section, model in _MODELS.items():
        file = FILE_OF.get(section, "case.toml")
        value = raw.get(section)
        entries: list[Any] = []
        if section in SINGLE:
            if isinstance(value, Mapping):
                entries = [value]
            elif section not in lost:
                found = f"found {_kind(section, value)}" if section in raw else "missing"
                problems.append(Problem(file, section, f"{found}; expected a table below [{section}]"))
        elif isinstance(value, list) and all(isinstance(x, Mapping) for x in value):
            entries = value
        elif section in raw:
            name = SHOWN_AS.get(section, section)
            message = f"found {_kind(name, value)}; expected tables, each below [[{name}]]"
            problems.append(Problem(file, name, message))
            broken.add(section)
            nameless.add(section)
        good = []
        for i, entry in enumerate(entries):
            try:
                good.append((i, model.model_validate(entry)))
            except ValidationError as e:
                place = where(section, i, entry)
                problems += [Problem(file, place, m) for m in messages(e, entry, model)]
                broken.add(section)
        parts[section] = tuple(good)
        ids[section] = frozenset(x["id"] for x in entries if isinstance(x.get("id"), str))
        if any(not isinstance(x.get("id"), str) for x in entries):
            nameless.add(section)
    return Draft(parts, ids, frozenset(broken), frozenset(nameless))


def _kind(section: str, value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return f"tables, each below [[{section}]]"
    return f"a table below [{section}]" if isinstance(value, Mapping) else shown(value)


# --- the text of a document, when it is at hand ---

_FOLD = str.maketrans(
    dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‘’‚‛‹›′`´", "'") | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("\u00ad\u200b\u2060\ufeff")
)  # fmt: skip


def fold(text: str) -> str:
    """Text for comparison: NFKC, quotation marks, dashes and spaces folded."""
    # twice: NFKC takes some of these signs apart and makes others of them
    once = unicodedata.normalize("NFKC", text.translate(_FOLD))
    return " ".join(once.translate(_FOLD).split())


def paragraphs(text: str) -> list[str]:
    """Non-empty lines of a document, in order."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def check_article(case: Case, text: str, document: str | None = None) -> list[Problem]:
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
    ids = [d.id for d in case.documents]
    if document is None and len(ids) != 1:
        found = ", ".join(ids) or "none"
        return [Problem("case.toml", "documents", f"say which document it is; found {found}")]
    document = document or ids[0]
    if document not in ids:
        hint = did_you_mean(document, ids)
        return [Problem("case.toml", "documents", f'no document "{clean(document)}"{hint}')]
    lines = [fold(p) for p in paragraphs(text)]
    draft = Draft(
        {k: tuple(enumerate(v)) for k in _MODELS if isinstance(v := getattr(case, k), tuple)}
        | {k: ((0, getattr(case, k)),) for k in SINGLE}
    )
    problems = []
    for section, i, part, key, passage in passages(draft):
        if passage.document != document:
            continue
        at, locator = passage.paragraph, fold(passage.locator or "")
        if at <= len(lines) and locator in lines[at - 1]:
            continue
        there = ", ".join(str(n) for n, line in enumerate(lines, 1) if locator and locator in line)
        hint = f"; it stands in paragraph {there}" if there else ""
        found = f"paragraph {at}: the text has {len(lines)} paragraphs"
        if at <= len(lines):
            found = f'paragraph {at} has no "{clean(passage.locator)}"'
        elif there:
            hint = f'; "{clean(passage.locator)}" stands in paragraph {there}'
        problems.append(
            Problem(FILE_OF.get(section, "case.toml"), where(section, i, part, key), found + hint)
        )
    return problems
