"""A headless chromium, driven through chromedriver by the W3C's WebDriver protocol.

    with browser() as page:
        page.open(url)
        page.wait(lambda: "welcome" in page.text("main"), "the page")

https://www.w3.org/TR/webdriver2/; section numbers below are of it. The protocol is a dozen requests
of JSON over HTTP, so no library is needed for it.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .process import NotInstalled, child, program

SECONDS = 30  # for what a page has to show
_REQUEST_SECONDS = 120
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # key of a reference to an element (13.1)
_CHROMIUM = ("chromium", "chromium-headless-shell")
#: A container has neither the sandbox nor a large /dev/shm; only pages of this machine are opened.
_OPTIONS = ("--headless", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
            "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb",
            "--lang=en-US")
_STARTED = re.compile(r"started successfully on port (\d+)")


class WebDriverError(Exception):
    """What chromedriver could not do, in its words."""


class Page:
    """The one window of a browser. Made by ``browser``."""

    def __init__(self, port: int, width: int, height: int) -> None:
        self._port = port
        chrome = {"args": [*_OPTIONS, f"--window-size={width},{height}"],
                  "binary": _chromium()}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": chrome}}})
        self._session = f"/session/{made['sessionId']}"

    def close(self) -> None:
        self._ask("DELETE", self._session)

    def open(self, url: str) -> None:
        """Goes there, and waits until it is loaded (10.1)."""
        self._ask("POST", f"{self._session}/url", {"url": url})

    @property
    def url(self) -> str:
        return str(self._ask("GET", f"{self._session}/url"))

    def run(self, script: str, *arguments: object) -> Any:
        """What a JavaScript function body returns (13.2.1)."""
        return self._ask("POST", f"{self._session}/execute/sync",
                         {"script": script, "args": list(arguments)})

    def text(self, selector: str) -> str:
        """The text of all elements that a CSS selector finds, as it is shown; "" without any."""
        return "\n".join(self.texts(selector))

    def texts(self, selector: str) -> list[str]:
        """The same, each on its own."""
        found: list[str] = self.run("return Array.from(document.querySelectorAll(arguments[0]))"
                                    ".map(function (one) { return one.innerText; });", selector)
        return found

    def type(self, selector: str, text: str) -> None:
        """Types into an element as a person does (12.5.3)."""
        self._ask("POST", f"{self._element(selector)}/value", {"text": text})

    def click(self, selector: str) -> None:
        self._ask("POST", f"{self._element(selector)}/click", {})

    def resize(self, width: int, height: int) -> None:
        """Of the window, in CSS pixels (11.8.2)."""
        self._ask("POST", f"{self._session}/window/rect", {"width": width, "height": height})

    def picture(self, selector: str) -> bytes:
        """A PNG of an element (17.2)."""
        return base64.b64decode(self._ask("GET", f"{self._element(selector)}/screenshot"))

    def wait(self, ready: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        """Until ``ready``. Raises AssertionError with ``what`` and the page's text when it never
        comes true."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise AssertionError(f"in vain for {seconds:g} s: {what}; {self.url} shows: "
                                     f"{self.text('body')[:3000]}")
            time.sleep(0.1)

    def _element(self, selector: str) -> str:
        found = self._ask("POST", f"{self._session}/element",
                          {"using": "css selector", "value": selector})
        return f"{self._session}/element/{found[_ELEMENT]}"

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_REQUEST_SECONDS)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json; charset=utf-8"})
            answer = connection.getresponse()
            value = json.load(answer)["value"]
        finally:
            connection.close()
        if answer.status != http.client.OK:  # 6.6
            raise WebDriverError(f"{method} {path}: {value['error']}: {value['message']}")
        return value


@contextmanager
def browser(width: int = 1400, height: int = 1000) -> Iterator[Page]:
    """A browser with a profile of its own, and a window of that size.

    Raises NotInstalled without chromedriver or chromium.
    """
    driver = program("chromedriver")
    _chromium()
    with tempfile.TemporaryDirectory(prefix="browser-", dir="/tmp",  # short: it holds sockets
                                     ignore_cleanup_errors=True) as folder:
        log = Path(folder, "chromedriver.log")
        places = ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
        with child([driver, "--port=0"], log, env=dict.fromkeys(places, folder), seconds=SECONDS,
                   ready=lambda: bool(_STARTED.search(log.read_text(errors="replace")))):
            started = _STARTED.search(log.read_text(errors="replace"))
            assert started
            page = Page(int(started[1]), width, height)
            try:
                yield page
            finally:
                page.close()


def _chromium() -> str:
    for name in _CHROMIUM:
        try:
            return program(name)
        except NotInstalled:
            continue
    raise NotInstalled("needs chromium")
