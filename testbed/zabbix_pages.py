"""What a person sees of Zabbix in a browser, 6.0 and 7.0 alike.

Run as a program it takes the pictures of the documentation:

    python -m testbed.zabbix_pages docs/pictures
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from .browser import Page, browser
from .process import DidNotStart, NotInstalled, reach_directly
from .zabbix import PASSWORD, USER
from .zabbix_demo import Demo, shown

#: Problems by severity, without what repeats in each row.
BY_SEVERITY = {"sort": "severity", "sortorder": "DESC", "show_timeline": "0", "show_tags": "0"}
#: Latest data of one target.
ONE_TARGET = {"name": "SSL expiring.", "show_tags": "0"}

_MOST_BYTES = 250_000  # of a picture
_WIDTH = 1400
_FRAME = 140  # of the window's height is not of the page
_GRAPHS_SECONDS = 240  # until graphs have something to show


def login(page: Page, url: str, user: str, password: str) -> str:
    """Fills the form in and sends it; what the form then says, "" when there is none any more."""
    page.open(url)
    page.type("#name", user)
    page.type("#password", password)
    page.click("#enter")
    page.wait(lambda: not page.texts("#enter") or bool(page.text(".red")), "an answer to the form")
    return page.text(".red") if page.texts("#enter") else ""


def open_page(page: Page, demo: Demo, action: str, hostid: str, **filters: str) -> None:
    """A page of Zabbix about a host."""
    query = {"action": action, "filter_set": "1", "hostids[]": hostid, **filters}
    page.open(f"{demo.zabbix.url}/zabbix.php?{urlencode(query)}")


def open_dashboard(page: Page, demo: Demo, hostid: str, since: str = "now-1h") -> None:
    """A host's dashboard, when all of its widgets have got their content."""
    query = {"action": "host.dashboard.view", "hostid": hostid, "from": since, "to": "now"}
    page.open(f"{demo.zabbix.url}/zabbix.php?{urlencode(query)}")
    page.wait(lambda: bool(widgets(page)) and all(widgets(page).values()), "the widgets")


def widgets(page: Page) -> dict[str, str]:
    """The text that each widget of the dashboard shows, by its title; of a graph that is drawn, its
    width and height in pixels."""
    found: dict[str, str] = page.run("""
        const found = {};
        for (const one of document.querySelectorAll('.dashboard-grid-widget')) {
            const title = one.querySelector('h4').innerText;
            const image = one.querySelector('img');
            found[title] = image === null
                ? one.innerText.trim().slice(title.length).trim()
                : image.complete && image.naturalWidth
                    ? `${image.naturalWidth}x${image.naturalHeight}` : '';
        }
        return found;""")
    return found


def problems(page: Page) -> list[str]:
    """The names of the problems that the page of problems lists, from above."""
    return page.texts("""table.list-table a.wordbreak[data-menu-popup*='"trigger"']""")


def latest(page: Page) -> dict[str, str]:
    """Last value by name of the items that the page Latest data lists."""
    found: dict[str, str] = page.run("""
        const found = {};
        for (const table of document.querySelectorAll('table.list-table')) {
            const heads = Array.from(table.querySelectorAll('th')).map(th => th.innerText.trim());
            const name = heads.indexOf('Name'), value = heads.indexOf('Last value');
            if (name < 0 || value < 0) continue;
            for (const row of table.querySelectorAll('tbody tr')) {
                if (row.children.length <= value) continue;
                found[row.children[name].innerText.trim()] = row.children[value].innerText.trim();
            }
        }
        return found;""")
    return found


def take_pictures(folder: Path, page: Page, demo: Demo) -> None:
    """dashboard.png, problems.png and latest-data.png. Raises ValueError for one that is large."""
    page.resize(_WIDTH, 1236 + _FRAME)
    open_dashboard(page, demo, demo.hostid, "now-5m")
    _take(folder / "dashboard.png", page)
    page.resize(_WIDTH, 860 + _FRAME)
    open_page(page, demo, "problem.view", demo.hostid, **BY_SEVERITY)
    page.wait(lambda: bool(problems(page)), "problems")
    _take(folder / "problems.png", page)
    open_page(page, demo, "latest.view", demo.hostid, **ONE_TARGET)
    page.wait(lambda: bool(latest(page)), "latest data")
    _take(folder / "latest-data.png", page)


def _take(file: Path, page: Page) -> None:
    """The page without the menu, the filter and the footer."""
    page.run("""
        for (const one of document.querySelectorAll(
            'aside, footer, .filter-container, .tabfilter-content-container')) one.remove();
        document.querySelector('.wrapper').style.minWidth = 0;""")
    picture = page.picture(".wrapper")
    if len(picture) > _MOST_BYTES:
        raise ValueError(f"{file.name} has {len(picture)} bytes")
    file.write_bytes(picture)


def main(argv: Sequence[str]) -> int:
    """Takes the pictures; gives the exit code."""
    if len(argv) != 1:
        print("usage: python -m testbed.zabbix_pages FOLDER", file=sys.stderr)
        return 1
    reach_directly()
    try:
        with shown("7.0", print) as demo, browser() as page:
            time.sleep(_GRAPHS_SECONDS)
            login(page, demo.zabbix.url, USER, PASSWORD)
            take_pictures(Path(argv[0]), page, demo)
    except (NotInstalled, DidNotStart) as why:
        print(f"no pictures: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
