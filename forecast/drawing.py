"""The tree of a case as a picture that a person can check: in the terminal, and as a figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.judgement import GRADES, Judgement
from forecast.markup import counted, percent, short, signed
from forecast.tables import whole_scenarios
from forecast.tree import weigh
from forecast.updating import Forecast
from forecast.watching import waiting
from forecast.wording import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.tree import Tree

_KEY = (
    "In the cells: chance in % that it is true, or the actor willing, in that scenario; a / b: if what it is given is false / true. "
    "Scenarios in blue: it is held.",
    "On the scale: ● an event, at what its reports say for or against; × a watch whose day passed unseen. Grades: of its best chain, A "
    "(reliable) to F. Ahead: watches whose day is to come.",
)
_LETTERS = {phi: letter for letter, phi in GRADES.items()}


@dataclass(frozen=True)
class Sign:
    """An event, or a silence, below its node.

    Parameters
    ----------
    id, what, when : str
    decibans : float
        What its reports say for (+) or against (-) the node, after grades, origins and age.
    reports, origins : int
        None of either for a silence.
    grade : str
        The best chain's, A to F.
    """

    id: str
    what: str
    when: str
    decibans: float
    reports: int = 0
    origins: int = 0
    grade: str = ""


@dataclass(frozen=True)
class Node:
    """An indicator or actor in its place in the tree.

    Parameters
    ----------
    id, says : str
    kind : {"indicator", "actor"}
    given : str or None
        The node above it, besides the scenario.
    depth : int
        How many such nodes are above it.
    judgements : tuple of (str, str)
        What was judged, and the judgement with its range.
    chance : ndarray, shape (2, S)
        Mean of P(true | scenario), or of willing, if the node above is false, and if it is true.
    probability : float
        P(true | reports); of an actor P(attends | held, reports). Not a number if required.
    signs : tuple of Sign
    ahead : tuple of (str, str, str)
        Watches on it whose day is still to come: id, what, and the day.
    """

    id: str
    says: str
    kind: str
    given: str | None
    depth: int
    judgements: tuple[tuple[str, str], ...]
    chance: NDArray[Any]
    probability: float
    signs: tuple[Sign, ...]
    ahead: tuple[tuple[str, str, str], ...]


def outline(f: Forecast) -> tuple[Node, ...]:
    """The nodes of a forecast's tree, each followed by those that are given it."""
    case, compiled = f.case, f.compiled
    chance = compiled.theta[compiled.tree.chance]
    true = {str(k): float(v) for k, v in f.indicators.probability.to_series().items()}
    true |= {str(k): float(v) for k, v in f.actors.given_held.to_series().items()}
    true |= {a.id: float("nan") for a in case.actors if a.required}
    signs: dict[str, list[Sign]] = {name: [] for name in compiled.nodes}
    for sign, node in zip(_signs(f), compiled.bears_on, strict=True):
        signs[node].append(sign)
    parts: tuple[Any, ...] = (*case.indicators, *case.actors)
    ahead = [w for w in waiting(case.as_known(f.as_of), f.as_of) if w.bears_on]
    below: dict[str | None, list[Any]] = {}
    for part in parts:
        below.setdefault(part.given, []).append(part)
    out, todo = [], [(part, 0) for part in reversed(below.get(None, []))]
    while todo:
        part, depth = todo.pop()
        actor = hasattr(part, "name")
        out.append(Node(
            part.id, part.name if actor else part.statement, "actor" if actor else "indicator", part.given,
            depth, tuple(_judged(part)), chance[compiled.nodes.index(part.id)], true[part.id],
            tuple(signs[part.id]),
            tuple((w.id, w.what, str(w.by)) for w in ahead if w.bears_on == part.id),
        ))  # fmt: skip
        todo += [(x, depth + 1) for x in reversed(below.get(part.id, []))]
    return tuple(out)


def _signs(f: Forecast) -> list[Sign]:
    log_lam = weigh(f.compiled.tree, f.compiled.theta)
    worth = 10 / np.log(10) * (log_lam[:, 1] - log_lam[:, 0]) if len(log_lam) else ()
    events, watch = {e.id: e for e in f.case.events}, {w.id: w for w in f.case.watch}
    out = []
    for name, decibans in zip(f.compiled.events, worth, strict=True):
        if e := events.get(name):
            grade = _LETTERS[min(f.case.phi(r) for r in e.reports)]
            told = {f.case.origin(r) for r in e.reports}
            out.append(
                Sign(name, e.what, str(e.date[1]), float(decibans), len(e.reports), len(told), grade)
            )
        else:
            out.append(Sign(name, f"not seen: {watch[name].what}", str(watch[name].by), float(decibans)))
    return out


def _judged(part: Any) -> list[tuple[str, str]]:
    keys = ("chance", "if_true", "if_false", "willing", "willing_if_true", "willing_if_false",
            "attends_if_willing", "attends_if_unwilling")  # fmt: skip
    tables: list[tuple[str, Mapping[str, Judgement] | None]] = [
        (k, getattr(part, k, None)) for k in keys
    ]
    out = [
        (k, "; ".join(str(j) if len(t) == 1 else f"{name} {j}" for name, j in t.items()))
        for k, t in tables
        if t
    ]
    if getattr(part, "attends_like", None):
        out.append(("attends_like", part.attends_like))
    if getattr(part, "part_of", None):
        out.append(("part_of", part.part_of))
    return [(k.replace("_", " "), v) for k, v in out]


def terminal(f: Forecast) -> Tree:
    """The tree as a `rich` tree: every scenario, judgement, node and event with its id."""
    from rich.text import Text
    from rich.tree import Tree

    def line(*pieces: tuple[str, str]) -> Text:
        # Text, not markup: what a case says is data
        return Text.assemble(
            *((clean(words.replace("\u00a0", " "), 400), style) for words, style in pieces)
        )

    top = Tree(line((f"{f.case.question.title}, as of {f.as_of}", "bold")))
    futures = top.add(line(("scenarios", "bold"), ("  exactly one of them comes true", "dim")))
    for s, after, before in zip(
        f.case.scenarios, whole_scenarios(f), whole_scenarios(f, "prior"), strict=True
    ):
        side = "held" if s.held else "not held"
        share = f"share {s.share} of P({side})" if s.share else f"takes the rest of P({side})"
        about = f"  {after} % (base rate {before} %); {share}"
        futures.add(line((s.id, "bold"), (f"  {s.label}", ""), (about, "dim")))
    about = "  each by scenario; below it what is given it, and its events"
    root = top.add(line(("indicators and actors", "bold"), (about, "dim")))
    at: dict[str | None, Tree] = {None: root}
    for n in outline(f):
        now = "required" if np.isnan(n.probability) else percent(n.probability)
        now = f"{now} if held" if n.kind == "actor" and now != "required" else now
        at[n.id] = at[n.given].add(
            line((n.id, "bold"), (f"  {n.kind}  ", "cyan"), (n.says, ""), (f"  {now}", "bold"))
        )
        for key, judgement in n.judgements:
            at[n.id].add(line((f"{key}: ", "dim"), (judgement, "dim")))
        for x in n.signs:
            tone = "green" if x.decibans > 0 else "red"
            told = f"{counted(x.reports, 'report')}, {counted(x.origins, 'origin')}, best {x.grade}"
            at[n.id].add(line((f"{signed(x.decibans)} dB  ", tone), (f"{x.when}  ", ""), (x.id, "bold"), (f"  {x.what}  ", ""),
                              (told if x.reports else "silence", "dim")))  # fmt: skip
        for name, what, by in n.ahead:
            at[n.id].add(
                line(("watch  ", "cyan"), (f"by {by}  ", ""), (name, "bold"), (f"  {what}", ""))
            )
    return top


def tree(f: Forecast, ax: Axes | None = None) -> Axes:
    """The tree as a figure: a row for each indicator and actor, those given another below it.

    Left to right: the node; a column for each scenario with the mean chance that the node is
    true in it (if the node above is false / if it is true); a mark for each event at what its
    reports say of the node, in decibans, with counts; and what follows from all. A key is below.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    from forecast import plots

    nodes, scenarios = outline(f), f.case.scenarios
    size, width = len(nodes), 0.72
    first, after = 4.9, 4.9 + width * len(scenarios)
    zero, end = after + 1.75, after + 5.5
    if ax is None:
        # the axes fill the figure, so that a row is as high as its text however many there are
        ax = plt.figure(figsize=(end + 0.85, 0.27 * (size + 9))).add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, end + 0.85), ylim=(size + 3, -6))
    ax.axis("off")
    top = max([1.0, *(abs(x.decibans) for n in nodes for x in n.signs)])
    row = {n.id: i for i, n in enumerate(nodes)}
    for j, (s, p) in enumerate(zip(scenarios, whole_scenarios(f), strict=True)):
        ax.text(first + width * (j + 0.35), -0.65, f"{short(s.id.replace('_', ' '), 22)}, {p} %", rotation=38,
                ha="left", va="bottom", fontsize=8.5, color=plots.BLUE if s.held else "black", rotation_mode="anchor")  # fmt: skip
    for x, words, place in ((0.05, "indicator, or actor in bold", "left"), (zero, f"← against · for →, up to {top:.1f} dB", "center"),
                            (after + 3.45, "events, reports, grades; ahead", "left"), (end + 0.8, "now", "right")):  # fmt: skip
        ax.text(x, -0.65, words, fontsize=8.5, color=plots.GREY, ha=place, va="bottom")
    ax.plot([zero, zero], [-0.45, size - 0.5], color=plots.GREY, linewidth=0.6)
    for i, n in enumerate(nodes):
        x = 0.05 + 0.22 * min(n.depth, 9)
        if n.given is not None:
            elbow = [x - 0.15, x - 0.15, x - 0.03], [row[n.given] + 0.35, i, i]
            ax.plot(*elbow, color=plots.GREY, linewidth=0.8)
        ax.text(x, i, plots._plain(n.says, 66 - 3 * min(n.depth, 9) - 6 * (n.kind == "actor")), fontsize=8.5, va="center",
                weight="bold" if n.kind == "actor" else "normal")  # fmt: skip
        for j in range(len(scenarios)):
            low, high = n.chance[:, j]
            ax.add_patch(Rectangle((first + width * j, i - 0.44), 0.95 * width, 0.88, color=plots.BLUE,
                                   alpha=0.05 + 0.45 * float((low + high) / 2), linewidth=0))  # fmt: skip
            told = f"{100 * high:.0f}" if low == high else f"{100 * low:.0f} / {100 * high:.0f}"
            ax.text(first + width * (j + 0.475), i, told, fontsize=8, ha="center", va="center")
        at: Counter[float] = Counter()
        for sign in n.signs:
            x = round(zero + 1.5 * sign.decibans / top, 2)
            step, at[x] = at[x], at[x] + 1  # two that say the same stand beside each other
            ax.plot(x, i + 0.16 * (-1) ** step * ((step + 1) // 2), "o" if sign.reports else "x", markersize=5, alpha=0.65,
                    color=plots.GREEN if sign.decibans > 0 else plots.ORANGE)  # fmt: skip
        told_by = [x for x in n.signs if x.reports]
        grades = sorted({x.grade for x in told_by})
        counts = f"{len(n.signs)}, {sum(x.reports for x in told_by)}, {'-'.join(dict.fromkeys(grades[:: max(len(grades) - 1, 1)]))}"
        counts = counts.rstrip(", ") if n.signs else "none"
        counts += f"; {counted(len(n.ahead), 'watch', 'watches')}" if n.ahead else ""
        ax.text(
            after + 3.45, i, counts, fontsize=8.5, va="center", color="black" if n.signs else plots.GREY
        )
        ax.text(end + 0.8, i, "required" if np.isnan(n.probability) else percent(n.probability), fontsize=8.5, ha="right", va="center")  # fmt: skip
    for k, words in enumerate(_KEY):
        ax.text(0.05, size + 0.6 + k, words, fontsize=8.5, color=plots.GREY, va="center")
    told = "; ".join(
        f"{n.says}: {counted(len(n.signs), 'event or silence', 'events and silences')}, {percent(n.probability)}"
        for n in nodes
    )
    says = (f"The tree of {f.case.question.title}, as of {f.as_of}: {counted(len(scenarios), 'scenario')}, "
            f"{counted(len(f.case.indicators), 'indicator')}, {counted(len(f.case.actors), 'actor')}, "
            f"{counted(len(f.compiled.events), 'event or silence', 'events and silences')}. {told}.")  # fmt: skip
    return plots._says(ax, clean(says.replace("\u00a0", " "), 20_000))
