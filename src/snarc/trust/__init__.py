"""Find out whether to trust a network: one way to doubt a file, each an instrument that returns a Reading."""

from snarc.registry import gather

from . import _attacks as attacks

_instruments = gather(__name__)
globals().update(_instruments)

__all__ = ["attacks", *_instruments]
