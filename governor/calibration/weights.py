"""What a person's own data say about each meter weight. Changes nothing; ``governor calibrate --fit`` shows it.

Five free weights per person would be noise: accounts on one plan differ by 17-27 %, stretches of one day err alike.
So each weight keeps a strong prior (the default, and how far published measurements of it disagree), and what is
reported is where the data would move it, how sure that is, and whether they speak at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

Z80: Final = 1.2816
NOISE: Final = 0.18  # spread of log(units per percent) between real stretches under good weights
TAILS: Final = 4.0  # degrees of freedom of a Student t: some stretches miss a whole transcript
DOUBT: Final = 4.0  # stretches are autocorrelated 0.3-0.6: variances count four times, so standard errors double
KINDS: Final = ("input", "output", "cache_read", "cache_write")
# Standard deviations of log(weight) before any data: how far the published measurements lie apart (quotas.md, B1).
PRIOR_SD: Final[Mapping[str, float]] = {"output": 0.1, "cache_read": 1.0, "cache_write": 0.25}
MODEL_SD: Final = 0.2
ROUNDS: Final = 25


class Sample(NamedTuple):
    """One stretch by what was used: ``tokens`` are {model: (input, output, cache read, cache write)}.

    ``group`` names what shares one unknown scale: an account in one regime. ``doubtful`` stretches count a quarter.
    """

    group: str
    percent: float
    tokens: Mapping[str, tuple[float, float, float, float]]
    doubtful: bool = False


class Weight(NamedTuple):
    """What the data say about one weight; ``low`` to ``high`` is the 80 % interval, the prior counted in.

    ``says``: silent (the interval is hardly narrower than the prior), agrees (the default lies inside) or differs.
    """

    name: str
    default: float
    fitted: float
    low: float
    high: float
    says: Literal["silent", "agrees", "differs"]


def fit_weights(samples: Sequence[Sample], *, kinds: Mapping[str, float], models: Mapping[str, float]) -> list[Weight]:
    """One finding for each kind but input, and for each model but the most used one, whose weight is the yardstick.

    ``kinds`` and ``models`` are the default weights. A maximum a posteriori fit (Gauss-Newton, Student t errors) of
    log(units per percent) around one free scale per group. Empty where fewer than three stretches moved.
    """
    usable = [s for s in samples if s.percent > 0 and _units(s, kinds, models) > 0]
    if len(usable) < 3:
        return []
    volume = {m: sum(_of_model(s, m, kinds) * models[m] for s in usable) for m in models}
    present = sorted((m for m in models if volume[m] > 0), key=lambda m: -volume[m])
    names = [k for k in KINDS[1:] if k in kinds] + present[1:]
    prior = [PRIOR_SD.get(n, MODEL_SD) for n in names]
    shift = [0.0] * len(names)
    for _ in range(ROUNDS):
        curvature, pull = _normal_equations(usable, names, shift, kinds=kinds, models=models)
        for i, sd in enumerate(prior):
            curvature[i][i] += 1 / sd**2
            pull[i] -= shift[i] / sd**2
        inverse = _inverse(curvature)
        move = [sum(inverse[i][j] * pull[j] for j in range(len(names))) for i in range(len(names))]
        shift = [s + max(-0.5, min(0.5, m)) for s, m in zip(shift, move, strict=True)]
        if max(abs(m) for m in move) < 1e-5:
            break
    out = []
    for i, name in enumerate(names):
        default = kinds[name] if name in kinds else models[name]
        sd = math.sqrt(inverse[i][i])
        low, high = default * math.exp(shift[i] - Z80 * sd), default * math.exp(shift[i] + Z80 * sd)
        says: Literal["silent", "agrees", "differs"] = "agrees" if low <= default <= high else "differs"
        if says == "agrees" and sd > 0.8 * prior[i]:
            says = "silent"
        out.append(Weight(name, default, default * math.exp(shift[i]), low, high, says))
    return out


def _of_model(sample: Sample, model: str, kinds: Mapping[str, float]) -> float:
    counts = sample.tokens.get(model, (0.0, 0.0, 0.0, 0.0))
    return sum(n * kinds[kind] for n, kind in zip(counts, KINDS, strict=True))


def _units(sample: Sample, kinds: Mapping[str, float], models: Mapping[str, float]) -> float:
    return sum(_of_model(sample, m, kinds) * models[m] for m in sample.tokens if m in models)


def _normal_equations(
    samples: Sequence[Sample],
    names: Sequence[str],
    shift: Sequence[float],
    *,
    kinds: Mapping[str, float],
    models: Mapping[str, float],
) -> tuple[list[list[float]], list[float]]:
    """J'WJ and -J'Wr of the residuals of log units per percent, each group's scale taken out."""
    moved = dict(zip(names, (math.exp(x) for x in shift), strict=True))
    now_kinds = {k: v * moved.get(k, 1.0) for k, v in kinds.items()}
    now_models = {m: v * moved.get(m, 1.0) for m, v in models.items()}
    groups: dict[str, list[tuple[float, list[float], float]]] = {}
    for s in samples:
        total = _units(s, now_kinds, now_models)
        slopes = []
        for name in names:
            if name in kinds:
                place = KINDS.index(name)
                part = sum(counts[place] * now_kinds[name] * now_models.get(m, 0.0) for m, counts in s.tokens.items())
            else:
                part = _of_model(s, name, now_kinds) * now_models[name]
            slopes.append(part / total)
        sd = math.hypot(NOISE * (2 if s.doubtful else 1), 0.41 / s.percent)
        groups.setdefault(s.group, []).append((math.log(total / s.percent), slopes, sd))
    n = len(names)
    curvature = [[0.0] * n for _ in range(n)]
    pull = [0.0] * n
    for members in groups.values():
        middle = sorted(y for y, _, _ in members)[len(members) // 2]
        for _ in range(5):
            ws = [_student(y - middle, sd) for y, _, sd in members]
            middle = sum(w * y for w, (y, _, _) in zip(ws, members, strict=True)) / sum(ws)
        mean = [sum(w * x[i] for w, (_, x, _) in zip(ws, members, strict=True)) / sum(ws) for i in range(n)]
        for w, (y, slopes, _) in zip(ws, members, strict=True):
            centred = [x - m for x, m in zip(slopes, mean, strict=True)]
            for i in range(n):
                pull[i] -= w * centred[i] * (y - middle) / DOUBT
                for j in range(n):
                    curvature[i][j] += w * centred[i] * centred[j] / DOUBT
    return curvature, pull


def _student(residual: float, sd: float) -> float:
    return (TAILS + 1) / (TAILS + (residual / sd) ** 2) / sd**2


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Gauss-Jordan; the matrix is positive definite, for every prior is proper."""
    n = len(matrix)
    rows = [[*row, *(1.0 if i == j else 0.0 for j in range(n))] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = rows[i][i]
        rows[i] = [x / pivot for x in rows[i]]
        for k in range(n):
            if k != i:
                factor = rows[k][i]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[n:] for row in rows]
