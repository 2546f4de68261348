"""The frontends of real Zabbix servers, 6.0 and 7.0, in a real browser: what a person sees of the
demo's endpoints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from testbed.browser import Page, browser
from testbed.zabbix import PASSWORD, USER
from testbed.zabbix_demo import Demo, shown
from testbed.zabbix_packages import VERSIONS
from testbed.zabbix_pages import (
    ONE_TARGET,
    latest,
    login,
    main,
    open_dashboard,
    open_page,
    problems,
    take_pictures,
    widgets,
)
from zabbix_ssl.outputs.overview import MOST
from zabbix_ssl.zabbix.kinds import EXTERNAL

ROW = re.compile(r"^ *(-?\d+)  (\d{4}-\d\d-\d\d)  (\S+)$", re.MULTILINE)


class Seen(NamedTuple):
    """A demo, the browser in which somebody is logged in there, and a host without data."""

    demo: Demo
    page: Page
    empty: str  # its hostid


@pytest.fixture(scope="module", params=VERSIONS)
def seen(request: pytest.FixtureRequest) -> Iterator[Seen]:
    """Skips without the browser, before the server is started."""
    with browser() as page, shown(request.param) as demo:
        assert login(page, demo.zabbix.url, USER, PASSWORD) == ""
        yield Seen(demo, page, host_without_data(demo))


def host_without_data(demo: Demo) -> str:
    """One with the same template that is not monitored."""
    (template,) = demo.api.template.get(filter={"host": EXTERNAL.name}, output=["templateid"])
    groups = demo.api.hostgroup.get(filter={"name": "SSL certificates"}, output=["groupid"])
    interface = {"type": 1, "main": 1, "useip": 1, "ip": "127.0.0.1", "dns": "", "port": "10050"}
    made = demo.api.host.create(host="empty", groups=groups, templates=[template],
                                interfaces=[interface], status=1)
    return str(made["hostids"][0])


def targets(demo: Demo, metric: str) -> dict[str, int]:
    """Target and the last value of a whole number that all have; of those that have it."""
    found = re.compile(rf"ssl\.{metric}\[(.+),(\d+)\]")
    return {f"{match[1]}:{match[2]}": int(value) for key, value in demo.values().items()
            if (match := found.fullmatch(key))}


def test_a_wrong_password_is_refused(seen: Seen) -> None:
    """The form says so and stays, and there is no dashboard behind it."""
    with browser() as page:
        said = login(page, seen.demo.zabbix.url, USER, "wrong")
        assert "Incorrect user name or password" in said
        page.open(seen.demo.dashboard)
        assert not widgets(page)
        assert "not logged in" in page.text("body")


def test_numbers_and_graphs_of_the_dashboard(seen: Seen) -> None:
    """How many targets there are, how many of them are down, the worst of all, and when the first
    expires; the graph of the handshakes is drawn, and fits its widget."""
    open_dashboard(seen.page, seen.demo, seen.demo.hostid)
    shown = {title: "".join(text.split()) for title, text in widgets(seen.page).items()}
    endpoints = [one.endpoint for one in seen.demo.endpoints]
    assert shown["Targets"] == str(len(endpoints))
    assert shown["Cannot be checked"] == str(sum(bool(one.error_reason) for one in endpoints))
    assert shown["Highest risk level"] == "High(2)"
    assert shown["Until the soonest expiry"] == "-2.5d"
    width, _, height = shown["SSL: Slowest TLS handshake"].partition("x")
    assert int(width) > 300
    assert int(height) > 200


def test_what_expires_first_is_on_top(seen: Seen) -> None:
    """By date, as the items have it: the expired one, the one that expires in 10 days ..."""
    open_dashboard(seen.page, seen.demo, seen.demo.hostid)
    rows = ROW.findall(widgets(seen.page)["Soonest to expire"])
    ends = targets(seen.demo, "not_after")
    expected = sorted(ends, key=lambda target: (ends[target], target))[:MOST]
    assert [target for _, _, target in rows] == expected
    assert [days for days, _, _ in rows[:2]] == ["-3", "10"]
    assert rows[0][2].startswith("expired.")
    assert rows[1][2].startswith("expiring.")


def test_what_is_to_be_mended(seen: Seen) -> None:
    """Every endpoint that has more than a remark, the worst first, and none that is well."""
    open_dashboard(seen.page, seen.demo, seen.demo.hostid)
    rows = re.findall(r"^(high|medium) +(\S+)$", widgets(seen.page)["To be mended"], re.MULTILINE)
    risk = {f"{one.endpoint.domain}:{one.port}": one.endpoint.risk for one in seen.demo.endpoints}
    expected = sorted((level, target) for target, level in risk.items() if level != "low")
    assert rows == expected[:MOST]  # "high" comes before "medium"


def test_the_page_of_problems(seen: Seen) -> None:
    """Exactly the problems that the API tells, by the names that say what to do."""
    open_page(seen.page, seen.demo, "problem.view", seen.demo.hostid)
    expected = sorted(problem.name for problem in seen.demo.problems())
    seen.page.wait(lambda: sorted(problems(seen.page)) == expected, f"these alone: {expected}")
    named = {name.split(":")[0].removeprefix("SSL ") for name in expected}
    assert named == {one.endpoint.domain for one in seen.demo.endpoints if one.endpoint.codes}


def test_latest_data(seen: Seen) -> None:
    """Values with their units, and words in place of numbers."""
    open_page(seen.page, seen.demo, "latest.view", seen.demo.hostid, **ONE_TARGET)
    seen.page.wait(lambda: bool(latest(seen.page)), "items")
    shown = {name.partition(": ")[2]: value for name, value in latest(seen.page).items()}
    assert shown["Certificate days left"] == "10 d"
    assert shown["Certificate lifetime"] == "200 d"
    assert shown["Certificate is self-signed"] == "No (0)"
    assert shown["Chain is trusted"] == "Yes (1)"
    assert shown["Revocation"] == "Not applicable (3)"
    assert shown["Risk level"] == "Medium (1)"
    assert shown["Certificate issuer"] == "CN=Demo Issuing CA"
    assert all(name.startswith("SSL expiring.demo.example:") for name in latest(seen.page))


def test_a_host_without_data_shows_none(seen: Seen) -> None:
    """The twin of the tests above: its dashboard has the same widgets and says that they are
    empty, and neither problems nor values are listed."""
    open_dashboard(seen.page, seen.demo, seen.empty)
    shown = widgets(seen.page)
    for title in ("Targets", "Cannot be checked", "Highest risk level", "Until the soonest expiry",
                  "Soonest to expire", "To be mended"):
        assert "No data" in shown[title], title
    assert not ROW.findall(shown["Soonest to expire"])
    open_page(seen.page, seen.demo, "problem.view", seen.empty)
    seen.page.wait(lambda: "No data found" in seen.page.text("main"), "an empty list")
    assert problems(seen.page) == []
    open_page(seen.page, seen.demo, "latest.view", seen.empty, **ONE_TARGET)
    seen.page.wait(lambda: "No data found" in seen.page.text("main"), "an empty list")
    assert latest(seen.page) == {}


def test_pictures(seen: Seen, tmp_path: Path) -> None:
    """Those of the documentation are taken as they are shown there, and are small enough."""
    take_pictures(tmp_path, seen.page, seen.demo)
    taken = sorted(path.name for path in tmp_path.iterdir())
    committed = Path(__file__).parent.parent / "docs" / "pictures"
    assert taken == sorted(path.name for path in committed.iterdir())
    for path in (*tmp_path.iterdir(), *committed.iterdir()):
        picture = path.read_bytes()
        assert picture.startswith(b"\x89PNG\r\n\x1a\n")
        assert int.from_bytes(picture[16:20]) == 1400, path  # the width (PNG, 11.2.2 IHDR)
        assert 20_000 < len(picture) < 250_000, path


@pytest.mark.parametrize("words", [(), ("one", "two")])
def test_pictures_want_a_folder(words: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    """One line says how, and nothing is started."""
    assert main(words) == 1
    assert capfd.readouterr() == ("", "usage: python -m testbed.zabbix_pages FOLDER\n")
