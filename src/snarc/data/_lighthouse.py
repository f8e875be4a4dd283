"""A picture drawn by formulas: a lighthouse at dusk, at any size."""

from __future__ import annotations

import numpy as np

_FINER = 4  # points along each side of a pixel, so that edges are as smooth as a camera's


def draw(height: int, width: int) -> np.ndarray:
    """The picture in grey, ``(height, width)`` in [0, 1], rounded to 256 steps; each pixel is a mean over its area."""
    longer = max(height, width)
    y = (np.arange(height * _FINER) + 0.5 - height * _FINER / 2) / (longer * _FINER)
    x = (np.arange(width * _FINER) + 0.5 - width * _FINER / 2) / (longer * _FINER)
    fine = grey(*np.meshgrid(x, y))
    mean = fine.reshape(height, _FINER, width, _FINER).mean(axis=(1, 3))
    return np.rint(mean * 255) / 255


def grey(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Brightness in [0, 1] at places from -0.5 to 0.5, ``y`` downwards."""
    horizon = 0.12
    sky = 0.30 + 0.45 * (y + 0.5) / (horizon + 0.5)
    sun = np.hypot(x + 0.22, y - 0.02)
    picture = np.where(sun < 0.085, 0.98, sky + 0.30 * np.exp(-((sun / 0.16) ** 2)))
    hills = horizon - 0.075 - 0.045 * np.sin(9 * x + 0.6) - 0.02 * np.sin(23 * x)
    picture = np.where((y > hills) & (y < horizon), 0.34 + 0.10 * (x + 0.5), picture)
    # Waves come closer together towards the horizon, as they do.
    depth = np.maximum(y - horizon, 1e-3)
    waves = 0.5 + 0.5 * np.sin(9 / (depth + 0.09) + 1.6 * np.sin(14 * x + 30 * depth))
    glitter = 0.35 * np.exp(-(((x + 0.22) / (0.05 + 0.5 * depth)) ** 2)) * waves
    picture = np.where(y >= horizon, 0.22 + 0.16 * waves + glitter, picture)
    rock = 0.30 - 0.16 * np.exp(-(((x - 0.20) / 0.17) ** 2)) + 0.012 * np.sin(60 * x) + 0.008 * np.sin(131 * x)
    picture = np.where(y > rock, 0.12 + 0.05 * np.sin(45 * x + 20 * y) * np.sin(50 * y), picture)
    # The tower gets thinner upwards and has five bands.
    half = 0.045 + 0.05 * (y + 0.26)
    tower = (abs(x - 0.20) < half) & (y > -0.26) & (y < rock + 0.02)
    band = np.where(np.floor((y + 0.26) / 0.085) % 2 == 0, 0.92, 0.16)
    picture = np.where(tower, band * (1 - 3.2 * np.maximum(x - 0.20, 0)), picture)
    beam = (x < 0.20) & (abs(y + 0.315 + 0.10 * (0.20 - x)) < 0.012 + 0.13 * (0.20 - x))
    picture = np.where(beam & (y < hills), np.minimum(picture + 0.22, 0.97), picture)
    picture = np.where((abs(x - 0.20) < 0.062) & (abs(y + 0.265) < 0.012), 0.10, picture)
    picture = np.where((abs(x - 0.20) < 0.036) & (y > -0.355) & (y < -0.277), 1.0, picture)
    picture = np.where((abs(x - 0.20) < 0.004) & (y > -0.355) & (y < -0.277), 0.15, picture)
    picture = np.where((abs(x - 0.20) < 0.5 * (y + 0.43)) & (y < -0.355), 0.10, picture)
    # A boat with two sails before the sun.
    hull = (y > 0.20) & (y < 0.235) & (abs(x + 0.27) < 0.085 - 0.9 * (y - 0.20))
    sail = (y > 0.03) & (y < 0.19) & (x > -0.272 - 0.55 * (y - 0.03)) & (x < -0.278)
    jib = (y > 0.06) & (y < 0.19) & (x > -0.266) & (x < -0.266 + 0.5 * (y - 0.06))
    return np.where(hull, 0.08, np.where(sail, 0.95, np.where(jib, 0.72, picture)))
