"""A browser over the W3C WebDriver protocol, which is plain HTTP and JSON: Chromium and its chromedriver."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from typing import Any

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
DRIVER = shutil.which("chromedriver") or ""
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]


class Browser:
    """One window."""

    def __init__(self, width: int = 1280, height: int = 900) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._home = tempfile.mkdtemp(prefix="snarc-browser-")
        self._driver = subprocess.Popen(
            [DRIVER, f"--port={self._port}", "--silent"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 30
        while True:
            try:
                self._call("GET", "/status")
                break
            except OSError:
                assert time.monotonic() < until, "chromedriver does not start"
                time.sleep(0.05)
        arguments = [*ARGUMENTS, f"--user-data-dir={self._home}", f"--window-size={width},{height}"]
        options = {"args": arguments, "binary": CHROMIUM}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"

    def close(self) -> None:
        """End the browser and its driver."""
        try:
            self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(20)
            shutil.rmtree(self._home, ignore_errors=True)

    def go(self, url: str) -> None:
        """Load a page."""
        self._post("/url", {"url": url})

    def js(self, code: str, *arguments: Any) -> Any:
        """What a function of this body returns."""
        return self._post("/execute/sync", {"script": code, "args": list(arguments)})

    def wait(self, code: str, seconds: float = 20) -> Any:
        """What an expression is once it is true."""
        until = time.monotonic() + seconds
        while not (found := self.js(f"return {code}")):
            assert time.monotonic() < until, f"never: {code}"
            time.sleep(0.03)
        return found

    def draw(self, points: list[tuple[float, float]], kind: str = "mouse") -> None:
        """A stroke over the sheet, in fractions of it, by ``mouse``, ``touch`` or ``pen``."""
        left, top, width, height = self.js(
            "const b = document.getElementById('canvas').getBoundingClientRect();"
            "return [b.left, b.top, b.width, b.height]"
        )

        def move(point: tuple[float, float], duration: int) -> dict[str, Any]:
            x, y = round(left + point[0] * width), round(top + point[1] * height)
            return {"type": "pointerMove", "duration": duration, "x": x, "y": y}

        path = [move(points[0], 0), {"type": "pointerDown", "button": 0}]
        path += [*(move(point, 15) for point in points[1:]), {"type": "pointerUp", "button": 0}]
        source = {"type": "pointer", "id": f"the {kind}", "parameters": {"pointerType": kind}, "actions": path}
        self._post("/actions", {"actions": [source]})

    def press(self, *keys: str) -> None:
        """Keys one after another, by their W3C code points or letters."""
        each = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._post("/actions", {"actions": [{"type": "key", "id": "the keys", "actions": each}]})

    def choose(self, selector: str, path: str) -> None:
        """A file for an input."""
        found = self._post("/element", {"using": "css selector", "value": selector})
        self._post(f"/element/{next(iter(found.values()))}/value", {"text": path})

    def click(self, selector: str) -> None:
        """Click an element."""
        found = self._post("/element", {"using": "css selector", "value": selector})
        self._post(f"/element/{next(iter(found.values()))}/click", {})

    def complaints(self) -> list[str]:
        """What the browser's console holds: errors of scripts, and what the content security policy stopped."""
        entries = self._post("/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def size(self, width: int, height: int) -> None:
        """Another size of the window, also smaller than a real one can be."""
        values = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._post("/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": values})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("POST", self._session + path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        wire = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            content = json.dumps(body or {}) if method == "POST" else None
            wire.request(method, path, content, {"Content-Type": "application/json"})
            found = json.loads(wire.getresponse().read())["value"]
        finally:
            wire.close()
        if isinstance(found, dict) and "error" in found:
            raise RuntimeError(f"{found['error']}: {found['message'][:300]}")
        return found
