"""The command line: words in, text and exit code out, over real endpoints."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import SCRIPT, Site, site

from zabbix_ssl import cli, metrics
from zabbix_ssl.cli import batch, check, options

Capture = pytest.CaptureFixture[str]

NAMES = ("healthy", "expiring", "expired", "cross-signed", "down")
DAYS = ("89", "10", "-3", "89", "")  # that are left to each; 90 for the first second


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("site"), *NAMES) as up:
        yield up


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Of somebody who has configured nothing, in places of the test's own."""
    config = tmp_path / "domains.json"
    config.write_text('["a.example"]')
    return {"ZABBIX_SSL_CONFIG": str(config), "ZABBIX_SSL_CACHE": str(tmp_path / "cache")}


#: command: what it says on stderr, all with exit code 3 and nothing on stdout.
WRONG_USE = {
    "zabbix-ssl": "zabbix-ssl: name a command: " + ", ".join(cli.COMMANDS),
    "zabbix-ssl chek": 'zabbix-ssl: there is no command "chek": did you mean check?',
    "zabbix-ssl xyzzy": 'zabbix-ssl: there is no command "xyzzy": zabbix-ssl --help tells which '
                        "there are",
    "zabbix-ssl check --jsn": 'zabbix-ssl check: there is no option "--jsn": did you mean --json '
                              "or --sni?",
    "zabbix-ssl check -x": 'zabbix-ssl check: there is no option "-x": zabbix-ssl check --help '
                           "tells which there are",
    "zabbix-ssl check -- -x": 'zabbix-ssl check: "-x" begins with a hyphen, which no host name '
                              "does",
    "zabbix-ssl check a.example:0": 'zabbix-ssl check: the port is "0": write a whole number from '
                                    "1 to 65535",
    "zabbix-ssl check a.example:70000": 'zabbix-ssl check: the port is "70000": write a whole '
                                        "number from 1 to 65535",
    "zabbix-ssl check ''": "zabbix-ssl check: the target is empty: write DOMAIN, DOMAIN:PORT or "
                           "[IPv6]:PORT",
    "zabbix-ssl check 'a b'": 'zabbix-ssl check: "a b" contains a space, which no host name does: '
                              "write a host name or an IP address",
    "zabbix-ssl check a.example '\x1b[2J'": 'zabbix-ssl check: "\\u001b[2J" contains the '
                                            "unprintable character U+001B, which no host name "
                                            "does: write a host name or an IP address",
    "zabbix-ssl check --timeout": "zabbix-ssl check: --timeout: expected one argument: zabbix-ssl "
                                  "check --help tells how",
    "zabbix-ssl check --timeout 0": 'zabbix-ssl check: --timeout: "0" is not a time: write '
                                    "seconds, from 0.1 to 600",
    "zabbix-ssl check --timeout 10s": 'zabbix-ssl check: --timeout: "10s" is not a time: write '
                                      "seconds, from 0.1 to 600",
    "zabbix-ssl check --timeout nan": 'zabbix-ssl check: --timeout: "nan" is not a time: write '
                                      "seconds, from 0.1 to 600",
    "zabbix-ssl check --workers 0": 'zabbix-ssl check: --workers: "0" is not a number: write a '
                                    "whole number from 1 to 256",
    "zabbix-ssl check --concurrency 1e3": 'zabbix-ssl check: --concurrency: "1e3" is not a number: '
                                          "write a whole number from 1 to 100000",
    "zabbix-ssl check --connections 101": 'zabbix-ssl check: --connections: "101" is not a number: '
                                          "write a whole number from 1 to 100",
    "zabbix-ssl check --address a.example": 'zabbix-ssl check: --address: the address is '
                                            '"a.example": write an IP address like 192.0.2.1 or '
                                            "2001:db8::1",
    "zabbix-ssl check --starttls gopher": 'zabbix-ssl check: --starttls: the STARTTLS protocol is '
                                          '"gopher": write one of smtp, lmtp, submission, imap, '
                                          "pop3, ftp, ldap, xmpp, xmpp-server, nntp, sieve, irc, "
                                          "postgres, mysql, mssql, rdp, telnet, or none",
    "zabbix-ssl check --ca-file /none.pem": 'zabbix-ssl check: --ca-file: "/none.pem" cannot be '
                                            "read (No such file or directory): name a readable "
                                            "file",
    "zabbix-ssl check --ca-file /": 'zabbix-ssl check: --ca-file: "/" cannot be read (Is a '
                                    "directory): name a readable file",
    "zabbix-ssl check --ca-file /etc/passwd": 'zabbix-ssl check: --ca-file: "/etc/passwd" holds no '
                                              "certificate: name a PEM file",
    "zabbix-ssl check --ca-file ''": "zabbix-ssl check: --ca-file: the value is empty: leave the "
                                     "option out, or give it one",
    "zabbix-ssl check --crl-dir /none": 'zabbix-ssl check: --crl-dir: "/none" cannot be used (No '
                                        "such file or directory): name a directory",
    "zabbix-ssl check --ca-only": "zabbix-ssl check: --ca-only trusts a file alone, and none is "
                                  "given: add --ca-file FILE",
    "zabbix-ssl check --allow-private-revocation 10.0.0.0/33": (
        'zabbix-ssl check: --allow-private-revocation: "10.0.0.0/33" is not a network: write one '
        "like 10.0.0.0/8, several with commas"),
    "zabbix-ssl check --json=1": "zabbix-ssl check: --json: ignored explicit argument '1': "
                                 "zabbix-ssl check --help tells how",
    "zabbix-ssl batch --zabbix --prometheus": "zabbix-ssl batch: --zabbix and --prometheus exclude "
                                              "each other: leave one out",
    "zabbix-ssl batch --save /none": 'zabbix-ssl batch: "/none" cannot be used (No such file or '
                                     "directory): name a directory",
    "zabbix-ssl batch --config /none": "zabbix-ssl batch: /none: the file does not exist: write it "
                                       "(docs/domains.md), or name another with --config",
    "zabbix-ssl check --config /none a.example": (
        "zabbix-ssl check: /none: the file does not exist: write it (docs/domains.md), or name "
        "another with --config"),
    "zabbix-ssl doctor a.example": 'zabbix-ssl doctor: "a.example" is one word too many: '
                                   "zabbix-ssl doctor --help tells how",
    "ssl_check_batch.py --xyzzy": 'ssl_check_batch.py: there is no option "--xyzzy": '
                                 "ssl_check_batch.py --help tells which there are",
    "ssl_check_batch.py a.example:x": 'ssl_check_batch.py: the port is "x": write a whole number '
                                      "from 1 to 65535",
}

#: The same for what Zabbix reads: on stdout, exit code 1, nothing on stderr.
WRONG_EXTERNAL = {
    "ssl_check_batch.py --get": "--get takes three words, DOMAIN PORT METRIC, and has 0",
    "ssl_check_batch.py --get a.example 443": "--get takes three words, DOMAIN PORT METRIC, and "
                                              "has 2",
    "ssl_check_batch.py --get a.example 443 all b": "--get takes three words, DOMAIN PORT METRIC, "
                                                    "and has 4",
    "ssl_check_batch.py --get -a 443 all": '"-a" begins with a hyphen, which no host name does',
    "ssl_check_batch.py --get '' 443 all": "the domain is empty: write a host name or an IP "
                                           "address",
    "ssl_check_batch.py --get '{#DOMAIN}' '{#PORT}' all": (
        '"{#DOMAIN}" is a macro that Zabbix has not filled in: look at the host\'s macros and at '
        "the discovery rule"),
    "ssl_check_batch.py --get 'a\"b' 443 all": '"a\\"b" contains the character ", which no host '
                                               "name does: write a host name or an IP address",
    "ssl_check_batch.py --get '$(id)' 443 all": '"$(id)" contains the character $, which no host '
                                                "name does: write a host name or an IP address",
    "ssl_check_batch.py --get a.example:443 443 all": '"a.example:443" has a port in it: give the '
                                                      "port separately",
    "ssl_check_batch.py --get a.example 0 all": 'the port is "0": write a whole number from 1 to '
                                                "65535",
    "ssl_check_batch.py --get a.example 70000 all": 'the port is "70000": write a whole number '
                                                    "from 1 to 65535",
    "ssl_check_batch.py --get a.example 443 remain_day": (
        'there is no metric "remain_day": did you mean remain_days or chain_remain_days?'),
    "ssl_check_batch.py --get a.example 443 '=x\n'": 'there is no metric "=x\\n": '
                                                     "docs/reference.md tells which there are",
    "ssl_check_batch.py --get a.example 443 all --xyzzy": (
        'there is no option "--xyzzy": ssl_check_batch.py --help tells which there are'),
    "ssl_check_batch.py --get a.example 443 all --timeout x": (
        '--timeout: "x" is not a time: write seconds, from 0.1 to 600'),
    "ssl_check_batch.py --get a.example 443 all --config /none": (
        "/none: the file does not exist: write it (docs/domains.md), or name another with "
        "--config"),
    "ssl_check_batch.py --discover --config /none": (
        "/none: the file does not exist: write it (docs/domains.md), or name another with "
        "--config"),
    "ssl_check_batch.py --discover a.example": '"a.example" is one word too many: '
                                               "ssl_check_batch.py --help tells how",
    "zabbix-ssl get a.example 443": "--get takes three words, DOMAIN PORT METRIC, and has 2",
    "zabbix-ssl discover --config /none": "/none: the file does not exist: write it "
                                          "(docs/domains.md), or name another with --config",
}


def call(command: str, environ: dict[str, str]) -> int:
    """In this process, as the program of that name."""
    program, *argv = shlex.split(command)
    if program == "zabbix-ssl":
        return cli.main(argv, environ)
    return cli.batch_script(argv, environ)


@pytest.mark.parametrize("command", WRONG_USE)
def test_wrong_use_is_told_in_one_line_on_stderr(
        command: str, environ: dict[str, str], capfd: Capture) -> None:
    """What, where, and what to do; exit code 3; nothing on stdout."""
    assert call(command, environ) == 3
    assert capfd.readouterr() == ("", WRONG_USE[command] + "\n")


@pytest.mark.parametrize("command", WRONG_EXTERNAL)
def test_zabbix_is_told_on_stdout(command: str, environ: dict[str, str], capfd: Capture) -> None:
    """One line that becomes the error of the item; nothing on stderr, which is the same pipe."""
    assert call(command, environ) == 1
    assert capfd.readouterr() == (WRONG_EXTERNAL[command] + "\n", "")


@pytest.mark.parametrize("command", ["batch", "check", "discover", "get a.example 443 all"])
def test_a_wrong_configuration_stops_every_command(
        command: str, environ: dict[str, str], capfd: Capture) -> None:
    """Nothing is half-loaded: the good entries beside the wrong one are not checked either."""
    Path(environ["ZABBIX_SSL_CONFIG"]).write_text('["a.example", {"domain": "b", "prot": 1}]')
    assert call(f"zabbix-ssl {command}", environ) in (1, 3)
    said = "".join(capfd.readouterr())
    assert said.endswith(f'{environ["ZABBIX_SSL_CONFIG"]}: entry 2 (b): there is no key "prot": '
                         'did you mean "port"?\n')
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(name: str, environ: dict[str, str], capfd: Capture) -> None:
    """On stdout, with exit code 0, in lines that fit a terminal."""
    assert call(f"zabbix-ssl {name} --help", environ) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f"usage: zabbix-ssl {name} ")
    assert not err
    assert max(map(len, out.splitlines())) <= 100


def test_help_names_every_option(environ: dict[str, str], capfd: Capture) -> None:
    """Of the shared table, of the command, and the modes of the script."""
    assert call("ssl_check_batch.py --help", environ) == 0
    out = capfd.readouterr().out
    for option in (*options.OPTIONS, *batch.OWN):
        assert f"  {option.name}" in out
    assert "--get DOMAIN PORT METRIC" in out
    assert "--discover" in out


def test_overview_and_version(environ: dict[str, str], capfd: Capture) -> None:
    """Without a command."""
    assert call("zabbix-ssl --help", environ) == 0
    out = capfd.readouterr().out
    assert all(f"  {name}  " in re.sub(" +", "  ", out) for name in cli.COMMANDS)
    assert call("zabbix-ssl --version", environ) == 0
    assert re.fullmatch(r"zabbix-ssl \d+\.\d+\.\d+\n", capfd.readouterr().out)


# check

@pytest.mark.parametrize(("names", "code"), [
    (("healthy",), check.FINE), (("cross-signed",), check.FINE), (("expired",), check.FOUND),
    (("down",), check.NOT_CHECKED), (("healthy", "expired"), check.FOUND),
    (("expired", "down", "healthy"), check.NOT_CHECKED),
])
def test_exit_codes_of_check(demo: Site, names: tuple[str, ...], code: int, capfd: Capture) -> None:
    """0 fine (remarks included), 2 a finding, 1 not checked, which wins: it may hide anything."""
    assert cli.main(["check", *map(demo.target, names)], demo.environ) == code
    assert not capfd.readouterr().err


def test_check_reports_one_target_in_full(demo: Site, capfd: Capture) -> None:
    """What is wrong and what to do first, then the facts, which a bad certificate has too."""
    cli.main(["check", demo.target("expired")], demo.environ)
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == f"HIGH    {demo.target('expired')} (127.0.0.12)"
    assert re.fullmatch(r"  high    The certificate expired 2 days ago, on \d{4}-\d\d-\d\d: renew "
                        "it now", lines[1])
    assert "  Certificate  CN=expired.demo.example" in lines
    assert any(line.startswith("  Chain        not trusted (expired)") for line in lines)


def test_check_lists_several_targets(demo: Site, capfd: Capture) -> None:
    """In the order of the words, with a count below; a target named twice is checked once."""
    words = [demo.target(name) for name in ("down", "healthy", "expired", "down")]
    cli.main(["check", *words], demo.environ)
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [
        ["FAILED", words[0]], ["OK", words[1]], ["HIGH", words[2]]]
    assert lines[3:] == ["3 targets: 1 fine, 1 high, 1 could not be checked"]


def test_check_without_a_target_checks_what_is_configured(demo: Site, capfd: Capture) -> None:
    """All of it."""
    cli.main(["check"], demo.environ)
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [demo.target(name) for name in NAMES]
    assert lines[-1].startswith("5 targets: ")


def test_check_json_is_an_array(demo: Site, capfd: Capture) -> None:
    """Of one object or of several."""
    for names in (("healthy",), ("healthy", "down")):
        cli.main(["check", "--json", *map(demo.target, names)], demo.environ)
        shown = json.loads(capfd.readouterr().out)
        assert [one["domain"] for one in shown] == [demo.domain(name) for name in names]
        assert [one["status"] for one in shown] == ["success", "failed"][:len(names)]


def test_a_named_target_is_checked_as_it_is_configured(demo: Site, capfd: Capture) -> None:
    """The trust of the configuration is used for a target that is named; for one that it does not
    know (the same, without the configuration), the words must tell all."""
    target, config = demo.target("healthy"), demo.configure("empty.json", [])
    assert cli.main(["check", target], demo.environ) == 0
    assert cli.main(["check", target, "--config", str(config), "--address", "127.0.0.10"],
                    demo.environ) == 2
    assert "not trusted" in capfd.readouterr().out
    assert cli.main(["check", target, "--config", str(config), "--address", "127.0.0.10",
                     "--ca-file", str(demo.folder / "ca.pem")], demo.environ) == 0


def test_the_configuration_may_be_absent_for_a_named_target(
        demo: Site, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody has named one; without a target it is missed."""
    monkeypatch.setattr("zabbix_ssl.entry.CONFIG", str(demo.folder / "none.json"))
    environ = {name: value for name, value in demo.environ.items() if name != "ZABBIX_SSL_CONFIG"}
    target = f"127.0.0.10:{demo.port('healthy')}"
    assert cli.main(["check", target], environ) == 2  # it is not trusted, and so not named
    capfd.readouterr()
    assert cli.main(["check"], environ) == 3
    assert "none.json: the file does not exist" in capfd.readouterr().err


def test_the_environment_names_the_trusted_roots(demo: Site, capfd: Capture) -> None:
    """SSL_CERT_FILE, as for OpenSSL; without it the same chain is not trusted."""
    config = demo.configure("untrusting.json", demo.targets[:1])
    words = ["check", demo.target("healthy"), "--config", str(config)]
    assert cli.main(words, demo.environ) == 2
    assert cli.main(words, {**demo.environ, "SSL_CERT_FILE": str(demo.folder / "ca.pem")}) == 0
    capfd.readouterr()


# batch

def test_batch_prints_an_array_in_the_order_of_the_configuration(
        demo: Site, capfd: Capture) -> None:
    """One line an object, and exit code 0 whatever was found."""
    assert cli.batch_script([], demo.environ) == 0
    out, err = capfd.readouterr()
    assert [one["domain"] for one in json.loads(out)] == [t["domain"] for t in demo.targets]
    assert [line.rstrip(",")[:9] for line in out.splitlines()[1:-1]] == ['{"domain"'] * 5
    assert not err


def test_batch_of_no_targets_is_an_empty_array(demo: Site, capfd: Capture) -> None:
    """Valid JSON all the same; the other forms are empty."""
    config = str(demo.configure("nothing.json", []))
    for mode, text in (((), "[]\n"), (("--zabbix",), ""), (("--prometheus",), "")):
        assert cli.batch_script(["--config", config, *mode], demo.environ) == 0
        assert capfd.readouterr() == (text, "")


def test_batch_takes_targets(demo: Site, capfd: Capture) -> None:
    """Only those."""
    cli.batch_script([demo.target("down"), demo.target("healthy")], demo.environ)
    assert [one["domain"] for one in json.loads(capfd.readouterr().out)] == [
        "down.demo.example", "healthy.demo.example"]


def test_batch_zabbix_prints_columns(demo: Site, capfd: Capture) -> None:
    """Domain, port, days; no days for what could not be checked."""
    assert cli.batch_script(["--zabbix"], demo.environ) == 0
    lines = _aged(capfd.readouterr().out).splitlines()
    assert lines == [f"{demo.domain(name)},{demo.port(name)},{days}"
                     for name, days in zip(NAMES, DAYS, strict=True)]


def test_batch_prometheus_prints_families(demo: Site, capfd: Capture) -> None:
    """-1 for what could not be checked, in the names of old."""
    assert cli.batch_script(["--prometheus"], demo.environ) == 0
    lines = capfd.readouterr().out.splitlines()
    days = [line for line in lines if line.startswith("ssl_cert_remain_days{")]
    assert [_aged(line.split()[-1]) for line in days] == [*DAYS[:-1], "-1"]
    assert len([line for line in lines if line.startswith("# TYPE ssl_cert_remain_days ")]) == 1


def test_batch_by_several_processes_is_the_same(demo: Site, capfd: Capture) -> None:
    """In the same order."""
    cli.batch_script(["--workers", "3"], demo.environ)
    assert [one["domain"] for one in json.loads(capfd.readouterr().out)] == [
        t["domain"] for t in demo.targets]


def test_save_writes_what_is_printed(demo: Site, tmp_path: Path, capfd: Capture) -> None:
    """Under the name of the second, readable by others, and nothing else is left."""
    assert cli.batch_script(["--save", str(tmp_path)], demo.environ) == 0
    (saved,) = tmp_path.iterdir()
    assert re.fullmatch(r"ssl_batch_check_\d{10}\.json", saved.name)
    assert saved.read_text() == capfd.readouterr().out
    assert saved.stat().st_mode & 0o444 == 0o444
    assert cli.batch_script(["--zabbix", "--save", str(tmp_path)], demo.environ) == 0
    assert "healthy.demo.example," in capfd.readouterr().out
    assert all(len(json.loads(path.read_text())) == 5 for path in tmp_path.iterdir())


# discover and get

def test_discover_prints_the_configured_targets(demo: Site, capfd: Capture) -> None:
    """One line of JSON."""
    assert cli.batch_script(["--discover"], demo.environ) == 0
    out, err = capfd.readouterr()
    assert out.count("\n") == 1
    assert [(row["{#DOMAIN}"], row["{#PORT}"], row["{#ADDRESS}"]) for row in
            json.loads(out)["data"]] == [
        (t["domain"], str(t["port"]), t["address"]) for t in demo.targets]
    assert not err


def get(demo: Site, name: str, metric: str, *more: str) -> int:
    return cli.batch_script(["--get", demo.domain(name), demo.port(name), metric, *more],
                            demo.environ)


@pytest.mark.parametrize(("name", "metric", "value", "code"), [
    ("healthy", "remain_days", "89", 0), ("healthy", "handshake_ok", "1", 0),
    ("healthy", "chain_trusted", "1", 0), ("healthy", "risk_level", "0", 0),
    ("healthy", "subject", "CN=healthy.demo.example", 0), ("healthy", "error", "", 0),
    ("expired", "remain_days", "-3", 0), ("expired", "is_valid", "0", 0),
    ("expired", "chain_error", "expired", 0), ("down", "handshake_ok", "0", 0),
    ("down", "error_reason", "refused", 0),
    ("down", "remain_days", "the connection was refused: nothing listens on this port, or a "
     "firewall rejects it", 1),
])
def test_get_prints_one_value(
        demo: Site, name: str, metric: str, value: str, code: int, capfd: Capture) -> None:
    """Or why it is not known; one line either way, also when the target is down."""
    assert get(demo, name, metric) == code
    out, err = capfd.readouterr()
    assert (_aged(out), err) == (f"{value}\n", "")


@pytest.mark.parametrize("name", ["healthy", "down"])
def test_get_all_prints_one_flat_object(demo: Site, name: str, capfd: Capture) -> None:
    """Scalars by the names of the metrics; what is not known is absent."""
    assert get(demo, name, "all") == 0
    out = capfd.readouterr().out
    assert out.count("\n") == 1
    shown = json.loads(out)
    assert set(shown) <= set(metrics.TABLE)
    assert all(isinstance(value, int | float | str) and not isinstance(value, bool)
               for value in shown.values())
    assert ("remain_days" in shown) == (name == "healthy")
    assert shown["handshake_ok"] == (name == "healthy")


def test_zabbix_ssl_get_is_the_same(demo: Site, capfd: Capture) -> None:
    """With its options before or after the words."""
    for words in (("--timeout", "2", demo.domain("healthy"), demo.port("healthy"), "remain_days"),
                  (demo.domain("healthy"), demo.port("healthy"), "remain_days", "--no-cache")):
        assert cli.main(["get", *words], demo.environ) == 0
        out, err = capfd.readouterr()
        assert (_aged(out), err) == ("89\n", "")


def test_get_takes_what_discovery_hands_over(demo: Site, capfd: Capture) -> None:
    """Empty macros stand for nothing set; the configured address repeated is the configured one;
    another one is another endpoint."""
    assert get(demo, "healthy", "remain_days", "--address", "", "--starttls", "") == 0
    assert get(demo, "healthy", "remain_days", "--address", "127.0.0.10") == 0
    assert _aged(capfd.readouterr().out) == "89\n89\n"
    assert get(demo, "healthy", "error_reason", "--address", "127.0.0.9") == 0
    assert capfd.readouterr().out == "refused\n"


def test_get_finds_what_batch_has_kept(tmp_path: Path, capfd: Capture) -> None:
    """Also with the macros of discovery repeated: it answers when the server is gone. Another
    address and --no-cache are asked anew."""
    with site(tmp_path, "healthy") as gone:
        cli.batch_script([], gone.environ)
    capfd.readouterr()
    for same in ([], ["--address", "127.0.0.10"], ["--starttls", ""], ["--timeout", "2"]):
        assert get(gone, "healthy", "remain_days", *same) == 0
        assert _aged(capfd.readouterr().out) == "89\n"
    for other in (["--no-cache"], ["--address", "127.0.0.1"], ["--max-age", "0"]):
        assert get(gone, "healthy", "error_reason", *other) == 0
        assert capfd.readouterr().out == "refused\n"


def _aged(text: str) -> str:
    """A certificate that was made this second has a day more."""
    return re.sub(r"\b90$", "89", text, flags=re.MULTILINE)


# doctor

def test_doctor_finds_all_well(demo: Site, capfd: Capture) -> None:
    """A line for each thing it looked at, the real check at the end."""
    assert cli.main(["doctor", "--timeout", "2"], demo.environ) == 0
    out, err = capfd.readouterr()
    assert not err
    subjects = [line.split()[1] for line in out.splitlines()]
    assert list(dict.fromkeys(subjects)) == [
        "python", "config", "cache", "trust", "limits", "check"]
    assert all(line.startswith("ok  ") for line in out.splitlines())
    assert re.search(r"ok +check +healthy.demo.example:\d+ answered in \d+\.\d\d s: (89|90) days "
                     r"left\n", out)


@pytest.mark.parametrize(("change", "line"), [
    ({"ZABBIX_SSL_CONFIG": "/none.json"}, r"PROBLEM +config +/none.json: the file does not exist: "
     r"write it \(docs/domains.md\)"),
    ({"ZABBIX_SSL_CACHE": "/dev/null/x"}, r"PROBLEM +cache +/dev/null/x: Not a directory.*; name "
     r"another directory with --cache-dir or \$ZABBIX_SSL_CACHE, or mend this one: install -d"),
    ({"SSL_CERT_FILE": "/none.pem"}, r"PROBLEM +trust +1 trusted roots: the trusted roots in "
     r"/none.pem cannot be read: "),
])
def test_doctor_names_what_mends_a_problem(
        demo: Site, change: dict[str, str], line: str, capfd: Capture) -> None:
    """And goes on with the rest."""
    assert cli.main(["doctor", "--timeout", "2"], {**demo.environ, **change}) == 1
    out = capfd.readouterr().out
    assert re.search(f"^{line}", out, re.MULTILINE), out
    assert out.count("PROBLEM") == 1
    assert re.search("^ok +limits", out, re.MULTILINE)


def test_doctor_looks_up_names_and_tries_more_than_one_target(demo: Site, capfd: Capture) -> None:
    """A name that does not exist is a problem; a target that is down is none while another
    answers, and is one when none does."""
    down = demo.targets[-1]
    config = demo.configure("one.json", [down, demo.targets[0]])
    assert cli.main(["doctor", "--config", str(config)], demo.environ) == 0
    config = demo.configure("two.json", [down, "none.invalid"])
    capfd.readouterr()
    assert cli.main(["doctor", "--config", str(config)], demo.environ) == 1
    out = capfd.readouterr().out
    assert re.search(r"^PROBLEM +names +none.invalid does not resolve \(", out, re.MULTILINE)
    assert re.search(r"^PROBLEM +check +down.demo.example:\d+ could not be checked \(refused\): ",
                     out, re.MULTILINE)


def test_a_missing_dependency_is_told(demo: Site) -> None:
    """In one line that says what to install, by both programs; a Python with all of them is the
    twin in every other test."""
    without = demo.folder / "without" / "OpenSSL"
    without.mkdir(parents=True)
    (without / "__init__.py").write_text("raise ImportError(\"No module named 'OpenSSL'\")")
    path = {"PYTHONPATH": f"{without.parent}:{demo.environ['PYTHONPATH']}"}
    done = demo.run("check", demo.target("healthy"), "--no-cache", environ=path)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"zabbix-ssl: No module named 'OpenSSL': install what is missing with pip "
                        r"install zabbix-ssl \(.*\)\n", done.stderr)
    done = demo.run("--get", demo.domain("healthy"), demo.port("healthy"), "all", "--no-cache",
                    program=SCRIPT, environ=path)
    assert done.returncode == 1
    assert "No module named 'OpenSSL'" in done.stdout
    assert done.stdout.count("\n") == 1


# The page about it

PAGE = (Path(__file__).parent.parent / "docs" / "command-line.md").read_text(encoding="utf-8")


def test_the_page_names_every_command() -> None:
    """With the words of the overview."""
    for name, command in cli.COMMANDS.items():
        assert f"| `{name}` | {command.summary} |\n" in PAGE


def test_the_page_names_every_option() -> None:
    """Of the shared table, and of check and batch."""
    for option in (*options.OPTIONS, options.MAX_AGE):
        assert f"| `{option.name}{' ' * bool(option.metavar)}{option.metavar}` |" in PAGE
    for option in (*check.OWN, *batch.OWN):
        assert f"{option.name}{' ' * bool(option.metavar)}{option.metavar}`" in PAGE
