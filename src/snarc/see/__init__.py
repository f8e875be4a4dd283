"""See into a network: one way to look a file, each an instrument that returns a Reading."""

from snarc.registry import gather

globals().update(gather(__name__))
