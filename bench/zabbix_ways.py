"""The ways to have Zabbix watch targets for ``bench.zabbix``, as people are told to do it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from testbed import packaging
from testbed.process import child, reserved
from testbed.zabbix import PASSWORD, USER, Process, Zabbix, free_ports
from testbed.zabbix_packages import agent, environment, program

from .measure import address, name

VERSION = "7.0"
SIZES = {"CacheSize": "512M", "HistoryCacheSize": "64M", "HistoryIndexCacheSize": "32M",
         "StartPollers": "10", "StartPreprocessors": "16", "StatsAllowedIP": "127.0.0.1"}
#: Of the server: what Zabbix has without a configuration, where the testbed has less.
SERVER = SIZES | {"TrendCacheSize": "32M", "ValueCacheSize": "128M", "StartDBSyncers": "4",
                  "StartLLDProcessors": "2", "StartTrappers": "5", "CacheUpdateFrequency": "10"}
#: Of a proxy: the buffer as Zabbix's own packages configure it.
PROXY = SIZES | {"ProxyConfigFrequency": "10", "ProxyBufferMode": "hybrid",
                 "ProxyMemoryBufferSize": "16M"}
PROXY_NAME = "bench"
HOSTS_AT_ONCE = 100  # in a call of the API

Api = Any  # pyzabbix.ZabbixAPI
Node = dict[str, Any]


class Lab(NamedTuple):
    """The targets, and the project as people have it."""

    programs: Path  # the folder bin of its environment
    config: Path  # domains.json
    ca_file: Path
    port: int  # of all targets
    targets: int
    interval: int  # seconds


class Place(NamedTuple):
    """Who monitors: the server, or a proxy."""

    kind: str
    zabbix: Zabbix
    folder: Path
    scripts: Path  # ExternalScripts
    port: int
    words: tuple[str, ...] = ()  # of register

    @property
    def pid(self) -> int:
        return int((self.folder / f"{self.kind}.pid").read_text())


class Way(NamedTuple):
    """How targets are checked. ``begin`` has it going, and gives the processes beside Zabbix."""

    title: str
    begin: Callable[[Lab, Place], AbstractContextManager[dict[str, int]]]
    item: str = "ssl.check_time["  # begins the key of an item that has a value a check
    poller: str = "poller"  # that waits for the checks
    kept: bool = True  # each value; else all that is due and not late is taken for answered


# The ways


def by_external_check(options: str = "", resident: bool = False
                      ) -> Callable[[Lab, Place], AbstractContextManager[dict[str, int]]]:
    """The template with discovery. ``options`` of the script; ``resident``: a service keeps the
    cache fresh."""
    @contextmanager
    def begin(lab: Lab, place: Place) -> Iterator[dict[str, int]]:
        install_script(lab, place, options)
        register(lab, place)
        with ExitStack() as stack:
            yield {"exporter": stack.enter_context(exporter(lab, place))} if resident else {}
    return begin


def install_script(lab: Lab, place: Place, options: str) -> None:
    """Counts each process that is started. ``exec``: it stays one process."""
    script = place.scripts / "ssl_check_batch.py"
    script.write_text(
        "#!/bin/sh\n"
        f"echo >> {place.zabbix.scratch}/started\n"
        f"export ZABBIX_SSL_CONFIG={lab.config} ZABBIX_SSL_CACHE={place.zabbix.scratch}\n"
        f'[ "$1" = --get ] && set -- "$@" {options}\n'
        f'exec {lab.programs}/ssl_check_batch.py "$@"\n')
    script.chmod(0o755)


@contextmanager
def exporter(lab: Lab, place: Place) -> Iterator[int]:
    """A service that keeps the cache fresh; its process."""
    with reserved() as held:
        port = held.getsockname()[1]
    with service(lab, place, "exporter", "--listen", f"127.0.0.1:{port}") as process:
        yield process


@contextmanager
def by_push(lab: Lab, place: Place) -> Iterator[dict[str, int]]:
    """The service, and the template with trapper items."""
    register(lab, place, "--method", "push")
    with service(lab, place, "push", "--server", f"127.0.0.1:{place.port}", "--spool-dir",
                 str(place.folder / "spool")) as process:
        yield {"push": process}
    log = lab.config.with_name("push.log").read_text()
    print(f"  {log.splitlines()[-1].partition('zabbix-ssl ')[2]}", flush=True)


@contextmanager
def service(lab: Lab, place: Place, command: str, *words: str) -> Iterator[int]:
    """``zabbix-ssl`` as a service; its process. Like external checks it has no certificates of its
    own in the environment, which would make its answers others than theirs."""
    with child(["env", "-u", "SSL_CERT_FILE", "-u", "SSL_CERT_DIR", f"{lab.programs}/zabbix-ssl",
                command, *words, "--config", str(lab.config), "--interval", str(lab.interval),
                "--cache-dir", str(place.zabbix.scratch)],
               lab.config.with_name(f"{command}.log"), death=signal.SIGTERM) as process:
        yield process.pid


def by_agent_2(create: Callable[[Lab, Api, Node], object]
               ) -> Callable[[Lab, Place], AbstractContextManager[dict[str, int]]]:
    """``create`` makes hosts with that interface, with an item a target."""
    @contextmanager
    def begin(lab: Lab, place: Place) -> Iterator[dict[str, int]]:
        (port,) = free_ports(1)
        with agent_2(lab, place, port) as process:
            create(lab, place.zabbix.api(), {"type": 1, "main": 1, "useip": 1, "ip": "127.0.0.1",
                                             "dns": "", "port": str(port)})
            yield {"agent 2": process}
    return begin


def items_alone(lab: Lab, api: Api, interface: Node) -> None:
    """One host; nothing is taken out of the answers."""
    (hostid,) = api.host.create(host="agent", interfaces=[interface],
                                groups=host_groups(api))["hostids"]
    (found,) = api.hostinterface.get(hostids=hostid, output=["interfaceid"])
    api.item.create(*[
        {"hostid": hostid, "interfaceid": found["interfaceid"], "name": name(n), "type": 0,
         "key_": f"web.certificate.get[{name(n)},{lab.port},{address(n)}]", "value_type": 4,
         "delay": f"{lab.interval}s", "history": "1h"} for n in range(lab.targets)])


def with_its_template(lab: Lab, api: Api, interface: Node) -> None:
    """A host a target with Zabbix's own template, which drops answers that are as before."""
    (template,) = api.template.get(filter={"host": "Website certificate by Zabbix agent 2"},
                                   output=["templateid"])
    (item,) = api.item.get(hostids=template["templateid"], search={"key_": "web.certificate.get"},
                           output=["itemid"])
    api.item.update(itemid=item["itemid"], delay=f"{lab.interval}s")
    macros = ("HOSTNAME", "PORT", "IP")
    made = [{"host": name(n), "interfaces": [interface], "groups": host_groups(api),
             "templates": [template], "macros": [
                 {"macro": f"{{$CERT.WEBSITE.{macro}}}", "value": value} for macro, value in
                 zip(macros, (name(n), str(lab.port), address(n)), strict=True)]}
            for n in range(lab.targets)]
    for first in range(0, len(made), HOSTS_AT_ONCE):
        api.host.create(*made[first:first + HOSTS_AT_ONCE])


def host_groups(api: Api) -> Any:
    return api.hostgroup.get(filter={"name": "Linux servers"}, output=["groupid"])


@contextmanager
def agent_2(lab: Lab, place: Place, port: int) -> Iterator[int]:
    """A running agent that trusts the root of the targets; its process."""
    root = agent(VERSION)
    config = place.zabbix.scratch / "agent.conf"
    settings = {"Server": "127.0.0.1", "ListenIP": "127.0.0.1", "ListenPort": str(port),
                "Hostname": "agent", "LogType": "console",
                "ControlSocket": f"{place.zabbix.scratch}/agent.sock",
                "PidFile": f"{place.zabbix.scratch}/agent.pid"}
    config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    with (place.folder / "agent.log").open("wb") as log:
        process = Process([program(root, "usr/sbin/zabbix_agent2"), "-f", "-c", config], log,
                          environment(root) | {"SSL_CERT_FILE": str(lab.ca_file)})
    try:
        yield process.popen.pid
    finally:
        process.stop()


# What they need


def installed(folder: Path) -> Path:
    """The folder bin of an environment with this checkout that every user can run."""
    for part in ("checkout", "wheel"):
        (folder / part).mkdir()
    wheel = packaging.build_wheel(packaging.copy_checkout(folder / "checkout"), folder / "wheel")
    return packaging.public_environment(wheel, folder / "environment")


def configure(lab: Lab) -> None:
    """Writes domains.json."""
    lab.config.write_text(json.dumps({
        "defaults": {"ca_file": str(lab.ca_file)},
        "targets": [{"domain": name(n), "port": lab.port, "address": address(n)}
                    for n in range(lab.targets)]}))


def register(lab: Lab, place: Place, *words: str) -> None:
    """As a person does it; and the interval."""
    subprocess.run(
        [f"{lab.programs}/zabbix-ssl", "register", "--config", str(lab.config), *words,
         *place.words], check=True, stdout=subprocess.DEVNULL,
        env={**os.environ, "ZABBIX_URL": place.zabbix.url, "ZABBIX_USER": USER,
             "ZABBIX_PASSWORD": PASSWORD})
    api = place.zabbix.api()
    (host,) = api.host.get(filter={"host": "SSL certificates"}, output=["hostid"],
                           selectMacros=["hostmacroid"])
    macros = {"{$SSL.INTERVAL}": f"{lab.interval}s", "{$SSL.DISCOVERY.INTERVAL}": "20s"}
    api.host.update(hostid=host["hostid"], macros=[
        {"macro": macro, "value": value} for macro, value in macros.items()])


@contextmanager
def proxy(zabbix: Zabbix) -> Iterator[Place]:
    """A proxy that the server knows."""
    zabbix.api().proxy.create(name=PROXY_NAME, operating_mode=0)
    with zabbix.proxy(PROXY_NAME, PROXY) as folder:
        found = re.search(r"^ListenPort=(\d+)", (folder / "proxy.conf").read_text(), re.MULTILINE)
        assert found
        yield Place("proxy", zabbix, folder, folder / "externalscripts", int(found[1]),
                    ("--proxy", PROXY_NAME))


COLD = Way("external check, each an audit", by_external_check("--max-age 1"))
WARM = Way("external check, an exporter keeps the cache", by_external_check(resident=True))
PUSH = Way("push", by_push)
AGENT_2 = Way("agent 2, web.certificate.get alone", by_agent_2(items_alone), "web.certificate.get[",
              "agent poller")
AGENT_2_TEMPLATE = AGENT_2._replace(title="agent 2, with its template of 12 items",
                                    begin=by_agent_2(with_its_template), kept=False)
WAYS = (AGENT_2, AGENT_2_TEMPLATE, PUSH, WARM, COLD)
