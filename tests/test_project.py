"""The project as a whole: floors, packaging, and what its pages promise."""

from __future__ import annotations

import ast
import configparser
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import zabbix_ssl
from testbed.packaging import run, tracked

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "zabbix_ssl"

#: What the package may import beside the standard library, and where: everything else must start
#: without, because an external check pays for each import. ``""`` stands for the top of a module.
THIRD_PARTY = {
    "cryptography": {"probing"},
    "OpenSSL": {"probing"},
    "certifi": {"probing"},
    "idna": {"probing", "model", "names"},
    "pyzabbix": {"zabbix"},
    "requests": {"zabbix"},
    "packaging": {"zabbix"},
    "yaml": {"zabbix", "sources", "exporter"},
    "zabbix_utils": {"zabbix"},
    "prometheus_client": {"exporter"},
    "h11": {"exporter"},
    "bcrypt": {"exporter"},
}


class Import:
    """``module`` as imported by the file ``path`` of the package."""

    def __init__(self, path: Path, module: str, line: int) -> None:
        self.path, self.module, self.line = path, module, line

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


def unit(dotted: str) -> str:
    """zabbix_ssl.probing.audit -> probing: a floor is a module or a package right under ours."""
    return dotted.split(".")[1] if "." in dotted else ""


def imports() -> Iterator[Import]:
    """All of the package, those inside of functions too, with dotted absolute names."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (Import(path, alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (Import(path, name, node.lineno) for name in _from(node, path))


def _from(node: ast.ImportFrom, path: Path) -> list[str]:
    base = node.module or ""
    if node.level:
        inside = ("zabbix_ssl", *path.relative_to(PACKAGE).parent.parts)
        base = ".".join((*inside[:len(inside) - node.level + 1], *filter(None, [node.module])))
    target = ROOT.joinpath(*base.split("."))
    if target.is_dir():  # from . import a, b: modules, where they are files
        return [f"{base}.{alias.name}" if (target / alias.name).with_suffix(".py").exists()
                or (target / alias.name).is_dir() else base for alias in node.names]
    return [base]


def own(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_run_one_way() -> None:
    """No two floors import each other, directly or around a corner."""
    above: dict[str, set[str]] = {}
    for one in imports():
        if one.module.startswith("zabbix_ssl") and unit(one.module) not in ("", own(one.path)):
            above.setdefault(own(one.path), set()).add(unit(one.module))
    assert above["metrics"] >= {"findings", "model"}  # the walk sees what is there
    cycle = find_cycle(above)
    assert not cycle, " -> ".join(cycle)


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    """A way through the graph that ends where it began; [] when there is none."""
    done: set[str] = set()

    def walk(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node):], node]
        if node in done:
            return []
        done.add(node)
        return first(walk(to, [*way, node]) for to in sorted(graph.get(node, ())))

    def first(ways: Iterable[list[str]]) -> list[str]:
        return next(filter(None, ways), [])

    return first(walk(node, []) for node in sorted(graph))


def test_a_cycle_is_found() -> None:
    """The twin of the test above."""
    assert find_cycle({"a": {"b"}, "b": {"c", "d"}, "d": {"a"}}) == ["a", "b", "d", "a"]
    assert not find_cycle({"a": {"b", "c"}, "b": {"c"}})


def test_probing_has_one_door() -> None:
    """Outside of probing/ nobody knows what is in it."""
    wrong = [str(one) for one in imports() if one.module.startswith("zabbix_ssl.probing.")
             and own(one.path) != "probing"]
    assert not wrong


def test_third_party_packages_stay_on_their_floors() -> None:
    """What an external check cannot afford is imported only where it is used."""
    wrong = []
    for one in imports():
        top = one.module.split(".")[0]
        if top in sys.stdlib_module_names or top == "zabbix_ssl":
            continue
        if own(one.path) not in THIRD_PARTY.get(top, set()):
            wrong.append(str(one))
    assert not wrong


def test_every_requirement_is_used_and_declared() -> None:
    """What the package imports is what setup.cfg requires."""
    names = {"pyopenssl": "OpenSSL", "pyyaml": "yaml", "zabbix-utils": "zabbix_utils",
             "prometheus-client": "prometheus_client"}
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    required = {re.split(r"[<>=!~;\[ ]", line)[0].lower()
                for line in (setup["options"]["install_requires"]
                             + setup["options.extras_require"]["exporter"]).split()}
    imported = {one.module.split(".")[0] for one in imports()}
    third = imported - set(sys.stdlib_module_names) - {"zabbix_ssl"}
    assert third <= {names.get(name, name) for name in required} | {"requests"}


# Packaging


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder bin of an environment with the wheel in it, and with our own dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    site = folder / "lib" / Path(sysconfig.get_path("purelib")).relative_to(
        Path(sys.prefix) / "lib")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install",
        "--quiet", "--no-deps", str(wheel))
    return folder / "bin"


def test_wheel_holds_the_package(wheel: Path) -> None:
    """Every module and data file of the package, the script, the licence, and no tests."""
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {name for name in tracked() if name.startswith("zabbix_ssl/")}
    assert ours <= names
    version = zabbix_ssl.__version__
    assert f"zabbix_ssl-{version}.data/scripts/ssl_check_batch.py" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} == {
        "zabbix_ssl", f"zabbix_ssl-{version}.dist-info", f"zabbix_ssl-{version}.data"}


def test_installed_commands_run(installed: Path) -> None:
    """Both commands of the wheel start, from any folder, with the environment's interpreter."""
    assert zabbix_ssl.__version__ in run(str(installed / "zabbix-ssl"), "--version")
    assert "--discover" in run(str(installed / "ssl_check_batch.py"), "--help")
    first = (installed / "ssl_check_batch.py").read_text().splitlines()[0]
    assert first.startswith(f"#!{installed}/python")


def test_version_is_in_one_place() -> None:
    """setup.cfg takes it from the package; the newest entry of the CHANGELOG is it or to come."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: zabbix_ssl.__version__"
    heading = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading
    assert heading[1] in (zabbix_ssl.__version__, "Unreleased")


def test_python_versions_agree() -> None:
    """setup.cfg and tools/venv ask for the same Python."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    oldest = setup["options"]["python_requires"].removeprefix(">=")
    assert f"({oldest.replace('.', ', ')})" in (ROOT / "tools" / "venv").read_text()


# Pages


def pages() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "contrib").rglob("*.md"),
            *(ROOT / "templates").rglob("*.md")]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """The links of a page to files or headings of this project that are not there."""
    broken = []
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{page.name}: {link}")
    return broken


def test_links_resolve() -> None:
    """Every link of every page to a file or a heading of the project leads there."""
    assert not [link for page in pages() for link in broken_links(page)]


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """The twin of the test above."""
    page = tmp_path / "page.md"
    page.write_text("# A heading\n[good](page.md#a-heading) [bad](#none) [gone](gone.md)\n")
    assert broken_links(page) == ["page.md: #none", "page.md: gone.md"]


def test_make_commands_of_the_pages_exist() -> None:
    """Each ``make TARGET`` that a page names is a target of the Makefile."""
    made = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in pages():
        code = re.findall(r"^make ([\w-]+)|`make ([\w-]+)", page.read_text(), re.MULTILINE)
        assert {one or other for one, other in code} <= made, page.name
    assert {"demo", "test"} <= made


def test_nothing_private_is_named() -> None:
    """No file names a folder of whoever wrote it."""
    private = re.compile(r"/wor[k]/|/roo[t]/|/hom[e]/\w|/tmp/[v]/|\bpyen[v]\b")
    found = []
    for name in tracked():
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        found += [f"{name}: {line.strip()[:100]}" for line in text.splitlines()
                  if private.search(line)]
    assert not found


# Setting up


def test_old_python_is_told(tmp_path: Path) -> None:
    """tools/venv without a Python of 3.11 or newer says so in a line and makes nothing."""
    (tmp_path / "python3").write_text("#!/bin/sh\necho 'Python 3.9.2'; exit 1\n")
    (tmp_path / "python3").chmod(0o755)
    for name in ("sh", "dirname", "cat", "id", "mkdir"):
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = subprocess.run(
        [ROOT / "tools" / "venv", "demo"], check=False, capture_output=True, text=True,
        env={"PATH": str(tmp_path), "VENV": str(tmp_path / "made")})
    assert done.returncode == 1
    assert done.stderr.startswith("Python 3.11 or newer is needed and not found as python3 "
                                  "(Python 3.9.2).")
    assert not (tmp_path / "made").exists()


def test_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """tools/venv never replaces a folder that is no virtual environment."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "letter").write_text("dear")
    done = subprocess.run([ROOT / "tools" / "venv", "demo"], check=False, capture_output=True,
                          text=True, env={"PATH": "/usr/bin:/bin", "VENV": str(tmp_path / "kept")})
    assert done.returncode == 1
    assert "is no virtual environment" in done.stderr
    assert (tmp_path / "kept" / "letter").read_text() == "dear"


def test_reference_is_in_step_with_the_tables() -> None:
    """docs/reference.md is what tools/reference makes of the tables of metrics and findings."""
    made = runpy.run_path(str(ROOT / "tools" / "reference"))["page"]()
    assert (ROOT / "docs" / "reference.md").read_text() == made, "run tools/reference"
