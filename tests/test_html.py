"""The page for a browser: what is on it, and what a real browser makes of it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
from audits import DAY, observed
from command import site

from testbed.process import NotInstalled, program
from testbed.serving import serve
from zabbix_ssl.languages import speak
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import Failure, Fault, Observation, Result, Target
from zabbix_ssl.outputs import html, people

NOW = 1795503600  # 2026-11-24T07:00:00Z


def shown(*results: Result) -> str:
    return "".join(html.page([html.entry(result) for result in results]))


def healthy(name: str = "a.example", days: int = 100) -> Result:
    return judge(observed(Target(name), days=days, check_time=NOW))


def failed(name: str = "down.example") -> Result:
    return judge(Observation(Target(name), NOW, Failure("dns", "the host is down")))


def hostile(evil: str) -> Result:
    """A server, and a configuration, that say ``evil`` wherever something may be said."""
    seen = observed(Target("a.example", group=evil, tags=(("tag", evil),)), check_time=NOW)
    assert seen.certificate
    assert seen.chain
    assert seen.handshake
    return judge(seen._replace(
        certificate=seen.certificate._replace(subject=evil, issuer=evil, serial=evil, san=(evil,),
                                              key_type=evil, signature_algorithm=evil),
        handshake=seen.handshake._replace(cipher=evil, group=evil),
        chain=seen.chain._replace(error="other", trusted=False,
                                  faults=(Fault("chain_other", {"why": evil}),))))


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text outside of the style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._skipped = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._skipped = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._skipped = False

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.text += data

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raise AssertionError(f"<{tag}/> is no HTML")

    def targets(self) -> list[str]:
        """The classes of the targets, in order."""
        return [attributes["class"].split()[1] for tag, attributes in self.elements
                if tag == "details"]


class TestPage:
    """The markup."""

    def test_every_target_with_its_findings_and_facts(self) -> None:
        """As on the terminal."""
        result = judge(observed(Target("a.example", 8443, group="web", tags=(("env", "prod"),)),
                                days=100, check_time=NOW))
        page = Page(shown(result, failed()))
        for text in ("a.example:8443", "100 days", "Nothing to mend", "web", "env", "prod",
                     "down.example:443", "Cannot check: the host is down", "2 targets"):
            assert text in page.text, text
        for label, lines in people.facts(result):
            assert label in page.text
            assert all(line in page.text for line in lines)

    def test_the_worst_comes_first(self) -> None:
        """Then what could not be checked, then what is well; in each what expires first."""
        soon = observed(Target("soon.example"), days=3, check_time=NOW)
        assert soon.certificate
        medium = judge(soon._replace(certificate=soon.certificate._replace(
            not_before=NOW - 197 * DAY)))
        page = Page(shown(healthy("b.example", 200), failed(), healthy("a.example", 90),
                          healthy("expired.example", -3), medium))
        assert page.targets() == ["high", "medium", "failed", "ok", "ok"]
        names = re.findall(r"(expired|soon|down|a|b)\.example:443", page.text)
        assert names == ["expired", "soon", "down", "a", "b"]

    def test_more_findings_are_counted_and_all_are_there(self) -> None:
        """In the line of the target the worst and how many more."""
        seen = observed(Target("a.example"), days=-3, check_time=NOW)
        assert seen.chain
        page = Page(shown(judge(seen._replace(chain=seen.chain._replace(
            faults=(Fault("chain_order"),))))))
        assert "renew it now (and 1 more)" in page.text
        assert page.text.count("The certificates are sent in the wrong order") == 1

    def test_counts(self) -> None:
        """Of the verdicts, and of what expires when."""
        page = Page(shown(healthy(days=-3), healthy(days=5), healthy(days=29), healthy(days=89),
                          healthy(days=91), failed()))
        text = re.sub(r"\s+", " ", page.text)
        assert "All6 HIGH1 FAILED1 OK4" in text
        for span in ("expired", "within 7 days", "within 30 days", "within 90 days", "later",
                     "not known"):
            assert f"{span}11" in text, span  # the number, and that in the bar

    def test_nothing_is_fetched_and_nothing_runs(self) -> None:
        """No script, no reference to anything, no attribute that holds code or style."""
        page = Page(shown(healthy(), failed(), hostile("<script>")))
        assert {tag for tag, _ in page.elements} == {
            "html", "head", "meta", "link", "title", "style", "body", "header", "h1", "h2", "p",
            "table", "tr", "th", "td", "meter", "input", "label", "b", "main", "details",
            "summary", "span", "div", "ul", "li", "dl", "dt", "dd"}
        for tag, attributes in page.elements:
            assert not {"src", "style", "action", "srcset", "background"} & set(attributes)
            assert not [name for name in attributes if name.startswith("on")]
            assert "href" not in attributes or (tag, attributes["href"]) == ("link", "data:,")
        assert "url(" not in shown(healthy())
        assert "@import" not in shown(healthy())

    @pytest.mark.parametrize("evil", [
        "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style></title><b>",
        "' onclick='x", "&lt;b&gt;", "\x00\x1b[31m\u202e<\ud800", "{days}", "]]><!--"])
    def test_hostile_text_is_text(self, evil: str) -> None:
        """It opens no element, closes none, and is there to be read."""
        honest, page = (Page(shown(hostile(text))) for text in ("x", evil))
        assert [tag for tag, _ in page.elements] == [tag for tag, _ in honest.elements]
        assert [sorted(attributes) for _, attributes in page.elements] == [
            sorted(attributes) for _, attributes in honest.elements]
        if evil.isprintable():
            assert page.text.count(evil) >= 8
        assert page.text.replace("\n", "").isprintable()

    def test_no_targets(self) -> None:
        """A page all the same."""
        assert "No targets" in Page(shown()).text

    def test_in_chinese(self) -> None:
        """Every word of it, and the language is declared."""
        language = speak("zh")
        words = {**language.words("people", people.WORDS), **language.words("html", html.WORDS)}
        page = Page("".join(html.page(
            [html.entry(language.result(result), words) for result in (healthy(), failed())],
            words)))
        assert dict(page.elements)["html"] == {"lang": "zh-CN"}
        assert not re.findall(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", page.text)
        assert re.findall(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", Page(shown(failed())).text)


# In a real browser


@pytest.fixture(scope="module")
def browser() -> str:
    """Debian's chromium, under one of its names."""
    for name in ("chromium", "chromium-headless-shell"):
        try:
            return program(name)
        except NotInstalled:
            continue
    raise NotInstalled("needs chromium")


@contextmanager
def counted() -> Iterator[tuple[int, list[bytes]]]:
    """A web server: its port, and the first line of each request that it got."""
    asked: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        asked.append(connection.recv(65536).split(b"\r\n")[0])
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serve(answer) as port:
        yield port, asked


def opened(browser: str, page: Path, *options: str) -> str:
    """The document as it is when the browser has loaded the page and run what runs."""
    profile = tempfile.mkdtemp(prefix="zabbix-ssl-browser-")
    try:
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
             *options, "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    finally:
        shutil.rmtree(profile, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def attack(port: int) -> str:
    """Marks the document when a script of it runs, and asks for a picture when markup gets in."""
    return ("<script>document.title='ran'</script>"
            f"<img src=http://127.0.0.1:{port}/x onerror=\"document.title='ran'\">"
            f"<link rel=stylesheet href=http://127.0.0.1:{port}/y>")


def test_a_browser_opens_the_report_of_real_servers(browser: str, tmp_path: Path) -> None:
    """What ``batch --html --save`` has written: every target, with its verdict."""
    names = ("healthy", "expiring", "expired", "incomplete", "down")
    reports = tmp_path / "reports"
    reports.mkdir()
    with site(tmp_path, *names) as up:
        done = up.run("batch", "--html", "--save", str(reports))
    assert (done.returncode, done.stderr) == (0, "")
    (saved,) = reports.glob("*.html")
    assert saved.read_text() == done.stdout
    document = Page(opened(browser, saved))
    assert document.targets() == ["high", "high", "medium", "failed", "ok"]
    assert all(f"{name}.demo.example:" in document.text for name in names)
    assert "The certificate expires in 10 days" in document.text


def test_style_is_let_through_by_the_policy(browser: str, tmp_path: Path) -> None:
    """The page looks as it should: its own style counts, as the size of its picture shows. With a
    wrong hash in the policy it would be bare."""
    pictures = []
    page = shown(healthy(), failed(), healthy(days=-3))
    wrong = re.sub(r"sha256-[^']+", "sha256-" + "A" * 43 + "=", page)
    assert wrong != page
    for name, text in (("good", page), ("wrong", wrong)):
        (tmp_path / f"{name}.html").write_text(text)
        picture = tmp_path / f"{name}.png"
        opened(browser, tmp_path / f"{name}.html", f"--screenshot={picture}",
               "--window-size=800,600")
        pictures.append(picture.read_bytes())
    assert pictures[0] != pictures[1]
    assert len(pictures[0]) > 5000


def test_a_hostile_certificate_does_nothing_in_a_browser(browser: str, tmp_path: Path) -> None:
    """No script of it runs and nothing is fetched. On a page without our care both happen."""
    with counted() as (port, asked):
        page, careless = tmp_path / "page.html", tmp_path / "careless.html"
        page.write_text(shown(hostile(attack(port))))
        source = opened(browser, page)
        document = Page(source)
        assert "<title>ran" not in source
        assert document.text.count("document.title='ran'") >= 8  # as text
        assert "TLS certificates" in document.text
        assert asked == []
        careless.write_text(f"<title>x</title>{attack(port)}")
        assert "<title>ran" in opened(browser, careless)
        assert asked


def test_the_policy_holds_where_escaping_would_fail(browser: str, tmp_path: Path) -> None:
    """The second line of defence: markup put raw into the page neither runs nor fetches."""
    with counted() as (port, asked):
        page = tmp_path / "page.html"
        page.write_text(shown(healthy()).replace("<main>", f"<main>{attack(port)}"))
        assert "<title>ran" not in opened(browser, page)
        assert asked == []


def test_choosing_a_verdict_hides_the_others(browser: str, tmp_path: Path) -> None:
    """The buttons work without a script: with one chosen, a smaller page is drawn."""
    page = shown(*(healthy(f"{number}.example") for number in range(30)), failed())
    sizes = []
    for name, text in (
            ("all", page),
            ("failed", page.replace(" checked>", ">").replace('id="show-failed">',
                                                               'id="show-failed" checked>'))):
        (tmp_path / f"{name}.html").write_text(text)
        picture = tmp_path / f"{name}.png"
        opened(browser, tmp_path / f"{name}.html", f"--screenshot={picture}",
               "--window-size=800,1600", "--hide-scrollbars")
        sizes.append(len(picture.read_bytes()))
    assert sizes[1] < sizes[0] / 2
