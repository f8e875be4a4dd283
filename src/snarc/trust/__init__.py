"""Find out whether to trust a network: one way to doubt a file, each an instrument that returns a Reading."""

from snarc.registry import gather

globals().update(gather(__name__))
