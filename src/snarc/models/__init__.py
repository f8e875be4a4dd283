"""Networks by name."""

from .network import Network, build, resolve, suits
from .summary import Layer, Summary, summary

__all__ = ["Layer", "Network", "Summary", "build", "resolve", "suits", "summary"]
