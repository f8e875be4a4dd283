"""Probabilities of the classes from logits in float32."""

import numpy as np


def probabilities(logits):
    """Softmax over the last axis, in float64."""
    from scipy.special import softmax

    return softmax(np.asarray(logits, np.float64), axis=-1)
