"""The table of cipher suites, beside the tables of others."""

from __future__ import annotations

import re
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import SSL

from zabbix_ssl.probing import suites

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # asyncore
    from tlslite.constants import CipherSuite

NAMES = {code: name for code, name, _ in suites.SUITES}
EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
#: How many suites, signalling value counted, no server is known to fail over.
MOST_OFFERED = 120


def test_codes_are_in_order_and_names_are_unique() -> None:
    """One row a suite; a name leads to one code, and an OpenSSL name to one IANA name."""
    codes = [code for code, _, _ in suites.SUITES]
    names = [name for _, name, _ in suites.SUITES]
    openssl = [name for _, _, name in suites.SUITES if name]
    assert codes == sorted(set(codes))
    assert len(names) == len(set(names))
    assert len(openssl) == len(set(openssl))


def test_openssl_agrees_on_code_and_names(needs: Callable[[str], str]) -> None:
    """Each suite of the installed OpenSSL has the same code, IANA name and OpenSSL name here."""
    listed = subprocess.run([needs("openssl"), "ciphers", "-V", "-stdname", EVERYTHING],
                            capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(listed) > 100
    for line in listed:
        code, _, iana, _, openssl = line.split()[:5]
        assert (int(code.replace("0x", "").replace(",", ""), 16), iana, openssl) in suites.SUITES


def test_the_openssl_of_the_handshake_has_no_suite_without_a_row() -> None:
    """Whatever the full handshake may negotiate is translated to an IANA name."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(EVERYTHING.encode())
    offered = SSL.Connection(context, None).get_cipher_list()
    assert len(offered) > 100
    for name in offered:
        assert suites.iana_name(name).startswith("TLS_"), name


def test_tlslite_agrees_on_code_and_name() -> None:
    """So does tlslite-ng, which writes ANON and has other names for the first ChaCha20 drafts."""
    compared = 0
    for code, name in CipherSuite.ietfNames.items():
        if code > 0xFFFF:
            assert (code, name) in suites.SSLV2_KINDS
        elif not name.endswith(("_SCSV", "_draft_00")):
            assert suites.name_of(code) == name.replace("_ANON_", "_anon_")
            compared += 1
    assert compared > 80


def test_nmap_agrees_on_code_and_name(needs: Callable[[str], str]) -> None:
    """So does nmap, which has names of its own for what is not registered, and for TLS 1.3."""
    table = (Path(needs("nmap")).parents[1] / "share/nmap/nselib/tls.lua").read_text()
    own = {0x001E, 0xC0B4, 0xC0B5, *range(0xCC13, 0xCC16)}
    compared = 0
    row = re.compile(r'^\s*(?:\["(.+?)"\]|(TLS_AKE_\w+))\s*=\s*0x([0-9A-F]{4}),', re.MULTILINE)
    for found in row.finditer(table):
        code, name = int(found[3], 16), found[1] or found[2]
        if code in NAMES and code not in own and name.startswith(("TLS_", "SSL_")):
            assert NAMES[code] == re.sub("-draft$", "", name).replace("_AKE_WITH", "")
            compared += 1
    assert compared > 350


@pytest.mark.parametrize("code", [0x00FF, 0x5600, 0x0A0A, 0xFFFF])
def test_what_is_no_suite_is_named_by_its_code(code: int) -> None:
    """Signalling values, GREASE and what is not registered."""
    assert suites.name_of(code) == f"0x{code:04X}"


def test_an_unknown_openssl_name_stays_as_it_is() -> None:
    """Better a name of tomorrow's OpenSSL than none."""
    assert suites.iana_name("TLS_FUTURE_SHA512") == "TLS_FUTURE_SHA512"
    assert suites.iana_name("") == ""
    assert suites.iana_name("DES-CBC3-SHA") == "TLS_RSA_WITH_3DES_EDE_CBC_SHA"


@pytest.mark.parametrize(("name", "classes"), [
    ("TLS_RSA_WITH_RC4_128_SHA", ("RC4",)),
    ("TLS_RSA_WITH_RC4_128_MD5", ("RC4", "MD5")),
    ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", ("DES/3DES",)),
    ("TLS_RSA_WITH_DES_CBC_SHA", ("DES/3DES",)),
    ("TLS_DH_anon_EXPORT_WITH_DES40_CBC_SHA", ("DES/3DES", "EXPORT", "anonymous")),
    ("TLS_RSA_EXPORT1024_WITH_RC2_CBC_56_MD5", ("EXPORT", "MD5")),
    ("TLS_KRB5_EXPORT_WITH_DES_CBC_40_MD5", ("DES/3DES", "EXPORT", "MD5")),
    ("TLS_ECDHE_ECDSA_WITH_NULL_SHA", ("NULL",)),
    ("TLS_NULL_WITH_NULL_NULL", ("NULL", "anonymous")),
    ("TLS_RSA_EXPORT_WITH_RC4_40_MD5", ("RC4", "EXPORT", "MD5")),
    ("TLS_SHA256_SHA256", ("NULL",)),
    ("TLS_SHA384_SHA384", ("NULL",)),
    ("TLS_ECDH_anon_WITH_AES_256_CBC_SHA", ("anonymous",)),
    ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", ("DES/3DES", "MD5")),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", ()),
    ("TLS_RSA_WITH_IDEA_CBC_SHA", ()),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ()),
    ("TLS_DES_OF_TOMORROW", ("DES/3DES",)),
    ("", ()),
])
def test_weak_classes(name: str, classes: tuple[str, ...]) -> None:
    """A suite is of every class that its name gives away."""
    assert suites.weak_classes(name) == classes


def test_openssl_agrees_on_what_is_weak(needs: Callable[[str], str]) -> None:
    """Weak is what OpenSSL's own selectors take for it, and nothing else that it has."""

    def listed(selector: str) -> set[str]:
        out = subprocess.run([needs("openssl"), "ciphers", "-s", "-stdname", "-tls1_2",
                              f"{selector}:@SECLEVEL=0"], capture_output=True, text=True)
        return {line.split()[0] for line in out.stdout.splitlines() if " - " in line}

    everything = listed("ALL:COMPLEMENTOFALL:PSK:SRP")
    weak = listed("aNULL:eNULL:MD5:RC4:3DES:DES")
    assert weak and everything - weak
    assert {name for name in everything if suites.weak_classes(name)} == weak


def test_every_weak_suite_is_offered_somewhere() -> None:
    """WEAK is what ``weak_classes`` says of the table; the hellos of TLS leave none out."""
    assert set(suites.WEAK) == {
        code for code, name, _ in suites.SUITES if suites.weak_classes(name)}
    assert set(suites.weak_at("TLSv1.2")) | set(suites.weak_at("TLSv1.3")) == set(suites.WEAK)
    assert suites.weak_at("TLSv1.0") == suites.weak_at("TLSv1.2")
    assert set(suites.weak_at("SSLv3")) < set(suites.weak_at("TLSv1.2"))


@pytest.mark.parametrize("offer", [
    suites.OLD, suites.TLS12, suites.TLS12_RARE, suites.TLS13,
    *(suites.weak_at(version) for version in ("SSLv3", "TLSv1.0", "TLSv1.2", "TLSv1.3"))])
def test_no_offer_is_too_long_for_old_load_balancers(offer: tuple[int, ...]) -> None:
    """They fail over about 125 suites."""
    assert 0 < len(set(offer)) == len(offer) < MOST_OFFERED


def test_offers_fit_their_version() -> None:
    """Nothing of TLS 1.3 in an older hello, nothing with SHA-2 or AEAD below TLS 1.2, no EXPORT in
    it, and what servers use most is there."""
    assert not set(suites.TLS13) & {*suites.OLD, *suites.TLS12, *suites.TLS12_RARE}
    assert not set(suites.TLS12) & set(suites.TLS12_RARE)
    for code in suites.OLD:
        assert not suites.name_of(code).endswith(("SHA256", "SHA384", "CCM", "_8"))
    assert not any("EXPORT" in suites.name_of(code) for code in (*suites.TLS12, *suites.TLS12_RARE))
    assert {0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0x00C6, 0x00C7} <= set(suites.TLS13)
    assert {0x0005, 0x000A, 0x002F, 0x0003, 0x0018, 0xC014, 0xC00A} <= set(suites.OLD)
    assert {0x002F, 0x009C, 0xC02F, 0xC02B, 0xCCA8, 0x009E, 0x000A} <= set(suites.TLS12)
    assert {0x00A6, 0x00A0, 0xC02D, 0x0018} <= set(suites.TLS12_RARE)
