"""Real Zabbix out of the distribution's packages, unpacked beside the system instead of installed.

6.0 and 7.0 conflict as installed packages; unpacked, they run side by side, nothing on the machine
changes and no root is needed. What the machine already has (dpkg's word) is not fetched again. The
repositories are those of the machine's own apt configuration, and their backports.

Everything is kept in one cache folder, so that only the first run fetches.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .process import NotInstalled

VERSIONS = ("6.0", "7.0")

SERVER, PROXY, FRONTEND = "zabbix-server-pgsql", "zabbix-proxy-sqlite3", "zabbix-frontend-php"
AGENT = "zabbix-agent2"
PHP = ("cli", "bcmath", "gd", "mbstring", "xml", "pgsql", "curl")
FONTS = "fonts-dejavu-core"  # the frontend links to them, graphs need them
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
APT_SECONDS = 600


class Unavailable(Exception):
    """Why these packages cannot be had on this machine."""


def cache_folder() -> Path:
    """The folder that everything is kept in. World-readable: servers run as another user than root.

    Raises Unavailable when somebody else owns it.
    """
    folder = Path(f"/var/tmp/zabbix-ssl-testbed-{os.getuid()}")
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not folder.is_dir() or folder.is_symlink():
        raise Unavailable(f"{folder} is not a folder of ours: remove it")
    folder.chmod(0o755)
    return folder


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """The cache folder, for one process at a time."""
    folder = cache_folder()
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def unpacked(version: str) -> Path:
    """The root folder with Zabbix ``version`` ("6.0" or "7.0") in it, fetched on first use.

    Raises NotInstalled, "needs zabbix 7.0 packages: why".
    """
    try:
        with locked("packages") as cache:
            root = cache / version / "root"
            if not (root / "complete").exists():
                _fetch(version, cache, root)
            return root
    except (Unavailable, OSError) as why:
        raise NotInstalled(f"needs zabbix {version} packages: {why}") from why


def agent(version: str) -> Path:
    """The root folder with ``usr/sbin/zabbix_agent2`` of Zabbix ``version``, fetched on first use.

    Raises NotInstalled, "needs zabbix-agent2 7.0: why".
    """
    try:
        with locked("packages") as cache:
            root = cache / version / "agent"
            if not (root / "complete").exists():
                _need_tools()
                _refresh(cache)
                package = _release(cache, AGENT, version)
                _unpack(cache, {package, *_missing(cache, package)}, root)
            return root
    except (Unavailable, OSError) as why:
        raise NotInstalled(f"needs {AGENT} {version}: {why}") from why


def environment(root: Path) -> dict[str, str]:
    """What programs of ``root`` need: their libraries. As bare as systemd's, so that nothing of a
    test's own environment reaches external scripts."""
    folders = [root / "usr/lib", *root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")]
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": ":".join(map(str, folders)),
    }


def program(root: Path, pattern: str) -> Path:
    """The newest program of ``root``, or of the machine, that the glob ``pattern`` matches."""
    for base in (root, Path("/")):
        if found := sorted(base.glob(pattern)):
            return found[-1]
    raise NotInstalled(f"needs {pattern}")


def _fetch(version: str, cache: Path, root: Path) -> None:
    _need_tools()
    _refresh(cache)
    server, proxy, frontend = (_release(cache, p, version) for p in (SERVER, PROXY, FRONTEND))
    # server and proxy conflict, and the frontend would bring a web server: planned one by one
    packages = {server, proxy, frontend, FONTS, *_missing(cache, proxy),
                *_missing(cache, server, "postgresql", *(f"php-{part}" for part in PHP))}
    shutil.rmtree(cache / version, ignore_errors=True)
    _unpack(cache, packages, root, _adapt)


def _need_tools() -> None:
    for tool in ("apt-get", "dpkg-deb", "setpriv"):
        if not shutil.which(tool):
            raise Unavailable(f"no {tool} here")


def _unpack(cache: Path, packages: set[str], root: Path,
            adapt: Callable[[Path], None] = lambda root: None) -> None:
    """Fetches ``packages`` (name=version) into ``root``, complete or not at all."""
    debs = root.with_name(f"{root.name}-debs")
    for folder in (debs, root):
        shutil.rmtree(folder, ignore_errors=True)
    debs.mkdir(parents=True)
    _apt(cache, "apt-get", "-q", "download", *sorted(packages), folder=debs)
    for deb in sorted(debs.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", deb, root], check=True)
    shutil.rmtree(debs)
    adapt(root)
    (root / "complete").touch()


def _adapt(root: Path) -> None:
    """Debian's frontend reads one fixed configuration file: let each running one name its own."""
    code = root / "usr/share/zabbix/include/classes/core/CConfigFile.php"
    head, found, tail = code.read_text().partition("CONFIG_FILE_PATH = '")
    if not found:
        raise Unavailable("the frontend's CConfigFile.php is not as expected")
    code.write_text(f"{head}CONFIG_FILE_PATH = TESTBED_CONFIG{tail[tail.index(chr(39)) + 1:]}")


def _refresh(cache: Path) -> None:
    """Package lists of the machine's repositories and of their backports, in the cache."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
         "Created-By: Packages"],
        check=True, capture_output=True, text=True).stdout
    codename = _codename()
    options = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    lines = {f"deb {options}{line}" for line in listed.splitlines()}
    lines |= {line.replace(f" {codename} ", f" {codename}-backports ") for line in lines}
    (cache / "apt/sources").mkdir(parents=True, exist_ok=True)
    (cache / "apt/sources/testbed.list").write_text("\n".join(sorted(lines)) + "\n")
    _apt(cache, "apt-get", "-q", "update")


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    raise Unavailable("/etc/os-release names no release")


def _release(cache: Path, package: str, version: str) -> str:
    """``name=version`` of the newest ``package`` of Zabbix ``version``."""
    for line in _apt(cache, "apt-cache", "madison", package).splitlines():
        release = line.split("|")[1].strip()
        if release.partition(":")[2].startswith(f"{version}."):
            return f"{package}={release}"
    raise Unavailable(f"no {package} {version} in the machine's repositories and their backports")


def _missing(cache: Path, *packages: str) -> list[str]:
    """``name=version`` of what installing ``packages`` would bring onto this machine."""
    plan = _apt(cache, "apt-get", "-s", "install", "--no-install-recommends", *packages)
    rows = (line.split() for line in plan.splitlines() if line.startswith("Inst "))
    return [f"{row[1]}={next(w for w in row if w.startswith('('))[1:]}" for row in rows]


def _apt(cache: Path, command: str, *arguments: str, folder: Path | None = None) -> str:
    apt = cache / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State::lists": apt / "lists",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": apt / "sources",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
    }
    flags = [f"-o{key}={value}" for key, value in options.items()]
    done = subprocess.run([command, *flags, *arguments], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}, timeout=APT_SECONDS)
    if done.returncode:
        raise Unavailable(f"{command} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
