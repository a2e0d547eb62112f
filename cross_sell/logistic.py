"""Logistic regression with an L2 penalty, by Newton's method, in numpy alone."""

from __future__ import annotations

import numpy as np

from cross_sell.metrics import Floats

#: Newton's steps; a few are enough, since the penalty keeps the problem well shaped.
_STEPS = 25
_CLOSE = 1e-6


def sigmoid(log_odds: Floats) -> Floats:
    """Probabilities of log-odds, without overflow."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -500, 500))), np.float64)


def fit_logistic(
    design: Floats,
    labels: Floats,
    penalty: float | Floats,
    *,
    weights: Floats | None = None,
    offset: Floats | None = None,
    centre: Floats | None = None,
) -> tuple[float, Floats]:
    """Intercept and coefficients that minimise the log loss + penalty/2 · |coefficients - centre|².

    `design` is rows × columns; the intercept is not penalised. Steps are halved until the objective falls, so
    that perfectly separated rows end at the penalty's finite answer.
    """
    rows, columns = design.shape
    full = np.hstack([np.ones((rows, 1)), design])
    weights = np.ones(rows) if weights is None else weights
    offset = np.zeros(rows) if offset is None else offset
    ridge = np.r_[1e-6, np.broadcast_to(penalty, columns)]
    middle = np.r_[0.0, np.zeros(columns) if centre is None else centre]
    beta = middle.copy()
    share = (float(weights @ labels) + 0.5) / (float(weights.sum()) + 1.0)
    beta[0] = np.log(share / (1 - share)) if not offset.any() and centre is None else 0.0

    def objective(at: Floats) -> float:
        odds = full @ at + offset
        loss = weights @ (np.logaddexp(0.0, odds) - labels * odds)
        return float(loss + 0.5 * ridge @ (at - middle) ** 2)

    best = objective(beta)
    for _ in range(_STEPS):
        chance = sigmoid(full @ beta + offset)
        gradient = full.T @ (weights * (chance - labels)) + ridge * (beta - middle)
        curve = weights * np.maximum(chance * (1 - chance), 1e-6)
        hessian = (full * curve[:, None]).T @ full
        hessian[np.diag_indices(columns + 1)] += ridge + 1e-9
        step = np.linalg.solve(hessian, gradient)
        length = 1.0
        while (found := objective(beta - length * step)) > best and length > 1e-3:
            length /= 2
        if found > best:
            break
        beta = beta - length * step
        if best - found < _CLOSE * (abs(best) + 1):
            break
        best = found
    return float(beta[0]), beta[1:]
