"""Small made-up callers with a known truth, for tests of the learner."""

import numpy as np


def callers(rows=1500, seed=0, drift=0.0):
    """Columns of callers; who has few cars, lives in the north or is called from a list says yes more often."""
    chance = np.random.default_rng(seed)
    cars = chance.integers(0, 4, rows)
    region = chance.choice(["north", "south", "east"], rows, p=[0.3, 0.5, 0.2])
    premium = np.round(chance.gamma(2.0, 200.0, rows), 2)
    age = chance.integers(18, 90, rows)
    garage = chance.choice(["yes", "no"], rows)
    odds = -2.0 + 1.2 * (region == "north") - 0.6 * cars + 0.02 * (age - 50) + drift
    odds = odds + 1.5 * ((cars == 3) & (garage == "yes"))
    bought = chance.random(rows) < 1 / (1 + np.exp(-odds))
    return {
        "cars": cars,
        "region": region.astype(object),
        "premium": premium,
        "age": age,
        "garage": garage.astype(object),
        "bought": bought,
    }


def rows_of(columns):
    """The same as plain rows."""
    names = list(columns)
    lists = [np.asarray(columns[name]).tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True)]
