"""Backtest of the base rates: `python -m benchmarks.backtest`.

Refits the models without each group of conflicts, and as known on each half year, predicts the
proposals that the refit did not know, and scores the predictions. A killed run resumes where it
was: finished refits stay in build/backtest. With --keep the predictions and the text go to where
the notebook reads them; without, the text is printed only.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import os
import sys
import textwrap
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import backtest, backtest_scores, folds, history
from forecast.backtest_scores import ATTENDED, SIMPLER
from forecast.loading import seeds

WHAT = {
    "left out": "Left out: {n} refits, each without all rows of a group of conflicts, whenever they were",
    "as known": "As known on the date: {n} refits, each on the last day of a half year, the first when "
    f"{folds.LEAST} rows were known",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtest", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--dask", help="address of a dask.distributed scheduler, to use instead")
    parser.add_argument("--folder", type=Path, default=Path("build/backtest"),
                        help="where finished refits are kept (build/backtest)")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="store the result beside the table")
    of = parser.parse_args(arguments)
    name, how = "peace_talks", backtest.Sampling()
    table = history.proposals(name)
    chosen = [*folds.left_out(table), *folds.as_known(table)]
    results = backtest.run(table, chosen, of.folder, jobs=of.jobs, dask=of.dask, how=how, progress=True)
    predictions = backtest.predictions(results)
    text = report(table, predictions, results, how)
    print(text)
    if of.keep:
        backtest_scores.write(predictions, table, seeds() / name / "backtest.csv")
        (seeds() / name / "backtest.txt").write_text(text + "\n", "utf-8")
    return 0


def report(
    table: pd.DataFrame, predictions: pd.DataFrame, results: list[dict[str, Any]],
    how: backtest.Sampling,
) -> str:  # fmt: skip
    """The result as text."""
    of = [d[k] for d in (r["diagnostics"] for r in results) for k in ("opening", "attending")]
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("pymc", "nutpie", "numpy"))
    last = folds.last_day(table)
    lines = [
        f"Backtest of the base rates, {dt.date.today()}",
        f"{len(results)} refits of both models, {how.chains} chains of {how.draws} draws after {how.tune}: largest "
        f"R-hat {max(d['max_rhat'] for d in of):.3f}, least effective sample size "
        f"{min(min(d['min_ess_bulk'], d['min_ess_tail']) for d in of)}, "
        f"{sum(d['divergences'] for d in of)} divergences",
        f"{versions}; {sum(r['seconds'] for r in results) / 60:.0f} minutes of processor time on "
        f"{os.cpu_count()} cores",
        "",
        "Question: of a proposal that has not opened at the landmark (days after it was made) and is not",
        "known to be dead, will it open within the window (days after the landmark)? What died within the",
        f"window is a no. The table ends on {last}: a window that ends later is not scored. The model is told",
        "both, as a forecast is (docs/model.md, section 3). A share is that of the training rows that were",
        "asked the same question, (k + 1)/(n + 2). Scores: less is better. Gain: the other's score less the",
        "model's, above zero if the model is better, with the central 90 % by bootstrap over conflicts. Skill:",
        "the gain as a share of the other's score. Not clearly different: the interval holds zero.",
        "With so few conflicts nothing finer than .02 or .03 can be told.",
    ]  # fmt: skip
    opened = backtest_scores.openings(table, predictions)
    came = backtest_scores.attendance(table, predictions)
    for scheme, what in WHAT.items():
        n = sum(r["scheme"] == scheme for r in results)
        asked, parties = opened[opened["scheme"] == scheme], came[came["scheme"] == scheme]
        lines += [
            "",
            "",
            what.format(n=n),
            "",
            *opening_text(table, asked),
            "",
            *attendance_text(parties),
        ]
    return "\n".join(lines)


def opening_text(table: pd.DataFrame, asked: pd.DataFrame) -> list[str]:
    scored = asked[asked["over"]]
    whole = backtest_scores.summary(asked, ["scheme"], SIMPLER).droplevel("scheme")
    by = backtest_scores.summary(asked, ["landmark", "window"], SIMPLER)
    stage = by.xs(("log", "of its stage"), level=("score", "forecast"))["gain"]
    first, gone = whole.iloc[0], len(table) - asked["proposal"].nunique()
    lines = [
        *wrapped(
            f"Held? {len(scored)} answers on {first['proposals']:.0f} proposals of "
            f"{first['conflicts']:.0f} conflicts. Left out: {len(asked) - len(scored)} answers whose window was "
            f"not over{f', {gone} proposals that were made too early' if gone else ''}. Of the "
            f"{int((~scored['happened']).sum())} that are a no, {int(scored['died'].sum())} died in the window.",
            indent="",
        ),
        *wrapped(*backtest_scores.verdict(whole)),
        *wrapped(
            f"Question by question, the model's mean log score is worse than the share of its stage in "
            f"{int((stage < 0).sum())} of {len(stage)} and better in {int((stage > 0).sum())}. The questions "
            "are about the same proposals: this is one finding, not many."
        ),
        "",
        *bias_text(asked),
        "",
        f"{'':38}{'Brier score':14}{'gain over the':>24}{'log score':>16}{'gain over the':>24}",
        f"{'landmark window':16}{'n':>5}{'held':>6}{'said':>6}"
        + f"{'model':>9}{'stage':>7}  {'share of its stage':>24}" * 2,
    ]
    for (a, b), group in by.groupby(["landmark", "window"]):
        said = scored[(scored["landmark"] == a) & (scored["window"] == b)]["model"].mean()
        rows = group.droplevel(["landmark", "window"])
        lines.append(f"{a:8}{b:7} " + scores_text(rows, said, "of its stage"))
    lines += [
        "",
        "CORP: Brier score = miscalibration - discrimination + uncertainty. Miscalibration is above zero even",
        "for right forecasts when answers are few: the notebook's figure has the band.",
        f"{'':24}{'miscalibration':>16}{'discrimination':>18}",
        f"{'landmark window':16}{'uncert.':>8}" + f"{'model':>9}{'stage':>8}" * 2,
    ]
    parts = backtest_scores.parts(asked, ["landmark", "window"], ("model", "of its stage"))
    for (a, b), rows in parts.groupby(["landmark", "window"]):
        lines.append(f"{a:8}{b:7} {rows['uncertainty'].iloc[0]:8.3f}" + "".join(
            f"{rows[k].iloc[0]:9.3f}{rows[k].iloc[1]:8.3f}" for k in ("miscalibration", "discrimination")
        ))  # fmt: skip
    return lines


def bias_text(asked: pd.DataFrame) -> list[str]:
    gap = backtest_scores.bias(asked, ["landmark"], ("model", "unaware"))
    log = backtest_scores.summary(asked, ["landmark"], ["unaware"]).xs("log", level="score")["mean"]
    lines = [
        "Said too much or too little? By landmark, over all windows; and the same of the model, had it not been",
        "told that the proposal had not died by then.",
        f"{'landmark':>8}  {'model told':16}{'said':>6}{'held':>6}{'said - held':>24}{'log score':>11}",
    ]
    for a, name in gap.index:
        if name == "unaware" and a == 0:
            continue  # on its first day nothing has died
        x, told = gap.loc[(a, name)], "not opened" if name == "unaware" or not a else "not dead either"
        between = f"{x['bias']:+.2f} ({x['low']:+.2f} to {x['high']:+.2f})"
        lines.append(
            f"{a:8}  {told:16}{x['said']:6.2f}{x['happened']:6.2f}{between:>24}{log[a, name]:11.3f}"
        )
    return lines


def attendance_text(parties: pd.DataFrame) -> list[str]:
    whole = backtest_scores.summary(parties, ["scheme"], ATTENDED).droplevel("scheme")
    by, first = backtest_scores.summary(parties, ["role"], ATTENDED), whole.iloc[0]
    lines = [
        *wrapped(
            f"Comes, if held and invited? {first['answers']:.0f} answers on {first['proposals']:.0f} talks "
            f"of {first['conflicts']:.0f} conflicts; {first['happened']:.2f} came.",
            indent="",
        ),
        *wrapped(*backtest_scores.verdict(whole)),
        "",
        f"{'':44}{'Brier score':14}{'gain over the':>24}{'log score':>16}{'gain over the':>24}",
        f"{'':22}{'n':>5}{'came':>6}{'said':>6}"
        + f"{'model':>9}{'role':>7}  {'share of its role':>24}" * 2,
    ]
    for role, group in by.groupby("role", sort=False):
        said = parties[parties["role"] == role]["model"].mean()
        lines.append(f"{role:22}" + scores_text(group.droplevel("role"), said, "of its role"))
    return lines


def scores_text(rows: pd.DataFrame, said: float, other: str) -> str:
    x = rows.iloc[0]
    text = f"{x['answers']:5.0f}{x['happened']:6.2f}{said:6.2f}"
    for score in ("brier", "log"):
        of = rows.loc[score]
        gain, few = of.loc[other], x["conflicts"] < 5
        between = "few conflicts" if few else f"{gain['low']:+.3f} to {gain['high']:+.3f}"
        text += f"{of.loc['model', 'mean']:9.3f}{of.loc[other, 'mean']:7.3f}"
        text += f"  {gain['gain']:+.3f} ({between})".rjust(26)
    return text


def wrapped(*sentences: str, indent: str = "- ") -> list[str]:
    after = " " * len(indent)
    return [line for s in sentences
            for line in textwrap.wrap(s, 100, initial_indent=indent, subsequent_indent=after)]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
