"""Debian's Chromium without a screen, driven over its DevTools protocol.

A tab remembers what went wrong in it: exceptions, errors on its console, violations of the page's
policy. A test asks for `faults` at its end.
"""

from __future__ import annotations

import base64
import json
import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.process import Child, wait_until

PROGRAM = Path("/usr/lib/chromium/chromium-headless-shell")
"""The browser itself: Debian's command is a script that starts it, and would be killed alone."""
_KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "ArrowDown": (40, ""), "Tab": (9, "")}
_ANSWER_S = 30.0


class Chromium:
    """Listening when the constructor returns."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        assert PROGRAM.exists(), "Chromium is not installed: make peers"
        profile = home / "profile"
        options = (
            *("--remote-debugging-port=0", f"--user-data-dir={profile}"),
            *("--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio"),
            *("--disable-background-networking", "--disable-component-update"),
            # Its sandbox needs rights that a container has not, and root may not use it.
            "--no-sandbox",
        )
        environment = {**os.environ, "HOME": str(home)}
        self._process = Child(
            [PROGRAM, *options, "about:blank"], home / "chromium.log", environment
        )
        told = profile / "DevToolsActivePort"
        self._process.wait_up(lambda: told.exists() and "\n" in told.read_text(), 30)
        self._port = int(told.read_text().splitlines()[0])

    def tab(self, url: str = "about:blank", *, width: int = 1280, height: int = 800) -> Tab:
        """A new one; what it keeps for a site it shares with the others."""
        asked = Request(f"http://127.0.0.1:{self._port}/json/new?about:blank", method="PUT")
        with urlopen(asked) as answer:
            target = json.load(answer)
        tab = Tab(target["webSocketDebuggerUrl"])
        tab.size(width, height)
        if url != "about:blank":
            tab.open(url)
        return tab

    def close(self) -> None:
        self._process.kill()


class Tab:
    def __init__(self, address: str) -> None:
        self._open = ExitStack()
        self._socket = self._open.enter_context(
            connect(address, max_size=None, compression=None, ping_interval=None)
        )
        self._number = 0
        self._faults: list[str] = []
        self.denied: list[str] = []
        """Requests that were answered with an error: a test may want them."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        with suppress(ConnectionClosed):
            self.call("Page.close")
        self._open.close()

    # --- the protocol -------------------------------------------------------------------------

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        order = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(order))
        deadline = time.monotonic() + _ANSWER_S
        while True:
            told = json.loads(self._socket.recv(timeout=deadline - time.monotonic()))
            if told.get("id") == self._number:
                assert "error" not in told, (method, told["error"])
                result: dict[str, Any] = told["result"]
                return result
            self._event(told)

    def _event(self, told: dict[str, Any]) -> None:
        about = told.get("params", {})
        match told.get("method"):
            case "Runtime.exceptionThrown":
                details = about["exceptionDetails"]
                more = details.get("exception", {}).get("description", "")
                self._faults.append(f"{details['text']} {more}")
            case "Runtime.consoleAPICalled" if about["type"] in ("error", "warning", "assert"):
                self._faults.append(f"console: {about['args']}")
            case "Log.entryAdded" if about["entry"]["level"] in ("error", "warning"):
                entry = about["entry"]
                kept = self.denied if entry["source"] == "network" else self._faults
                kept.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}")

    @property
    def faults(self) -> list[str]:
        """What went wrong on the page so far."""
        self.call("Runtime.evaluate", expression="0")  # what was told before it has been read
        return self._faults

    # --- the page -----------------------------------------------------------------------------

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'", "the page")

    def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript; of a promise, what it becomes."""
        told = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, expression: str, what: str, timeout_s: float = 20) -> None:
        """Until it is true."""
        wait_until(lambda: self.ask(f"Boolean({expression})"), timeout_s, f"{what} on the page")

    def text(self, selector: str) -> str:
        """Of the first element; empty when there is none."""
        return str(self.ask(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def texts(self, selector: str) -> list[str]:
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        # What is drawn (SVG) has no innerText.
        return list(self.ask(f"{found}.map((one) => one.innerText ?? one.textContent)"))

    def wait_text(self, selector: str, text: str, timeout_s: float = 20) -> str:
        """Until an element has that text in it; returns all of it."""

        def found() -> str:
            return next((one for one in self.texts(selector) if text in one), "")

        return wait_until(found, timeout_s, f"{text!r} in {selector} on the page")

    def press(self, *keys: str) -> None:
        """As a keyboard does: `j`, `Enter`, `?`."""
        for key in keys:
            code, text = _KEYS.get(key, (0, key))
            common = {"key": key, "windowsVirtualKeyCode": code, "text": text}
            self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common)
            self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        place = self.ask(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            "one.scrollIntoView({block: 'nearest'}); const box = one.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    def size(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def scheme(self, name: str) -> None:
        """`dark` or `light`, as the system of the reader prefers it."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def offline(self, *, is_offline: bool) -> None:
        self.call(
            "Network.emulateNetworkConditions",
            offline=is_offline,
            latency=0,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def screenshot(self, path: Path) -> None:
        told = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))
