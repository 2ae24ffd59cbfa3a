"""Scenario forecasting that can be checked.

>>> import forecast
>>> case = forecast.load(forecast.shipped()[0])
>>> f = forecast.update(case)
>>> f.held.sizes["deadline"] == len(case.question.deadlines)
True

Heavy libraries are imported when they are needed (SPEC 1): an exact forecast needs neither
PyMC nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.advice import Advice, advise
    from forecast.case import Case
    from forecast.criticising import criticism
    from forecast.dependence import ladder, matrix
    from forecast.differences import diff
    from forecast.fits import Fit, held_by
    from forecast.fitting import fit
    from forecast.hindsight import lessons, post_mortem
    from forecast.history import as_known, proposals
    from forecast.hub import read_hub, to_hub
    from forecast.loading import CaseError, check_article, load, shipped
    from forecast.panels import panel
    from forecast.pooling import Analyst, Disagreement, analysts, disagreement, pool
    from forecast.replaying import replay
    from forecast.sampling import agreement, diagnostics, model, sample
    from forecast.scoring import load_resolution, score, score_table, through_time
    from forecast.sensitivity import input_ranges, tornado
    from forecast.shapley import contributions
    from forecast.updating import Forecast, update
    from forecast.watching import movement, watch_table

__version__ = "0.1.0"

_WHERE = {
    "Advice": "advice",
    "advise": "advice",
    "Case": "case",
    "CaseError": "loading",
    "check_article": "loading",
    "load": "loading",
    "shipped": "loading",
    "Forecast": "updating",
    "update": "updating",
    "contributions": "shapley",
    "ladder": "dependence",
    "panel": "panels",
    "Analyst": "pooling",
    "Disagreement": "pooling",
    "analysts": "pooling",
    "disagreement": "pooling",
    "pool": "pooling",
    "matrix": "dependence",
    "replay": "replaying",
    "diff": "differences",
    "criticism": "criticising",
    "movement": "watching",
    "tornado": "sensitivity",
    "input_ranges": "sensitivity",
    "variants": "choices",
    "watch_table": "watching",
    "Fit": "fits",
    "held_by": "fits",
    "fit": "fitting",
    "as_known": "history",
    "proposals": "history",
    "agreement": "sampling",
    "diagnostics": "sampling",
    "model": "sampling",
    "sample": "sampling",
    "lessons": "hindsight",
    "post_mortem": "hindsight",
    "load_resolution": "scoring",
    "score": "scoring",
    "score_table": "scoring",
    "through_time": "scoring",
    "read_hub": "hub",
    "to_hub": "hub",
}
_MODULES = (
    "attendance", "backtest", "backtest_plots", "backtest_scores", "calibration", "classes",
    "drawing", "fits", "folds", "history", "history_plots", "hub", "judgement", "logbook", "many", "page", "plots",
    "reading_plots", "refits", "replaying", "scoring", "tables", "tree", "watching", "whatif",
)  # fmt: skip

__all__ = [
    "Advice", "Analyst", "Case", "CaseError", "Disagreement", "Fit", "Forecast", "advise", "agreement", "analysts", "as_known",
    "check_article", "contributions", "criticism", "diagnostics", "diff", "disagreement", "fit", "held_by", "input_ranges", "ladder", "lessons", "load",
    "load_resolution", "matrix", "model", "movement", "panel", "pool", "post_mortem", "proposals", "read_hub",
    "replay", "sample", "score", "score_table", "shipped", "through_time", "to_hub", "tornado",
    "update", "variants", "watch_table",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"forecast.{_WHERE[name]}"), name)
    if name in _MODULES:
        return import_module(f"forecast.{name}")
    raise AttributeError(f"module 'forecast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__version__"})
