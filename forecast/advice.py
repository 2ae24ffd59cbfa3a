"""Advice on a case: what a careful reader would ask of evidence and tree; of words, `authoring`."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.authoring import READING, Found, called, overlap, reports
from forecast.base_rate import futures
from forecast.case import Case
from forecast.judgement import GRADES, means
from forecast.parts import Event, Source
from forecast.rules import FILE_OF, where
from forecast.tables import evidence
from forecast.tree import marginals, weigh
from forecast.updating import Forecast, update
from forecast.wording import clean, nearest

_MANY, _SLIGHT, _STRONG = 5, 0.05, 4.0  # events of one side; decibans that are nothing; a strong ratio
_INTEREST = re.compile(r"(?<!no )(?<!nothing )(?<!without )(?<!without an )\b(?:(?:has|with|an) interest|interested|partisan|"
                       r"at stake|takes sides|(?:his|her|its|their) (?:own )?side|propaganda)\b", re.I)  # fmt: skip


@dataclass(frozen=True)
class Advice:
    """A doubt about a case: where, why it matters, and a way out."""

    file: str
    where: str
    reason: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.reason}. Way out: {self.way_out}."


@dataclass(frozen=True)
class _Reading:
    """A case as known on its date, with what its tree makes of it."""

    f: Forecast

    @property
    def case(self) -> Case:
        return self.f.case

    @cached_property
    def told(self) -> pd.DataFrame:
        return evidence(self.f)

    @cached_property
    def up(self) -> dict[str, set[str]]:
        """What each node hangs on: the node it is given, the body it is part of."""
        nodes: tuple[Any, ...] = (*self.case.indicators, *self.case.actors)
        return {n.id: {x for x in (n.given, getattr(n, "part_of", None)) if x} for n in nodes}

    def together(self, a: str, b: str) -> bool:
        return a in self.up[b] or b in self.up[a] or bool(self.up[a] & self.up[b])

    def node(self, event: Event) -> str:
        return str(self.case.node_of(event))


def advise(case: Case, as_of: dt.date | None = None) -> list[Advice]:
    """Advice on a case, as known on a date.

    Parameters
    ----------
    case : Case
        Of one that learns from history and has no fit yet, only its words are read.
    as_of : date, optional
        The last day whose news is read; the case's own if left out.

    Returns
    -------
    list of Advice
        In the order of the rules. It may be weighed and left: the forecast does not depend on it.
    """
    known = case.as_known(as_of or case.question.as_of)
    reading = None if case.learns and case.fit is None else _Reading(update(case, as_of, draws=0))
    place = {(s, getattr(p, "id", id(p))): i for s in ("scenarios", "indicators", "actors", "sources", "watch", "events",
             "context", "documents", "announcements") for i, p in enumerate(getattr(case, s))}  # fmt: skip
    out = []
    found = itertools.chain(*(x(known) for x in READING), *(x(reading) for x in RULES if reading))
    for section, part, key, reason, way_out in found:
        at = where(section, place.get((section, getattr(part, "id", id(part))), 0), part, key)
        out.append(Advice(FILE_OF.get(section, "case.toml"), at, clean(reason, 400), way_out))
    return out


def indistinct(r: _Reading) -> Iterator[Found]:
    """An indicator that is as likely in every scenario, and on which nothing hangs."""
    chance = r.f.compiled.theta[r.f.compiled.tree.chance]
    above = {x for hangs_on in r.up.values() for x in hangs_on}
    for i in r.case.indicators:
        at = r.f.compiled.nodes.index(i.id)
        if np.ptp(chance[at]) < 1e-9 and i.id not in above:
            yield ("indicators", i, "if_true" if i.given else "chance", "the same in all scenarios: nothing that is "
                   "reported of it can move the forecast", "judge it by scenario, or leave it out")  # fmt: skip


def silent(r: _Reading) -> Iterator[Found]:
    """An event that says nothing, by its likelihoods or after the layers."""
    for e in r.case.events:
        row = r.told.loc[e.id]
        if row.if_true == row.if_false:
            yield ("events", e, "if_true", "its two likelihoods are equal: it says nothing",
                   "move it to context, or say which of the two is larger")  # fmt: skip
        elif abs(10 * np.log10(row.ratio)) < _SLIGHT:
            yield ("events", e, "reports", f"after grades, denials and age its reports say nothing (ratio {row.ratio:.3f})",
                   "find a better source, or move it to context")  # fmt: skip
        elif (row.if_true > row.if_false) != (row.ratio > 1) and any(x.denies for x in e.reports):
            yield ("events", e, "reports", f"denied more strongly than reported: it now speaks against its direction (ratio {row.ratio:.2f})",
                   "ask whether it is news that it did not happen; if it was only a rumour, move it to context")  # fmt: skip
    for w in r.case.watch:
        if not w.announces and np.ptp(means(r.case.likelihoods(w))) < 1e-9:
            yield ("watch", w, "if_true", "its two likelihoods are equal: neither it nor its absence would say anything",
                   "leave it out, or say which of the two is larger")  # fmt: skip


def one_sided(r: _Reading) -> Iterator[Found]:
    """Only one side was looked for: on the meeting as a whole, or on one node."""
    push = _pushes(r.f)
    if len(push) >= _MANY and (push.min() > 0 or push.max() < 0):
        section = "events" if r.case.events else "watch"
        yield (section, getattr(r.case, section)[0], "", f"all {len(push)} events and silences that move the forecast "
               f"move it {'up' if push[0] > 0 else 'down'}", "look for reports that speak against it, for as long")  # fmt: skip
        return
    for node, ratios in r.told.ratio.groupby(r.told.bears_on):
        told = np.log10(ratios.to_numpy())
        if len(told) >= _MANY and (told.min() > 0 or told.max() < 0):
            first = next(e for e in r.case.events if r.node(e) == node)
            yield ("events", first, "bears_on", f'all {len(told)} events on "{node}" speak '
                   f"{'for' if told[0] > 0 else 'against'} it", "look for reports that speak the other way")  # fmt: skip


def _pushes(f: Forecast) -> NDArray[Any]:
    """By how many decibans each event, alone, would move `held` against `not held`."""
    tree, theta = f.compiled.tree, f.compiled.theta
    lam = np.exp(weigh(tree, theta))
    if not len(lam):
        return np.zeros(0)
    root, true = futures(f.case, f.as_of), marginals(tree, theta[tree.chance])[tree.event_node.argmax(0)]
    by = root.log_root[:, None] + np.log(true * lam[:, 1:] + (1 - true) * lam[:, :1]).T
    held, other = (np.logaddexp.reduce(by[on]) - np.logaddexp.reduce(root.log_root[on])
                   for on in (root.held, ~root.held))  # fmt: skip
    push = 10 / np.log(10) * (held - other)
    return np.asarray(push[np.abs(push) > _SLIGHT])


def origins(r: _Reading) -> Iterator[Found]:
    """One origin behind several nodes; two origins that look like one."""
    feeds: dict[str, dict[str, Event]] = defaultdict(dict)
    for e, report in reports(r.case):
        said = report.origin or f"{r.case.origin(report)}, {report.published}"
        feeds[said].setdefault(r.node(e), e)
    for origin, nodes in feeds.items():
        pairs = [
            f"{a} and {b}" for a, b in itertools.combinations([*nodes][:200], 2) if r.together(a, b)
        ]
        if pairs:
            more = f", and {len(pairs) - 3} more pairs" if len(pairs) > 3 else ""
            yield ("events", next(iter(nodes.values())), "reports", f'one origin, "{origin}", feeds nodes that hang together: '
                   f"{'; '.join(pairs[:3])}{more}: its errors count several times",
                   "code its strongest claim only, or compare with the rung one claim per origin of the ladder")  # fmt: skip
    for e in r.case.events:
        for a, b in itertools.combinations(e.reports[:50], 2):
            if a.denies != b.denies or r.case.origin(a) == r.case.origin(b):
                continue
            one_page = (a.url and a.url == b.url) or (
                a.article and b.article and overlap(a.article, b.article)
            )
            if one_page or (a.source == b.source and a.published == b.published):
                yield ("events", e, "reports", f'"{r.case.origin(a)}" and "{r.case.origin(b)}" look like one origin: '
                       f"{'one text' if one_page else 'one source on one day'}",
                       "give both reports the same origin, or say in why that there were two utterances")  # fmt: skip
                break


def interests(r: _Reading) -> Iterator[Found]:
    """A good grade for a source that has an interest, or for an actor who speaks of others."""
    own = {a.id: re.compile(rf"\b(?:{'|'.join(called(a.id, a.name))})\b") for a in r.case.actors}
    by_id = {a.id: re.compile(rf"\b{re.escape(a.id.replace('_', ' '))}\b", re.I) for a in r.case.actors}
    told_already = set()
    body = {a.id: a.part_of for a in r.case.actors}
    told: tuple[Any, ...] = (*r.case.events, *r.case.announcements)
    cited = {x.id: x for e in told for report in e.reports
             for x in map(r.case.source, (report.source, *report.via)) if x.id}  # fmt: skip
    for source in cited.values():
        good = source.reliability in "AB" and source in r.case.sources
        if good and _INTEREST.search(source.why or ""):
            yield ("sources", source, "reliability", f'{source.reliability}, though its why says "{source.why}"',
                   "grade what it says of itself A and what it says of others C or lower, as two sources")  # fmt: skip
    for e, report in reports(r.case):
        source, node = r.case.source(report.source), r.node(e)
        speaker = next((a for a in own if _is(source, a, own[a])), None)
        if speaker is None or source.reliability not in "AB":
            continue
        family = {a for a in own if a == speaker or body[a] == speaker or a == body[speaker]}
        near = family | r.up[speaker] | {n for n, above in r.up.items() if speaker in above}
        spoken_of = any(own[a].search(e.what) or by_id[a].search(e.what) for a in family)
        if node not in near and not spoken_of and (e.id, source) not in told_already:
            told_already.add((e.id, source))
            yield ("events", e, "reports", f'"{source.id or source.name}" speaks of others here, with grade {source.reliability} and '
                   "an interest in what it says", "say who else can know it, or give it a second source of grade C or "
                   "lower for what it says of others")  # fmt: skip


def _is(source: Source, actor: str, named: re.Pattern[str]) -> bool:
    """Whether a source is the actor: by its id, or by its name up to the first comma."""
    by_id = re.fullmatch(
        rf"{actor}(_(own_)?(words|statements?|says|office|spokes(wo)?man))?", source.id or ""
    )
    return bool(by_id or named.fullmatch(re.sub(r"^The ", "", source.name.split(",")[0].strip())))


def unsupported(r: _Reading) -> Iterator[Found]:
    """An event that tells more than its sources can carry."""
    letters = {phi: letter for letter, phi in GRADES.items()}
    for e in r.case.events:
        best = letters[min(r.case.phi(x) for x in e.reports)]
        ratio = float(max(r.told.event_ratio[e.id], 1 / r.told.event_ratio[e.id]))
        if best in "DEF" and ratio > _STRONG:
            yield ("events", e, "reports", f"graded {best} at best, for an event whose likelihoods have ratio {ratio:.1f}: "
                   "what tells so much needs a source that can know", "find one, or choose a weaker type")  # fmt: skip


def misspelt(r: _Reading) -> Iterator[Found]:
    """A conflict that the table does not have, but for its spelling."""
    base = r.case.base_rate
    if r.case.fit_used and base.conflict not in r.case.fit.conflicts:
        near = {c.casefold(): c for c in r.case.fit.conflicts}
        like = nearest(str(base.conflict).casefold(), [*near])
        if like:
            yield ("base_rate", base, "conflict", f'the table has no "{base.conflict}", and it is read as a conflict of its own: '
                   f'did you mean "{near[like]}"?', "spell it as in the table, if it is the same")  # fmt: skip


def habits(r: _Reading) -> Iterator[Found]:
    """An actor who comes as his role came, where the table never tells of one who stayed away."""
    like = [a for a in r.case.actors if a.attends_like]
    if not like:
        return
    from forecast import classes, history  # slow

    table = history.as_known(
        history.proposals(r.case.reference_class), r.case.fit.as_of, r.case.fit.leave_out
    )
    told = classes.attendance(r.case.fit, table, r.case.base_rate)
    for a in like:
        role = str(a.attends_like)
        if not told.says_refusals[role]:
            yield ("actors", a, "attends_like", f"{told.probability[role]:.0%} is a habit of the record: no {role} "
                   "was known to have stayed away", "judge willing, attends_if_willing and attends_if_unwilling instead")  # fmt: skip


def remainder(r: _Reading) -> Iterator[Found]:
    """A vague remainder that wins since no judgement ever speaks of it."""
    names = [str(x) for x in r.f.scenarios.scenario.values]
    p, prior = (
        dict(zip(names, r.f.scenarios[of].values, strict=True)) for of in ("probability", "prior")
    )
    nodes: tuple[Any, ...] = (*r.case.indicators, *r.case.actors)
    named = {key for n in nodes for t in n.tables for key in t}
    for s in r.case.scenarios:
        side = [x.id for x in r.case.scenarios if x.held == s.held]
        gained = p[s.id] / sum(p[x] for x in side) > 1.05 * prior[s.id] / sum(prior[x] for x in side)
        vague = s.share is None and s.id not in named and not named.isdisjoint(side)
        if vague and gained and p[s.id] == max(p[x] for x in side):
            yield ("scenarios", s, "", "takes the rest, leads its side and gains by the evidence, yet no judgement names it: "
                   "it may win only by being vague", "say what it makes likely and unlikely, or split it")  # fmt: skip


RULES: tuple[Callable[[_Reading], Iterator[Found]], ...] = (
    indistinct, silent, one_sided, origins, interests, unsupported, misspelt, habits, remainder,
)  # fmt: skip
"""Each is given a case as known on its date with its tree, and says where, why, and the way out."""
