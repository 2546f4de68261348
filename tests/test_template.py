"""The templates as a file: whole, in step with the metric table, and the same on every machine."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from zabbix_ssl import metrics
from zabbix_ssl.cli import main
from zabbix_ssl.metrics import TABLE
from zabbix_ssl.zabbix import items, triggers
from zabbix_ssl.zabbix.kinds import EXTERNAL, HOST, KINDS, PUSH, Kind
from zabbix_ssl.zabbix.macros import MACROS
from zabbix_ssl.zabbix.template import export, to_yaml

FILE = Path(__file__).parent.parent / "templates" / "zbx_ssl_template.yaml"
Node = dict[str, Any]


def templates() -> dict[str, Node]:
    return {t["name"]: t for t in export()["zabbix_export"]["templates"]}


def items_of(kind: Kind) -> list[Node]:
    """The items of a template, those of one target included."""
    template = templates()[kind.name]
    rules = template.get("discovery_rules", [])
    return [*template["items"], *(item for rule in rules for item in rule["item_prototypes"])]


def triggers_of(kind: Kind) -> list[Node]:
    rules = templates()[kind.name].get("discovery_rules", [])
    plain = [t for t in export()["zabbix_export"]["triggers"] if f"/{kind.name}/" in
             t["expression"]]
    return plain + [trigger for rule in rules for trigger in rule["trigger_prototypes"]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_every_check_adds_is_kept_for_a_month_at_most(kind: Kind) -> None:
    """Of items that keep a value at every check, a target and month has under 40,000 rows at an
    interval of five minutes; what is kept only when it changes stays for a quarter."""
    every: dict[str, int] = {}
    changes: dict[str, int] = {}
    for item in items_of(kind):
        steps = {step["type"] for step in item.get("preprocessing", ())}
        if item["type"] == "DEPENDENT" and item["history"] != "0" and "ssl.list" not in item["key"]:
            kept = changes if "DISCARD_UNCHANGED_HEARTBEAT" in steps else every
            kept[item["key"].partition("[")[0]] = int(item["history"].removesuffix("d"))
    checked = {f"ssl.{name}" for name in items.EVERY_CHECK}
    assert max(every[key] for key in checked) == 31
    assert every["ssl.check_time"] == 7
    alone = checked - {"ssl.nodes_failed", "ssl.nodes_disagree"}  # which few targets have
    assert sum(every[key] for key in alone) * 288 < 40_000
    assert {changes["ssl.not_after"], changes["ssl.subject"], changes["ssl.has_weak_tls"]} == {90}


def nodes(tree: object) -> Iterator[Node]:
    """Every mapping of a tree."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value)


def texts(tree: object) -> Iterator[str]:
    """Every text of a tree."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from texts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from texts(value)


def test_the_committed_file_is_what_the_tables_make(capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever changes a table writes the file anew: tools/templates."""
    assert main(["template"]) == 0
    printed, said = capfd.readouterr()
    assert printed == FILE.read_text(encoding="utf-8")
    assert said == ""


def test_template_takes_no_words(capfd: pytest.CaptureFixture[str]) -> None:
    """A word too many is told, and nothing printed that a redirection would keep."""
    assert main(["template", "6.0"]) == 3
    printed, said = capfd.readouterr()
    assert printed == ""
    assert "one word too many" in said


def test_yaml_holds_the_tree() -> None:
    """A YAML reader gets back what was written, every scalar as text, as Zabbix wants it."""
    tree = export()
    assert yaml.safe_load(to_yaml(tree)) == tree
    assert all(isinstance(value, str | list | dict) for node in nodes(tree)
               for value in node.values())


def test_another_process_makes_the_same_file() -> None:
    """Neither hash seeds nor the environment change a byte."""
    code = ("from zabbix_ssl.zabbix.template import export, to_yaml; import sys; "
            "sys.stdout.write(to_yaml(export()))")
    made = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                          encoding="utf-8", env={"PYTHONHASHSEED": "7", "LC_ALL": "C.UTF-8",
                                                 "PYTHONPATH": str(FILE.parent.parent)})
    assert made.stdout == to_yaml(export())


def test_identities_are_version_4_and_unique() -> None:
    """Zabbix refuses other forms, and takes the same identity for the same thing."""
    found = [node["uuid"] for node in nodes(export()) if "uuid" in node]
    assert len(found) > 250
    for text in found:
        assert re.fullmatch("[0-9a-f]{32}", text)
        assert uuid.UUID(text).version == 4
        assert uuid.UUID(text).variant == uuid.RFC_4122
    assert max(Counter(found).values()) == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_metric_is_an_item(kind: Kind) -> None:
    """A row of the metric table is an item of every template, unless it is left out by name."""
    found = {item["key"] for item in items_of(kind)}
    for name in TABLE:
        assert (kind.key(name) in found) is (name not in items.LEFT_OUT), name


def test_a_new_metric_becomes_an_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row is enough, and its kind and unit decide what Zabbix asks for."""
    row = metrics.Metric("ct_age_days", "chain", metrics.COUNT, "days", "Age of the log", "chain",
                         lambda chain, now: 1)
    monkeypatch.setitem(TABLE, "ct_age_days", row)
    (item,) = [i for i in items.target_items(EXTERNAL) if i["key"].startswith("ssl.ct_age_days[")]
    assert item["name"] == "SSL {#DOMAIN}:{#PORT}: Ct age days"
    assert (item["value_type"], item["units"]) == ("FLOAT", "!d")
    assert item["preprocessing"][0]["parameters"] == ["$.ct_age_days"]
    assert "Age of the log" in item["description"]


def test_tables_about_metrics_name_metrics() -> None:
    """A metric that is renamed or removed must not leave a row behind."""
    for name in (*items.LEFT_OUT, *items.NAMES, *items.SHORT, *items.EVERY_CHECK):
        assert name in TABLE, name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_names_and_keys_are_unique(kind: Kind) -> None:
    """Zabbix refuses two items of one key; two of one name would confuse people."""
    for field in ("key", "name"):
        assert max(Counter(item[field] for item in items_of(kind)).values()) == 1
    assert max(Counter(trigger["name"] for trigger in triggers_of(kind)).values()) == 1


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_referred_to_is_there(kind: Kind) -> None:
    """Master items, value maps, items of expressions and graphs, triggers depended on, macros."""
    template = templates()[kind.name]
    keys = {item["key"] for item in items_of(kind)}
    maps = {valuemap["name"] for valuemap in template["valuemaps"]}
    for node in nodes(template):
        assert node.get("master_item", {"key": kind.master})["key"] in keys
        if "mappings" not in node and "valuemap" in node:
            assert node["valuemap"]["name"] in maps
        if "host" in node and "key" in node:
            assert (node["host"], node["key"]) == (kind.name, node["key"])
            assert node["key"] in keys
    found = triggers_of(kind)
    names = {(t["name"], t["expression"], t.get("recovery_expression")) for t in found}
    for trigger in found:
        for used in re.findall(r"/([^/]+)/(ssl[\w.]*(?:\[\{#DOMAIN\},\{#PORT\}\])?)",
                               trigger["expression"] + trigger.get("recovery_expression", "")):
            assert used[0] == kind.name
            assert used[1] in keys
        for other in trigger.get("dependencies", ()):
            assert (other["name"], other["expression"], other.get("recovery_expression")) in names
    defined = {macro["macro"] for macro in template["macros"]}
    used_macros = {f"{{{name}}}" for text in texts([template, found])
                   for name in re.findall(r"\{(\$SSL\.[A-Z._]+)", text)}
    assert used_macros == defined


@pytest.mark.parametrize("kind", (EXTERNAL, PUSH), ids=lambda kind: kind.name)
def test_thresholds_take_the_domain_as_context(kind: Kind) -> None:
    """What belongs to one target can be set for one domain alone."""
    for trigger in triggers_of(kind):
        if trigger["name"].startswith("SSL {#DOMAIN}"):
            expression = trigger["expression"] + trigger.get("recovery_expression", "")
            for macro in re.findall(r"\{\$SSL[^}]*\}?", expression):
                assert macro.endswith(':"{#DOMAIN}'), macro


def test_macros_of_every_row_say_where_they_are() -> None:
    """A macro stands in at least one template; a host's own has no low-level discovery."""
    for name, (_, description, kinds) in MACROS.items():
        assert kinds, name
        assert description.endswith("."), name
    in_host = {macro["macro"] for macro in templates()[HOST.name]["macros"]}
    assert "{$SSL.DOMAIN}" in in_host
    assert "{$SSL.LIFETIME}" not in in_host


def test_every_problem_says_what_happened_to_which_target() -> None:
    """Names carry the target, not {HOST.NAME}; every problem has severity, scope and help."""
    for kind in KINDS:
        for trigger in triggers_of(kind):
            assert trigger["event_name"].startswith(("SSL: ", f"SSL {kind.target}: "))
            assert "{HOST." not in trigger["event_name"]
            assert trigger["priority"] in ("INFO", "WARNING", "AVERAGE", "HIGH")
            assert trigger["tags"][0]["tag"] == "scope"
            assert trigger["description"]


def test_every_expression_is_recalculated_at_every_check() -> None:
    """A trigger that is made after its items have their first value must not wait for a change, and
    one about a change that was closed by hand must not begin again."""
    for trigger in triggers.TARGET:
        often = "now()" in trigger.expression or any(
            f"@{name}" in trigger.expression for name in items.EVERY_CHECK)
        assert often is not trigger.manual_close, trigger.code


def test_values_in_names_are_of_items_that_are_there() -> None:
    """{ITEM.VALUE3} is the item of the third function of the expression: there must be three."""
    for trigger in (*triggers.TARGET, *triggers.ALL):
        items_in_order = re.findall(r"@[\w.@]+", trigger.expression)
        for number in re.findall(r"\{ITEM\.(?:LAST)?VALUE(\d)\}", trigger.event + trigger.opdata):
            assert int(number) <= len(items_in_order), trigger.code


@pytest.mark.parametrize(("issuer", "organization"), [
    ("CN=R10,O=Let's Encrypt,C=US", "Let's Encrypt"),
    ("CN=R11,O=Let's Encrypt,C=US", "Let's Encrypt"),
    ("O=Example\\, Inc.,C=US", "Example\\, Inc."),
    ("CN=a\\,O=fake,O=Real,C=US", "Real"),
    ("CN=x+O=Multi+C=US", "Multi"),
    ("CN=Private CA", "CN=Private CA"),
    ("CN=OO=x", "CN=OO=x"),
    ("", ""),
])
def test_the_issuing_organization(issuer: str, organization: str) -> None:
    """O of the issuer, whatever intermediate it is; all of an issuer that has none. The expression
    is one that PCRE and Python read alike."""
    match = re.search(items.ORGANISATION, issuer)
    assert match
    assert (match[1] or "") + (match[2] or "") == organization


@pytest.mark.parametrize(("answer", "error"), [
    ('{"handshake_ok": 1}', ""),
    ("there is no metric alll", "there is no metric alll"),
    ("/usr/bin/env: 'python3': No such file\nand more", "/usr/bin/env: 'python3': No such file"),
    (items.NO_ANSWER, items.NO_ANSWER),
    ("", ""),
])
def test_the_error_of_a_check(answer: str, error: str) -> None:
    """What is not JSON is shown, one line of it."""
    match = re.search(items.FIRST_LINE_THAT_IS_NO_JSON, answer)
    assert (match[0] if match else "") == error


def test_the_tables_for_people_are_in_step() -> None:
    """templates/README.md is what tools/templates makes: every macro, trigger and item is there."""
    made = runpy.run_path(str(FILE.parent.parent / "tools" / "templates"))["page"]()
    assert made == (FILE.parent / "README.md").read_text(encoding="utf-8"), "run tools/templates"
    for name in MACROS:
        assert f"`{{$SSL.{name}}}`" in made
    for trigger in (*triggers.TARGET, *triggers.ALL):
        assert f"| {trigger.name} |" in made


def test_the_page_names_what_there_is() -> None:
    """docs/zabbix.md speaks of templates and macros by their names."""
    page = (FILE.parent.parent / "docs" / "zabbix.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert kind.name in page
    for name in re.findall(r"\{\$SSL\.([A-Z._]+)", page):
        assert name in MACROS, name
