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

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.case import Case
    from forecast.loading import CaseError, check_article, load, shipped
    from forecast.reading import contributions, ladder, replay, watch_table
    from forecast.sampling import agreement, diagnostics, model, sample
    from forecast.update import Forecast, update

__version__ = "0.1.0"

_WHERE = {
    "Case": "case",
    "CaseError": "loading",
    "check_article": "loading",
    "load": "loading",
    "shipped": "loading",
    "Forecast": "update",
    "update": "update",
    "contributions": "reading",
    "ladder": "reading",
    "replay": "reading",
    "watch_table": "reading",
    "agreement": "sampling",
    "diagnostics": "sampling",
    "model": "sampling",
    "sample": "sampling",
}
_MODULES = ("attendance", "judgement", "page", "plots", "tables", "tree")

__all__ = [
    "Case", "CaseError", "Forecast", "agreement", "check_article", "contributions", "diagnostics",
    "ladder", "load", "model", "replay", "sample", "shipped", "update", "watch_table",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(f"forecast.{_WHERE[name]}"), name)
    if name in _MODULES:
        return import_module(f"forecast.{name}")
    raise AttributeError(f"module 'forecast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__version__"})


class _Package(ModuleType):
    """Importing the module `forecast.update` would hide the function of that name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _WHERE and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
