"""Local pages in the browser: a server that this machine alone reaches, and one file a page."""

from __future__ import annotations

from .server import Address, Page, serve

__all__ = ["Address", "Page", "serve"]
