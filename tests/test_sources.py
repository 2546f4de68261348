"""Readers of other programs' configurations: what they find, and what they tell instead."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.process import NotInstalled
from zabbix_ssl import config
from zabbix_ssl.cli import main
from zabbix_ssl.sources import SOURCES, reader
from zabbix_ssl.sources.targets import Collected, collect, document

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files by their names; gives the path of the first."""
    def made(**files: str) -> Path:
        paths = []
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            paths.append(path)
        return paths[0]
    return made


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The root of a Debian package's files: the machine's, or of the package as downloaded."""
    def files(package: str) -> Path:
        listed = subprocess.run(["dpkg", "-s", package], capture_output=True, check=False) \
            if shutil.which("dpkg") else None
        if listed and b"Status: install ok installed" in listed.stdout:
            return Path("/")
        folder = tmp_path_factory.mktemp(package)
        try:
            subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True,
                           capture_output=True, timeout=30)
            (archive,) = folder.glob("*.deb")
            subprocess.run(["dpkg", "-x", archive, folder], check=True, capture_output=True)
        except (OSError, subprocess.SubprocessError, ValueError):
            raise NotInstalled(f"needs {package}") from None
        return folder
    return files


def found(source: str, path: Path | str, domain: str = "") -> Collected:
    collected = collect(reader(source)(str(path)), domain)
    again = config.parse(document(collected.entries).encode(), "/")  # is it a domains.json?
    assert again == collected.targets
    return collected


def targets(source: str, path: Path | str, domain: str = "") -> list[str]:
    return [str(target) for target in found(source, path, domain).targets]


def told(source: str, path: Path | str, *parts: str) -> None:
    """There is one note, and it says all of this."""
    notes = found(source, path).notes
    assert len(notes) == 1, notes
    assert all(part in notes[0] for part in parts), notes


# nginx

def test_nginx_servers_includes_and_several_names(write: Write) -> None:
    """Each name with each port that listens with ssl; plain ports, QUIC and sockets do not."""
    path = write(nginx_conf="""
      events {} http { include sites/*.conf;
        server { listen 80; listen 443 ssl http2; listen [::]:443 ssl; listen 443 quic;
                 listen unix:/run/x.sock ssl;
                 server_name a.example "b.example"; # c.example
                 location ~ "^/[0-9]{3}$" { return 301 https://${host}/${uri}; }
                 set $text "a;b}c"; }
        server { listen 80; server_name plain.example; } }""", sites__one_conf="""
      server { listen 192.0.2.5:8443 ssl; server_name inner.example; }""")
    assert found("nginx", path).entries == (
        {"domain": "inner.example", "port": 8443, "address": "192.0.2.5"},
        "a.example", "b.example")
    assert not found("nginx", path).notes


def test_nginx_tells_patterns_and_guesses_nothing(write: Write) -> None:
    """Wildcards, regular expressions, variables and the catch-all are no targets."""
    path = write(site_conf="""server { listen 443 ssl;
        server_name *.w.example .dot.example ~^re $hostname _ www.*; }""")
    collected = found("nginx", path)
    assert collected.entries == ("dot.example",)
    text = "\n".join(collected.notes)
    for part in ("*.w.example", "*.dot.example", "~^re", "$hostname", "--domain", "www.*"):
        assert part in text
    assert f"{path}:1" in collected.notes[0]


def test_nginx_without_a_name_takes_the_one_that_is_given(write: Write) -> None:
    """--domain is for servers that are not told their name, and for no others."""
    path = write(nginx_conf="""http { server { listen 8443 ssl; }
                               server { listen 443 ssl; server_name own.example; } }""")
    assert targets("nginx", path, "given.example") == ["given.example:8443", "own.example:443"]
    told("nginx", path, "--domain")


def test_nginx_mail_and_stream(write: Write) -> None:
    """The mail proxy speaks STARTTLS where it says so; streams with ssl count."""
    path = write(nginx_conf="""
      mail { server_name mail.example; starttls on;
        server { listen 143; protocol imap; } server { listen 993 ssl; protocol imap; }
        server { listen 25; starttls off; } server { listen 587; protocol smtp; } }
      stream { server { listen 636 ssl; server_name ldap.example; } server { listen 53; } }""")
    assert found("nginx", path).entries == (
        {"domain": "mail.example", "port": 143, "starttls": "imap"},
        {"domain": "mail.example", "port": 993},
        {"domain": "mail.example", "port": 587, "starttls": "smtp"},
        {"domain": "ldap.example", "port": 636})


def test_nginx_lua_is_stepped_over(write: Write) -> None:
    """Lua has quotes and comments of its own; its braces are counted and nothing else."""
    path = write(nginx_conf="""http { init_by_lua_block { local a = {"it's"} -- don't
      } server { listen 443 ssl; server_name after.example; } }""")
    assert targets("nginx", path) == ["after.example:443"]


def test_includes_that_go_in_circles_end(write: Write) -> None:
    """A file that includes itself, directly or around a corner, is told and left out."""
    path = write(nginx_conf="""http { include b.conf; }""", b_conf="""
      server { listen 443 ssl; server_name a.example; } include nginx.conf;""")
    assert targets("nginx", path) == ["a.example:443"]
    told("nginx", path, "includes itself", "b.conf:2")


@pytest.mark.parametrize(("text", "why"), [
    ("server { listen 443 ssl; server_name a.example;", "not closed"),
    ("server { listen 443 ssl; server_name a.example; } }", "not opened"),
    ("server { listen 443 ssl; server_name a.example; } include gone.conf;", "does not exist"),
    ("server { listen 443 ssl; server_name a.example; } 'open", "a quote is not closed"),
    ("server { listen 443 ssl; server_name a.example; listen $port ssl; }", "port is not written"),
])
def test_nginx_faults_are_told_and_the_rest_is_read(write: Write, text: str, why: str) -> None:
    """What is broken gets a line, and costs nothing else."""
    path = write(nginx_conf=text)
    assert targets("nginx", path) == ["a.example:443"]
    told("nginx", path, why, "nginx.conf:1")


def test_debians_nginx_with_its_commented_site_turned_on(debian: Callable[[str], Path],
                                                        tmp_path: Path) -> None:
    """The default site of the package, as shipped and with its TLS lines made active."""
    root = debian("nginx-common") / "etc/nginx"
    assert found("nginx", root / "nginx.conf") is not None
    default = (root / "sites-available/default").read_text()
    (tmp_path / "default").write_text(default)
    assert targets("nginx", tmp_path / "default") == []
    turned = default.replace("# listen 443 ssl default_server", "listen 443 ssl default_server")
    assert turned != default
    (tmp_path / "default").write_text(turned.replace("server_name _;", "server_name deb.example;"))
    assert targets("nginx", tmp_path / "default") == ["deb.example:443"]


# Apache

def test_apache_virtual_hosts(write: Write) -> None:
    """ServerName and aliases on each port of a host with SSLEngine; defined names are filled in."""
    path = write(apache2_conf="""
      Listen 80
      <IfModule ssl_module>
      Listen 443
      Listen 8443 https
      </IfModule>
      Define NAME site.example
      IncludeOptional sites-enabled
      <VirtualHost *:80>
        ServerName plain.example
      </VirtualHost>
      """, **{"sites-enabled__a_conf": """
      <VirtualHost _default_:443 [2001:db8::1]:8443>
        SSLEngine on
        ServerName https://${NAME}:443
        ServerAlias b.example \\
           c.example *.w.example
      </VirtualHost>
      <VirtualHost *:443>
        ServerName off.example
        SSLEngine off
      </VirtualHost>
      <VirtualHost 192.0.2.1:8443>
        ServerName unsaid.example
      </VirtualHost>"""})
    assert targets("apache", path) == [
        "site.example:443", "b.example:443", "c.example:443",
        "site.example:8443", "b.example:8443", "c.example:8443", "unsaid.example:8443"]
    assert found("apache", path).targets[3].address == "2001:db8::1"
    assert all("*.w.example" in note for note in found("apache", path).notes)


def test_apache_tells_macros_and_variables(write: Write) -> None:
    """What Apache fills in itself is not guessed."""
    path = write(apache2_conf="""<Macro Site $name>
      <VirtualHost *:443>
      ServerName $name
      </VirtualHost>
      </Macro>
      Use Site a.example
      <VirtualHost *:443>
      ServerName ${UNSET}.example
      </VirtualHost>""")
    collected = found("apache", path)
    assert not collected.entries
    assert "Use" in collected.notes[0] or "macro" in collected.notes[0]
    assert "${UNSET}" in collected.notes[1]


def test_debians_apache(debian: Callable[[str], Path], tmp_path: Path) -> None:
    """apache2 as shipped has no TLS; with its default-ssl site it has one host without a name."""
    etc = debian("apache2") / "etc/apache2"
    folder = tmp_path / "apache2"
    shutil.copytree(etc, folder)
    enabled = folder / "sites-enabled"
    shutil.rmtree(enabled, ignore_errors=True)
    enabled.mkdir()
    (enabled / "000-default.conf").symlink_to("../sites-available/000-default.conf")
    assert targets("apache", folder, "deb.example") == []
    (enabled / "default-ssl.conf").symlink_to("../sites-available/default-ssl.conf")
    assert targets("apache", folder, "deb.example") == ["deb.example:443"]
    told("apache", folder, "--domain", "default-ssl.conf")


# HAProxy

def test_haproxy_names_come_from_conditions_and_crt_lists(write: Write) -> None:
    """Host and SNI conditions of the section, and the filters of a crt-list."""
    path = write(haproxy_cfg="""
global
    maxconn 10
frontend web
    bind :80
    bind *:443,[2001:db8::5]:8443 ssl crt-list list.txt alpn h2
    acl one hdr(host) -i a.example "b.example:443"   # x.example
    use_backend x if { ssl_fc_sni -i c.example } || { hdr_beg(host) -i www. }
    acl end hdr(host) -m end .e.example
    use_backend %[req.hdr(host),lower,map(/etc/hosts.map)]
frontend plain
    bind :81
    acl one hdr(host) no.example
listen tcp
    bind 192.0.2.9:4443-4444
    mode tcp
    use-server s if { req.ssl_sni -i through.example }
backend b
    acl one hdr(host) -i backend.example
""", list_txt="/etc/ssl/a.pem [alpn h2] listed.example !not.example\n/etc/ssl/b.pem # none\n")
    collected = found("haproxy", path)
    names = [str(target) for target in collected.targets]
    assert names == ["listed.example:443", "a.example:443", "b.example:443", "c.example:443",
                     "listed.example:8443", "a.example:8443", "b.example:8443", "c.example:8443",
                     "through.example:4443", "through.example:4444"]
    text = "\n".join(collected.notes)
    assert "www." in text and "*.e.example" in text and "map" in text


def test_debians_haproxy_examples(debian: Callable[[str], Path]) -> None:
    """The edge example binds 443 with certificates and names no host; the others have no TLS."""
    examples = debian("haproxy") / "usr/share/doc/haproxy/examples"
    if not examples.is_dir():
        raise NotInstalled("needs the documentation of haproxy")
    collected = found("haproxy", examples, "edge.example")
    assert [str(target) for target in collected.targets] == ["edge.example:443"]
    told("haproxy", examples, "basic-config-edge.cfg", "--domain")


# Caddy

def test_caddy_sites(write: Write) -> None:
    """Addresses of sites, several a block, imports; no snippet, no plain HTTP, no directive."""
    path = write(Caddyfile="""{
  email a@b.example
  https_port 8444
}
(snippet) {
  respond "}"
}
import sites/*
a.example, b.example:8443,
  https://c.example/path {
  import snippet
  handle /x { respond <<EOF
  } not.example {
  EOF 200 }
}
http://plain.example, old.example:80 {
}
:9443 {
}
*.w.example {$SITE} {
}
""", sites__one="[2001:db8::1] {\n}\n")
    collected = found("caddy", path)
    assert [str(target) for target in collected.targets] == [
        "[2001:db8::1]:8444", "a.example:8444", "b.example:8443", "c.example:8444"]
    text = "\n".join(collected.notes)
    assert "--domain" in text and "*.w.example" in text and "{$SITE}" in text


def test_caddy_with_one_site_and_no_braces(write: Write) -> None:
    """A Caddyfile may be an address and its directives."""
    path = write(Caddyfile="one.example\n\nrespond hello\n")
    assert targets("caddy", path) == ["one.example:443"]


def test_debians_caddyfile(debian: Callable[[str], Path], tmp_path: Path) -> None:
    """The Caddyfile as shipped serves port 80 alone; with a domain for it, as it advises, 443."""
    path = debian("caddy") / "etc/caddy/Caddyfile"
    collected = found("caddy", path)
    assert (collected.entries, collected.notes) == ((), ())
    (tmp_path / "Caddyfile").write_text(path.read_text().replace(":80 {", "deb.example {"))
    assert targets("caddy", tmp_path) == ["deb.example:443"]


# Mail

MASTER = """\
smtp      inet  n       -       y       -       -       smtpd
submission inet n - y - - smtpd
  -o smtpd_tls_security_level=encrypt
smtps     inet  n       -       y       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
#submissions inet n - y - - smtpd
127.0.0.1:10025 inet n - y - - smtpd
  -o smtpd_tls_security_level=none
2525      inet  n       -       y       -       -       smtpd
odd       inet  n       -       y       -       -       smtpd
smtp      unix  -       -       y       -       -       smtp
"""


def test_postfix_services(write: Write) -> None:
    """STARTTLS or TLS by service, its own options over main.cf; the name is myhostname."""
    path = write(main_cf="mydomain = m.example\nmyhostname =\n  mx.$mydomain\n"
                         "smtpd_tls_security_level = may\n", master_cf=MASTER)
    collected = found("postfix", path.parent)
    assert collected.entries == (
        {"domain": "mx.m.example", "port": 25, "starttls": "smtp"},
        {"domain": "mx.m.example", "port": 587, "starttls": "smtp"},
        {"domain": "mx.m.example", "port": 465},
        {"domain": "mx.m.example", "port": 2525, "starttls": "smtp"})
    told("postfix", path, "odd", "master.cf")


def test_postfix_without_tls_or_name(write: Write) -> None:
    """No TLS, no target; no name, a line that says so; a name that is itself ends."""
    path = write(main_cf="smtpd_tls_security_level = none\n",
                 master_cf="smtp inet n - y - - smtpd\n")
    assert found("postfix", path) == Collected((), (), ())
    path.write_text("smtpd_tls_security_level = may\n")
    told("postfix", path, "--domain")
    path.write_text("smtpd_use_tls = yes\nmyhostname = $myhostname\n")
    told("postfix", path, "filled in")


def test_debians_postfix(debian: Callable[[str], Path], tmp_path: Path) -> None:
    """The master.cf and the TLS settings that the package installs."""
    share = debian("postfix") / "usr/share/postfix"
    shutil.copy(share / "master.cf.dist", tmp_path / "master.cf")
    main_cf = (share / "main.cf.tls").read_text() + "myhostname = deb.example\n"
    (tmp_path / "main.cf").write_text(main_cf)
    assert found("postfix", tmp_path).entries == (
        {"domain": "deb.example", "port": 25, "starttls": "smtp"},)
    active = (tmp_path / "master.cf").read_text().replace("#submission", "submission").replace(
        "#smtps", "smtps").replace("#  -o smtpd_tls_", "  -o smtpd_tls_")
    (tmp_path / "master.cf").write_text(active)
    assert [target.port for target in found("postfix", tmp_path).targets] == [25, 587, 465]


def test_dovecot_listeners(write: Write) -> None:
    """Listeners by default and as written; 0 turns one off; names are those of local_name."""
    path = write(dovecot_conf="""
protocols = imap sieve
!include conf.d/*.conf
!include_try gone.conf
local_name mail.example {
  ssl_cert = </etc/x.pem
}
""", **{"conf.d__a_conf".replace("conf.d", "conf_d"): """
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    #port = 993
  }
  inet_listener other {
    port = 1993 # another
    ssl = yes
    address = 192.0.2.3
  }
}
"""})
    assert found("dovecot", path).entries == (
        {"domain": "mail.example", "port": 993},
        {"domain": "mail.example", "port": 1993, "address": "192.0.2.3"},
        {"domain": "mail.example", "port": 4190, "starttls": "sieve"})
    assert not found("dovecot", path).notes
    path.write_text("ssl = no\n")
    assert found("dovecot", path).entries == ()


def test_debians_dovecot(debian: Callable[[str], Path], tmp_path: Path) -> None:
    """dovecot as shipped, with imap and pop3 turned on: four ports, no name."""
    shutil.copytree(debian("dovecot-core") / "etc/dovecot", tmp_path / "d",
                    ignore=shutil.ignore_patterns("private", "dovecot-*.ext"))
    main_file = tmp_path / "d" / "dovecot.conf"
    main_file.write_text(main_file.read_text().replace(
        "!include_try /usr/share/dovecot/protocols.d/*.protocol", "protocols = imap pop3"))
    assert found("dovecot", tmp_path / "d", "deb.example").entries == (
        {"domain": "deb.example", "port": 143, "starttls": "imap"},
        {"domain": "deb.example", "port": 993},
        {"domain": "deb.example", "port": 110, "starttls": "pop3"},
        {"domain": "deb.example", "port": 995})
    assert len(found("dovecot", tmp_path / "d").notes) == 4


# Tables and manifests

def test_csv_with_and_without_a_head(write: Write) -> None:
    """Columns by the keys of domains.json, whatever separates them; or domain and port."""
    path = write(a_csv="\ufeffHost;Port;StartTLS;warning_days;tag:env;Owner\n"
                       "a.example;;;14;prod;me\nmx.example;25;smtp;;;\n;1;;;;\nb.example;x;;;;\n")
    collected = found("csv", path)
    assert collected.entries == (
        {"domain": "a.example", "warning_days": 14, "tags": {"env": "prod"}},
        {"domain": "mx.example", "port": 25, "starttls": "smtp"})
    assert [part for part in ("column owner", "missing", "the port is")
            if not any(part in note for note in collected.notes)] == []
    path.write_text("# list\na.example\nb.example,8443\n[2001:db8::1]:9443\nhttps://c.example/x\n")
    assert targets("csv", path) == ["a.example:443", "b.example:8443", "[2001:db8::1]:9443",
                                    "c.example:443"]
    path.write_text("*.w.example\n")
    told("csv", path, "pattern", ":1")


INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  tls:
  - hosts: [a.example, "*.w.example"]
    secretName: s
  rules:
  - host: a.example
  - host: plain.example
"""
GATEWAY = """
apiVersion: v1
kind: List
items:
- apiVersion: gateway.networking.k8s.io/v1
  kind: Gateway
  metadata: {name: edge, namespace: infra}
  spec:
    listeners:
    - {name: http, port: 80, protocol: HTTP}
    - {name: tls, port: 443, protocol: HTTPS, hostname: "*.g.example"}
    - {name: one, port: 8443, protocol: TLS, hostname: one.example}
- apiVersion: gateway.networking.k8s.io/v1
  kind: HTTPRoute
  metadata: {name: r, namespace: shop}
  spec:
    parentRefs: [{name: edge, namespace: infra, sectionName: tls}]
    hostnames: [x.g.example, other.example]
- apiVersion: gateway.networking.k8s.io/v1
  kind: HTTPRoute
  metadata: {name: elsewhere, namespace: shop}
  spec:
    parentRefs: [{name: edge}]
    hostnames: [wrong.g.example]
"""


def test_kubernetes_ingress_and_gateway(write: Write) -> None:
    """Hosts with TLS of an Ingress; listeners of a Gateway with the names of their routes."""
    path = write(all_yaml=INGRESS + "---\n" + GATEWAY)
    assert targets("k8s", path) == ["a.example:443", "x.g.example:443", "one.example:8443"]
    told("k8s", path, "*.w.example", "Ingress shop/web")
    path.write_text(json.dumps({"kind": "Ingress", "spec": {"tls": [{}], "rules": [
        {"host": "j.example"}]}}))
    assert targets("k8s", path) == ["j.example:443"]


def test_manifests_of_odd_shapes_are_no_fault_of_ours(write: Write) -> None:
    """Any YAML in place of what is expected: nothing is found, nothing breaks."""
    for text in ("[]", "kind: Ingress\nspec: [1]", "kind: Ingress\nspec: {tls: {a: 1}}", "", "7",
                 "kind: List\nitems: {}", "a: &a [*a]",
                 "kind: Gateway\napiVersion: gateway.networking.k8s.io/v1\nspec: {listeners: [7]}"):
        assert targets("k8s", write(a_yaml=text)) == []


def test_yaml_that_is_made_to_hurt_is_refused(write: Write) -> None:
    """Nesting that overflows a loader's stack, and merge keys that make a file's value huge."""
    from zabbix_ssl.sources import SourceError

    merged = "a: &a {k: v}\n" + "".join(
        f"b{n}: &b{n} {{<<: [{', '.join(['*' + ('a' if not n else f'b{n - 1}')] * 9)}]}}\n"
        for n in range(12))
    deep = "no manifest|maximum nesting depth"  # by us, and from PyYAML 6.0.4 on by the loader
    for text, why in (("[" * 200_000, deep), ("a:\n" + merged, "merge")):
        with pytest.raises(SourceError, match=why):
            found("k8s", write(a_yaml=text))


def test_here_documents_without_an_end_are_looked_for_in_bounds(write: Write) -> None:
    """Each of them would be a search to the end of the file."""
    path = write(Caddyfile="a.example {\n" + "".join(f"<<M{n}\n" for n in range(60_000)) + "}\n")
    assert targets("caddy", path) == ["a.example:443"]


# The command

def run(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["targets", *words], {})
    return code, *capfd.readouterr()


def test_the_command_prints_a_domains_json_and_tells_the_rest(
        write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    """stdout is a file for domains.json, stderr a comment for each thing to decide."""
    path = write(nginx_conf="server { listen 443 ssl; server_name a.example *.b.example; }")
    code, printed, said = run(capfd, "--from", "nginx", str(path))
    assert (code, json.loads(printed)) == (0, ["a.example"])
    assert said.startswith("# ") and "*.b.example" in said


def test_the_difference_to_the_configured_targets(
        write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    """New, changed and missing, a line each and 2; nothing and 0 when there is none."""
    path = write(list_csv="domain,port,starttls\na.example,,\nnew.example,,\n"
                          "mx.example,2525,smtp\n")
    domains = write(domains_json=json.dumps(["a.example", "gone.example", "mx.example:2525"]))
    words = ("--from", "csv", "--diff", "--config", str(domains), str(path))
    code, printed, _ = run(capfd, *words)
    assert code == 2
    assert printed.splitlines() == [
        '+ "new.example"',
        '~ {"domain": "mx.example", "port": 2525, "starttls": "smtp"}  (starttls is none there)',
        "- gone.example:443"]
    code, printed, _ = run(capfd, "--from", "csv", str(path))
    domains.write_text(printed)
    assert run(capfd, *words) == (0, "", "")


@pytest.mark.parametrize(("words", "code", "line"), [
    ((), 3, "from what?"), (("--from", "ngin", "x"), 3, "did you mean nginx?"),
    (("--from", "nginx"), 3, "name what to read"), (("--from", "csv", "a", "b"), 3, "one word"),
    (("--from", "hosts"), 3, "ZABBIX_URL"), (("--from", "nginx", "/nonexistent"), 1, "not exist"),
    (("--from", "apache", "/var/empty-not-there"), 1, "not exist"),
    (("--from", "nginx", "/dev"), 1, "no nginx.conf"), (("--from", "csv", "/dev/zero"), 1,
                                                       "no regular file"),
])
def test_what_cannot_be_read_is_told(capfd: pytest.CaptureFixture[str], words: tuple[str, ...],
                                     code: int, line: str) -> None:
    """One line on stderr, nothing on stdout."""
    given, printed, said = run(capfd, *words)
    assert (given, printed, said.count("\n")) == (code, "", 1)
    assert line in said


def test_broken_yaml_is_told_with_its_place(write: Write, capfd: pytest.CaptureFixture[str]
                                            ) -> None:
    """A template that was not rendered is no manifest."""
    path = write(a_yaml="a: 1\nb: {{ .Values.x }}: [\n")
    code, _, said = run(capfd, "--from", "k8s", str(path))
    assert code == 1 and ":2" in said and "helm template" in said


@pytest.mark.parametrize("name", [name for name in SOURCES if SOURCES[name].path])
def test_noise_breaks_no_reader(name: str, tmp_path: Path) -> None:
    """Bytes of all kinds: an answer or a line for people, never an exception of another kind."""
    noise: list[Any] = [b"", b"\x00\xff\xfe" * 100, b"{" * 5000, b"}" * 500, b"'\"`\\" * 500,
                        b"<VirtualHost\n" * 90, b"include *\n" * 50, b"a {\n" * 70,
                        b"<<A\nB", b"listen [::\n", b"bind :1-99999 ssl\n"]
    from zabbix_ssl.sources import SourceError

    for number, data in enumerate(noise):
        for file in ("main.cf", "master.cf"):
            (tmp_path / file).write_bytes(data)
        path = tmp_path / f"{number}.conf"
        path.write_bytes(data)
        try:
            found(name, path)
        except SourceError as error:
            assert "\n" not in str(error)
