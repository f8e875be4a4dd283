"""What all tests share: real data where it can be had, and no writing outside the test's own folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def digits():
    """scikit-learn's bundled digits."""
    import snarc

    return snarc.load("digits")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with the canonical files."""
    folder = os.environ.get("SNARC_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the canonical data files: set SNARC_DATA to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def mnist(data_folder):
    """The real MNIST."""
    import snarc

    return snarc.load("mnist")


@pytest.fixture(scope="session")
def usps(data_folder):
    """The real USPS zip code digits."""
    import snarc

    return snarc.load("usps")


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(0)
