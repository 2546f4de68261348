"""``zabbix-ssl install``: the script in ExternalScripts, tried as Zabbix's user."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

import pytest

from testbed import tls
from testbed.pki import Authority
from testbed.process import NotInstalled
from testbed.serving import serve
from zabbix_ssl.cli import doctor, main
from zabbix_ssl.model import Target
from zabbix_ssl.zabbix import daemons, install, room
from zabbix_ssl.zabbix.daemons import Daemon

USER = "nobody"


@pytest.fixture
def root() -> None:
    if os.geteuid():
        raise NotInstalled("needs root, to be another user")


def configured(folder: Path, *lines: str) -> Path:
    """The configuration of a server whose ExternalScripts is in ``folder``."""
    path = folder / "zabbix_server.conf"
    path.write_text("\n".join((f"ExternalScripts={folder}/scripts", f"User={USER}", *lines)) + "\n")
    return path


def call(python: Path, *words: str, environ: dict[str, str] | None = None
         ) -> tuple[int, list[str]]:
    """The installed command; its exit code and lines."""
    done = subprocess.run([python / "zabbix-ssl", *words], capture_output=True, text=True, cwd="/",
                          env={"PATH": "/usr/bin:/bin", **(environ or {})}, timeout=60, check=False)
    assert done.stderr == "" or done.returncode == 3, done.stderr
    return done.returncode, (done.stdout + done.stderr).splitlines()


# The configuration of Zabbix


def test_settings_of_a_daemon(tmp_path: Path) -> None:
    """Comments do not count, of several the last does, and included files stand where they are
    named, as a file, a folder or a pattern."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.conf").write_text("Timeout=20\n")
    (tmp_path / "more" / "b.txt").write_text("Timeout=25\n")
    main_file = tmp_path / "zabbix_proxy.conf"
    main_file.write_text(f"# Timeout=30\n Timeout = 4 \nInclude={tmp_path}/more/*.conf\n"
                         f"User=other\nExternalScripts={tmp_path}\nnonsense\n")
    assert daemons.find((str(main_file), str(tmp_path / "absent"))) == [
        Daemon(str(main_file), str(tmp_path), 20, "other")]
    main_file.write_text(f"Include={tmp_path}/more\nInclude={tmp_path}/absent.conf\n")
    assert daemons.find((str(main_file),))[0].timeout == 25
    main_file.write_text("Timeout=many\n")
    (found,) = daemons.find((str(main_file),))
    assert (found.timeout, found.user) == (3, "zabbix")
    assert found.scripts in daemons.FOLDERS


def test_a_configuration_that_includes_itself(tmp_path: Path) -> None:
    """It is read a bounded number of times."""
    file = tmp_path / "zabbix_server.conf"
    file.write_text(f"Timeout=7\nInclude={file}\n")
    assert daemons.find((str(file),))[0].timeout == 7


@pytest.mark.parametrize(("text", "size"), [
    ("8M", 8 << 20), ("2G", 2 << 30), ("131072K", 128 << 20), ("1048576", 1 << 20), ("", 32 << 20),
    ("M", 32 << 20), ("-1M", 32 << 20), ("9" * 40, 32 << 20), ("\u0663M", 32 << 20)])
def test_the_size_of_the_configuration_cache(tmp_path: Path, text: str, size: int) -> None:
    """As Zabbix reads it; what it would not start with counts as its default."""
    file = tmp_path / "zabbix_server.conf"
    file.write_text(f"CacheSize={text}\n", encoding="utf-8")
    assert daemons.find((str(file),))[0].cache == size


@pytest.mark.parametrize(("count", "size", "wanted"), [
    (190, 32, 0), (200, 32, 64), (380, 64, 0), (1000, 64, 256), (1000, 256, 0), (9999, 128, 2048)])
def test_room_for_the_targets(tmp_path: Path, count: int, size: int, wanted: int) -> None:
    """More targets than the configuration cache has room for are told before the server ends of
    them, with the size to set; a thousand take 102 MB, and there is more to watch."""
    daemon = Daemon("zabbix_server.conf", str(tmp_path), 3, USER, size << 20)
    targets = [Target(f"{number}.example") for number in range(count)]
    told = [line.text for line in install.examine(daemon, targets, {}) if "CacheSize" in line.text]
    assert [f"set CacheSize={wanted}M or more" in line for line in told] == [True] * bool(wanted)
    if size == 32:
        notes = room.wanted_of_server(targets)
        assert [f"CacheSize is {wanted}M or more" in line for line in notes] == \
            [True] * bool(wanted)


# The link


def test_the_link_is_made_once_and_renewed(tmp_path: Path) -> None:
    """Made where it lacks, left where it is right, led to a new installation; nothing is changed by
    a dry run."""
    daemon = Daemon("conf", str(tmp_path / "scripts"), 3, USER)
    link = tmp_path / "scripts" / "ssl_check_batch.py"
    assert install.place(daemon, "/opt/a/ssl_check_batch.py", dry_run=True).ok
    assert not os.path.lexists(link)
    assert install.place(daemon, "/opt/a/ssl_check_batch.py", dry_run=False).ok
    assert os.readlink(link) == "/opt/a/ssl_check_batch.py"
    before = link.lstat().st_mtime_ns
    assert install.place(daemon, "/opt/a/ssl_check_batch.py", dry_run=False).ok
    assert link.lstat().st_mtime_ns == before
    assert "is to lead to" in install.place(daemon, "/opt/b/ssl_check_batch.py", True).text
    assert os.readlink(link) == "/opt/a/ssl_check_batch.py"
    assert install.place(daemon, "/opt/b/ssl_check_batch.py", dry_run=False).ok
    assert os.readlink(link) == "/opt/b/ssl_check_batch.py"
    assert [path.name for path in link.parent.iterdir()] == ["ssl_check_batch.py"]


def test_what_is_not_ours_is_left(tmp_path: Path) -> None:
    """A script of that name that somebody wrote, and a link to something else."""
    daemon = Daemon("conf", str(tmp_path), 3, USER)
    link = tmp_path / "ssl_check_batch.py"
    link.write_text("#!/bin/sh\n")
    line = install.place(daemon, "/opt/a/ssl_check_batch.py", dry_run=False)
    assert not line.ok
    assert "is not ours: move it away" in line.text
    assert link.read_text() == "#!/bin/sh\n"
    link.unlink()
    link.symlink_to("/opt/mine.py")
    assert not install.place(daemon, "/opt/a/ssl_check_batch.py", dry_run=False).ok
    assert os.readlink(link) == "/opt/mine.py"


# The whole command


def test_installed_and_tried(root: None, public_python: Path, public_folder: Path) -> None:
    """The link, the cache of Zabbix's user, and a real check as that user; a second run finds all
    as it is, and doctor's part says the same."""
    authority = Authority("Test Root")
    (public_folder / "ca.pem").write_bytes(authority.certificate_pem)
    conf, cache = configured(public_folder, "Timeout=20"), public_folder / "cache"
    with serve(tls.modern(authority.leaf("a.example"))) as port:
        (public_folder / "domains.json").write_text(json.dumps([
            {"domain": "a.example", "address": "127.0.0.1", "port": port, "ca_file": "ca.pem"}]))
        words = ("install", "--zabbix-conf", str(conf), "--cache-dir", str(cache), "--config",
                 str(public_folder / "domains.json"))
        code, lines = call(public_python, *words, "--dry-run")
        assert code == 0, lines
        assert not (public_folder / "scripts").exists()
        assert not cache.exists()
        for _ in range(2):
            code, lines = call(public_python, *words)
            assert code == 0, lines
            assert all(line.startswith("ok") for line in lines)
    assert any(f"as user {USER} it names 1 targets" in line for line in lines)
    assert any(f"as user {USER} it checked a.example:{port}" in line for line in lines)
    assert cache.stat().st_uid == pwd.getpwnam(USER).pw_uid
    assert list(cache.glob("*.entry"))  # made by that user: the answer was kept


def test_a_python_that_the_user_cannot_reach(root: None, tmp_path: Path, public_folder: Path
                                             ) -> None:
    """An installation under a private home is told by the folder that is closed."""
    private = public_folder / "home"
    private.mkdir()
    script = private / "ssl_check_batch.py"
    script.write_text("#!/bin/sh\necho '{\"data\": []}'\n")
    script.chmod(0o755)
    daemon = Daemon("conf", str(public_folder / "scripts"), 3, USER)
    assert install.place(daemon, str(script), dry_run=False).ok
    private.chmod(0o700)
    (line,) = install.examine(daemon, (), {})
    assert not line.ok
    assert f"{private} is closed to user {USER}" in line.text
    private.chmod(0o755)
    (line,) = install.examine(daemon, (), {})
    assert line.ok
    assert "names 0 targets" in line.text


@pytest.mark.parametrize(("body", "told"), [
    ("sleep 30", "did not end within Timeout=1"),
    ("echo oops; exit 1", "it said: oops"),
    ("exit 0", "it said: nothing at all"),
    ("echo '[1]'", "it said: [1]"),
])
def test_a_script_that_does_not_work(tmp_path: Path, body: str, told: str) -> None:
    """Late, broken, silent or another program: each in the words of what was seen."""
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "ssl_check_batch.py"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    user = pwd.getpwuid(os.geteuid()).pw_name
    (line,) = install.examine(Daemon("conf", str(script.parent), 1, user), (), {})
    assert not line.ok
    assert told in line.text


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    """It says what puts it there; and a user that does not exist is told before anything."""
    (line,) = install.examine(Daemon("conf", str(tmp_path), 3, USER), (), {})
    assert not line.ok
    assert "run zabbix-ssl install as root" in line.text
    assert not install.prepare_cache("no-such-user", False, str(tmp_path / "cache")).ok
    assert not (tmp_path / "cache").exists()


def test_a_cache_of_somebody_else(root: None, public_folder: Path) -> None:
    """It is told with the command that mends it, and left."""
    cache = public_folder / "cache"
    cache.mkdir()
    line = install.prepare_cache(USER, False, str(cache))
    assert not line.ok
    assert f"chown {USER} {cache}" in line.text
    assert cache.stat().st_uid == 0


PAIR = [{"domain": "a.example", "address": f"192.0.2.{n}"} for n in (1, 2)]
ONE = [{"domain": "a.example", "address": "192.0.2.1,192.0.2.2"}]
TOLD = "a.example:443 is configured 2 times, with 192.0.2.1, 192.0.2.2: "


@pytest.mark.parametrize(("targets", "told"), [(PAIR, 1), (ONE, 0)])
def test_targets_that_zabbix_cannot_tell_apart(
        tmp_path: Path, targets: object, told: int, capfd: pytest.CaptureFixture[str]) -> None:
    """They are a problem, told once; in one entry they are none."""
    (tmp_path / "domains.json").write_text(json.dumps(targets))
    conf = configured(tmp_path, f"User={pwd.getpwuid(os.geteuid()).pw_name}", "Timeout=5")
    code = main(["install", "--zabbix-conf", str(conf), "--cache-dir", str(tmp_path / "cache"),
                 "--config", str(tmp_path / "domains.json")], {})
    printed = capfd.readouterr().out
    assert printed.count(f"PROBLEM  targets    {TOLD}") == told
    assert code == 1 or not told


def test_in_chinese(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Every line says the same in the other language, and so does what is wrong with the words."""
    (tmp_path / "domains.json").write_text(json.dumps(PAIR))
    conf = configured(tmp_path, f"User={pwd.getpwuid(os.geteuid()).pw_name}", "Timeout=5")
    words = ["install", "--zabbix-conf", str(conf), "--cache-dir", str(tmp_path / "cache"),
             "--config", str(tmp_path / "domains.json")]
    han = re.compile("[\u4e00-\u9fff]")
    for more in (("--dry-run",), ()):
        main([*words, *more, "--lang", "zh"], {})
        chinese = capfd.readouterr().out.splitlines()
        main([*words, *more], {})
        english = capfd.readouterr().out.splitlines()
        assert len(chinese) == len(english)
        assert all(han.search(line.split(maxsplit=2)[2]) for line in chinese)
        assert not any(map(han.search, english))
    assert main(["install", "--zabbix-conf", "/nonexistent"], {"LANG": "zh_CN.UTF-8"}) == 3
    assert "请用 --zabbix-conf 指定" in capfd.readouterr().err


@pytest.mark.parametrize("zabbix_is_here", [True, False])
def test_the_doctor_tells_of_them(
        tmp_path: Path, zabbix_is_here: bool, capfd: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Zabbix is they are a problem, else something to know: Prometheus keeps them apart."""
    (tmp_path / "zabbix_server.conf").touch()
    monkeypatch.setattr(doctor, "CONFIGS", (
        str(tmp_path / "zabbix_server.conf"),) if zabbix_is_here else ())
    path = tmp_path / "domains.json"
    for targets, told in ((PAIR, 1), (ONE, 0)):
        path.write_text(json.dumps(targets))
        main(["doctor", "--no-cache", "--timeout", "0.1", "--config", str(path)], {})
        printed = capfd.readouterr().out
        verdict = "PROBLEM" if zabbix_is_here else "note   "
        assert printed.count(f"{verdict}  config     {TOLD}") == told
        assert printed.count(TOLD) == told


def test_wrong_use(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line that says what to do."""
    assert main(["install", "--zabbix-conf", str(tmp_path / "absent")], {}) == 3
    assert "name it with --zabbix-conf" in capfd.readouterr().err
    assert main(["install", "twice"], {}) == 3
    assert "one word too many" in capfd.readouterr().err


def test_the_own_script_is_there() -> None:
    """What is linked to exists, whichever way the package is installed."""
    assert Path(install.own_script()).name == "ssl_check_batch.py"
    assert Path(install.own_script()).exists()
    assert Path(sys.executable).exists()
