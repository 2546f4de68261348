"""What README.md shows is what the program does."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from testbed import pki, tls
from testbed.revocation import Ledger, Site, publish
from testbed.serving import serve
from zabbix_ssl import config
from zabbix_ssl.cli import COMMANDS

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
