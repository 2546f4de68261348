"""``ssl_check_batch.py`` as Zabbix runs it: a process a value, one pipe, hardly any time."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from audits import CLEAN, ROOT, Door, kept, observed, public_copy, public_python

from testbed import faults, pki, tls
from testbed.serving import Dialogue, serve
from zabbix_ssl import cache as caching
from zabbix_ssl import check, external
from zabbix_ssl import entry as entries
from zabbix_ssl.cache import Cache
from zabbix_ssl.cli import options as command_line
from zabbix_ssl.metrics import judge
from zabbix_ssl.model import Failure, Settings, Target

SCRIPT = ROOT / "externalscripts" / "ssl_check_batch.py"
A = Target("a.example")
STAMP = entries.config_stamp(entries.CONFIG)

#: What an external check with a fresh answer must not pay for.
COSTLY = {"cryptography", "OpenSSL", "requests", "asyncio", "ssl", "json", "re", "typing",
          "argparse", "dataclasses", "collections", "hashlib", "enum", "logging", "socket",
          "subprocess", "tempfile", "zabbix_ssl.cli", "zabbix_ssl.model", "zabbix_ssl.cache"}


class Said(NamedTuple):
    """What a run of the script left: code, and what Zabbix would read."""

    code: int
    text: str


def run(*words: str, script: Path = SCRIPT, python: tuple[str, ...] = (sys.executable,),
        environ: Mapping[str, str] = CLEAN, cwd: str = "/", user: int | None = None) -> Said:
    """As Zabbix: stdout and stderr are one pipe, stdin is empty, no HOME."""
    done = subprocess.run([*python, str(script), *words], stdin=subprocess.DEVNULL, cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ, user=user,
                          timeout=60)
    return Said(done.returncode, done.stdout.decode())


def put(folder: Path, target: Target = A, *, settings: Settings | None = None,
        failure: Failure | None = None, stamp: bytes = STAMP) -> Cache:
    """Keeps an answer as ``get`` would."""
    cache = Cache(str(folder))
    settings = settings or Settings()
    check.get(target, settings, cache, stamp=stamp, door=Door(failure))
    return cache


class TestShortWay:
    def test_it_imports_nothing_that_costs(self, tmp_path: Path) -> None:
        """Told by Python itself; the same words without an answer in the cache do import."""
        def imported(*words: str) -> set[str]:
            python = (sys.executable, "-X", "importtime")
            said = run(*words, "--cache-dir", str(tmp_path), python=python).text
            return set(re.findall(r"^import time:.*\| +(\S+)$", said, re.MULTILINE))

        bare = subprocess.run([sys.executable, "-X", "importtime", "-c", "pass"], env=CLEAN,
                              capture_output=True, text=True, check=True).stderr
        put(tmp_path)
        for metric in ("all", "remain_days", "san"):
            fresh = imported("--get", "a.example", "443", metric)
            assert {"zabbix_ssl.external", "zabbix_ssl.entry"} <= fresh
            here = {name for name in COSTLY if re.search(rf"\| +{re.escape(name)}$", bare, re.M)}
            assert not fresh & (COSTLY - here)
        assert {"json", "argparse", "zabbix_ssl.cli"} <= imported("--get", "a.example", "0", "all")

    def test_values_are_printed_as_zabbix_takes_them(self, tmp_path: Path) -> None:
        """One line each: flags as 0 and 1, times as Unix seconds, a JSON object for all."""
        result = judge(observed(A))
        put(tmp_path)
        for metric, text in (("remain_days", "100"), ("handshake_ok", "1"), ("self_signed", "0"),
                             ("handshake_ms", "12.5"), ("error", ""), ("is_revoked", "0"),
                             ("san", "a.example, b.example"), ("risk_level", "0")):
            assert run("--get", "a.example", "443", metric, "--cache-dir", str(tmp_path)) == (
                0, text + "\n")
        said = run("--get", "a.example", "443", "all", f"--cache-dir={tmp_path}")
        values = json.loads(said.text)
        assert said.text.endswith("}\n") and said.text.count("\n") == 1
        assert set(values) == set(result.values)
        assert isinstance(values["not_after"], int) and values["supported_tls_versions"] == ""

    def test_what_is_not_known_prints_why(self, tmp_path: Path) -> None:
        """And ends with 1; what is known of a failed target ends with 0."""
        put(tmp_path, failure=Failure("refused", "a.example:443: connection refused"))
        words = ("--cache-dir", str(tmp_path))
        assert run("--get", "a.example", "443", "remain_days", *words) == (
            1, "a.example:443: connection refused\n")
        assert run("--get", "a.example", "443", "handshake_ok", *words) == (0, "0\n")
        assert json.loads(run("--get", "a.example", "443", "all", *words).text)["handshake_ok"] == 0

    def test_no_locale_and_no_odd_character_spoils_a_value(self, tmp_path: Path) -> None:
        """A subject in Chinese, with a line break and a half character in it, is one line of
        UTF-8."""
        seen = observed(A)
        assert seen.certificate is not None
        certificate = seen.certificate._replace(subject="CN=上海\n\udc80\x1b[2J")
        entry = caching.make_entry(judge(seen._replace(certificate=certificate)), None, STAMP,
                                   entries.reached({}))
        Cache(str(tmp_path)).write(entries.key("a.example", 443, {}), entry)
        for locale in ("C", "POSIX", "en_US.ISO-8859-1", "C.UTF-8"):
            said = run("--get", "a.example", "443", "subject", "--cache-dir", str(tmp_path),
                       environ={**CLEAN, "LC_ALL": locale, "PYTHONUTF8": "0"})
            assert said == (0, "CN=上海\\u000a\\udc80\\u001b[2J\n")

    def test_a_long_answer_comes_whole_through_a_slow_pipe(self, tmp_path: Path) -> None:
        """More than a pipe holds, and not blocking."""
        entry = kept()
        entry.stamp = STAMP
        entry.lines = b"all=" + b"x" * 500_000
        Cache(str(tmp_path)).write(entries.key("a.example", 443, {}), entry)
        ours, theirs = os.pipe()
        os.set_blocking(theirs, False)
        with subprocess.Popen([sys.executable, SCRIPT, "--get", "a.example", "443", "all",
                               "--cache-dir", str(tmp_path)], stdout=theirs, env=CLEAN) as process:
            os.close(theirs)
            with os.fdopen(ours, "rb") as pipe:
                time.sleep(0.2)
                assert pipe.read() == b"x" * 500_000 + b"\n"
        assert process.returncode == 0


class TestWords:
    """Which words the short way takes, and what it makes of them."""

    @pytest.mark.parametrize("words", [
        ("--get", "a.example", "443", "all"),
        ("--timeout", "2", "--get", "a.example", "443", "all", "--max-age=60"),
        ("--get", "A.Example.", "443", "all", "--security-max-age", "7", "--connections=2"),
        ("--get", "a.example", "443", "all", "--address", "", "--starttls="),
        ("--get", "a.example", "443", "all", "--config", entries.CONFIG)])
    def test_those_that_ask_the_same(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        """In any order, with = or without; a macro of Zabbix that is empty says nothing."""
        put(tmp_path)
        assert external.kept_answer([*words, "--cache-dir", str(tmp_path)], {}) is not None

    @pytest.mark.parametrize("words", [
        (), ("--get",), ("--get", "a.example", "443"), ("--get", "a.example", "443", ""),
        ("--get", "a.example", "443", "all", "more"), ("--get", "a.example", "443", "no_such"),
        ("--get", "a.example", "https", "all"), ("--get", "a.example", "-443", "all"),
        ("--get", "a.example", "٤٤٣", "all"), ("--get", "a.example", "000443", "all"),
        ("--get", "-a.example", "443", "all"), ("--get", "", "443", "all"),
        ("--get", "a.example", "443", "all", "--no-cache"),
        ("--get", "b.example", "443", "all", "--get", "a.example", "443", "all"),
        ("--get", "a.example", "443", "all", "--json"),
        ("--get", "a.example", "443", "all", "--"),
        ("--get", "a.example", "443", "all", "--help"),
        ("--get", "a.example", "443", "all", "--address"),
        ("--get", "a.example", "443", "all", "--address", "--offline"),
        ("--get", "a.example", "443", "all", "--max-age", "1m"),
        ("--get", "a.example", "443", "all", "--max-age", "nan"),
        ("--get", "a.example", "443", "all", "--timeout", "-1"),
        ("--get", "a.example", "443", "all", "--ca-file", ""),
        ("--get", "a.example", "443", "all", "--max-age", "0"),
        ("--get", "a.example", "444", "all"), ("--get", "b.example", "443", "all"),
        ("--get", "a.example", "443", "all", "--offline"),
        ("--get", "a.example", "443", "all", "--ca-only"),
        ("--get", "a.example", "443", "all", "--address", "192.0.2.1"),
        ("--get", "a.example", "443", "all", "--starttls=smtp"),
        ("--get", "a.example", "443", "all", "--crl-dir", "/crl"),
        ("--get", "a.example", "443", "all", "--config", "/other.json")])
    def test_those_that_ask_something_else(self, tmp_path: Path, words: tuple[str, ...]) -> None:
        """Or that are wrong, or not plain: they go the long way, which knows what to say."""
        put(tmp_path)
        assert external.kept_answer([*words, "--cache-dir", str(tmp_path)], {}) is None

    def test_the_environment_is_asked_too(self, tmp_path: Path) -> None:
        """Where the cache is, which configuration, which trust store."""
        put(tmp_path)
        words = ("--get", "a.example", "443", "all")
        here = {"ZABBIX_SSL_CACHE": str(tmp_path)}
        assert external.kept_answer(words, here) is not None
        assert external.kept_answer(words, {}) is None
        assert external.kept_answer(words, {**here, "ZABBIX_SSL_CONFIG": "/other.json"}) is None
        assert external.kept_answer(words, {**here, "SSL_CERT_FILE": "/other.pem"}) is None
        put(tmp_path, settings=Settings(system_ca_file="/other.pem"))
        assert external.kept_answer(words, {**here, "SSL_CERT_FILE": "/other.pem"}) is not None

    def test_another_configuration_is_another_question(self, tmp_path: Path) -> None:
        """A file that has changed since is looked into before the answer is taken."""
        path = tmp_path / "domains.json"
        path.write_text("[]")
        put(tmp_path, stamp=entries.config_stamp(str(path)))
        words = ("--get", "a.example", "443", "all", "--cache-dir", str(tmp_path), "--config",
                 str(path))
        assert external.kept_answer(words, {}) is not None
        path.write_text('["b.example"]')
        assert external.kept_answer(words, {}) is None

    def test_what_discovery_hands_over_finds_what_batch_has_kept(self, tmp_path: Path) -> None:
        """The address and STARTTLS of the configuration, said again; other ones do not."""
        target = A._replace(address="192.0.2.1", starttls="smtp")
        list(check.run([target], Settings(), Cache(str(tmp_path)), stamp=STAMP, door=Door()))

        def found(*words: str) -> bool:
            words = ("--get", "a.example", "443", "all", "--cache-dir", str(tmp_path), *words)
            return external.kept_answer(words, {}) is not None

        assert found() and found("--address", "192.0.2.1")
        assert found("--address", "192.0.2.1", "--starttls", "smtp")
        assert not found("--address", "192.0.2.2")
        assert not found("--starttls", "imap") and not found("--address", "192.0.2.1", "--offline")

    def test_ipv6_with_and_without_brackets(self, tmp_path: Path) -> None:
        """Zabbix's macro holds it without, people write it with."""
        put(tmp_path, Target("2001:db8::1"))
        for domain in ("2001:db8::1", "[2001:db8::1]", "2001:DB8::1"):
            words = ("--get", domain, "443", "all", "--cache-dir", str(tmp_path))
            assert external.kept_answer(words, {}) is not None

    def test_options_are_those_of_the_command_line(self) -> None:
        """By name, and flags where those are flags."""
        rows = {row.name: row for row in (*command_line.OPTIONS, command_line.MAX_AGE)}
        assert set(external.VALUED) | set(external.FLAGS) <= set(rows)
        assert all(rows[name].read for name in external.VALUED)
        assert all(rows[name].read is None for name in external.FLAGS)
        fields = {*external.VALUED.values(), *external.FLAGS.values(),
                  *external.ENVIRONMENT.values()}
        assert fields - set(Settings._fields) == {"config", "cache_dir", "max_age",
                                                  "security_max_age"}


@contextmanager
def counting(dialogue: Dialogue) -> Iterator[tuple[int, list[int]]]:
    """A server and the list of its connections."""
    connections: list[int] = []

    def counted(connection: socket.socket) -> None:
        connections.append(connection.fileno())
        dialogue(connection)

    with serve(counted) as port:
        yield port, connections


@pytest.fixture(scope="module")
def healthy() -> Dialogue:
    return tls.modern(pki.Authority("Test Root").leaf("127.0.0.1"))


class TestServers:
    """The whole of it, against real servers."""

    def ask(self, folder: Path, port: int, *words: str) -> Said:
        return run("--get", "127.0.0.1", str(port), *words, "--cache-dir", str(folder))

    def at_once(self, folder: Path, port: int, metrics: list[str]) -> list[Said]:
        said: list[Said] = []
        threads = [threading.Thread(target=lambda m=m: said.append(self.ask(folder, port, m)))
                   for m in metrics]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return said

    @pytest.mark.parametrize("kind", ["healthy", "silent", "closing"])
    def test_twenty_pollers_at_once_make_one_probe(
            self, tmp_path: Path, healthy: Dialogue, kind: str) -> None:
        """As many connections as one poller makes, also when it fails; all twenty say the same, but
        that one whose time runs out while it waits says that."""
        dialogue = {"healthy": healthy, "silent": faults.silent, "closing": faults.closing}[kind]
        with counting(dialogue) as (port, connections):
            for folder in ("one", "twenty"):
                (tmp_path / folder).mkdir()
            self.ask(tmp_path / "one", port, "all")
            one = len(connections)
            assert one > 0
            said = self.at_once(tmp_path / "twenty", port, ["all"] * 20)
            assert len(connections) == 2 * one
        assert len(said) == 20
        answers = [json.loads(one.text) for one in said]
        assert {answer["handshake_ok"] for answer in answers} == {int(kind == "healthy")}
        assert len({one.text for one, answer in zip(said, answers, strict=True)
                    if "another check" not in answer["error"]}) == 1

    def test_without_the_cache_twenty_pollers_make_twenty_probes(
            self, tmp_path: Path, healthy: Dialogue) -> None:
        """The twin of the above."""
        with counting(healthy) as (port, connections):
            self.ask(tmp_path, port, "all")
            one = len(connections)
            for _ in range(3):
                self.ask(tmp_path, port, "all", "--no-cache")
            assert len(connections) > 3 * one

    def test_many_items_of_a_target_share_a_probe(self, tmp_path: Path, healthy: Dialogue) -> None:
        """Each its own process, at any time within the age."""
        with counting(healthy) as (port, connections):
            assert self.ask(tmp_path, port, "handshake_ok") == (0, "1\n")
            one = len(connections)
            said = self.ask(tmp_path, port, "key_bits")
            assert said == (0, "256\n")
            assert self.ask(tmp_path, port, "supported_tls_versions") == (0, "TLSv1.2, TLSv1.3\n")
            assert len(connections) == one

    def test_a_poller_that_is_killed_lets_the_next_one_in(self, tmp_path: Path) -> None:
        """With SIGKILL, in the middle of its probe; then nothing waits for it."""
        with counting(faults.silent) as (port, connections):
            words = [sys.executable, str(SCRIPT), "--get", "127.0.0.1", str(port), "all",
                     "--cache-dir", str(tmp_path), "--timeout", "60"]
            with subprocess.Popen(words, env=CLEAN) as process:
                while not connections:
                    time.sleep(0.01)
                process.send_signal(signal.SIGKILL)
            probed = len(connections)
            said = self.ask(tmp_path, port, "error_reason", "--timeout", "1")
            assert said == (0, "timeout\n")
            assert len(connections) > probed
        assert not list(tmp_path.glob("*.lock"))

    def test_each_option_finds_its_answer_again_by_the_short_way(
            self, tmp_path: Path, healthy: Dialogue) -> None:
        """What the long way keeps for some words, the short way finds for the same words."""
        (tmp_path / "crl").mkdir()
        (tmp_path / "ca.pem").write_text(pki.Authority("Other Root").pem.decode())
        (tmp_path / "domains.json").write_text("[]")
        with serve(healthy) as port:
            for words in ((), ("--address", "127.0.0.1"), ("--ca-file", str(tmp_path / "ca.pem")),
                          ("--ca-file", str(tmp_path / "ca.pem"), "--ca-only"), ("--offline",),
                          ("--crl-dir", str(tmp_path / "crl")), ("--starttls", "none"),
                          ("--config", str(tmp_path / "domains.json")), ("--timeout", "3"),
                          ("--connections", "2", "--security-max-age", "60")):
                asked = ["--get", "127.0.0.1", str(port), "all", "--cache-dir", str(tmp_path),
                         *words]
                assert external.kept_answer(asked, {}) is None, words
                said = run(*asked)
                assert external.kept_answer(asked, {}) == (True, said.text.encode()[:-1]), words
                shutil.rmtree(tmp_path / "kept", ignore_errors=True)
                for file in tmp_path.glob("*.entry"):
                    file.unlink()


class TestPlaces:
    def test_through_a_link_and_from_any_folder(self, tmp_path: Path) -> None:
        """As in ExternalScripts, beside scripts with the names of modules."""
        scripts = tmp_path / "externalscripts"
        scripts.mkdir()
        for name in ("json.py", "time.py", "zabbix_ssl.py", "argparse.py"):
            (scripts / name).write_text("raise SystemExit('the wrong module')")
        (scripts / "cert").symlink_to(SCRIPT)
        put(tmp_path)
        for cwd in ("/", str(tmp_path), str(scripts)):
            said = run("--get", "a.example", "443", "remain_days", "--cache-dir", str(tmp_path),
                       script=scripts / "cert", cwd=cwd)
            assert said == (0, "100\n")
            assert "the wrong module" not in run("--get", "a", "0", "x", cwd=cwd).text
        assert os.access(SCRIPT, os.X_OK)

    def test_as_an_ordinary_user_without_home_from_a_checkout(self) -> None:
        """Who may write nothing but his own directory below the one for temporary files."""
        with public_copy() as folder, faults.refusing() as port:
            (folder / "tmp").mkdir()
            (folder / "tmp").chmod(0o1777)
            environ = {**CLEAN, "TMPDIR": str(folder / "tmp")}
            code = ("from zabbix_ssl.cache import *; from zabbix_ssl.entry import *; import os\n"
                    "cache = open_cache(None, os.environ)\n"
                    "e = Entry(int(time.time()), False, 0, config_stamp(CONFIG), b'at', b'all=1',"
                    " b'null')\n"
                    f"print(cache.write(key('127.0.0.1', {port}, {{}}), e))")
            user = 65534 if os.geteuid() == 0 else None
            python = public_python()
            done = subprocess.run([python, "-c", code], env={**environ, "PYTHONPATH": str(folder)},
                                  user=user, capture_output=True, text=True, check=True)
            assert done.stdout == "None\n"
            said = run("--get", "127.0.0.1", str(port), "all", python=(python,), user=user,
                       script=folder / "externalscripts" / SCRIPT.name, environ=environ)
            assert said == (0, "1\n")

    def test_installed_by_pip(self, wheel: Path, public_python: Path, tmp_path: Path) -> None:
        """The same file, in the environment's folder of programs."""
        put(tmp_path)
        words = ("--get", "a.example", "443", "remain_days", "--cache-dir", str(tmp_path))
        script = public_python / SCRIPT.name
        assert run(*words, script=script, python=()) == (0, "100\n")
        assert SCRIPT.read_text().split("\n", 1)[1] == script.read_text().split("\n", 1)[1]

    def test_another_version_does_not_believe_the_entry(self, tmp_path: Path) -> None:
        """After an upgrade each target is asked anew."""
        put(tmp_path)
        checkout = tmp_path / "checkout"
        shutil.copytree(ROOT / "zabbix_ssl", checkout / "zabbix_ssl")
        shutil.copytree(SCRIPT.parent, checkout / "externalscripts")
        script = checkout / "externalscripts" / SCRIPT.name
        words = ("--get", "a.example", "443", "remain_days", "--cache-dir", str(tmp_path),
                 "--timeout", "1")
        assert run(*words, script=script) == (0, "100\n")
        (checkout / "zabbix_ssl" / "__init__.py").write_text('__version__ = "99.0"\n')
        assert run(*words, script=script).code == 1

    def without_packages(self, checkout: Path) -> Said:
        """A Python that has none of the dependencies."""
        return run("--get", "127.0.0.1", "1", "error_reason", "--no-cache", "--timeout", "1",
                   script=checkout / "externalscripts" / SCRIPT.name,
                   python=(sys.executable, "-S", "-E"))

    def test_missing_dependencies_are_told_in_one_line(self) -> None:
        """With what is missing, for which Python, and what to do."""
        with public_copy() as checkout:
            said = self.without_packages(checkout)
        assert said.code == 1 and said.text.count("\n") == 1 and "Traceback" not in said.text
        assert "No module named" in said.text and sys.executable in said.text
        assert "install zabbix-ssl" in said.text

    def test_a_checkout_goes_on_under_its_own_python(self) -> None:
        """When that has the dependencies; when it has not either, it says so and ends."""
        with public_copy() as checkout:
            python = checkout / ".venv" / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
            python.chmod(0o755)
            assert self.without_packages(checkout) == (0, "refused\n")
            python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
            said = self.without_packages(checkout)
            assert said.code == 1 and "No module named" in said.text
            python.chmod(0o644)
            said = self.without_packages(checkout)
            assert "cannot be run: Permission denied" in said.text and said.text.count("\n") == 1

    def test_a_fault_of_ours_is_one_line(self) -> None:
        """No traceback on the pipe that Zabbix reads."""
        with public_copy() as checkout:
            (checkout / "zabbix_ssl" / "cli" / "__init__.py").write_text("1 / 0")
            said = run("--discover", script=checkout / "externalscripts" / SCRIPT.name)
        assert said.code == 1 and said.text.count("\n") == 1
        assert "please report" in said.text and "ZeroDivisionError" in said.text
