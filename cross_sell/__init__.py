"""Who should be spoken to about which product: learners, catalogue, gates, referrals and proof.

    model = cross_sell.fit(frame, "bought", schema, seed=0)     # Model: one calibrated additive model
    score = model.score(row)                                    # Score(probability, reasons)
    chances = model.score_many(frame)                           # numpy array
    model.observe(outcomes)                                     # labels that came later
    model.save(path); cross_sell.Model.load(path)

Importing this package is light: what learns, and numpy, are imported when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cross_sell.learning import Progress, fit
    from cross_sell.model import Model, Reason, Score
    from cross_sell.products import fit_products
    from cross_sell.products_model import ProductModel, ProductScore
    from cross_sell.schema import Column, Kind, Schema, Use

#: Where each public name lives; a module is imported when a name of it is first used.
_HOMES = {
    "Column": "schema",
    "CrossSellError": "errors",
    "Kind": "schema",
    "Model": "model",
    "ProductModel": "products_model",
    "ProductScore": "products_model",
    "Progress": "learning",
    "Reason": "model",
    "Schema": "schema",
    "Score": "model",
    "Use": "schema",
    "fit": "learning",
    "fit_products": "products",
}

__all__ = [
    "Column",
    "Kind",
    "Model",
    "ProductModel",
    "ProductScore",
    "Progress",
    "Reason",
    "Schema",
    "Score",
    "Use",
    "fit",
    "fit_products",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
