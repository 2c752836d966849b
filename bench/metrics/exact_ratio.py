"""The exact quantile of a mean over its robust standard error, where t with fitted degrees is not close enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]

#: Step of the integral in log t; halving it moves no quantile by more than 1e-6.
_STEP = 0.15
_START = -8.0
_ROUNDS = 40
#: Complex numbers held at once.
_BATCH = 400_000


def exact_quantile(share: Floats, omega: Floats, df: Floats, level: float) -> Floats:
    """Return c with ``P(|mean - truth| <= c SE) = level`` when cluster sums are normal.

    With independent cluster sums ``s_g ~ N(0, omega_g)`` the error of the mean is
    ``e = sum_g s_g`` and ``SE^2 = sum_g (s_g - h_g e)^2 / (1 - h_g)`` as in
    `bench.metrics.small_sample.robust_spread`. ``e^2 - c^2 SE^2`` is a quadratic form in normal
    variables, so that ``P(e^2 > c^2 SE^2)`` is an integral over its characteristic function [1]_.
    The matrix of the form is diagonal plus rank two: no eigenvalues are needed.

    Parameters
    ----------
    share, omega : float arrays [row, cluster]
        ``h_g``, which sum to 1 over at least two clusters, and ``omega_g``, up to a factor.
    df : float array [row]
        Satterthwaite's degrees of freedom [2]_; their t quantile is where the search starts.
    level : float

    Notes
    -----
    Satterthwaite's t is exact for equal clusters and close from about five degrees on. Below, where
    one or two clusters hold most of the values, it is far too long: 95 % intervals cover 99 %.

    References
    ----------
    .. [1] J. P. Imhof, Computing the distribution of quadratic forms in normal variables,
       Biometrika 48, 1961; J. Gil-Pelaez, Note on the inversion theorem, Biometrika 38, 1951.
    .. [2] R. M. Bell and D. F. McCaffrey, Survey Methodology 28, 2002; the same working model with
       a saddlepoint in place of t: D. F. McCaffrey and R. M. Bell, Statistics in Medicine 25, 2006.

    Examples
    --------
    Equal clusters give Student's t with G - 1 degrees:

    >>> even = np.full((1, 5), 0.2)
    >>> bool(abs(exact_quantile(even, even, np.array([4.0]), 0.95)[0] - 2.776445) < 1e-5)
    True
    """
    found: Floats = np.empty(len(share), dtype=np.float64)
    width = max(1, _BATCH // (share.shape[1] * 300))
    for start in range(0, len(share), width):
        part = slice(start, start + width)
        found[part] = _quantile(share[part], omega[part], df[part], 1.0 - level)
    return found


def exceedance(cut: Floats, share: Floats, omega: Floats) -> Floats:
    """Return ``P(e^2 > cut SE^2)`` of `exact_quantile`, one per row.

    Examples
    --------
    Two clusters, equal: a Cauchy variable, beyond 1 half of the time.

    >>> even = np.full((1, 2), 0.5)
    >>> float(exceedance(np.array([1.0]), even, even)[0].round(6))
    0.5
    """
    inflate = 1.0 / np.where(share < 1.0, 1.0 - share, np.inf)
    omega = omega / (omega.sum(1) + cut * (inflate * omega).sum(1))[:, None]
    down = cut[:, None] * inflate * omega
    least = float(np.min(down, initial=1.0, where=down > 0))
    rank = int((down > 0).sum(1).min(initial=2))
    turn = 2.0 * np.exp(np.arange(_START, -np.log(least) + 60.0 / max(rank, 2) + 4.0, _STEP))
    x = turn[None, :, None] * down[:, None, :]
    q = 1.0 / (1.0 + x * x)
    size, angle = -np.log(q).sum(2) / 2.0, np.arctan(x).sum(2)
    pull = inflate * share
    powers = np.stack([omega, omega * pull, omega * pull**2], axis=2)
    plain, mixed, pulled = np.moveaxis(q @ powers - 1j * ((x * q) @ powers), 2, 0)
    both = (1.0 - cut * (pull * share).sum(1))[:, None]
    cross, spin = cut[:, None], 1j * turn
    corner = (1.0 - spin * (both * plain + cross * mixed)) * (1.0 - spin * cross * mixed)
    corner -= spin**2 * (both * mixed + cross * pulled) * (cross * plain)
    angle += np.unwrap(np.angle(corner), axis=1)
    size = size + np.log(np.abs(corner))
    wave = np.exp(-0.5 * size) * np.sin(0.5 * angle)
    below = wave[:, 0] / np.expm1(_STEP)  # the integrand is linear in t down there
    tail: Floats = 0.5 - (wave.sum(1) + below) * _STEP / np.pi
    return tail


def _quantile(share: Floats, omega: Floats, df: Floats, tail: float) -> Floats:
    """Return the roots by the secant method on log P over log c, kept inside a shrinking bracket."""
    start = np.clip(2.0 * np.log(stdtrit(df, 1.0 - tail / 2.0)), 0.0, 12.0)
    low: Floats = np.full(len(df), -6.0)
    high: Floats = np.maximum(start, 2.0) + 4.0
    at: Floats = np.minimum(start, 4.0)
    before, error_before = at + 0.5, _error(at + 0.5, share, omega, tail)
    for _ in range(_ROUNDS):
        error = _error(at, share, omega, tail)
        low, high = np.where(error > 0, at, low), np.where(error > 0, high, at)
        slope = (error - error_before) / np.where(at == before, 1.0, at - before)
        step = np.where(slope < -1e-3, -error / np.minimum(slope, -1e-3), 0.0)
        before, error_before = at, error
        following = at + step
        inside = (following > low) & (following < high) & (slope < -1e-3)
        at = np.where(np.abs(error) < 1e-10, at, np.where(inside, following, (low + high) / 2.0))
        if float(np.abs(at - before).max(initial=0.0)) < 1e-9:
            break
    root: Floats = np.exp(at / 2.0)
    return root


def _error(at: Floats, share: Floats, omega: Floats, tail: float) -> Floats:
    found: Floats = np.log(np.maximum(exceedance(np.exp(at), share, omega), 1e-12)) - np.log(tail)
    return found
