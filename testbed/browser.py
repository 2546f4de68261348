"""A headless chromium, driven by Selenium through chromedriver.

    with browser() as page:
        page.open(url)
        page.wait(lambda: "welcome" in page.text("main"), "the page")
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from .process import NotInstalled, child, program

SECONDS = 30  # for what a page has to show
_CHROMIUM = ("chromium", "chromium-headless-shell")
#: A container has neither the sandbox nor a large /dev/shm; only pages of this machine are opened.
_OPTIONS = ("--headless", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
            "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb",
            "--lang=en-US")
_STARTED = re.compile(r"started successfully on port (\d+)")


class Page:
    """The one window of a browser. Made by ``browser``."""

    def __init__(self, driver: webdriver.Remote) -> None:
        self._driver = driver

    def open(self, url: str) -> None:
        """Goes there, and waits until it is loaded."""
        self._driver.get(url)

    def run(self, script: str, *arguments: object) -> Any:
        """What a JavaScript function body returns."""
        return self._driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """The text of all elements that a CSS selector finds, as it is shown; "" without any."""
        return "\n".join(self.texts(selector))

    def texts(self, selector: str) -> list[str]:
        """The same, each on its own; in one step, for pages change under a reader's hands."""
        found: list[str] = self.run("return Array.from(document.querySelectorAll(arguments[0]))"
                                    ".map(function (one) { return one.innerText; });", selector)
        return found

    def type(self, selector: str, text: str) -> None:
        """Types into an element as a person does."""
        self._element(selector).send_keys(text)

    def click(self, selector: str) -> None:
        self._element(selector).click()

    def resize(self, width: int, height: int) -> None:
        """Of the window, in CSS pixels."""
        self._driver.set_window_size(width, height)

    def picture(self, selector: str) -> bytes:
        """A PNG of an element."""
        return self._element(selector).screenshot_as_png

    def wait(self, ready: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        """Until ``ready``. Raises AssertionError with ``what`` and the page's text when it never
        comes true."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                where, shown = self._driver.current_url, self.text("body")[:3000]
                raise AssertionError(f"in vain for {seconds:g} s: {what}; {where} shows: {shown}")
            time.sleep(0.1)

    def _element(self, selector: str) -> WebElement:
        return self._driver.find_element(By.CSS_SELECTOR, selector)


@contextmanager
def browser(width: int = 1400, height: int = 1000) -> Iterator[Page]:
    """A browser with a profile of its own, and a window of that size.

    Raises NotInstalled without chromedriver or chromium.
    """
    driver = program("chromedriver")
    options = Options()
    options.binary_location = _chromium()
    for option in (*_OPTIONS, f"--window-size={width},{height}"):
        options.add_argument(option)
    with tempfile.TemporaryDirectory(prefix="browser-", dir="/tmp",  # short: it holds sockets
                                     ignore_cleanup_errors=True) as folder:
        log = Path(folder, "chromedriver.log")
        places = ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
        with child([driver, "--port=0"], log, env=dict.fromkeys(places, folder), seconds=SECONDS,
                   ready=lambda: bool(_STARTED.search(log.read_text(errors="replace")))):
            started = _STARTED.search(log.read_text(errors="replace"))
            assert started
            remote = webdriver.Remote(f"http://127.0.0.1:{started[1]}", options=options)
            try:
                yield Page(remote)
            finally:
                remote.quit()


def _chromium() -> str:
    for name in _CHROMIUM:
        try:
            return program(name)
        except NotInstalled:
            continue
    raise NotInstalled("needs chromium")
