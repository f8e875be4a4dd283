"""Where a run was made: machine, versions, devices."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "scikit-learn")


def environment() -> dict[str, Any]:
    """Machine, operating system, versions and devices, as plain values."""
    import jax

    from snarc import __version__

    devices = jax.devices()
    return {
        "snarc": __version__,
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "backend": jax.default_backend(),
        "devices": [d.device_kind for d in devices],
        "processes": jax.process_count(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def start_cache() -> None:
    """Keep compiled programs on disk between processes, where JAX is not already told where.

    The folder is ``SNARC_HOME``/compiled (or the user's cache folder); it is
    safe to delete.
    """
    import jax

    from snarc.data._places import cache_folder

    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        folder = cache_folder() / "compiled"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
