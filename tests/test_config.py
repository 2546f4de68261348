"""domains.json and the words of a command line: what is taken, and what each mistake is told."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zabbix_ssl import config, names
from zabbix_ssl.config import ConfigError
from zabbix_ssl.mistakes import MISTAKES
from zabbix_ssl.model import Target

LONG_LABEL = "a" * 64
LONG_NAME = ".".join(["a" * 60] * 5)  # 304 characters, every label allowed

TARGETS = {
    "example.com": Target("example.com"),
    "example.com:8443": Target("example.com", 8443),
    "Example.COM": Target("Example.COM"),
    "example.com.": Target("example.com."),
    "localhost": Target("localhost"),
    "under_score.example.com": Target("under_score.example.com"),
    "a" * 63 + ".example": Target("a" * 63 + ".example"),
    "192.0.2.1": Target("192.0.2.1"),
    "192.0.2.1:1": Target("192.0.2.1", 1),
    "2001:db8::1": Target("2001:db8::1"),
    "[2001:db8::1]": Target("2001:db8::1"),
    "[2001:db8::1]:65535": Target("2001:db8::1", 65535),
    "fe80::1%eth0": Target("fe80::1%eth0"),
    "[fe80::1%eth0]:443": Target("fe80::1%eth0", 443),
    "::ffff:192.0.2.1": Target("::ffff:192.0.2.1"),
    "bücher.example": Target("bücher.example"),
    "例子.测试:8443": Target("例子.测试", 8443),
    "xn--fsqu00a.xn--0zwm56d": Target("xn--fsqu00a.xn--0zwm56d"),
    "https://example.com": Target("example.com"),
    "https://example.com/": Target("example.com"),
    "HTTPS://example.com:8443/login?next=/#top": Target("example.com", 8443),
    "https://[2001:db8::1]:8443/": Target("2001:db8::1", 8443),
}


@pytest.mark.parametrize(("text", "target"), TARGETS.items())
def test_a_target_is_read_as_people_write_it(text: str, target: Target) -> None:
    """Each spelling of a target gives its domain, unchanged, and its port."""
    assert config.parse_target(text) == target


#: word: (row of MISTAKES, the line)
WRONG_WORDS = {
    "": ("target_empty", "the target is empty: write DOMAIN, DOMAIN:PORT or [IPv6]:PORT"),
    ":443": ("domain_empty", "the domain is empty: write a host name or an IP address"),
    "example.com:": ("port", 'the port is "": write a whole number from 1 to 65535'),
    "example.com:0": ("port", 'the port is "0": write a whole number from 1 to 65535'),
    "example.com:70000": ("port", 'the port is "70000": write a whole number from 1 to 65535'),
    "example.com:-1": ("port", 'the port is "-1": write a whole number from 1 to 65535'),
    "example.com:4_43": ("port", 'the port is "4_43": write a whole number from 1 to 65535'),
    "example.com: 443": ("port", 'the port is " 443": write a whole number from 1 to 65535'),
    "example.com:\uff14\uff14\uff13": (
        "port", 'the port is "\uff14\uff14\uff13": write a whole number from 1 to 65535'),
    "example.com:https": ("port", 'the port is "https": write a whole number from 1 to 65535'),
    "example.com:443:443": ("ipv6", '"example.com:443:443" is not an IPv6 address: write it like '
                            "2001:db8::1, or with a port like [2001:db8::1]:443"),
    "2001:db8::g": ("ipv6", '"2001:db8::g" is not an IPv6 address: write it like 2001:db8::1, or '
                    "with a port like [2001:db8::1]:443"),
    "[2001:db8::1": ("bracket", '"[2001:db8::1" has brackets in the wrong place: write an IPv6 '
                     "address with a port like [2001:db8::1]:443"),
    "[2001:db8::1]443": ("bracket", '"[2001:db8::1]443" has brackets in the wrong place: write an '
                         "IPv6 address with a port like [2001:db8::1]:443"),
    'fe80::1%"; x': ("scope", '"fe80::1%\\"; x" ends in something that is not the name of a '
                     "network interface: write it like fe80::1%eth0"),
    "fe80::1%": ("scope", '"fe80::1%" ends in something that is not the name of a network '
                 "interface: write it like fe80::1%eth0"),
    "256.1.1.1": ("numbers", '"256.1.1.1" looks like an IP address but is none: write four numbers '
                  "from 0 to 255"),
    "127.1": ("numbers", '"127.1" looks like an IP address but is none: write four numbers from 0 '
              "to 255"),
    "0x7f.1": ("numbers", '"0x7f.1" looks like an IP address but is none: write four numbers from '
               "0 to 255"),
    "192.0.2.01": ("numbers", '"192.0.2.01" looks like an IP address but is none: write four '
                   "numbers from 0 to 255"),
    "\uff11.\uff12": ("numbers", '"\uff11.\uff12" looks like an IP address but is none: write four '
                      "numbers from 0 to 255"),
    "-example.com": ("hyphen", '"-example.com" begins with a hyphen, which no host name does'),
    "a.-b.example": ("label_hyphen", 'a part of "a.-b.example" begins or ends with a hyphen, which '
                     "no host name does"),
    "a-.example": ("label_hyphen", 'a part of "a-.example" begins or ends with a hyphen, which no '
                   "host name does"),
    "exa mple.com": ("character", '"exa mple.com" contains a space, which no host name does: write '
                     "a host name or an IP address"),
    "example.com ": ("character", '"example.com " contains a space, which no host name does: write '
                     "a host name or an IP address"),
    "example'.com": ("character", "\"example'.com\" contains the character ', which no host name "
                     "does: write a host name or an IP address"),
    'example".com': ("character", '"example\\".com" contains the character ", which no host name '
                     "does: write a host name or an IP address"),
    "a;id.example": ("character", '"a;id.example" contains the character ;, which no host name '
                     "does: write a host name or an IP address"),
    "$(id).example": ("character", '"$(id).example" contains the character $, which no host name '
                      "does: write a host name or an IP address"),
    "example.com\n": ("character", '"example.com\\n" contains the unprintable character U+000A, '
                      "which no host name does: write a host name or an IP address"),
    "a\x1b[31m.example": ("character", '"a\\u001b[31m.example" contains the unprintable character '
                          "U+001B, which no host name does: write a host name or an IP address"),
    "a\x00b.example": ("character", '"a\\u0000b.example" contains the unprintable character '
                       "U+0000, which no host name does: write a host name or an IP address"),
    "a\u202eb.example": ("character", '"a\\u202eb.example" contains the unprintable character '
                         "U+202E, which no host name does: write a host name or an IP address"),
    "a\udcff.example": ("character", '"a\\udcff.example" contains the unprintable character '
                        "U+DCFF, which no host name does: write a host name or an IP address"),
    "a..example": ("label_empty", '"a..example" has two dots in a row or begins with one: remove '
                   "the extra dot"),
    "example.com..": ("label_empty", '"example.com.." has two dots in a row or begins with one: '
                      "remove the extra dot"),
    ".": ("label_empty", '"." has two dots in a row or begins with one: remove the extra dot'),
    LONG_LABEL + ".example": ("label_long", 'a part of "' + "a" * 59 + '..." has 64 characters '
                              "between its dots, and at most 63 are allowed"),
    LONG_NAME: ("domain_long", "the domain has 304 characters, and a host name has at most 253: "
                f'"{LONG_NAME[:59]}..."'),
    "é" * 2000: ("domain_long", "the domain has 2000 characters, and a host name has at most 253: "
                 '"' + "é" * 59 + '..."'),
    "*.example.com": ("wildcard", '"*.example.com" is a pattern and not a host: name a host that '
                      "it stands for"),
    "{#DOMAIN}": ("macro", '"{#DOMAIN}" is a macro that Zabbix has not filled in: look at the '
                  "host's macros and at the discovery rule"),
    "{$SSL.DOMAIN}": ("macro", '"{$SSL.DOMAIN}" is a macro that Zabbix has not filled in: look at '
                      "the host's macros and at the discovery rule"),
    "http://example.com": ("scheme", '"http://example.com" is a URL of another protocol: write '
                           "HOST:PORT"),
    "https://user:pass@example.com/": ("userinfo", 'the URL "user:pass@example.com/" holds a user '
                                       "name: write HOST:PORT"),
    "10.0.0.0/8": ("path", '"10.0.0.0/8" holds a path or a network: write HOST:PORT'),
}


@pytest.mark.parametrize("text", WRONG_WORDS)
def test_a_wrong_target_is_told_in_one_line(text: str) -> None:
    """Each mistake in a TARGET has its sentence, which says what to do and is safe to print."""
    code, line = WRONG_WORDS[text]
    with pytest.raises(ConfigError) as caught:
        config.parse_target(text)
    assert str(caught.value) == line
    assert line.isprintable()
    assert _is_of(code, line)


def test_a_name_that_idna_refuses_is_told_with_its_reason() -> None:
    """An international name that no registry could hold says so; a good one beside it passes."""
    with pytest.raises(ConfigError, match=r"is not a valid international name: \S"):
        config.parse_target("a\u0640b.example")
    assert config.parse_target("ab\u00fcc.example").host == "xn--abc-ioa.example"


@pytest.mark.parametrize(("word", "line"), [
    ("192.0.2.256", 'the address is "192.0.2.256": write an IP address like 192.0.2.1 or '
     "2001:db8::1"),
    ("example.com", 'the address is "example.com": write an IP address like 192.0.2.1 or '
     "2001:db8::1"),
    ("192.0.2.1:443", '"192.0.2.1:443" has a port in it: give the port separately'),
    ("[2001:db8::1]:443", '"[2001:db8::1]:443" has a port in it: give the port separately'),
])
def test_an_address_is_an_ip_address_and_nothing_else(word: str, line: str) -> None:
    """--address takes no name and no port."""
    with pytest.raises(ConfigError) as caught:
        names.check_address(word)
    assert str(caught.value) == line
    assert names.check_address("192.0.2.1") == "192.0.2.1"
    assert names.check_address("[2001:db8::1]") == "2001:db8::1"


@pytest.mark.parametrize("value", [
    "192.0.2.1,[2001:db8::1],fe80::1%eth0", "192.0.2.1, 2001:db8::1, fe80::1%eth0",
    ["192.0.2.1", "[2001:db8::1]", "fe80::1%eth0"]])
def test_several_addresses_are_one_text(value: object) -> None:
    """With commas between them, and none of them twice; a list of texts becomes it."""
    assert names.check_addresses(value) == "192.0.2.1,2001:db8::1,fe80::1%eth0"
    assert names.check_addresses("192.0.2.1") == names.check_addresses(["192.0.2.1"]) == "192.0.2.1"
    most = [f"192.0.2.{n}" for n in range(16)]
    assert names.check_addresses(most).count(",") == 15


@given(st.text(max_size=300))
@settings(deadline=None)
def test_any_text_is_a_safe_target_or_a_mistake_in_one_printable_line(text: str) -> None:
    """Whatever the text, no other error comes out, and what passes has a form for the wire."""
    try:
        target = config.parse_target(text)
    except ConfigError as error:
        assert str(error).isprintable()
    else:
        host = target.host
        assert host.isascii()
        assert host.isprintable()
        assert not set(host) & set(" \"'\\/<>{}$;`|&")
        assert not host.startswith("-")
        assert 0 < len(host) <= 254
        assert 1 <= target.port <= 65535
        assert config.parse_target(str(target)) == target


# domains.json

FOLDER = "/etc/zabbix/ssl"


def parse(document: object) -> tuple[Target, ...]:
    return config.parse(json.dumps(document).encode(), FOLDER)


def test_a_list_of_strings_and_objects_gives_targets_in_its_order() -> None:
    """Every key has its field; a relative ca_file lies beside the configuration."""
    assert parse(["example.com", "mail.example.com:465", {
        "domain": "db.example.com", "port": 5432, "address": "192.0.2.7", "sni": "db.internal",
        "starttls": "postgres", "ca_file": "private-ca.pem", "timeout": 4, "group": "databases",
        "tags": {"env": "production", "owner": "数据库组"}, "warning_days": 14}]) == (
        Target("example.com"),
        Target("mail.example.com", 465),
        Target("db.example.com", 5432, "192.0.2.7", "db.internal", "postgres",
               "/etc/zabbix/ssl/private-ca.pem", 4.0, "databases",
               (("env", "production"), ("owner", "数据库组")), 14))


def test_an_absolute_ca_file_stays_where_it_is() -> None:
    """Only a relative name is looked for beside the configuration."""
    (target,) = parse([{"domain": "example.com", "ca_file": "/srv/ca.pem"}])
    assert target.ca_file == "/srv/ca.pem"


def test_where_revocation_is_looked_for() -> None:
    """A relative directory of CRLs lies beside the configuration; private networks are allowed all
    at once, or by name, and not unless somebody says so."""
    def read(**keys: object) -> Target:
        (target,) = parse([{"domain": "example.com", **keys}])
        return target

    assert read(crl_dir="crls").crl_dir == "/etc/zabbix/ssl/crls"
    assert read(crl_dir="/srv/crls").crl_dir == "/srv/crls"
    assert read().allow_private_revocation == ()
    for value, allowed in ((False, ()), (True, names.PRIVATE_NETWORKS), ("::1/128", ("::1/128",)),
                           (["10.1.0.0/16", "::1/128"], ("10.1.0.0/16", "::1/128"))):
        assert read(allow_private_revocation=value).allow_private_revocation == allowed


def test_defaults_fill_what_an_entry_leaves_out() -> None:
    """An entry's own value wins, tags are joined, and null takes a default back."""
    assert parse({"defaults": {"port": 8443, "group": "web", "warning_days": 20,
                               "tags": {"env": "production", "site": "a"}},
                  "targets": ["one.example", "two.example:443",
                              {"domain": "three.example", "group": "mail", "tags": {"site": "b"}},
                              {"domain": "four.example", "port": None, "group": None,
                               "tags": None, "warning_days": None}]}) == (
        Target("one.example", 8443, group="web", warning_days=20,
               tags=(("env", "production"), ("site", "a"))),
        Target("two.example", 443, group="web", warning_days=20,
               tags=(("env", "production"), ("site", "a"))),
        Target("three.example", 8443, group="mail", warning_days=20,
               tags=(("env", "production"), ("site", "b"))),
        Target("four.example"))


@pytest.mark.parametrize("data", [b"[]", b"\xef\xbb\xbf[]\r\n", b' {"targets": []} '])
def test_an_empty_list_is_a_configuration(data: bytes) -> None:
    """No targets is a choice; a byte order mark before it does no harm."""
    assert config.parse(data, FOLDER) == ()


def entry(**keys: object) -> object:
    return [{"domain": "good.example"}, {"domain": "bad.example", **keys}]


IN_ENTRY = "entry 2 (bad.example): "
PORT = "write a whole number from 1 to 65535"
DAYS = "write whole days from 0 to 3650"
SECONDS = "write seconds, more than 0 and at most 600"
STARTTLS = ("write one of smtp, lmtp, submission, imap, pop3, ftp, ldap, xmpp, xmpp-server, nntp, "
            "sieve, irc, postgres, mysql, mssql, rdp, telnet, or none")

#: (row of MISTAKES, document or bytes, the line)
WRONG_FILES: list[tuple[str, object, str]] = [
    ("empty", b"", "the file is empty: write at least []"),
    ("empty", b" \n\t", "the file is empty: write at least []"),
    ("empty", b"\xef\xbb\xbf", "the file is empty: write at least []"),
    ("json", b"[\n  example.com\n]", "this is not JSON: Expecting value at line 2, column 3: "
     "correct it there"),
    ("json", b'["a.example"] x', "this is not JSON: Extra data at line 1, column 15: correct it "
     "there"),
    ("json", b"<html></html>", "this is not JSON: Expecting value at line 1, column 1: correct it "
     "there"),
    ("json", b'["a\tb"]', "this is not JSON: Invalid control character at at line 1, column 4: "
     "correct it there"),
    ("json_end", b'["a.example",\n "b.exam', "this is not JSON: the file ends too early, at line "
     "2: it was half written, or a bracket or quote is missing"),
    ("json_end", b'["a.example",\n{"domain": "b.example"\n', "this is not JSON: the file ends too "
     "early, at line 3: it was half written, or a bracket or quote is missing"),
    ("json_number", b"[" + b"9" * 5000 + b"]", "this is not JSON: Exceeds the limit (4300 digits) "
     "for integer string conversion: value has 5000 digits; use sys.set_int_max_str_digits() to "
     "increase the limit"),
    ("constant", b'[{"domain": "a.example", "timeout": Infinity}]', "Infinity is not JSON: write a "
     "number"),
    ("nesting", b"[" * 200_000, "the JSON is nested too deeply: a list of targets needs three "
     "levels"),
    ("encoding", '["bücher.example"]'.encode("latin-1"), "the file is not UTF-8 (byte 0xFC in line "
     "1): save it as UTF-8"),
    ("encoding", '["a.example"]'.encode("utf-16"), "the file is not UTF-8 (it is UTF-16): save it "
     "as UTF-8"),
    ("double_key", b'[{"domain": "a.example", "port": 1, "port": 2}]', '"port" stands twice in the '
     'entry of "a.example": keep one'),
    ("double_key", b'{"targets": [], "targets": []}', '"targets" stands twice in one object: keep '
     "one"),
    ("shape", "example.com", 'the file holds "example.com": write a list of targets, or '
     '{"targets": [...]}'),
    ("shape", None, 'the file holds null: write a list of targets, or {"targets": [...]}'),
    ("no_targets", {"defaults": {}}, '"targets" is missing: write {"targets": [...]}'),
    ("targets", {"targets": {"a": 1}}, '"targets" is an object: write a list'),
    ("targets", {"targets": "a.example"}, '"targets" is "a.example": write a list'),
    ("defaults", {"defaults": [], "targets": []}, '"defaults" is a list: write an object'),
    ("default_domain", {"defaults": {"domain": "a.example"}, "targets": []}, 'defaults: "domain" '
     "cannot be a default: give it in each entry"),
    ("port", {"defaults": {"port": 0}, "targets": []}, f"defaults: the port is 0: {PORT}"),
    ("unknown_key", {"target": []}, 'there is no key "target": did you mean "targets"?'),
    ("unknown_key", entry(adress="192.0.2.1"), IN_ENTRY + 'there is no key "adress": did you mean '
     '"address"?'),
    ("unknown_key", entry(x=1), IN_ENTRY + 'there is no key "x": the keys are domain, port, '
     "address, sni, starttls, ca_file, timeout, group, tags, warning_days, source_address, alpn, "
     "cert, key, key_password, proxy, proxy_auth, proxy_protocol, all_addresses, password_file, "
     "serves_file, crl_dir, allow_private_revocation"),
    ("entry", ["good.example", 443], 'entry 2: this is 443: write "example.com" or '
     '{"domain": "example.com"}'),
    ("entry", [["good.example"]], 'entry 1: this is a list: write "example.com" or '
     '{"domain": "example.com"}'),
    ("no_domain", [{"port": 443}], 'entry 1: the domain is missing: write "domain": "example.com"'),
    ("domain_type", [{"domain": 7}], "entry 1: the domain is 7: write a host name or an IP address "
     "in quotes"),
    ("domain_empty", [{"domain": ""}], "entry 1: the domain is empty: write a host name or an IP "
     "address"),
    ("target_empty", ["good.example", ""], "entry 2: the target is empty: write DOMAIN, "
     "DOMAIN:PORT or [IPv6]:PORT"),
    ("with_port", [{"domain": "a.example:443"}], 'entry 1 (a.example:443): "a.example:443" has a '
     "port in it: give the port separately"),
    ("character", ["good.example", "bad example"], 'entry 2 (bad example): "bad example" contains '
     "a space, which no host name does: write a host name or an IP address"),
    ("character", [{"domain": "a\nb"}], 'entry 1 (a\\u000ab): "a\\nb" contains the unprintable '
     "character U+000A, which no host name does: write a host name or an IP address"),
    ("port", entry(port=0), f"{IN_ENTRY}the port is 0: {PORT}"),
    ("port", entry(port=70000), f"{IN_ENTRY}the port is 70000: {PORT}"),
    ("port", entry(port=True), f"{IN_ENTRY}the port is true: {PORT}"),
    ("port", entry(port=443.0), f"{IN_ENTRY}the port is 443.0: {PORT}"),
    ("port", entry(port=[443]), f"{IN_ENTRY}the port is a list: {PORT}"),
    ("port", entry(port="https"), f'{IN_ENTRY}the port is "https": {PORT}'),
    ("port_text", entry(port="443"), f'{IN_ENTRY}the port is "443" in quotes: write 443 without'),
    ("address", entry(address="a.example"), IN_ENTRY + 'the address is "a.example": write an IP '
     "address like 192.0.2.1 or 2001:db8::1"),
    ("address", entry(address=[]), IN_ENTRY + "the address is a list: write an IP address like "
     "192.0.2.1 or 2001:db8::1"),
    ("address", entry(address="192.0.2.1,"), IN_ENTRY + 'the address is "": write an IP address '
     "like 192.0.2.1 or 2001:db8::1"),
    ("address", entry(address=["192.0.2.1,192.0.2.2"]), IN_ENTRY + 'the address is '
     '"192.0.2.1,192.0.2.2": write an IP address like 192.0.2.1 or 2001:db8::1'),
    ("address", entry(address=["192.0.2.1", None]), IN_ENTRY + "the address is null: write an IP "
     "address like 192.0.2.1 or 2001:db8::1"),
    ("address", entry(source_address="192.0.2.1,192.0.2.2"), IN_ENTRY + "the address is "
     '"192.0.2.1,192.0.2.2": write an IP address like 192.0.2.1 or 2001:db8::1'),
    ("address_twice", entry(address="2001:db8::1,192.0.2.1,2001:DB8:0::1"), IN_ENTRY + 'the '
     'address "2001:DB8:0::1" stands twice in the list: keep one'),
    ("addresses_many", entry(address=[f"192.0.2.{n}" for n in range(17)]), IN_ENTRY + "the list "
     "has 17 addresses: write at most 16, and the rest as a target of its own"),
    ("address", entry(address=1), IN_ENTRY + "the address is 1: write an IP address like 192.0.2.1 "
     "or 2001:db8::1"),
    ("sni", entry(sni="192.0.2.1"), IN_ENTRY + 'the server name (sni) is "192.0.2.1": write a host '
     "name in quotes, or none to send none"),
    ("sni", entry(sni=""), IN_ENTRY + 'the server name (sni) is "": write a host name in quotes, '
     "or none to send none"),
    ("alpn", entry(alpn="h2,"), IN_ENTRY + 'the application protocols (alpn) are "h2,": write them '
     "with commas, h2,http/1.1, or none to offer none"),
    ("own_file", entry(cert=""), IN_ENTRY + 'cert is "": write the name of a file in quotes'),
    ("key_alone", entry(key="a.key"), IN_ENTRY + "a key without a certificate: name the "
     "certificate's file as cert too"),
    ("proxy", entry(proxy="https://p:1"), IN_ENTRY + 'the proxy is "https://p:1": write '
     "http://HOST:PORT or socks5://HOST:PORT"),
    ("proxy_userinfo", entry(proxy="http://a:b@p:1"), IN_ENTRY + 'the proxy "http://...@p:1" holds '
     "a user name, which others could see: write http://HOST:PORT, and the user and password into "
     "a file named as proxy_auth"),
    ("file", [{"file": 7}], "entry 1: the file is 7: write file:/PATH/TO/FILE in quotes"),
    ("file", ["file:"], 'entry 1 (file:): the file is "file:": write file:/PATH/TO/FILE in quotes'),
    ("file", ["file://a/b.pem"], 'entry 1 (file://a/b.pem): the file is "file://a/b.pem": write '
     "file:/PATH/TO/FILE in quotes"),
    ("file_key", [{"file": "/a.pem", "port": 443}], "entry 1: port means nothing for a file: leave "
     "it out"),
    ("all_addresses", entry(all_addresses="yes"), IN_ENTRY + 'all_addresses is "yes": write true '
     "or false, without quotes"),
    ("proxy_protocol", entry(proxy_protocol=1), IN_ENTRY + "proxy_protocol is 1: write v1 or v2"),
    ("starttls", entry(starttls="gopher"), f'{IN_ENTRY}the STARTTLS protocol is "gopher": '
     + STARTTLS),
    ("starttls", entry(starttls=True), f"{IN_ENTRY}the STARTTLS protocol is true: {STARTTLS}"),
    ("crl_dir", entry(crl_dir=7), IN_ENTRY + "crl_dir is 7: write the name of a directory in "
     "quotes"),
    *(("allow_private_revocation", entry(allow_private_revocation=wrong), IN_ENTRY +
       f"allow_private_revocation is {told}: write true for the private networks, or networks in "
       "quotes, 10.0.0.0/8") for wrong, told in ((7, "7"), ([], "a list"), (["::1/128", 7],
                                                                            "a list"))),
    ("network", entry(allow_private_revocation="10.0.0.0/33"), IN_ENTRY + '"10.0.0.0/33" is not a '
     "network: write one like 10.0.0.0/8, several with commas"),
    ("ca_file", entry(ca_file=""), IN_ENTRY + 'ca_file is "": write the name of a PEM file in '
     "quotes"),
    ("ca_file", entry(ca_file="a\0b"), IN_ENTRY + 'ca_file is "a\\u0000b": write the name of a PEM '
     "file in quotes"),
    ("timeout", entry(timeout=0), f"{IN_ENTRY}the timeout is 0: {SECONDS}"),
    ("timeout", entry(timeout=-1.5), f"{IN_ENTRY}the timeout is -1.5: {SECONDS}"),
    ("timeout", entry(timeout=601), f"{IN_ENTRY}the timeout is 601: {SECONDS}"),
    ("timeout", entry(timeout="10s"), f'{IN_ENTRY}the timeout is "10s": {SECONDS}'),
    ("timeout", entry(timeout=True), f"{IN_ENTRY}the timeout is true: {SECONDS}"),
    ("group", entry(group=7), IN_ENTRY + "the group is 7: write a text of at most 255 characters"),
    ("group", entry(group="g" * 256), IN_ENTRY + 'the group is "' + "g" * 59 + '...": write a text '
     "of at most 255 characters"),
    ("group", entry(group="a\u001bb"), IN_ENTRY + 'the group is "a\\u001bb": write a text of at '
     "most 255 characters"),
    ("backslash", entry(group="web\\"), IN_ENTRY + '"web\\\\" ends with a backslash, which Zabbix '
     "does not keep: remove it"),
    ("tags", entry(tags=["production"]), IN_ENTRY + "the tags are a list: write an object of texts "
     'like {"env": "production"}'),
    ("tag_name", entry(tags={"1st": "x"}), IN_ENTRY + 'the tag name "1st" does not fit: write a '
     "letter and then at most 63 letters, digits, dots, hyphens or underscores"),
    ("tag_value", entry(tags={"env": 1}), IN_ENTRY + 'the tag "env" is 1: write a text of at most '
     "255 characters"),
    ("tag_twice", entry(tags={"my-tag": "1", "my_tag": "2"}), IN_ENTRY + 'the tags "my_tag" and '
     '"my-tag" become the same macro {#TAG_MY_TAG} in Zabbix: rename one'),
    ("warning_days", entry(warning_days=-1), f"{IN_ENTRY}warning_days is -1: {DAYS}"),
    ("warning_days", entry(warning_days=True), f"{IN_ENTRY}warning_days is true: {DAYS}"),
    ("warning_days", entry(warning_days=7.5), f"{IN_ENTRY}warning_days is 7.5: {DAYS}"),
    ("duplicate", ["a.example", {"domain": "A.example.", "port": 443}], "entry 2 (A.example.): "
     "this is the same domain, port and address as entry 1 (a.example): remove one of them, or "
     'give it an "address" of its own'),
    ("duplicate", ["bücher.example", "xn--bcher-kva.example"], "entry 2 (xn--bcher-kva.example): "
     "this is the same domain, port and address as entry 1 (bücher.example): remove one of them, "
     'or give it an "address" of its own'),
    ("duplicate", ["::1", "[0:0::1]:443"], "entry 2 (0:0::1): this is the same domain, port and "
     'address as entry 1 (::1): remove one of them, or give it an "address" of its own'),
]


@pytest.mark.parametrize(("code", "document", "line"), WRONG_FILES)
def test_a_wrong_file_is_told_in_one_line(code: str, document: object, line: str) -> None:
    """Each mistake in domains.json names the entry and the fault, says what to do, and loads
    nothing."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(ConfigError) as caught:
        config.parse(data, FOLDER)
    assert str(caught.value) == line
    assert line.isprintable()
    assert _is_of(code, line)


def test_one_address_more_makes_another_target() -> None:
    """The same domain and port may stand there once for each node behind it."""
    assert len(parse(["a.example", {"domain": "a.example", "address": "192.0.2.1"},
                      {"domain": "a.example", "address": "192.0.2.2"}])) == 3
    with pytest.raises(ConfigError, match=r"^entry 2 \(a\.example\): this is the same"):
        parse([{"domain": "a.example", "address": "192.0.2.1,192.0.2.2"},
               {"domain": "a.example", "address": ["192.0.2.2", "192.0.2.1"]}])
    with pytest.raises(ConfigError, match="same domain, port and address"):
        parse([{"domain": "a.example", "address": "2001:db8::1"},
               {"domain": "a.example", "address": "2001:DB8:0::1"}])


def test_tags_of_defaults_and_entry_must_not_meet_in_one_macro() -> None:
    """A tag that joins the defaults' under another spelling of the same macro is a mistake; under
    the same spelling it takes the default's place."""
    defaults = {"tags": {"env": "production"}}
    with pytest.raises(ConfigError, match="become the same macro"):
        parse({"defaults": defaults, "targets": [{"domain": "a.example", "tags": {"ENV": "x"}}]})
    (target,) = parse({"defaults": defaults,
                       "targets": [{"domain": "a.example", "tags": {"env": "x"}}]})
    assert target.tags == (("env", "x"),)


def test_every_mistake_is_shown_by_a_test() -> None:
    """A row of MISTAKES that no bad input leads to would be dead."""
    of_the_file_system = {"absent", "directory", "unreadable", "os", "too_big"}
    elsewhere = {"idn", "file_many", "file_pattern"}
    shown = {code for code, _ in WRONG_WORDS.values()} | {code for code, _, _ in WRONG_FILES}
    assert shown | of_the_file_system | elsewhere == set(MISTAKES)


def _is_of(code: str, line: str) -> bool:
    """The line is the row's sentence: its first fixed words are there."""
    fixed = MISTAKES[code].replace("{{", "{").replace("}}", "}").split("{is_}")[-1]
    return fixed.split("{")[0].strip() in line


# The file itself.

@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "domains.json"
    path.write_text('["a.example"]', encoding="utf-8")
    return path


def test_a_file_is_read_and_named_when_it_is_wrong(written: Path) -> None:
    """The name of the file stands in front of the fault."""
    assert config.load(str(written)) == (Target("a.example"),)
    written.write_text('["a.example", "b example"]', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        config.load(str(written))
    assert str(caught.value).startswith(f"{written}: entry 2 (b example): ")


def test_a_file_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    """Absent, a directory, a name with a NUL: each its own line."""
    with pytest.raises(ConfigError) as caught:
        config.load(str(tmp_path / "none.json"))
    assert str(caught.value) == (f"{tmp_path}/none.json: the file does not exist: write it "
                                 "(docs/domains.md), or name another with --config")
    with pytest.raises(ConfigError) as caught:
        config.load(str(tmp_path))
    assert str(caught.value) == f"{tmp_path}: this is a directory: name the file in it"
    with pytest.raises(ConfigError, match=r"a\\u0000b: the file cannot be read: "):
        config.load("a\0b")


AS_NOBODY = """
import os, pwd, sys
from zabbix_ssl import config
os.chdir(os.path.dirname(sys.argv[1]))  # what lies above it may be closed to others
if os.geteuid() == 0:
    os.setgroups([])
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
try:
    print(config.load(os.path.basename(sys.argv[1])))
except config.ConfigError as error:
    print(error)
"""


def test_a_file_that_may_not_be_read_names_the_user(written: Path) -> None:
    """Tried as nobody where the test may change its user, else as oneself."""
    who = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    written.parent.chmod(0o755)
    refused = f"domains.json: the file cannot be read by user {who}: allow it with chmod or chgrp"
    for mode, start in ((0o644, "(Target(domain='a.example'"), (0, refused)):
        written.chmod(mode)
        done = subprocess.run([sys.executable, "-c", AS_NOBODY, written], text=True,
                              capture_output=True, check=True)
        assert done.stdout.startswith(start)


def test_a_file_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    """One byte over 16 MiB is too much, and an endless device is not read to its end."""
    path = tmp_path / "big.json"
    path.write_bytes(b"[" + b" " * (config.MAX_BYTES - 2) + b"]")
    assert config.load(str(path)) == ()
    path.write_bytes(b"[" + b" " * (config.MAX_BYTES - 1) + b"]")
    for name in (str(path), "/dev/zero"):
        with pytest.raises(ConfigError, match=r": the file is over 16 MiB: split it"):
            config.load(name)


def test_a_pipe_is_read_and_one_without_a_writer_does_not_hang(tmp_path: Path) -> None:
    """--config <(jq ...) works; a forgotten FIFO is an empty file."""
    code = "from zabbix_ssl import config; print(config.load('/dev/stdin')[0])"
    done = subprocess.run([sys.executable, "-c", code], input='["piped.example"]', text=True,
                          capture_output=True, check=True)
    assert done.stdout == "piped.example:443\n"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigError, match="the file is empty"):
        config.load(str(tmp_path / "fifo"))


# Finding a configured target again.

CONFIGURED = (
    Target("a.example", group="plain"),
    Target("a.example", address="192.0.2.1", group="node 1"),
    Target("b.example", address="192.0.2.2", group="only node"),
    Target("bücher.example", 8443, group="books"),
    Target("2001:db8::1", group="v6"),
)


@pytest.mark.parametrize(("domain", "port", "address", "group"), [
    ("a.example", 443, None, "plain"),
    ("A.EXAMPLE.", 443, None, "plain"),
    ("a.example", 443, "192.0.2.1", "node 1"),
    ("b.example", 443, None, "only node"),
    ("xn--bcher-kva.example", 8443, None, "books"),
    ("2001:DB8:0::1", 443, None, "v6"),
])
def test_a_configured_target_is_found_by_any_spelling(
        domain: str, port: int, address: str | None, group: str) -> None:
    """Domain and port mean the entry, the address one of several."""
    found = config.find(CONFIGURED, domain, port, address)
    assert found
    assert found.group == group


@pytest.mark.parametrize(("domain", "port", "address"), [
    ("a.example", 444, None), ("c.example", 443, None), ("a.example", 443, "192.0.2.9"),
])
def test_another_endpoint_is_not_found(domain: str, port: int, address: str | None) -> None:
    """No configured target is taken for one that was not asked for."""
    assert config.find(CONFIGURED, domain, port, address) is None


# The page about it.

PAGE = (Path(__file__).parent.parent / "docs" / "domains.md").read_text(encoding="utf-8")


def test_the_examples_of_the_page_are_configurations() -> None:
    """Each block of JSON is taken."""
    examples = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert [len(config.parse(text.encode(), FOLDER)) for text in examples] == [8, 3]


def test_the_page_names_every_key() -> None:
    """In its table, and no other."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(config.KEYS)


def test_the_page_shows_a_line_as_it_is() -> None:
    """The example of a mistake is what that mistake prints."""
    with pytest.raises(ConfigError) as caught:
        parse(["a.example", {"domain": "shop.example.com", "port": "443"}])
    assert f"/etc/zabbix/ssl/domains.json: {caught.value}\n" in PAGE
