"""``zabbix-ssl targets --from hosts`` against a real Zabbix."""

from __future__ import annotations

import json

import pytest

from testbed.zabbix import PASSWORD, USER, running
from zabbix_ssl.cli import main

ADMIN = {"ZABBIX_USER": USER, "ZABBIX_PASSWORD": PASSWORD}


def test_what_zabbix_watches_already(capfd: pytest.CaptureFixture[str]) -> None:
    """Web scenarios, agent items, simple checks, HTTP agents and macros, with macros filled in;
    plain HTTP, hosts that are turned off and what cannot be filled in are no targets."""
    with running("7.0") as zabbix:
        api = zabbix.api()
        group = api.hostgroup.create(name="Sites")["groupids"][0]
        interface = {"type": 1, "main": 1, "useip": 0, "ip": "", "dns": "own.example",
                     "port": "10050"}
        macros = [{"macro": "{$NAME}", "value": "macro.example"},
                  {"macro": "{$SITE}", "value": "https://site.example:9443/x"},
                  {"macro": "{$CERT.WEBSITE.HOSTNAME}", "value": "cert.example"},
                  {"macro": "{$CERT.WEBSITE.PORT}", "value": "8443"},
                  {"macro": "{$SECRET}", "value": "https://secret.example", "type": 1}]
        host = api.host.create(host="web", groups=[{"groupid": group}], interfaces=[interface],
                               macros=macros)["hostids"][0]
        off = api.host.create(host="off", groups=[{"groupid": group}], status=1, macros=[
            {"macro": "{$SITE}", "value": "https://off.example"}])
        assert off
        api.httptest.create(name="shop", hostid=host, steps=[
            {"name": "one", "no": 1, "url": "https://{$NAME}/cart"},
            {"name": "two", "no": 2, "url": "http://plain.example/"},
            {"name": "three", "no": 3, "url": "https://{$NOWHERE}/"}])
        (there,) = api.hostinterface.get(hostids=host, output=["interfaceid"])
        for name, key, kind in (("cert", "web.certificate.get[agent.example,636]", 7),
                                ("https", "net.tcp.service[https]", 3),
                                ("ssh", "net.tcp.service[ssh]", 3)):
            api.item.create(name=name, key_=key, hostid=host, type=kind, value_type=4 if kind == 7
                            else 3, delay="1h", **({} if kind == 7 else there))
        api.item.create(name="http", key_="http", hostid=host, type=19, value_type=4, delay="1h",
                        url="https://[2001:db8::9]:8080/")
        words = ("targets", "--from", "hosts", "--url", zabbix.url)
        assert main(words, ADMIN) == 0
        printed, said = capfd.readouterr()
        assert main(words, {**ADMIN, "ZABBIX_PASSWORD": "wrong"}) == 1
        refused = capfd.readouterr()
    assert sorted(json.loads(printed), key=str) == sorted([
        "macro.example", {"domain": "agent.example", "port": 636}, "own.example",
        {"domain": "2001:db8::9", "port": 8080}, {"domain": "site.example", "port": 9443},
        {"domain": "cert.example", "port": 8443}], key=str)
    assert said.count("\n") == 1 and "{$NOWHERE}" in said and "step three" in said
    assert refused.out == "" and "refuses the user or password" in refused.err
