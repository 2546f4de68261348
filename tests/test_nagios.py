"""The plugin of Nagios and Icinga: what it says, and what both make of it."""

# ruff: noqa: RUF001

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from audits import DAY, NOBODY, observed
from command import Site, site

from testbed.process import child, program
from zabbix_ssl import cli
from zabbix_ssl.cli import nagios as command
from zabbix_ssl.findings import TABLE as FINDINGS
from zabbix_ssl.languages import speak
from zabbix_ssl.metrics import NUMERIC, TABLE, TIME, judge, scalar
from zabbix_ssl.model import Failure, Fault, Observation, Result, Target
from zabbix_ssl.outputs import nagios
from zabbix_ssl.outputs.nagios import CRITICAL, OK, UNKNOWN, WARNING, Limits, plugin

ROOT = Path(__file__).parent.parent
CONTRIB = ROOT / "contrib"
NOW = 1795503600  # 2026-11-24T07:00:00Z
A = Target("a.example")

#: label=value[unit];warning;critical;least;most, by the guidelines; ranges are [@]from:to.
_RANGE = r"(?:@?(?:~|-?[\d.]+)?:?(?:-?[\d.]+)?)?"
PERFORMANCE = re.compile(
    rf"(?P<label>[a-z_0-9]+)=(?P<value>-?[\d.]+)(?P<unit>ms|%)?"
    rf"(?:;(?P<warning>{_RANGE})(?:;(?P<critical>{_RANGE})(?:;(?P<least>[\d.]*)(?:;(?P<most>"
    rf"[\d.]*))?)?)?)?")


class Said(NamedTuple):
    """The output of a plugin, taken apart."""

    state: str
    text: str
    performance: dict[str, re.Match[str]]
    more: list[str]


def said(output: str) -> Said:
    """Fails on what is not the output of a plugin."""
    first, *more = output.removesuffix("\n").split("\n")
    head, bar, data = first.partition(" | ")
    found = re.fullmatch(r"SSL (OK|WARNING|CRITICAL|UNKNOWN) - (.+)", head)
    assert found, first
    assert "|" not in "".join([head, data, *more])
    performance = {}
    for word in data.split():
        matched = PERFORMANCE.fullmatch(word)
        assert matched, word
        performance[matched["label"]] = matched
    assert len(performance) == len(data.split())
    assert bar or not data
    return Said(found[1], found[2], performance, more)


def alerts(value: float, threshold: str) -> bool:
    """Does the value raise an alert by this range of the guidelines?"""
    if not threshold:
        return False
    inside = threshold.startswith("@")
    low, colon, high = threshold.removeprefix("@").rpartition(":")
    least = float("-inf") if low == "~" else float(low or 0)
    most = float(high) if high else float("inf")
    assert colon or not low
    return (least <= value <= most) is inside


def seen(days: int = 100, lifetime: int = 200, *, warning_days: int | None = None,
         faults: tuple[Fault, ...] = ()) -> Result:
    """A server whose certificate has so many days left."""
    observation = observed(A._replace(warning_days=warning_days), days=days, check_time=NOW)
    assert observation.certificate
    assert observation.chain
    certificate = observation.certificate._replace(
        not_before=observation.certificate.not_after - lifetime * DAY)
    return judge(observation._replace(certificate=certificate, chain=observation.chain._replace(
        faults=faults)))


def failed(reason: str) -> Result:
    return judge(Observation(A, NOW, Failure(reason, "it is so")))


class TestStates:
    """From findings to the state of a service."""

    @pytest.mark.parametrize(("code", "state"), [
        ("chain_root_included", OK), ("chain_expires_first", WARNING), ("wrong_host", CRITICAL)])
    def test_severity_is_the_state(self, code: str, state: int) -> None:
        """Low is OK, medium WARNING, high CRITICAL; the sentence says what to do."""
        detail: dict[str, str | int | float] = dict.fromkeys(
            ("subject", "days", "date", "name", "names"), "x")
        told = plugin(seen(faults=(Fault(code, detail),)), Limits())
        assert told.state == state
        assert said(told.text).state == nagios.STATES[state]
        assert said(told.text).text.startswith(
            "a.example:443: " + FINDINGS[code][1].format(**detail)[:30])

    @pytest.mark.parametrize("reason", ["dns", "refused", "timeout", "not_tls", "handshake"])
    def test_what_cannot_be_checked_is_critical(self, reason: str) -> None:
        """As the guidelines want it: UNKNOWN is for the plugin's own troubles."""
        told = plugin(failed(reason), Limits())
        assert told.state == CRITICAL
        assert said(told.text).text == "a.example:443: Cannot check: it is so"
        assert set(said(told.text).performance) == {"handshake_ok", "risk_level"}

    @pytest.mark.parametrize("reason", nagios.OUR_SIDE)
    def test_our_own_troubles_are_unknown(self, reason: str) -> None:
        """The server may be as well as ever."""
        assert plugin(failed(reason), Limits()).state == UNKNOWN

    @pytest.mark.parametrize(("days", "lifetime", "state"), [
        (30, 200, OK), (29, 200, WARNING), (7, 200, WARNING), (6, 200, CRITICAL),
        (15, 45, OK), (14, 45, WARNING), (5, 45, WARNING), (4, 45, CRITICAL),
        (-3, 200, CRITICAL)])
    def test_days_left_without_thresholds(self, days: int, lifetime: int, state: int) -> None:
        """30 and 7 days; a third and a tenth of a short lifetime. (A minute is left beside.)"""
        assert plugin(seen(days, lifetime), Limits()).state == state

    @pytest.mark.parametrize(("limits", "state"), [
        (Limits(20, 5), OK), (Limits(26, 5), WARNING), (Limits(40, 26), CRITICAL),
        (Limits(None, 26), CRITICAL), (Limits(20), OK), (Limits(0, 0), OK), (Limits(25.1), WARNING),
    ])
    def test_thresholds_take_the_place_of_ours(self, limits: Limits, state: int) -> None:
        """25 days are left, which are expiring by our own measure."""
        result = seen(25)
        assert [finding.code for finding in result.findings] == ["expiring"]
        told = plugin(result, limits)
        assert told.state == state
        assert ("expires in 25 days" in said(told.text).text) is (state != OK)

    def test_the_warning_days_of_the_configuration_count(self) -> None:
        """Until -w says otherwise."""
        assert plugin(seen(50, warning_days=60), Limits()).state == WARNING
        assert plugin(seen(50, warning_days=60), Limits(40)).state == OK
        assert plugin(seen(25, warning_days=10), Limits()).state == OK

    def test_expired_cannot_be_argued_away_by_thresholds(self) -> None:
        """-w 0 -c 0 does not make it fine; ignoring the finding does, and shows it."""
        assert plugin(seen(-3), Limits(0, 0)).state == CRITICAL
        told = plugin(seen(-3), Limits(ignored=("expired",)))
        assert told.state == OK
        assert "[ignored] The certificate expired 2 days ago" in told.text

    def test_ignored_findings_leave_the_others(self) -> None:
        """And their thresholds are gone from the performance data."""
        result = seen(-3, faults=(Fault("chain_self_signed"),))
        told = plugin(result, Limits(ignored=command.IGNORING["--selfsigned"]))
        assert told.state == CRITICAL
        assert said(told.text).text == (
            "a.example:443: The certificate expired 2 days ago, on 2026-11-21: renew it now")
        data = said(told.text).performance
        assert (data["chain_trusted"]["critical"] or "", data["is_valid"]["critical"]) == ("", "1:")


class TestOutput:
    """What is printed."""

    def test_every_number_of_the_table_is_performance_data(self) -> None:
        """With the value that --get prints; moments make no graph and are left out."""
        result = seen()
        data = said(plugin(result, Limits()).text).performance
        assert set(data) == {name for name in result.values
                             if TABLE[name].kind in NUMERIC and TABLE[name].kind != TIME}
        for name, found in data.items():
            assert float(found["value"]) == scalar(TABLE[name], result.values[name]), name
        assert (data["handshake_ms"]["unit"], data["remain_percent"]["unit"]) == ("ms", "%")
        assert data["remain_days"].group() == "remain_days=100;30:;7:"

    @pytest.mark.parametrize("result", [
        seen(), seen(25), seen(3), seen(-3), failed("refused")])
    @pytest.mark.parametrize("limits", [Limits(), Limits(40, 26), Limits(0, 0)])
    def test_thresholds_agree_with_the_state(self, result: Result, limits: Limits) -> None:
        """The worst alert that the performance data raise is the state."""
        told = plugin(result, limits)
        states = [OK]
        for found in said(told.text).performance.values():
            number = float(found["value"])
            if alerts(number, found["critical"] or ""):
                states.append(CRITICAL)
            elif alerts(number, found["warning"] or ""):
                states.append(WARNING)
        assert max(states) == told.state

    def test_one_finding_is_said_once_and_several_are_listed(self) -> None:
        """The worst in the first line, with how many more there are."""
        one = said(plugin(seen(25), Limits()).text)
        assert not [line for line in one.more if line.startswith("[")]
        two = said(plugin(seen(25, faults=(Fault("chain_self_signed"),)), Limits()).text)
        assert two.text.endswith("--ca-file (and 1 more)")
        assert [line.split("]")[0] for line in two.more[:2]] == ["[CRITICAL", "[WARNING"]
        assert "Validity: 25 days left" in two.more[2]

    def test_nothing_from_the_network_breaks_the_output(self) -> None:
        """Bars, line breaks and terminal codes of a certificate; nor is it longer than Nagios
        reads."""
        evil = "CN=a|b\nremain_days=1\x1b[31m" + "\u4e2d" * 9000
        observation = observed(A, check_time=NOW)
        assert observation.certificate
        assert observation.chain
        result = judge(observation._replace(
            certificate=observation.certificate._replace(
                subject=evil, issuer=evil, san=(evil,) * 9),
            chain=observation.chain._replace(faults=(Fault("chain_other", {"why": evil[:90]}),))))
        told = plugin(result, Limits())
        assert told.text.replace("\n", "").isprintable()
        assert "CN=a\\u007cb\\u000aremain_days=1\\u001b" in said(told.text).text
        assert len(told.text.encode()) <= 8192

    def test_other_language(self) -> None:
        """The state and the performance data stay what programs read."""
        english, chinese = (plugin(seen(25), Limits(), speak(code)) for code in ("en", "zh"))
        assert chinese.state == english.state
        assert said(chinese.text).text == (
            "a.example:443: 证书将在 25 天后（2026-12-19）过期：请续期")
        assert [found.group() for found in said(chinese.text).performance.values()] == [
            found.group() for found in said(english.text).performance.values()]


class TestCommandLine:
    """The options, ours and those that people know."""

    @pytest.mark.parametrize(("words", "meant"), [
        ("-H a.example -p 8443 -w 20 -c 5 -t 3",
         "--host a.example --port 8443 --warning 20 --critical 5 --timeout 3"),
        ("-Ha.example -w20 -c5", "--host=a.example --warning=20 --critical=5"),
        ("-H=a.example --hostname=b --rootcert ca.pem",
         "--host=a.example --host=b --ca-file ca.pem"),
        ("-S -C 30,14 -I 192.0.2.1", "--ssl --certificate 30,14 --address 192.0.2.1"),
        ("-s -A -P smtp --resolve=192.0.2.1",
         "--selfsigned --noauth --protocol smtp --address=192.0.2.1"),
        ("-H a -- -w", "--host a -- -w"), ("--sni x", "--sni x"), ("-", "-"),
    ])
    def test_spellings(self, words: str, meant: str) -> None:
        """Short ones, joined ones, and the names of other plugins."""
        assert command.spelt(shlex.split(words)) == shlex.split(meant)

    @pytest.mark.parametrize(("words", "line"), [
        ("", "no host: name it with -H HOST"),
        ("-H a -w", "--warning: expected one argument: zabbix-ssl nagios --help tells how"),
        ("-H a -w x", '--warning: "x" is not a number of days: write one from 0 to 3650'),
        ("-H a -w -1", '--warning: "-1" is not a number of days: write one from 0 to 3650'),
        ("-H a -w 5 -c 9", "9 days are more than 5: give --critical fewer than --warning"),
        ("-H a -C 5,9", "9 days are more than 5: give --critical fewer than --warning"),
        ("-H a -p 0", '--port: the port is "0": write a whole number from 1 to 65535'),
        ("-H a b", "2 hosts: name one, with -H HOST"),
        ("-H 'a b'", '"a b" contains a space, which no host name does: write a host name or an IP '
                     "address"),
        ("-H a --ignore expird", '--ignore: there is no finding "expird": did you mean expired or '
                                 "expiring or chain_expired?"),
        ("-H a -P gopher", '--protocol: the STARTTLS protocol is "gopher": write one of'),
        ("-H a --lang zh -w x", '--warning："x" 不是天数：请写 0 到 3650 之间的数'),
        ("-H a --config /none", "/none: the file does not exist"),
        ("-H '$HOSTNAME$'", '"$HOSTNAME$" contains the character $'),
    ])
    def test_wrong_use_is_unknown_on_stdout(
            self, words: str, line: str, capfd: pytest.CaptureFixture[str]) -> None:
        """One line that Nagios shows, exit code 3, nothing on stderr; English whatever the locale.
        """
        assert cli.main(["nagios", *shlex.split(words)], {"LANG": "zh_CN.UTF-8"}) == UNKNOWN
        out, err = capfd.readouterr()
        assert (out.count("\n"), err) == (1, "")
        assert said(out).text.startswith(line)

    def test_version(self, capfd: pytest.CaptureFixture[str]) -> None:
        """-V, as every plugin has it."""
        assert cli.main(["nagios", "-V"], {}) == OK
        assert capfd.readouterr().out.startswith("check_ssl_cert (zabbix-ssl) v")

    def test_codes_that_flags_ignore_exist(self) -> None:
        """Each is a finding."""
        assert {code for codes in command.IGNORING.values() for code in codes} <= set(FINDINGS)

    @pytest.mark.parametrize(("word", "starttls", "port"), [
        ("https", "none", 443), ("smtp", "smtp", 25), ("imaps", "none", 993),
        ("tds", "mssql", 1433), ("submission", "submission", 587), ("ldap", "ldap", 389)])
    def test_protocols_have_their_ports(self, word: str, starttls: str, port: int) -> None:
        """By the names of check_ssl_cert too."""
        (option,) = [one for one in command.OWN if one.name == "--protocol"]
        assert option.read
        assert option.read(word) == (starttls, port)


NAMES = ("healthy", "expiring", "expired", "down")


@pytest.fixture
def demo(public_folder: Path) -> Iterator[Site]:
    with site(public_folder, *NAMES) as up:
        yield up


def test_states_of_real_servers(demo: Site) -> None:
    """As a process, by the short options."""
    for name, options, code in (
            ("healthy", (), OK), ("healthy", ("-w", "100", "-c", "95"), CRITICAL),
            ("expiring", (), WARNING), ("expiring", ("-C", "9,3"), OK), ("expired", (), CRITICAL),
            ("expired", ("--ignore-exp",), OK), ("down", (), CRITICAL)):
        done = demo.run("nagios", "-H", demo.domain(name), "-p", demo.port(name), *options)
        assert (done.returncode, done.stderr) == (code, ""), (name, done.stdout)
        assert said(done.stdout).state == nagios.STATES[code]


def test_each_check_asks_the_server(public_folder: Path) -> None:
    """The state is that of now, not of minutes ago; with --max-age it may be that of the cache."""
    with site(public_folder, "healthy") as up:
        words = ("nagios", up.target("healthy"))
        assert up.run(*words).returncode == OK
    assert up.run(*words, "--max-age", "600").returncode == OK
    assert up.run(*words).returncode == CRITICAL


def test_as_check_ssl_cert(demo: Site) -> None:
    """A link of that name is the plugin; by any other name it is not."""
    code = ("import sys; from zabbix_ssl.cli import main; sys.argv[0] = sys.argv.pop(1); "
            "sys.exit(main())")
    python = (sys.executable, "-W", "error", "-c", code)
    words = ("-H", demo.domain("healthy"), "-p", demo.port("healthy"))
    assert said(demo.run("/usr/lib/nagios/plugins/check_ssl_cert", *words,
                         program=python).stdout).state == "OK"
    assert demo.run("/usr/bin/zabbix-ssl", *words, program=python).returncode == 3


# In a real Nagios and a real Icinga


@pytest.fixture
def libexec(public_python: Path, public_folder: Path) -> Path:
    """A folder of plugins with the link that docs/nagios.md makes."""
    folder = public_folder / "libexec"
    folder.mkdir()
    (folder / "check_ssl_cert").symlink_to(public_python / "zabbix-ssl")
    return folder


NAGIOS = """\
cfg_file={contrib}/nagios/zabbix-ssl.cfg
cfg_file={folder}/objects.cfg
resource_file={folder}/resource.cfg
status_file={folder}/var/status.dat
object_cache_file={folder}/var/objects.cache
log_file={folder}/var/nagios.log
lock_file={folder}/var/nagios.lock
temp_file={folder}/var/nagios.tmp
temp_path={folder}/var
check_result_path={folder}/var
query_socket={folder}/var/nagios.qh
nagios_user={user}
nagios_group={group}
status_update_interval=1
check_external_commands=0
retain_state_information=0
use_syslog=0
service_inter_check_delay_method=n
host_inter_check_delay_method=n
illegal_macro_output_chars=`~$&|'"<>
"""

#: What every Nagios has, and services as docs/nagios.md shows them.
OBJECTS = """\
define timeperiod {{
    timeperiod_name 24x7
    alias           always
    sunday          00:00-24:00
    monday          00:00-24:00
    tuesday         00:00-24:00
    wednesday       00:00-24:00
    thursday        00:00-24:00
    friday          00:00-24:00
    saturday        00:00-24:00
}}
define command {{
    command_name    nothing
    command_line    /bin/true
}}
define contact {{
    contact_name                    nobody
    host_notifications_enabled      0
    service_notifications_enabled   0
    host_notification_period        24x7
    service_notification_period     24x7
    host_notification_commands      nothing
    service_notification_commands   nothing
}}
"""
SERVICE = """\
define host {{
    host_name               {domain}
    address                 {address}
    max_check_attempts      1
    active_checks_enabled   0
    check_period            24x7
    notification_period     24x7
    contacts                nobody
}}
define service {{
    use                     tls-certificate
    host_name               {domain}
    service_description     TLS
    check_command           check_ssl_cert_host!{port}!--no-cache --config '{config}' {options}
    contacts                nobody
}}
define service {{
    use                     tls-certificate
    host_name               {domain}
    service_description     TLS by name
    check_command           check_ssl_cert!{domain}!{port}!--no-cache --config '{config}' {options}
    contacts                nobody
}}
"""


def nagios_configuration(demo: Site, libexec: Path, options: str) -> Path:
    folder = demo.folder
    (folder / "var").mkdir()
    root = os.geteuid() == 0
    if root:
        os.chown(folder / "var", NOBODY, NOBODY)
    user = "nobody" if root else str(os.geteuid())
    group = "nogroup" if root else str(os.getegid())
    addresses = {target["domain"]: target["address"] for target in demo.targets}
    (folder / "objects.cfg").write_text(OBJECTS.format() + "".join(SERVICE.format(
        domain=demo.domain(name), port=demo.port(name), address=addresses[demo.domain(name)],
        config=demo.config, options=options) for name in NAMES))
    (folder / "resource.cfg").write_text(f"$USER1$={libexec}\n")
    path = folder / "nagios.cfg"
    path.write_text(NAGIOS.format(contrib=CONTRIB, folder=folder, user=user, group=group))
    return path


def statuses(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The services of Nagios's status file, that have been checked, by host and description."""
    found = {}
    text = path.read_text() if path.exists() else ""
    for block in re.findall(r"^servicestatus \{\n(.*?)^\t\}", text, re.MULTILINE | re.DOTALL):
        fields = dict(line.strip().partition("=")[::2] for line in block.splitlines())
        if fields["has_been_checked"] == "1":
            found[fields["host_name"], fields["service_description"]] = fields
    return found


def test_in_nagios(demo: Site, libexec: Path) -> None:
    """Nagios 4 runs the plugin by the shipped commands; its status file has the states, the texts
    and the performance data."""
    configuration = nagios_configuration(demo, libexec, "-w 20")
    status, log = demo.folder / "var" / "status.dat", demo.folder / "nagios.out"

    def ready() -> bool:
        return len(statuses(status)) == 2 * len(NAMES)

    with child([program("nagios4"), str(configuration)], log, ready=ready, seconds=60):
        found = statuses(status)
    for name, state in zip(NAMES, (OK, WARNING, CRITICAL, CRITICAL), strict=True):
        for description in ("TLS", "TLS by name"):
            fields = found[demo.domain(name), description]
            assert fields["current_state"] == str(state), fields
            assert fields["plugin_output"].startswith(f"SSL {nagios.STATES[state]} - "), fields
    expiring = found[demo.domain("expiring"), "TLS"]
    assert "expires in 10 days" in expiring["plugin_output"]
    assert "remain_days=10;20:;7:" in expiring["performance_data"].split()
    assert "Validity: 10 days left" in expiring["long_plugin_output"]
    assert not re.findall(r"Warning|Error", (demo.folder / "var" / "nagios.log").read_text())


def icinga(folder: Path, *words: str) -> list[str]:
    """An Icinga 2 whose files lie in ``folder``."""
    for name in ("data", "cache", "spool", "run"):
        (folder / name).mkdir(exist_ok=True)
    user = subprocess.check_output(["id", "-un"], text=True).strip()
    group = subprocess.check_output(["id", "-gn"], text=True).strip()
    constants = {"DataDir": folder / "data", "LogDir": folder, "CacheDir": folder / "cache",
                 "SpoolDir": folder / "spool", "InitRunDir": folder / "run", "RunAsUser": user,
                 "RunAsGroup": group, "NodeName": "test"}
    defined = [word for name, value in constants.items() for word in ("-D", f"{name}={value}")]
    return [program("icinga2"), "daemon", *words, *defined]


ICINGA = """\
include <itl>
const PluginDir = "{libexec}"
include "{contrib}/icinga2/zabbix-ssl.conf"
object CheckerComponent "checker" {{ }}
object PerfdataWriter "perfdata" {{
  host_perfdata_path = "{folder}/perfdata/host"
  host_temp_path = "{folder}/perfdata/host.tmp"
  service_perfdata_path = "{folder}/perfdata/service"
  service_temp_path = "{folder}/perfdata/service.tmp"
  service_format_template = "{template}"
  rotation_interval = 1s
}}
"""
TEMPLATE = "<" + r"\t".join(f"$service.{name}$" for name in (
    "name", "state", "output", "perfdata")) + ">"
ICINGA_HOST = """\
object Host "{domain}" {{
  check_command = "dummy"
  address = "{address}"
  vars.tls["443"] = {{ zabbix_ssl_port = {port}, zabbix_ssl_config = "{config}" }}
  vars.tls["smtp"] = {{ zabbix_ssl_port = 25, zabbix_ssl_protocol = "smtp" }}
}}
object Service "{name}" {{
  host_name = "{domain}"
  check_command = "zabbix_ssl"
  check_interval = 1s  // the first check comes at some moment of the interval
  vars.zabbix_ssl_port = {port}
  vars.zabbix_ssl_config = "{config}"
  vars.zabbix_ssl_warning = 20
  vars.zabbix_ssl_max_age = 600
}}
"""


def icinga_configuration(demo: Site, libexec: Path) -> Path:
    folder = demo.folder
    (folder / "perfdata").mkdir()
    addresses = {target["domain"]: target["address"] for target in demo.targets}
    path = folder / "icinga2.conf"
    path.write_text(ICINGA.format(
        libexec=libexec, contrib=CONTRIB, folder=folder, template=TEMPLATE) + "".join(
        ICINGA_HOST.format(domain=demo.domain(name), port=demo.port(name), name=name,
                           address=addresses[demo.domain(name)], config=demo.config)
        for name in NAMES))
    return path


def test_icinga_takes_the_configuration(demo: Site, libexec: Path) -> None:
    """``daemon -C`` finds the services that the shipped rule applies; a wrong word it refuses."""
    configuration = icinga_configuration(demo, libexec)
    done = subprocess.run(icinga(demo.folder, "-C", "-c", str(configuration)), capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert f"Instantiated {3 * len(NAMES)} Services." in done.stdout
    assert "warning" not in done.stdout
    text = (CONTRIB / "icinga2" / "zabbix-ssl.conf").read_text()
    (demo.folder / "wrong.conf").write_text(text.replace("arguments = {", "argument = {"))
    configuration.write_text(configuration.read_text().replace(
        f"{CONTRIB}/icinga2/zabbix-ssl.conf", f"{demo.folder}/wrong.conf"))
    done = subprocess.run(icinga(demo.folder, "-C", "-c", str(configuration)), capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode != 0


def written(folder: Path) -> dict[str, list[str]]:
    """What Icinga's writer of performance data has told of each service."""
    text = "".join(path.read_text() for path in sorted(folder.glob("service*")))
    rows = [row.split("\t") for row in re.findall(r"<(.*?)>\n", text, re.DOTALL)]
    return {row[0]: row for row in rows if row[1] != "UNKNOWN" and len(row) == 4}


def test_in_icinga(demo: Site, libexec: Path) -> None:
    """Icinga 2 runs the plugin by the shipped command and understands what it says."""
    configuration = icinga_configuration(demo, libexec)
    perfdata, log = demo.folder / "perfdata", demo.folder / "icinga2.log"
    with child(icinga(demo.folder, "-c", str(configuration)), log, seconds=60,
               env={"ZABBIX_SSL_CACHE": str(demo.folder / "cache-of-icinga")},
               ready=lambda: set(written(perfdata)) == set(NAMES)):
        found = written(perfdata)
    for name, state in zip(NAMES, (OK, WARNING, CRITICAL, CRITICAL), strict=True):
        _, told, text, _ = found[name]
        assert (told, said(text.partition("\n")[0]).state) == (nagios.STATES[state],) * 2
    assert "remain_days=10;20:;7:" in found["expiring"][3].split()


def test_definitions_name_options_that_exist() -> None:
    """Those of the plugin, in both files of contrib."""
    known = {option.name for option in (*command.OWN, *command._SHARED)}
    for path in (CONTRIB / "nagios" / "zabbix-ssl.cfg", CONTRIB / "icinga2" / "zabbix-ssl.conf"):
        named = set(re.findall(r'["\s](--[a-z-]+)', path.read_text()))
        assert named
        assert named <= known | set(command.ALIASES), path

