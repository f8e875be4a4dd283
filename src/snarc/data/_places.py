"""Where data files are looked for and kept."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """The folder of everything that can be had again: downloads, compiled programs.

    ``SNARC_HOME`` if set; else ``snarc`` under ``XDG_CACHE_HOME`` or the system's cache folder; else, for a user
    without a home, a folder of their own under the system's temporary files.  It is not made here.
    """
    own = os.environ.get("SNARC_HOME")
    if own:
        return Path(own).expanduser().absolute()
    xdg = os.environ.get("XDG_CACHE_HOME")
    if xdg and os.path.isabs(xdg):  # the XDG specification: a relative path is to be ignored
        return Path(xdg) / "snarc"
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "snarc" / "cache"
    try:
        home = Path.home()
    except RuntimeError:
        home = Path("/nonexistent")
    if not home.is_dir() or not os.access(home, os.W_OK):
        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
        return Path(tempfile.gettempdir()) / f"snarc-{user}"
    return home / "Library" / "Caches" / "snarc" if sys.platform == "darwin" else home / ".cache" / "snarc"


def data_folder() -> Path | None:
    """The folder that ``SNARC_DATA`` names, if it names one."""
    named = os.environ.get("SNARC_DATA")
    return Path(named).expanduser().absolute() if named else None
