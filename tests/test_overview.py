"""All targets at a glance: what expires first, and what is to be mended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import SCRIPT, ZABBIX_SSL, Site, site

from zabbix_ssl import cli
from zabbix_ssl.cli import overview
from zabbix_ssl.model import Finding, Result, Target
from zabbix_ssl.outputs.overview import MOST, Glance, glance, overview_json, soonest, to_mend

Capture = pytest.CaptureFixture[str]

NAMES = ("healthy", "expiring", "expired", "responder-down", "down")
DAY = 86400
NOW = 1_795_500_000.0  # 2026-11-24


def one(name: str, days: float | None = 90, risk: int = 0, message: str = "") -> Glance:
    return Glance(name, None if days is None else int(NOW + days * DAY), risk, message)


def test_what_ends_first_is_on_top() -> None:
    """Days are floored, as in remain_days; what has no known date is left out."""
    seen = [one("late:443", 89.5), one("down:443", None), one("soon:443", 10.5),
            one("gone:443", -2.5)]
    assert soonest(seen, NOW) == ("days  until       target\n"
                                  "  -3  2026-11-21  gone:443\n"
                                  "  10  2026-12-04  soon:443\n"
                                  "  89  2027-02-21  late:443\n")


def test_the_worst_is_on_top() -> None:
    """By severity, then by name; remarks and what is well are no matter for mending."""
    seen = [one("b:443", risk=1, message="renew it"), one("c:443", message="a remark"),
            one("d:443", risk=2, message="replace it now"), one("a:443", risk=1, message="soon")]
    assert to_mend(seen) == ("high    d:443\n  replace it now\n"
                             "medium  a:443\n  soon\n"
                             "medium  b:443\n  renew it\n")
    assert to_mend(seen[1:2]) == "nothing\n"


def test_lists_are_bounded() -> None:
    """Of thousands of targets a page is shown, and how many more there are."""
    many = [one(f"{number:05}.example:443", number, 2, "word " * 1000) for number in range(9000)]
    for text in (soonest(many, NOW), to_mend(many)):
        assert text.count(".example:443") == MOST
        assert text.endswith(f"and {9000 - MOST} more\n")
        assert "00019.example" in text
        assert "00020.example" not in text
        assert max(map(len, text.splitlines())) <= 60
    assert to_mend(many[:1]).count("\n") == 4
    assert "more" not in soonest(many[:MOST], NOW)


def test_texts_from_strangers_are_safe() -> None:
    """Neither a name nor a sentence breaks a line, turns the writing round, or is endless."""
    result = Result(Target("a" * 200, 443), 0, {"handshake_ok": True, "not_after": int(NOW)}, {},
                    (Finding("x", "high", "evil\n\x1b[2J\u202e" + "b" * 10_000),))
    seen = glance(result)
    assert len(seen.name) == 60
    assert seen.message.startswith("evil\\u000a\\u001b[2J\\u202ebbb")
    assert len(seen.message) < 500
    text = overview_json([seen], 0, NOW)
    assert text.isascii()
    assert "\n" not in text


def test_what_is_not_known_is_counted() -> None:
    """In both lists, so that a short one is not taken for good news."""
    for absent, words in ((1, "1 target\n"), (7, "7 targets\n")):
        for text in json.loads(overview_json([], absent, NOW)).values():
            assert text.endswith(f"nothing recent is known of {words}")
    assert "known" not in overview_json([one("a:443")], 0, NOW)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path, *NAMES) as up:
        yield up


def test_overview_of_what_was_checked(demo: Site, capfd: Capture) -> None:
    """After a batch all is there, from the cache: what has expired on top, then the rest by date;
    what is down has no date, and is to be mended. Before it nothing is known, and nobody is asked
    for it."""
    assert cli.batch_script(["--overview"], demo.environ) == 0
    before = json.loads(capfd.readouterr().out)
    assert before["soonest"].splitlines() == ["days  until       target",
                                              "nothing recent is known of 5 targets"]
    assert before["to_mend"] == "nothing\nnothing recent is known of 5 targets\n"

    assert demo.run("batch").returncode == 0
    assert cli.batch_script(["--overview"], demo.environ) == 0
    out, err = capfd.readouterr()
    assert (out.count("\n"), err) == (1, "")
    after = json.loads(out)
    rows = [row.split() for row in after["soonest"].splitlines()[1:]]
    assert [(days, target) for days, _, target in rows[:2]] == [
        ("-3", demo.target("expired")), ("10", demo.target("expiring"))]
    assert {target for _, _, target in rows[2:]} == {
        demo.target("healthy"), demo.target("responder-down")}
    mend = [line for line in after["to_mend"].splitlines() if not line.startswith(" ")]
    assert [line.split() for line in mend] == [
        ["high", demo.target("down")], ["high", demo.target("expired")],
        ["medium", demo.target("expiring")]]


def test_reading_ends_in_time(demo: Site, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zabbix does not wait: what there was no time for is counted."""
    assert demo.run("batch").returncode == 0
    monkeypatch.setattr(overview, "_SECONDS", -1.0)
    assert cli.batch_script(["--overview"], demo.environ) == 0
    for text in json.loads(capfd.readouterr().out).values():
        assert text.endswith("nothing recent is known of 4 targets\n")


def test_a_target_that_left_the_list_is_not_shown(demo: Site, capfd: Capture) -> None:
    """Its entry in the cache is still there, and of no matter."""
    assert demo.run("batch").returncode == 0
    few = demo.configure("few.json", [one for one in demo.targets if "expiring" in one["domain"]],
                         defaults=json.loads(demo.config.read_text())["defaults"])
    environ = {**demo.environ, "ZABBIX_SSL_CONFIG": str(few)}
    assert cli.batch_script(["--overview"], environ) == 0
    shown = json.loads(capfd.readouterr().out)
    assert demo.target("expiring") in shown["soonest"]
    assert "expired" not in shown["soonest"] + shown["to_mend"]


@pytest.mark.parametrize(("program", "mode"), [(SCRIPT, "--overview"), (ZABBIX_SSL, "overview")])
def test_what_is_wrong_is_one_line_on_stdout(demo: Site, program: tuple[str, ...], mode: str
                                             ) -> None:
    """As Zabbix wants it: no configuration, a word too many."""
    for words, line in ((("--config", "/none"), "/none: the file does not exist"),
                        (("x",), '"x" is one word too many')):
        done = demo.run(mode, *words, program=program)
        assert (done.returncode, done.stderr) == (1, "")
        assert done.stdout.startswith(line), done.stdout
        assert done.stdout.count("\n") == 1
