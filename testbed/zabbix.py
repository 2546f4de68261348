"""A real Zabbix on loopback: PostgreSQL, server, frontend with its API, proxies. 6.0 or 7.0.

    with running("7.0") as zabbix:
        zabbix.scripts          # its ExternalScripts folder
        zabbix.api()            # pyzabbix, logged in as Admin
        with zabbix.proxy("edge"): ...

Each is alone: own folder, database cluster, ports and process groups, so that several run at once.
All ends with the block, and with this process however it ends. The database is a copy of a prepared
one in the cache folder; the first run of a version takes about 15 s longer.

As root the servers run as ``nobody``, else as the user who starts them.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from .process import DidNotStart
from .zabbix_packages import environment, locked, program, unpacked

USER, PASSWORD = "Admin", "zabbix"
START_SECONDS = 60
STOP_SECONDS = 15

POSTGRESQL = {
    "listen_addresses": "''",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "150",
    "shared_buffers": "32MB",
}
SERVER = {
    "ListenIP": "127.0.0.1",
    "SourceIP": "127.0.0.1",
    "CacheSize": "32M",
    "HousekeepingFrequency": "0",
    "CacheUpdateFrequency": "1",
    "ProxyConfigFrequency": "1",
    "ProxyDataFrequency": "1",
    "StartPollers": "4",
    "StartPollersUnreachable": "1",
    "StartTrappers": "2",
    "StartPingers": "0",
    "StartDiscoverers": "0",
    "StartHTTPPollers": "0",
    "StartEscalators": "1",
    "StartAlerters": "1",
    "StartDBSyncers": "1",
    "StartODBCPollers": "0",
    "StartProxyPollers": "0",
    "StartLLDProcessors": "1",
    "StartPreprocessors": "2",
    "StartTimers": "1",
    "StatsAllowedIP": "127.0.0.1",
}
PROXY = {
    "ListenIP": "127.0.0.1",
    "SourceIP": "127.0.0.1",
    "DataSenderFrequency": "1",
    "StartPollers": "2",
    "StartPingers": "0",
    "StartDiscoverers": "0",
    "StartHTTPPollers": "0",
    "StartODBCPollers": "0",
    "StartPreprocessors": "1",
}
#: Runs the server, and ends what is left of it: neither its children nor itself always end when the
#: database went first.
GUARD = ("sh", "-c", f""""$@" & server=$!
trap "kill $server; {{ sleep {STOP_SECONDS}; kill -KILL 0; }} &" TERM
wait $server; wait $server; kill -KILL 0""", "sh")
PHP_MODULES = ("ctype", "gettext", "sockets", "fileinfo", "bcmath", "mbstring", "dom", "simplexml",
               "xml", "xmlreader", "xmlwriter", "gd", "pgsql", "curl")
PHP_SETTINGS = ("memory_limit=512M", "max_execution_time=300", "post_max_size=64M",
                "upload_max_filesize=16M", "opcache.enable_cli=1", "date.timezone=UTC",
                "display_errors=0", "log_errors=1")


class Process:
    """A server in a process group of its own, which ends with this process at the latest."""

    def __init__(self, command: list[str | Path], log: IO[bytes], environment: dict[str, str],
                 stop: signal.Signals = signal.SIGTERM, folder: Path = Path("/")) -> None:
        """``stop`` ends it; SIGTERM does when this process is gone."""
        self.stop_signal = stop
        self.log = Path(log.name)
        guard = ["setpriv", "--pdeathsig=TERM", *_identity()]
        self.popen = subprocess.Popen(
            [*guard, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
            env=environment, start_new_session=True)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, self.stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(STOP_SECONDS)
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Waits until ``ready``. Raises DidNotStart with the end of its log when it ends first."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self.popen.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise DidNotStart(f"{what}: {tail}")
            time.sleep(0.02)


class Zabbix:
    """A running Zabbix. Made by ``running``."""

    def __init__(self, version: str, root: Path, folder: Path, settings: dict[str, str],
                 environ: Mapping[str, str]) -> None:
        self.version = version
        self.root = root
        self.folder = folder
        self.settings = settings
        self.environ = {**environment(root), **environ}  # of the server, and so of external scripts
        self.scripts = folder / "externalscripts"  # ExternalScripts
        self.scratch = folder / "scratch"  # belongs to the user whom external scripts run as
        self.port, web = free_ports(2)  # of the trapper
        self.url = f"http://127.0.0.1:{web}"
        self.log = folder / "server.log"
        self._server: Process | None = None

    def api(self) -> Any:
        """A pyzabbix.ZabbixAPI, logged in as Admin."""
        from pyzabbix.api import ZabbixAPI

        api = ZabbixAPI(self.url, timeout=60)
        api.login(USER, PASSWORD)
        return api

    def start_server(self) -> None:
        binary = program(self.root, "usr/sbin/zabbix_server")
        config = _write_config(self.folder / "server.conf", SERVER | {
            "ListenPort": str(self.port), "LogType": "console",
            "PidFile": str(self.folder / "server.pid"), "SocketDir": str(self.folder),
            "DBHost": str(self.folder), "DBName": "zabbix", "DBUser": "zabbix",
            "ExternalScripts": str(self.scripts), "FpingLocation": "/bin/false",
        } | self.settings)
        deadline = time.monotonic() + STOP_SECONDS
        while True:
            with self.log.open("ab") as out:
                self._server = Process([*GUARD, binary, "-f", "-c", config], out, self.environ)
            try:
                self._server.wait_until(lambda: _listens(self.port),
                                        f"zabbix_server {self.version}")
                return
            except DidNotStart as error:
                # A script of the one before may hold its sockets for a moment longer.
                if time.monotonic() > deadline or "already running" not in str(error):
                    raise
                time.sleep(1)

    def stop_server(self) -> None:
        """External scripts that still run hold its port, and are waited for."""
        if self._server:
            self._server.stop()
            self._server = None
        deadline = time.monotonic() + STOP_SECONDS
        while _listens(self.port) and time.monotonic() < deadline:
            time.sleep(0.05)

    @contextmanager
    def proxy(self, name: str, settings: dict[str, str] | None = None) -> Iterator[Path]:
        """Runs an active proxy of that name (the API must know it). Yields its folder; its scripts
        are in ``externalscripts`` there."""
        folder = self.folder / f"proxy-{name}"
        _own(folder, folder / "externalscripts")
        (port,) = free_ports(1)
        frequency = "ConfigFrequency" if self.version == "6.0" else "ProxyConfigFrequency"
        config = _write_config(folder / "proxy.conf", PROXY | {
            "Server": f"127.0.0.1:{self.port}", "Hostname": name, "ListenPort": str(port),
            "LogType": "console", "PidFile": str(folder / "proxy.pid"),
            "SocketDir": str(folder), "DBName": str(folder / "proxy.db"), frequency: "1",
            "ExternalScripts": str(folder / "externalscripts"), "FpingLocation": "/bin/false",
        } | (settings or {}))
        with (folder / "proxy.log").open("ab") as out:
            process = Process([program(self.root, "usr/sbin/zabbix_proxy"), "-f", "-c", config],
                              out, environment(self.root))
        try:
            process.wait_until(lambda: _listens(port), f"zabbix_proxy {self.version}")
            yield folder
        finally:
            process.stop()


@contextmanager
def running(version: str, environ: Mapping[str, str] | None = None, **settings: str
            ) -> Iterator[Zabbix]:
    """A fresh Zabbix ``version``; ``settings`` go into the server's configuration file, ``environ``
    into the environment that it and its external scripts have.

    Raises NotInstalled where its packages cannot be had.
    """
    root = unpacked(version)
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="zabbix-", dir="/tmp"))  # short: it holds sockets
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        zabbix = Zabbix(version, root, folder, settings, environ or {})
        _own(folder, zabbix.scripts, zabbix.scratch)
        _copy_database(version, root, folder / "database")
        database = _start_database(root, folder / "database", folder)
        stack.callback(database.stop)
        frontend = _start_frontend(zabbix)
        stack.callback(frontend.stop)
        stack.callback(zabbix.stop_server)
        zabbix.start_server()
        frontend.wait_until(lambda: _answers(zabbix.url), f"the frontend of {version}")
        yield zabbix


def free_ports(count: int) -> list[int]:
    """TCP ports of the loopback interface that nobody uses. Zabbix takes none above 32767, and
    those are the ones that outgoing connections are given."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        if port in ports:
            continue
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            ports.append(port)
    return ports


def _identity() -> list[str]:
    if os.getuid():
        return []
    return ["--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _own(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(exist_ok=True)
        if not os.getuid():
            shutil.chown(folder, "nobody", "nogroup")


def _write_config(path: Path, settings: dict[str, str]) -> Path:
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return path


def _copy_database(version: str, root: Path, target: Path) -> None:
    """A copy of the prepared cluster, which the first call builds."""
    with locked(f"database-{version}") as cache:
        prepared = cache / version / "database"
        if not prepared.exists():
            with tempfile.TemporaryDirectory(prefix="zabbix-", dir="/tmp") as sockets:
                Path(sockets).chmod(0o755)
                _own(Path(sockets), cache / version / "new")
                _build_database(root, cache / version / "new", Path(sockets))
            (cache / version / "new").rename(prepared)
        subprocess.run(["cp", "-a", "--reflink=auto", prepared, target], check=True)


def _build_database(root: Path, data: Path, sockets: Path) -> None:
    shutil.rmtree(data)
    _own(data)
    tool = [*run_as_owner(), str(program(root, "usr/lib/postgresql/*/bin/initdb"))]
    subprocess.run([*tool, "-D", data, "-A", "trust", "-U", "zabbix", "-E", "UTF8", "-N",
                    "--locale=C.UTF-8"],
                   check=True, env=environment(root), cwd="/", stdout=subprocess.DEVNULL)
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.writelines(f"{key} = {value}\n" for key, value in POSTGRESQL.items())
    database = _start_database(root, data, sockets, signal.SIGINT)
    try:
        psql = [str(program(root, "usr/lib/postgresql/*/bin/psql")), "-qX1", "-v",
                "ON_ERROR_STOP=1", "-h", str(sockets), "-U", "zabbix", "-d", "zabbix", "-o",
                "/dev/null"]
        createdb = str(program(root, "usr/lib/postgresql/*/bin/createdb"))
        subprocess.run([createdb, "-h", sockets, "-U", "zabbix", "zabbix"], check=True,
                       env=environment(root))
        for sql in (_sql(root), "ANALYZE"):  # the frontend's large joins crawl without statistics
            subprocess.run(psql, check=True, env=environment(root), input=sql, text=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finally:
        database.stop()


def run_as_owner() -> list[str]:
    return ["setpriv", *_identity()] if _identity() else []


def _sql(root: Path) -> str:
    """Zabbix's schema and data, one row after the other joined into long INSERTs, which load three
    times as fast; the built-in host, which has no agent here, is switched off."""
    folder = root / "usr/share/zabbix-server-pgsql"
    text = "".join(gzip.decompress((folder / f"{part}.sql.gz").read_bytes()).decode()
                   for part in ("schema", "images", "data"))
    joined: list[str] = []
    row = re.compile(r"(INSERT INTO .*?\) )values( \(.*\));")
    head, rows = "", 0
    for line in text.splitlines():
        match = row.fullmatch(line)
        if match and match[1] == head and rows < 400:
            joined[-1] = joined[-1].removesuffix(";")
            joined.append(f",{match[2]};")
            rows += 1
        else:
            head, rows = match[1] if match else "", 1
            joined.append(line)
    joined.append("UPDATE hosts SET status=1 WHERE host='Zabbix server';")
    return "\n".join(joined)


def _start_database(root: Path, data: Path, sockets: Path,
                    stop: signal.Signals = signal.SIGQUIT) -> Process:
    """PostgreSQL on a socket in ``sockets``. SIGQUIT stops at once, for a copy that is thrown away;
    SIGINT shuts down cleanly; SIGTERM waits for its clients, without which a Zabbix server that is
    ending would wait for it for ever."""
    log = data.with_suffix(".log")
    with log.open("wb") as out:
        process = Process([program(root, "usr/lib/postgresql/*/bin/postgres"), "-D", data, "-k",
                           sockets], out, environment(root), stop)
    probe = [str(program(root, "usr/lib/postgresql/*/bin/pg_isready")), "-q", "-h", str(sockets)]
    process.wait_until(lambda: subprocess.run(probe, env=environment(root)).returncode == 0,
                   "PostgreSQL")
    return process


def _start_frontend(zabbix: Zabbix) -> Process:
    folder, root = zabbix.folder, zabbix.root
    (folder / "zabbix.conf.php").write_text(f"""<?php
$DB['TYPE'] = 'POSTGRESQL'; $DB['SERVER'] = '{folder}'; $DB['PORT'] = '0';
$DB['DATABASE'] = 'zabbix'; $DB['USER'] = 'zabbix'; $DB['PASSWORD'] = ''; $DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false; $DB['KEY_FILE'] = ''; $DB['CERT_FILE'] = ''; $DB['CA_FILE'] = '';
$DB['VERIFY_HOST'] = false; $DB['CIPHER_LIST'] = ''; $DB['VAULT'] = ''; $DB['VAULT_URL'] = '';
$DB['VAULT_DB_PATH'] = ''; $DB['VAULT_TOKEN'] = ''; $DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER = '127.0.0.1'; $ZBX_SERVER_PORT = '{zabbix.port}';
$ZBX_SERVER_NAME = 'testbed {zabbix.version}'; $IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
""")
    (folder / "prepend.php").write_text(
        f"<?php define('TESTBED_CONFIG', '{folder}/zabbix.conf.php');\n")
    modules = [program(root, f"usr/lib/php/20*/{name}.so") for name in PHP_MODULES]
    opcache = program(root, "usr/lib/php/20*/opcache.so")
    settings = [f"zend_extension={opcache}", *(f"extension={module}" for module in modules),
                *PHP_SETTINGS, f"auto_prepend_file={folder}/prepend.php"]
    site = root / "usr/share/zabbix"
    command: list[str | Path] = [program(root, "usr/bin/php[78].[0-9]"), "-n"]
    for setting in settings:
        command += ["-d", setting]
    command += ["-S", zabbix.url.removeprefix("http://"), "-t", site]
    # the frontend complains on each page of a machine without the locale of its language
    (folder / "locale").mkdir()
    (folder / "locale" / "en_US.utf8").symlink_to("/usr/lib/locale/C.utf8")
    environ = environment(root) | {"LOCPATH": str(folder / "locale")}
    with (folder / "frontend.log").open("wb") as out:
        return Process(command, out, environ, folder=site)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _answers(url: str) -> bool:
    """The API is there, with its database."""
    ask = {"jsonrpc": "2.0", "method": "apiinfo.version", "params": [], "id": 1}
    request = urllib.request.Request(f"{url}/api_jsonrpc.php", json.dumps(ask).encode(),
                                     {"Content-Type": "application/json-rpc"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return "result" in json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return False
