"""The scorer judged on public data, by the code that serves calls: one module a data set, each with `evaluate`.

    table = cross_sell.evaluation.run("coil2000", folder, seed=0, progress=tell)
    print(table.markdown())

Nothing of these sets is shipped; docs/crosssell-learning.md says where they come from.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from cross_sell.errors import DataError

#: The sets that can be judged, and the module that does it.
SETS = {
    "coil2000": "coil",
    "health_cross_sell": "health",
    "bank_marketing": "bank",
    "zimnat": "zimnat",
    "tryg": "tryg",
}
_SHORT = {"coil": "coil2000", "health": "health_cross_sell", "bank": "bank_marketing"}


def run(name: str, folder: str | Path, seed: int = 0, progress: Any = None) -> Any:
    """Judge by the set of this name; raises DataError where the name or the folder is not one of a set."""
    module = SETS.get(_SHORT.get(name, name))
    if module is None:
        raise DataError(f"There is no evaluation {name!r}.", f"There are: {', '.join(SETS)}.")
    if not Path(folder).is_dir():
        raise DataError(f"{folder} is not a folder.", "Give the folder that holds the set's files.")
    return import_module(f"cross_sell.evaluation.{module}").evaluate(folder, seed, progress)
