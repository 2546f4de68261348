"""What README.md shows is what the program does."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from command import ZABBIX_SSL
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from testbed import pki, preludes, tls
from testbed.revocation import Ledger, Site, publish
from testbed.serving import serve
from testbed.ways import haproxy, http_proxy, socks_proxy
from zabbix_ssl import config
from zabbix_ssl.cli import COMMANDS, main
from zabbix_ssl.model import Result, Settings, Target

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
NAMES = ("shop.example.com", "www.example.com")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def plain(text: str) -> str:
    """Without what differs from day to day and from machine to machine, line breaks among it."""
    for pattern, word in ((r":\d+ \([\d.]+\)", ":PORT (ADDRESS)"), (r"\d{4}-\d\d-\d\d", "DATE"),
                          (r"\b[0-9A-F]{30,64}\b", "HEX"), (r"\d+ ms", "N ms"),
                          (r"\b([\d.]+) %", "N %"), (r"key exchange \w+", "key exchange GROUP"),
                          (r"http://[\w.:]+/", "http://HOST/"), (r"\s+", " ")):
        text = re.sub(pattern, word, text)
    return text.strip()


class Shop(NamedTuple):
    """The server of the README: about to expire, with an intermediate that it does not send."""

    root: pki.Authority
    leaf: pki.Issued


def shop(site: Site) -> Shop:
    now = int(time.time())
    root = pki.Authority("Demo Root CA")
    issuing = root.authority("Demo Issuing CA")
    site.responder("ocsp", Ledger(issuing))
    site.file("issuing.crt", issuing.der)
    return Shop(root, issuing.leaf(
        *NAMES, key="rsa2048", not_before=now - 190 * pki.DAY,
        not_after=now + 10 * pki.DAY + pki.DAY // 2, issuer_url=site.url("issuing.crt"),
        ocsp_url=site.url("ocsp")))


def report(command: str, folder: Path) -> tuple[int, str]:
    """What the command of the README prints, over a server with the same faults."""
    with publish() as site:
        root, leaf = shop(site)
        (folder / "ca.pem").write_bytes(root.certificate_pem)
        with serve(tls.modern(leaf, chain=leaf.chain[:1], oldest="TLSv1.0")) as port:
            (folder / "domains.json").write_text(json.dumps([{
                "domain": NAMES[0], "port": port, "address": "127.0.0.1", "ca_file": "ca.pem"}]))
            words = command.removeprefix("$ zabbix-ssl ").replace(NAMES[0], f"{NAMES[0]}:{port}")
            return on_a_terminal(
                [sys.executable, "-c", "import sys; from zabbix_ssl.cli import main; "
                 "sys.exit(main())", *words.split(), "--no-cache",
                 "--allow-private-revocation", "127.0.0.0/8"],
                {**os.environ, "ZABBIX_SSL_CONFIG": str(folder / "domains.json"), "NO_COLOR": "1",
                 "TERM": "xterm"})


def test_session_on_the_first_screen(tmp_path: Path) -> None:
    """The command of the README prints the report of the README."""
    command, _, shown = blocks("console")[0].partition("\n")
    assert README.index(command) < 100
    code, said = report(command, tmp_path)
    assert code == 2, said
    assert plain(said) == plain(shown)


def on_a_terminal(argv: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Exit code and output of a command on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, 100))
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
                          cwd=ROOT) as process:
        os.close(theirs)
        output = b""
        with suppress(OSError), open(ours, "rb", buffering=0) as terminal:  # EIO is its end
            while data := terminal.read(65536):
                output += data
    return process.returncode, output.decode().replace("\r\n", "\n")


def test_example_configuration_is_taken(tmp_path: Path) -> None:
    """The domains.json of the README loads; with a word of it wrong it does not."""
    (tmp_path / "company-ca.pem").write_bytes(pki.Authority("Company CA").certificate_pem)
    example = blocks("json")[0]
    targets = config.parse(example.encode(), str(tmp_path))
    assert [target.port for target in targets] == [443, 465, 389, 443]
    with pytest.raises(config.ConfigError, match="STARTTLS"):
        config.parse(example.replace('"ldap"}', '"sesame"}').encode(), str(tmp_path))


def test_commands_exist() -> None:
    """Each command of zabbix-ssl that the README names is one."""
    named = set(re.findall(r"\bzabbix-ssl ([a-z]+)", "\n".join(
        [*blocks("sh"), *blocks("console"), *re.findall(r"`([^`]+)`", README)])))
    assert {"check", "doctor"} <= named <= set(COMMANDS)


def test_install_lines_are_those_of_the_script() -> None:
    """Each option of the script that the README names is in its help."""
    script = ROOT / "externalscripts" / "ssl_check_batch.py"
    helped = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True,
                            check=True).stdout
    named = set(re.findall(r'ssl_check_batch\.py(?: |\[")(--[a-z]+)', README))
    assert {"--discover", "--get", "--zabbix", "--prometheus"} <= named
    for option in named:
        assert option in helped


# Every protocol, every node, every way in

WWW = pki.Authority("Ways Root")
SERVED = WWW.leaf("www.example.com", "mx.example.com", "api.example.com", "mqtt.example.com",
                  "lb.example.com", "localhost", "::1")
GOOD = tls.modern(SERVED)
#: What stands in the place of what the README names: its words to ours, and options beside them.
Stand = tuple[dict[str, str], tuple[str, ...]]
HERE = ("--address", "127.0.0.1")


def ways(page: str = README) -> list[str]:
    """The column "how" of the table."""
    section = next(part for part in page.split("\n## ") if "--serves-file" in part)
    return re.findall(r"^\|.*\| `([^`]+)` \|$", section, re.MULTILINE)


@contextmanager
def web(folder: Path) -> Iterator[Stand]:
    with serve(GOOD) as port:
        yield {"www.example.com": f"www.example.com:{port}"}, HERE


@contextmanager
def mail(folder: Path) -> Iterator[Stand]:
    with serve(preludes.smtp("mx.example.com", GOOD)) as port:
        yield {"2525": str(port)}, HERE


@contextmanager
def nodes(folder: Path, *addresses: str) -> Iterator[Stand]:
    with ExitStack() as stack:
        port = stack.enter_context(serve(GOOD, addresses[0]))
        for address in addresses[1:]:
            stack.enter_context(serve(GOOD, address, port))
        yield {"www.example.com": f"www.example.com:{port}",
               "192.0.2.11,192.0.2.12,2001:db8::11": ",".join(addresses)}, ()


@contextmanager
def localhost(folder: Path) -> Iterator[Stand]:
    found = socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)
    with nodes(folder, *dict.fromkeys(str(where[0]) for *_, where in found)) as (words, _):
        yield {"www.example.com": words["www.example.com"].replace("www.example.com",
                                                                   "localhost")}, ()


@contextmanager
def proxied(folder: Path, start: Callable[[Path], AbstractContextManager[int]]) -> Iterator[Stand]:
    with serve(GOOD) as port, start(folder) as proxy:
        yield {"www.example.com": f"www.example.com:{port}",
               "proxy.example.com:3128": f"127.0.0.1:{proxy}", "1080": str(proxy)}, HERE


@contextmanager
def from_here(folder: Path) -> Iterator[Stand]:
    with web(folder) as (words, more):
        yield {**words, "192.0.2.50": "127.0.0.9"}, more


@contextmanager
def known_clients(folder: Path) -> Iterator[Stand]:
    client = WWW.leaf("client", san=None)
    client.write(folder, "client")
    (folder / "client.p12").write_bytes(pkcs12.serialize_key_and_certificates(
        None, client.key, client.certificate, None, BestAvailableEncryption(b"secret")))
    (folder / "p12-password").write_text("secret\n")
    with serve(tls.modern(SERVED, client_certificate=True, clients=WWW)) as port:
        yield {"api.example.com": f"api.example.com:{port}"}, HERE


@contextmanager
def mqtt(folder: Path) -> Iterator[Stand]:
    with serve(GOOD) as port:
        yield {"8883": str(port)}, HERE


@contextmanager
def balanced(folder: Path) -> Iterator[Stand]:
    with haproxy(folder, SERVED.write(folder)) as port:
        yield {"lb.example.com": f"lb.example.com:{port}"}, HERE


@contextmanager
def over_ipv6(folder: Path) -> Iterator[Stand]:
    with serve(GOOD, "::1") as port:
        yield {"2001:db8::11": "::1", "8443": str(port)}, ()


@contextmanager
def on_disk(folder: Path) -> Iterator[Stand]:
    site = SERVED.write(folder, "site").certificate
    with serve(GOOD) as port:
        yield {"/etc/ssl/site.pem": str(site), "www.example.com": f"www.example.com:{port}"}, HERE
    site.unlink()


@contextmanager
def of_nginx(folder: Path) -> Iterator[Stand]:
    site = folder / "nginx.conf"
    site.write_text("server { listen 443 ssl; server_name www.example.com; }\n")
    yield {"/etc/nginx": str(site)}, ()
    site.unlink()


#: A part of the row that no other has: what it is run against.
STANDS: dict[str, Callable[[Path], AbstractContextManager[Stand]]] = {
    "--starttls": mail, "--all-addresses": localhost,
    "--address": lambda folder: nodes(folder, "127.0.0.1", "127.0.0.2", "::1"),
    "--proxy http": partial(proxied, start=http_proxy),
    "--proxy socks5": partial(proxied, start=socks_proxy), "--source-address": from_here,
    "--key client.key": known_clients, "client.p12": known_clients, "--sni shop": web,
    "--sni none": web, "--alpn": mqtt, "--proxy-protocol": balanced, "[2001:": over_ipv6,
    "file:": on_disk, "--serves-file": on_disk, "--from": of_nginx,
}


def test_each_way_in_has_one_row() -> None:
    """No row is without a server to run it against, and the page for Chinese readers has the
    same."""
    assert [[key for key in STANDS if key in row] for row in ways()] == [[key] for key in STANDS]
    assert ways() == ways((ROOT / "README.zh-CN.md").read_text())


@pytest.mark.parametrize("row", ways())
def test_each_way_in_is_taken_as_it_is_written(row: str, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word by the whole command line, up to where it would connect: what the row names is
    set, and nothing else; a word too much is refused."""
    asked: list[tuple[Sequence[Target], Settings]] = []

    def run(targets: Sequence[Target], settings: Settings, *_: object, **__: object
            ) -> Iterator[tuple[int, Result]]:
        asked.append((targets, settings))
        yield from ()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zabbix_ssl.cli.check.run_checks", run)
    with known_clients(tmp_path):
        words = shlex.split(row)[1:]
        codes = [main([*words, *more], {"ZABBIX_SSL_CACHE": str(tmp_path / "cache")})
                 for more in ((), ("--no-such-way",))]
    if words[0] == "targets":
        assert codes[0] in (0, 1) and codes[1] == 3  # 1: there is no nginx here
        return
    assert codes == [0, 3]
    ((target,), settings), = asked
    named = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
    assert str(target).startswith(words[1])
    assert {field for field, value in settings._asdict().items()
            if value != getattr(Settings(), field)} - {"answers_dir"} == named


@pytest.mark.parametrize("key", STANDS)
def test_each_way_in_leads_to_a_server(key: str, tmp_path: Path) -> None:
    """Run against a real one all is fine, and when that is gone it is not."""
    row = next(row for row in ways() if key in row)
    (tmp_path / "ca.pem").write_bytes(WWW.certificate_pem)
    with STANDS[key](tmp_path) as (words, more):
        for theirs, ours in words.items():
            row = row.replace(theirs, ours)
        argv = [*ZABBIX_SSL, *shlex.split(row)[1:], *more]
        if "check" in argv:
            argv += ["--ca-file", "ca.pem", "--offline", "--no-cache"]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}

        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(argv, cwd=tmp_path, env=environ, capture_output=True, text=True,
                                  timeout=60, check=False)

        done = run()
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert "www.example.com" in done.stdout
    assert run().returncode == 1
