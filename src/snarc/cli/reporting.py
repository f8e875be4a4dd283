"""Where the report of a run is written from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snarc.training import Run


def write(run: Run, path: Path | None = None) -> Path:
    """Write the run's report and return its path."""
    home = os.path.expanduser("~")
    if "MPLCONFIGDIR" not in os.environ and not (os.path.isdir(home) and os.access(home, os.W_OK)):
        # Without a home Matplotlib would make a folder of its own at each start, and tell of it.
        from snarc.data import cache_folder

        os.environ["MPLCONFIGDIR"] = str(cache_folder() / "matplotlib")
    return run.report(path)
