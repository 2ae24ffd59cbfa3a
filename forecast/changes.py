"""What differs between two versions of a case, one change at a time, and any mixture of the two.

Changes of which one would make no sense without the other are one change: a node and the
evidence on it, shares that together pass one, a base rate and the fit it is learned from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forecast.case import Case
from forecast.flattening import (
    FORM,
    TABLES,
    Flat,
    KeptFit,
    Part,
    assemble,
    flat,
    named,
    put,
    settle_places,
)
from forecast.judgement import means
from forecast.parts import Report

_WORDS = {"conflict": "conflict", "convener_type": "convener", "row_type": "kind"}


@dataclass(frozen=True, slots=True)
class Change:
    """One change between two versions.

    Parameters
    ----------
    kind : str
        Such as judgement, event, silence, announcement, base rate, as-of date.
    what : str
        Where it stands: text of the case, not escaped.
    before, after : str
    edits : tuple of (path, value)
        What to put where; a path of section and id alone is a whole part, None takes it out.
    """

    kind: str
    what: str
    before: str
    after: str
    edits: tuple[tuple[tuple[str, ...], Any], ...] = field(repr=False)

    def on(self, section: str) -> set[str]:
        """Ids of a section that it touches."""
        return {path[1] for path, _ in self.edits if path[0] == section}

    def fields(self, section: str) -> set[str]:
        """Fields of a section that it touches."""
        return {path[2] for path, _ in self.edits if path[0] == section and len(path) > 2}


def not_comparable(a: Case, b: Case) -> str:
    """Why no change of one can be weighed against the other, or nothing: the scenarios differ."""
    one, two = ({s.id: s.held for s in c.scenarios} for c in (a, b))
    found = [f'"{x}" is only in the {n}' for n, s, o in (("first", one, two), ("second", two, one))
             for x in sorted(s.keys() - o.keys())]  # fmt: skip
    found += [
        f'"{x}" is held in only one of them' for x in one if x in two and one[x] != two[x]
    ]  # fmt: skip
    return f"the sets of scenarios differ: scenario {', '.join(found)}" if found else ""


# --- two of them ---


@dataclass(frozen=True)
class Pair:
    """Two versions laid flat, `a` the first, and the changes that lead to the second.

    Parameters
    ----------
    case : Case
        The first, for the rest of what a case needs.
    a, b : Flat
    changes : tuple of Change
    top : mapping of str to str
        For each node, one that stands for all that are linked with it in either version.
    """

    case: Case
    a: Flat
    b: Flat
    changes: tuple[Change, ...]
    top: Mapping[str, str]

    def touches(self, change: Change) -> set[str]:
        """The subtrees that a change touches, by `top`; "" is the root."""
        out = {self.top[n] for n in change.on("nodes")}
        for f in (self.a, self.b):
            events = [f["events"][x] for x in change.on("events") if x in f["events"]]
            silences = change.on("silences") | {e["answers"] for e in events}
            told = [*events, *(g["silences"][x] for g in (self.a, self.b) for x in silences
                               if x in g["silences"])]  # fmt: skip
            out |= {self.top[e["node"]] for e in told}
        root = ("question", "base_rate", "fit", "scenarios", "announcements")
        if any(change.on(s) for s in root):
            out.add("")
        sources = change.on("sources")
        for f in (self.a, self.b):
            out |= {self.top[e["node"]] for e in f["events"].values() if sources & named(e)}
            out |= {"" for n in f["announcements"].values() if sources & named(n)}
            if "as_of" in change.fields("question"):  # evidence ages
                out |= {self.top[n] for n, x in f["nodes"].items() if x["half_life"]}
            if change.on("fit") or change.on("base_rate"):
                out |= {self.top[n] for n, x in f["nodes"].items() if x["attends_like"]}
        return out

    def mixed(self, chosen: Iterable[Change], top: str | None = None) -> Case:
        """The first version with some of the changes made.

        Parameters
        ----------
        top : str, optional
            Only the nodes that it stands for, and the evidence on them; "" for none.
        """
        state = {s: dict(parts) for s, parts in self.a.items()}
        state["sources"] = self.b["sources"] | state["sources"]
        # leaves last: a whole part that is put in is already as it shall be
        for path, value in (edit for c in chosen for edit in c.edits):
            put(state, path, value)
        only = None if top is None else {n for n in self.top if self.top[n] == top}
        return assemble(self.case, state, only)


def compare(a: Case, b: Case) -> Pair:
    """The changes from one version of a case to another, each as known on its as-of date.

    Raises
    ------
    ValueError
        If the sets of scenarios differ.
    """
    if problem := not_comparable(a, b):
        raise ValueError(problem)
    one, two = flat(a), flat(b)
    _settle_silences(one, two)
    settle_places(one["announcements"], two["announcements"])
    found = [_whole(one, two, s, x) for s, x in _changed_parts(one, two)]
    found += _grouped(one, two)
    pair = Pair(a, one, two, (), _tops(one, two))
    return Pair(a, one, two, tuple(_joined(pair, found)), pair.top)


def _settle_silences(a: Flat, b: Flat) -> None:
    """Whether a watch that an event answers would be silent without it, in both the same."""
    answered = {e["answers"] for f in (a, b) for e in f["events"].values()} - {None}
    heard = [{e["answers"] for e in f["events"].values()} for f in (a, b)]
    for w in answered:
        silent = [w in f["silences"] and w not in told for f, told in zip((a, b), heard, strict=True)]
        for f, g in ((a, b), (b, a)):
            if not any(silent):
                f["silences"].pop(w, None)
            elif w not in f["silences"]:
                f["silences"][w] = g["silences"][w]


def _form(part: Part) -> tuple[Any, ...]:
    """What changes only as a whole."""
    return (type(part["part"].part), *(part[k] for k in FORM),
            *(tuple(sorted(part.get(k) or ())) for k in TABLES))  # fmt: skip


def _changed_parts(a: Flat, b: Flat) -> Iterator[tuple[str, str]]:
    for section in ("nodes", "events", "silences", "announcements"):
        one, two = a[section], b[section]
        yield from ((section, x) for x in (*one, *(y for y in two if y not in one))
                    if (x in one) != (x in two)
                    or (section == "nodes" and _form(one[x]) != _form(two[x]))
                    or (section == "announcements" and one[x] != two[x]))  # fmt: skip


_KIND = {"events": "event", "silences": "silence", "announcements": "announcement", "nodes": "node"}


def _whole(a: Flat, b: Flat, section: str, x: str) -> Change:
    one, two = a[section].get(x), b[section].get(x)
    part = two or one or {}
    what = f"{x}: {part['what'].text}" if "what" in part else x
    if section == "nodes":
        what = f"{x}: {getattr(part['part'].part, 'statement', None) or part['part'].part.name}"
    states = ("awaited", "silent", "silent", "awaited") if section == "silences" else (
        ("-", "added", "there", "removed")
    )  # fmt: skip
    before, after = states[:2] if one is None else states[2:]
    if one and two:
        keys = FORM if section == "nodes" else ("kind", "opens", "reports", "place")
        texts = [[f"{k} {_text(p[k])}" for k in keys if one[k] != two[k]] for p in (one, two)]
        before, after = (", ".join(t) or "other tables" for t in texts)
    return Change(_KIND[section], what, before, after, (((section, x), two),))


def _grouped(a: Flat, b: Flat) -> list[Change]:
    """Changes of single values, those that are one judgement of the analyst together."""
    whole = set(_changed_parts(a, b))
    groups: dict[tuple[Any, ...], list[tuple[tuple[str, ...], Any, Any]]] = {}
    for section, parts in a.items():
        for x in parts.keys() & b[section].keys():
            if (section, x) in whole:
                continue
            one, two = parts[x], b[section][x]
            for k in dict.fromkeys((*one, *two)):
                key: tuple[Any, ...] = (section, x, k)
                old, new = one.get(k), two.get(k)
                if isinstance(old, dict) and isinstance(new, dict):
                    for s in old.keys() & new.keys():
                        if old[s] != new[s]:
                            names = (old[s].key, new[s].key)
                            groups.setdefault((*key, names), []).append(((*key, s), old[s], new[s]))
                    continue
                if old == new or k == "giver":
                    continue
                if k in ("if_true", "if_false"):  # a type's, or a watch's, are judged once
                    same = one["giver"] == two["giver"]
                    key = (one["giver"], k) if same else (section, x, "likelihoods")
                groups.setdefault(key, []).append(((section, x, k), old, new))
    return [_single(a, b, key, edits, _words(b, edits[0][0]))
            for key, edits in sorted(groups.items(), key=lambda g: str(g[0]))]  # fmt: skip


def _words(f: Flat, path: tuple[str, ...]) -> str:
    part = f[path[0]][path[1]]
    return part["what"].text if "what" in part else ""


_NAMES = {
    "question": "question", "base_rate": "base rate", "fit": "fit", "scenarios": "share",
    "sources": "source", "events": "event", "silences": "silence", "nodes": "judgement",
}  # fmt: skip


def _single(
    a: Flat, b: Flat, key: tuple[Any, ...], edits: list[tuple[tuple[str, ...], Any, Any]], words: str
) -> Change:
    (section, x, name, *_), old, new = edits[0]
    kind, what = _NAMES[section], ": ".join(filter(None, (x, _said(name))))
    before, after = _text(old), _text(new)
    if isinstance(key[0], tuple):
        giver, by = key[0]
        kind = "rubric" if giver == "type" else "judgement"
        what = f"{'type ' if giver == 'type' else ''}{by}: {_said(name)}"
    elif key[-1] == "likelihoods":
        kind, what = "judgement", f"{x}: likelihoods"
        before, after = (", ".join(f"{_said(e[0][2])} {e[i]}" for e in edits) for i in (1, 2))
        givers = [f[section][x]["giver"] for f in (a, b)]
        before, after = (f"{'type ' if g[0] == 'type' else ''}{g[1] if g[0] != 'own' else 'its own'}: {t}"
                         for g, t in zip(givers, (before, after), strict=True))  # fmt: skip
    elif section == "nodes":
        kind = "judgement" if name != "half_life" else "half-life"
        names = key[3] if len(key) > 3 else ("", "")
        label = names[0] if names[0] == names[1] else f"{names[0] or 'all'} -> {names[1] or 'all'}"
        what += f", {label}" if label else ""
    elif section == "scenarios":
        kind = "share" if name == "share" else "time to open"
        what = x
    elif name == "as_of":
        kind, what = "as-of date", "the clock alone: no news"
    elif section == "events" and name == "reports":
        kind, what = "reports", f"{x}: {words}"
    elif section == "fit":
        what = "what history taught"
    elif section == "base_rate" and name in _WORDS:
        what = _WORDS[name]
    return Change(kind, what, before, after, tuple((path, value) for path, _, value in edits))


def _said(name: str) -> str:
    return name.replace("_", " ")


def _told(reports: tuple[Report, ...]) -> str:
    names = (r.source if isinstance(r.source, str) else r.source.name for r in reports)
    told = [f"{n}{' denies' if r.denies else ''}" for n, r in zip(names, reports, strict=True)]
    return f"{len(told)} report{'' if len(told) == 1 else 's'} ({', '.join(told)})"


def _text(value: Any) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, KeptFit):
        return f"as known on {value.fit.as_of} ({value.digest[:12]})" if value.fit else "-"
    if isinstance(value, tuple) and value and isinstance(value[0], Report):
        return _told(value)
    if isinstance(value, tuple):
        return " to ".join(f"{x:g}" if isinstance(x, float) else str(x) for x in dict.fromkeys(value))
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- which changes are one ---


def _tops(a: Flat, b: Flat) -> dict[str, str]:
    links = [(n, x["given"]) for f in (a, b) for n, x in f["nodes"].items() if x["given"]]
    # an event that moved from one subtree to another touches both; that is told by `touches`
    return _united((*a["nodes"], *b["nodes"]), links)


def _united(names: Iterable[Any], links: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """For each name, one that stands for all that it is linked with."""
    up = {n: n for n in names}

    def top(n: Any) -> Any:
        while up[n] != n:
            n = up[n]
        return n

    for x, y in links:
        up[top(x)] = top(y)
    return {n: top(n) for n in up}


def _joined(pair: Pair, found: list[Change]) -> list[Change]:
    """The changes, those that make no sense alone joined."""
    links: list[tuple[int, int]] = []

    def join(some: Iterable[int]) -> None:
        links.extend(zip(chosen := list(some), chosen[1:], strict=False))

    def those(wanted: Any) -> list[int]:
        return [i for i, c in enumerate(found) if wanted(c)]

    a, b, both = pair.a, pair.b, (pair.a, pair.b)
    for n in a["nodes"].keys() ^ b["nodes"].keys():
        join(those(lambda c, n=n: n in c.on("nodes") or _needs(both, c, n)))
    turned = {n for n in a["nodes"].keys() & b["nodes"].keys()
              if a["nodes"][n]["given"] != b["nodes"][n]["given"]}  # fmt: skip
    for top in set(pair.top.values()):
        join(those(lambda c, top=top: any(pair.top[n] == top for n in c.on("nodes") & turned)))
    base, fit = those(lambda c: c.on("base_rate")), those(lambda c: c.on("fit"))
    learned = [bool(f["base_rate"][""].get("reference_class")) for f in both]
    if learned[0] != learned[1] or any("reference_class" in found[i].fields("base_rate") for i in base):
        join(base + fit)
    if not all(f["fit"][""]["fit"].digest for f in both):
        like = {n for f in both for n, x in f["nodes"].items() if x["attends_like"]}
        join(fit + those(lambda c: c.on("nodes") & like) + (base if any(learned) else []))
    q = [f["question"][""] for f in both]
    news = those(lambda c: c.on("announcements"))
    moved = those(lambda c: "proposed" in c.fields("question"))
    clock = those(lambda c: c.on("question"))
    last_start, first_day = max(x["proposed"] for x in q), min(x["as_of"] for x in q)
    if last_start > first_day or max(x["as_of"] for x in q) >= min(x["horizon"] for x in q):
        join(clock)
    if news and (moved or first_day <= last_start):  # a day can be named from the day after on
        join(news + clock)
    for held in (True, False):
        side = {s.id for s in pair.case.scenarios if s.held == held}
        changed = those(
            lambda c, side=side: c.on("scenarios") & side and "share" in c.fields("scenarios")
        )
        if len(changed) > 1 and not _shares_fit(pair, side):
            join(changed)
    tops = _united(range(len(found)), links)
    groups: dict[int, list[Change]] = {}
    for i, change in enumerate(found):
        groups.setdefault(tops[i], []).append(change)
    return [_one(g) for g in groups.values()]


def _needs(both: Collection[Flat], change: Change, node: str) -> bool:
    """Whether a change is of evidence on a node, or of what is given it."""
    for f in both:
        for section in ("events", "silences"):
            parts = f[section]
            if any(x in parts and parts[x]["node"] == node for x in change.on(section)):
                return True
        if any(n in f["nodes"] and f["nodes"][n]["given"] == node for n in change.on("nodes")):
            return True
    return False


def _shares_fit(pair: Pair, side: set[str]) -> bool:
    """Whether the shares of a side, taken from either version each, always leave a rest."""
    rests = [{s for s in side if f["scenarios"][s]["share"] is None} for f in (pair.a, pair.b)]
    most = 0.0
    for s in side - rests[0]:
        cells = [f["scenarios"][s]["share"] for f in (pair.a, pair.b)]
        most += float(max(means([c.judgement for c in cells if c])))
    return rests[0] == rests[1] and most < 1


def _one(group: list[Change]) -> Change:
    if len(group) == 1:
        return group[0]
    kinds = dict.fromkeys(c.kind for c in group)
    return Change(
        " and ".join(kinds) if len(kinds) <= 2 else f"{len(group)} changes",
        "; ".join(dict.fromkeys(c.what for c in group)),
        "; ".join(dict.fromkeys(c.before for c in group)),
        "; ".join(dict.fromkeys(c.after for c in group)),
        tuple(e for c in group for e in c.edits),
    )
