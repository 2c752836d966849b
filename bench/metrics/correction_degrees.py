"""Degrees of freedom of a judge's mean put right by people's labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.metrics.stratified import LENT, satterthwaite

Floats = NDArray[np.float64]


class Scatter(NamedTuple):
    """Sums of squares and products [kind, kind] within and between clusters, with their degrees.

    ``typical`` is the size of a cluster that makes the expected mean square between them
    ``within + typical * between``.
    """

    inside: Floats
    among: Floats
    inside_df: float
    among_df: float
    typical: float


class Weighed(NamedTuple):
    """What one category's corrected mean is made of; kinds are the judge's scores and people's corrections of them.

    Attributes
    ----------
    clusters : int array
        Codes, the same in every category.
    share : float array [cluster, kind]
        Sum of the weights of a cluster's responses; each kind's sum to 1.
    squares : float array [cluster, kind, kind]
        Sums of products of these weights, response by response.
    judged, labelled : Scatter
        Of the judge's scores over all responses, and of both kinds over the labelled ones.
    """

    clusters: NDArray[np.intp]
    share: Floats
    squares: Floats
    judged: Scatter
    labelled: Scatter


def scatter_of(values: Floats, cluster: NDArray[np.intp]) -> Scatter:
    """Return the analysis of variance and covariance of ``values`` [response, kind] by cluster.

    References
    ----------
    .. [1] S. R. Searle, G. Casella and C. E. McCulloch, Variance Components, Wiley, 1992, sections 3.6 and 11.1.

    Examples
    --------
    >>> found = scatter_of(np.array([[1.0], [3], [5], [7]]), np.array([0, 0, 1, 1]))
    >>> found.inside.tolist(), found.among.tolist(), found.inside_df, found.among_df, found.typical
    ([[4.0]], [[16.0]], 2.0, 1.0, 2.0)
    """
    code = np.unique(cluster, return_inverse=True)[1]
    size = np.bincount(code).astype(np.float64)
    means = np.stack([np.bincount(code, weights=column) for column in values.T], axis=1) / size[:, None]
    off = values - means[code]
    apart = means - values.mean(0)
    n, groups = len(values), len(size)
    typical = (n - float(size @ size) / n) / max(groups - 1, 1)
    return Scatter(off.T @ off, (apart * size[:, None]).T @ apart, float(n - groups), float(groups - 1), typical or 1.0)


def inflated(share: Floats) -> Floats:
    """Return what CR2 multiplies a cluster's residual with, ``1 / sqrt(1 - share)``; 0 for a share of all.

    References
    ----------
    .. [1] R. M. Bell and D. F. McCaffrey, Survey Methodology 28, 2002.

    Examples
    --------
    >>> inflated(np.array([0.0, 0.75, 1.0])).tolist()
    [1.0, 2.0, 0.0]
    """
    found: Floats = 1.0 / np.sqrt(np.where(share < 1.0, 1.0 - share, np.inf))
    return found


def components(scatters: Sequence[Scatter]) -> tuple[Floats, Floats]:
    """Return covariances within and between clusters [category, kind, kind], moved towards the pooled ones.

    As `bench.metrics.stratified` does with variances: by `LENT` degrees of freedom, because a category of two or
    three incidents tells little of its own. Negative parts of a matrix are cut off.

    References
    ----------
    .. [1] G. K. Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004: the moved variance.
    .. [2] Y. Amemiya, What should be done when an estimated between-group covariance matrix is not nonnegative
       definite?, The American Statistician 39, 1985.
    """
    inside, among = np.array([each.inside for each in scatters]), np.array([each.among for each in scatters])
    inside_df, among_df, typical = (
        np.array([getattr(each, name) for each in scatters])[:, None, None] for name in ("inside_df", "among_df", "typical")
    )
    pooled = inside.sum(0) / max(float(inside_df.sum()), 1.0)
    common = _positive(among.sum(0) - among_df.sum() * pooled) / max(float((among_df * typical).sum()), 1.0)
    within = (inside + LENT * pooled) / (inside_df + LENT)
    level = (among + LENT * (pooled + typical * common)) / (among_df + LENT)
    return within, _positive(level - within) / typical


def degrees_of(parts: Sequence[Weighed], weights: Floats) -> float:
    """Return the Satterthwaite degrees of freedom of ``sum_c w_c (mean_c judge + mean_c correction)``.

    Its variance is ``sum_g t_g^2``, ``t_g = sum_ck w_c (s_gck - h_gck sum_g s_gck) / sqrt(1 - h_gck)``, with
    ``s_gck`` the weighted sum of kind k in cluster g and ``h_gck`` its share. The degrees are
    ``tr(Q)^2 / tr(Q^2)``, Q the covariance matrix of the ``t_g`` in a working model of random effects by category
    and kind: scores and corrections vary together as they do where both are known, and the effects of one cluster
    move together over categories. Where everything is labelled it is, but for the cut of `components`, what
    `bench.metrics.stratified` has of people's scores.

    References
    ----------
    .. [1] R. M. Bell and D. F. McCaffrey, Survey Methodology 28, 2002; for any linear combination:
       J. E. Pustejovsky and E. Tipton, Journal of Business & Economic Statistics 36, 2018, equations 4 to 6 and 11.
    .. [2] G. W. Imbens and M. Kolesar, Review of Economics and Statistics 98, 2016: the working model estimated.
    """
    within, between = working_model(parts)
    n_groups, n_columns = 1 + max(int(part.clusters.max()) for part in parts), 2 * len(parts)
    factor, share = np.zeros((n_groups, n_columns)), np.zeros((n_groups, n_columns))
    effect = np.zeros((n_groups, n_columns, 2))
    spread = np.zeros((n_columns, n_columns))
    alone, own = np.zeros((n_groups, n_columns)), np.zeros(n_groups)
    for place, part in enumerate(parts):
        at, columns = part.clusters, slice(2 * place, 2 * place + 2)
        scaled = weights[place] * inflated(part.share)
        factor[at, columns], share[at, columns] = scaled, part.share
        effect[at, columns] = part.share[:, :, None] * _root(between[place])
        inner = part.squares * within[place]
        turned = (inner @ scaled[:, :, None])[:, :, 0]
        alone[at, columns] = turned
        own[at] += (turned * scaled).sum(1)
        spread[columns, columns] = inner.sum(0)
    together = (factor[:, :, None] * effect).sum(1)
    spread += np.tensordot(effect, effect, axes=((0, 2), (0, 2)))
    d = factor * share
    p = alone + (effect @ together[:, :, None])[:, :, 0] - d @ spread / 2.0
    return float(satterthwaite((own + (together**2).sum(1))[None], p.T[None], d.T[None])[0])


def working_model(parts: Sequence[Weighed]) -> tuple[Floats, Floats]:
    """Return both covariances: variances of the judge from all its scores, the rest from the labelled ones."""
    every = components([part.judged for part in parts])
    found = components([part.labelled for part in parts])
    for known, whole in zip(found, every, strict=True):
        own = known[:, 0, 0].copy()
        ratio = np.sqrt(whole[:, 0, 0] / np.where(own > 0, own, 1.0))
        known[:, 0, :] *= ratio[:, None]
        known[:, :, 0] *= ratio[:, None]
        known[:, 0, 0] = whole[:, 0, 0]
    within, between = found
    if not (within + between).any():
        within = within + np.eye(2)
    return within, between


def _positive(matrices: Floats) -> Floats:
    """Return symmetric matrices with their negative eigenvalues made 0."""
    value, vector = np.linalg.eigh(matrices)
    found: Floats = (vector * np.maximum(value, 0.0)[..., None, :]) @ vector.swapaxes(-1, -2)
    return found


def _root(matrix: Floats) -> Floats:
    """Return the symmetric root of a matrix without negative eigenvalues."""
    value, vector = np.linalg.eigh(matrix)
    found: Floats = (vector * np.sqrt(np.maximum(value, 0.0))) @ vector.T
    return found
