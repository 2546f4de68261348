"""The project as others get it: its files, its wheel, and an environment that any user can run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from .process import NotInstalled, program

ROOT = Path(__file__).parent.parent


def run(*argv: str | Path, cwd: Path = Path("/")) -> str:
    """Stdout of a command that must succeed; AssertionError with all it said when it does not."""
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> list[str]:
    """The files of the checkout that git knows. Raises NotInstalled."""
    if not (ROOT / ".git").exists():
        raise NotInstalled("needs a git checkout")
    listed = run(program("git"), "-c", f"safe.directory={ROOT}", "ls-files", "-z", cwd=ROOT)
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy_checkout(folder: Path) -> Path:
    """``folder`` with the files that git knows, as they are now, and nothing else."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def build_wheel(checkout: Path, folder: Path) -> Path:
    """The wheel that pip builds of a checkout."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder,
        checkout)
    return next(folder.glob("zabbix_ssl-*.whl"))


def public_environment(wheel: Path, folder: Path) -> Path:
    """The folder bin of an environment with the wheel and its dependencies, on a Python that other
    users can run: one under a private home is of no use to them. Raises NotInstalled."""
    for python in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable):
        new = "import sys, venv; sys.exit(sys.version_info < (3, 11))"
        base = Path(python).resolve()
        if base.exists() and readable_by_all(base) and not subprocess.run(
                [python, "-c", new], check=False, capture_output=True).returncode:
            break
    else:
        raise NotInstalled("needs a python that other users can run")
    run(python, "-m", "venv", "--without-pip", folder)
    run(sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet",
        wheel)
    return folder / "bin"


def readable_by_all(path: Path) -> bool:
    """Can any user reach and read it?"""
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path, *path.parents))
