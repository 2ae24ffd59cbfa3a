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
    from forecast.case import Case
    from forecast.dependence import ladder
    from forecast.fits import Fit, held_by
    from forecast.fitting import fit
    from forecast.history import as_known, proposals
    from forecast.loading import CaseError, check_article, load, shipped
    from forecast.replaying import replay
    from forecast.sampling import agreement, diagnostics, model, sample
    from forecast.shapley import contributions
    from forecast.updating import Forecast, update
    from forecast.watching import watch_table

__version__ = "0.1.0"

_WHERE = {
    "Case": "case",
    "CaseError": "loading",
    "check_article": "loading",
    "load": "loading",
    "shipped": "loading",
    "Forecast": "updating",
    "update": "updating",
    "contributions": "shapley",
    "ladder": "dependence",
    "replay": "replaying",
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
}
_MODULES = (
    "attendance", "classes", "fits", "history", "history_plots", "judgement", "page", "plots",
    "replaying", "tables", "tree",
)  # fmt: skip

__all__ = [
    "Case", "CaseError", "Fit", "Forecast", "agreement", "as_known", "check_article",
    "contributions", "diagnostics", "fit", "held_by", "ladder", "load", "model", "proposals",
    "replay", "sample", "shipped", "update", "watch_table",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"forecast.{_WHERE[name]}"), name)
    if name in _MODULES:
        return import_module(f"forecast.{name}")
    raise AttributeError(f"module 'forecast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__version__"})
