"""Networks by name."""

from .network import Network, build, resolve
from .summary import Layer, Summary, summary

__all__ = ["Layer", "Network", "Summary", "build", "resolve", "summary"]
