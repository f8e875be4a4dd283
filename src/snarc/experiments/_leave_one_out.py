"""Least squares without each of its examples in turn, in closed form: what jackknife experiments share."""

import numpy as np


def without_each(x, y):
    """Least-squares weights of all examples and without each, and the errors on what was left out.

    Of several solutions the shortest is taken, as with more weights than examples.

    Parameters
    ----------
    x, y: ``(n, d)``, ``(n,)``; x of full rank.

    Returns
    -------
    Weights ``(d,)``, weights without example i ``(n, d)``, and y_i less what these say of it ``(n,)``.
    """
    inverse = np.linalg.pinv(x)
    weights = inverse @ y
    if len(x) > x.shape[1]:
        missed = (y - x @ weights) / (1 - np.einsum("ij,ji->i", x, inverse))
    else:
        gram = np.linalg.inv(x @ x.T)
        missed = gram @ y / np.diag(gram)
    return weights, weights - (inverse * missed).T, missed
