"""The demo's endpoints in a real Zabbix, installed and registered there as a person would do it.

    with shown("7.0") as demo:
        demo.zabbix.url, demo.hostid  # every endpoint has its values, every bad one its problem

Needs Zabbix's packages (testbed/zabbix.py) and pip. As root the external scripts run as ``nobody``:
when that user cannot run this Python, they run in an environment of their own.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from zabbix_ssl.zabbix.install import closed_to
from zabbix_ssl.zabbix.kinds import SCRIPT

from . import packaging, zabbix
from .endpoints import ENDPOINTS, Running, running
from .process import DidNotStart
from .zabbix import PASSWORD, USER, Zabbix

#: Name of the host that ``zabbix-ssl register`` makes.
HOST = "SSL certificates"
#: Instead of minutes: a problem needs two checks, and people wait for it.
MACROS = {"{$SSL.INTERVAL}": "10s", "{$SSL.DISCOVERY.INTERVAL}": "10s",
          "{$SSL.SUMMARY.INTERVAL}": "10s", "{$SSL.NODES.GRACE}": "15s"}
SEVERITIES = ("not classified", "information", "warning", "average", "high", "disaster")
SECONDS = 180  # until everything is there
UNKNOWN = "nothing recent is known of"  # in an overview that does not have all

Say = Callable[[str], None]


class Problem(NamedTuple):
    """An open problem as the API tells it."""

    severity: int  # index of SEVERITIES
    name: str


class Demo(NamedTuple):
    """A Zabbix that watches the demo's endpoints."""

    zabbix: Zabbix
    api: Any  # pyzabbix.ZabbixAPI, logged in
    hostid: str
    endpoints: tuple[Running, ...]

    @property
    def dashboard(self) -> str:
        """The address of the host's dashboard."""
        return f"{self.zabbix.url}/zabbix.php?action=host.dashboard.view&hostid={self.hostid}"

    @property
    def problems_page(self) -> str:
        return self._page("problem.view")

    @property
    def latest_data(self) -> str:
        return self._page("latest.view")

    def problems(self) -> list[Problem]:
        """The open problems, the worst first."""
        found = self.api.problem.get(hostids=self.hostid, output=["name", "severity"])
        rows = [Problem(int(one["severity"]), one["name"]) for one in found]
        return sorted(rows, key=lambda one: (-one.severity, one.name))

    def values(self) -> dict[str, str]:
        """The last value of each item by key; items without one are left out."""
        found = self.api.item.get(hostids=self.hostid, output=["key_", "lastvalue", "lastclock"])
        return {one["key_"]: one["lastvalue"] for one in found if one["lastclock"] != "0"}

    def _page(self, action: str) -> str:
        return (f"{self.zabbix.url}/zabbix.php?action={action}&hostids%5B%5D={self.hostid}"
                "&filter_set=1")


@contextmanager
def shown(version: str, say: Say = lambda line: None) -> Iterator[Demo]:
    """A fresh Zabbix of that version with all endpoints in it; ``say`` is told how far it is.

    Raises NotInstalled where packages cannot be had, DidNotStart with the reason when something
    does not come up.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(
            prefix="zabbix-ssl-demo-", dir="/var/tmp", ignore_cleanup_errors=True)))
        say(f"Zabbix {version}, out of the distribution's packages, which are fetched once ...")
        environ = {"ZABBIX_SSL_CONFIG": str(folder / "domains.json"),
                   "ZABBIX_SSL_CACHE": str(folder / "cache")}
        server = stack.enter_context(zabbix.running(version, environ))
        endpoints = tuple(stack.enter_context(running(ENDPOINTS, folder)))
        publish(folder)
        say(f"{len(endpoints)} TLS endpoints are up on loopback addresses.")
        programs = runnable(folder, say)
        install(server, programs, environ, say)
        register(server, environ, say)
        api = server.api()
        (host,) = api.host.get(filter={"host": HOST}, output=["hostid"])
        for macro, value in MACROS.items():
            api.usermacro.create(hostid=host["hostid"], macro=macro, value=value)
        demo = Demo(server, api, host["hostid"], endpoints)
        say("Discovery, checks every ten seconds, and what comes of them ...")
        wait(demo)
        yield demo


def publish(folder: Path) -> None:
    """Lets the user of external scripts read what domains.json names."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def runnable(folder: Path, say: Say) -> Path:
    """A folder bin with this package's commands, which the user of external scripts can run."""
    here = Path(sys.executable).parent
    script = str(here / SCRIPT)
    trial = subprocess.run([*zabbix.run_as_owner(), script, "--help"], cwd="/", check=False,
                           capture_output=True, stdin=subprocess.DEVNULL, env={"PATH": os.defpath})
    if not trial.returncode and not closed_to(script, user()):
        return here
    say("An environment that the user nobody can run ...")
    checkout = packaging.copy_checkout(folder / "checkout")
    try:
        return packaging.public_environment(packaging.build_wheel(checkout, folder),
                                            folder / "environment")
    except AssertionError as said:  # of pip
        raise DidNotStart(f"an environment for the user nobody: {said}") from said


def install(server: Zabbix, programs: Path, environ: Mapping[str, str], say: Say) -> None:
    """``zabbix-ssl install``: the script into ExternalScripts, the cache made, both tried."""
    command(say, programs / "zabbix-ssl", "install", "--zabbix-conf", server.folder / "server.conf",
            "--user", user().pw_name, "--config", environ["ZABBIX_SSL_CONFIG"], "--cache-dir",
            environ["ZABBIX_SSL_CACHE"], environ={})


def user() -> pwd.struct_passwd:
    """Who runs external scripts."""
    return pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam("nobody")


def register(server: Zabbix, environ: Mapping[str, str], say: Say) -> None:
    """``zabbix-ssl register``: templates, host group, host."""
    command(say, sys.executable, "-m", "zabbix_ssl", "register", environ={
        **environ, "ZABBIX_URL": server.url, "ZABBIX_USER": USER, "ZABBIX_PASSWORD": PASSWORD,
        "PYTHONPATH": str(packaging.ROOT)})


def command(say: Say, *words: str | Path, environ: Mapping[str, str]) -> None:
    """Runs it and says what it says. Raises DidNotStart with that when it does not succeed."""
    done = subprocess.run(words, cwd="/", capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=False, env={"PATH": os.defpath, "LANG": "C.UTF-8", **environ})
    said = (done.stdout + done.stderr).rstrip()
    if done.returncode:
        raise DidNotStart(f"{' '.join(map(str, words))}: {said}")
    name = next(str(word) for word in words if word in ("install", "register"))
    say(f"$ zabbix-ssl {name}\n{said}")


def wait(demo: Demo) -> None:
    """Until every endpoint has been checked, and those and only those with something to mend have a
    problem. Raises DidNotStart that names what is missing."""
    deadline = time.monotonic() + SECONDS
    while missing := _missing(demo):
        if time.monotonic() > deadline:
            raise DidNotStart(f"after {SECONDS} s: {'; '.join(missing)}")
        time.sleep(0.5)


def _missing(demo: Demo) -> list[str]:
    found = demo.values()
    names = [problem.name for problem in demo.problems()]
    count = str(len(demo.endpoints))
    missing = [] if found.get("ssl.count") == count else ["they are not summed up"]
    if UNKNOWN in found.get("ssl.soonest.list", UNKNOWN):
        missing.append("the overview does not have them all")
    for one in demo.endpoints:
        target = f"{one.endpoint.domain}:{one.port}"
        if f"ssl.check_time[{one.endpoint.domain},{one.port}]" not in found:
            missing.append(f"{target} was not checked")
        elif bool(one.endpoint.codes) != any(f"SSL {target}: " in name for name in names):
            missing.append(f"{target} has {'no' if one.endpoint.codes else 'a'} problem")
    return missing
