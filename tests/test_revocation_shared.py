"""Answers about revocation are shared, kept, asked for politely; files are not believed blindly."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Semaphore
from typing import Any

import pytest
from revocations import World, checked, open_sources, said

from testbed import faults, process
from testbed.pki import Issued
from testbed.revocation import DAY, HOUR, Ledger, Served, huge_crl, publish
from zabbix_ssl.model import Settings, Target
from zabbix_ssl.probing import revocation
from zabbix_ssl.probing.revocation import Policy, Sources, Store, sources
from zabbix_ssl.probing.revocation.answers import verdict_key


@pytest.fixture
def world() -> Iterator[World]:
    with publish() as site:
        yield World(site)


def test_answers_are_shared(world: World, tmp_path: Path) -> None:
    """An answer is asked for once: in this process, and in the next one."""
    leaf = world.leaf("ocsp")
    world.publish()
    ours = open_sources(tmp_path / "kept")
    for one in (ours, ours, open_sources(tmp_path / "kept")):
        assert said(checked(world.path(leaf), one)) == ("good", "ocsp", "")
    assert world.asked() == ["/ocsp"]


def test_staple_serves_those_who_are_not_sent_one(world: World, tmp_path: Path) -> None:
    """What a stapled answer told is known when another node of the site sends none."""
    leaf, ours = world.leaf("ocsp"), open_sources(tmp_path / "kept")
    staple = world.ledger.staple(leaf)
    assert checked(world.path(leaf), ours, stapled=staple).source == "stapled"
    assert said(checked(world.path(leaf), ours)) == ("good", "ocsp", "")
    assert checked(world.path(leaf), ours, stapled=staple).source == "stapled"
    assert world.asked() == []


def age(ours: Sources, leaf: Issued, issuer: Issued, seconds: int, **fields: Any) -> None:
    """Lets the answer that is kept have been learnt so long ago."""
    key = verdict_key(leaf.der, issuer.der)
    kept = ours.store.verdict(key)
    assert kept is not None
    ours.store.learn(key, kept._replace(learnt_at=kept.learnt_at - seconds, **fields))


@pytest.mark.parametrize("directory", [True, False], ids=["disk", "memory"])
def test_answers_are_asked_for_again(world: World, tmp_path: Path, directory: bool) -> None:
    """An answer holds until its next update, for a day at most and five minutes at least."""
    leaf, now = world.leaf("ocsp"), int(time.time())
    for next_update, seconds, again in (
            (now + 9 * DAY, DAY - 60, False), (now + 9 * DAY, DAY + 60, True),
            (now + HOUR, 10, False), (now + 1, 4 * 60, False), (now - 60, 6 * 60, True)):
        ours = open_sources(tmp_path / f"{next_update}{seconds}" if directory else None)
        world.publish(next_update=next_update)
        checked(world.path(leaf), ours)
        world.asked()
        age(ours, leaf, world.middle, seconds)
        checked(world.path(leaf), ours)
        assert bool(world.asked()) == again


def test_last_valid_answer_stands_in(world: World, tmp_path: Path) -> None:
    """When the responder is down the last answer counts until its next update, and not beyond."""
    leaf, ours = world.leaf("ocsp"), open_sources(tmp_path / "kept")
    world.publish(next_update=int(time.time()) + 9 * DAY)
    checked(world.path(leaf), ours)
    world.site.handle("ocsp", lambda *_: Served(b"", 500))
    age(ours, leaf, world.middle, 2 * DAY)
    assert said(checked(world.path(leaf), ours)) == ("good", "ocsp", "")
    assert "/ocsp" in world.asked()
    age(ours, leaf, world.middle, 0, next_update=int(time.time()) - HOUR)
    assert said(checked(world.path(leaf), ours)) == ("unknown", "", "http_status")


def test_dead_responder_is_remembered(world: World, tmp_path: Path) -> None:
    """A responder that is not there is not tried for each certificate, nor by the next process."""
    with faults.refusing() as port:
        leaves = [world.middle.leaf(f"{n}.example", ocsp_url=f"http://127.0.0.1:{port}/")
                  for n in range(3)]
        first = checked(world.path(leaves[0]), open_sources(tmp_path / "kept"))
        assert said(first) == ("unknown", "", "unreachable")
        with process.listener(port=port) as listening:
            listening.settimeout(0.2)
            for leaf in leaves[1:]:
                later = checked(world.path(leaf), open_sources(tmp_path / "kept"))
                assert said(later) == ("unknown", "", "unreachable")
            with pytest.raises(TimeoutError):
                listening.accept()


def test_failure_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is remembered for its time and no longer."""
    leaf, ours = world.leaf("crl"), open_sources()
    assert checked(world.path(leaf), ours).reason == "http_status"
    world.publish()
    world.asked()
    assert checked(world.path(leaf), ours).reason == "http_status"
    assert world.asked() == []
    monkeypatch.setattr(sources, "FAILURE_SECONDS", 0)
    assert checked(world.path(leaf), ours).status == "good"


def test_one_crl_for_many(world: World, tmp_path: Path) -> None:
    """A hundred certificates of an issuer take one CRL."""
    world.ledger.revoke(world.leaf("crl", serial=1050))
    world.publish()
    ours = open_sources(tmp_path / "kept")
    statuses = [checked(world.path(world.leaf("crl", serial=serial)), ours).status
                for serial in range(1000, 1100)]
    assert [at for at, status in enumerate(statuses) if status == "revoked"] == [50]
    assert world.asked() == ["/ca.crl"]


def test_crl_is_asked_for_by_condition(world: World, tmp_path: Path) -> None:
    """A CRL that is a day old is asked for again by its ETag, and not sent again."""
    kept, serials = tmp_path / "kept", iter(range(2000, 3000))
    world.site.file("ca.crl", world.ledger.crl(next_update=int(time.time()) + 9 * DAY))
    statuses = []
    handler = world.site._handlers["ca.crl"]

    def counted(*asked: Any) -> Served:
        served = handler(*asked)
        statuses.append(served.status)
        return served

    world.site.handle("ca.crl", counted)

    def again() -> str:
        leaf = world.leaf("crl", serial=next(serials))
        return checked(world.path(leaf), open_sources(kept)).status

    assert again() == "good"
    for file in kept.glob("*.entry"):
        os.utime(file, (time.time() - DAY - 60,) * 2)
    assert again() == again() == "good"
    assert statuses == [200, 304]


def test_crl_stands_in_for_its_successor(world: World, tmp_path: Path) -> None:
    """When a new CRL is broken, or older than the last one, the last one counts while fresh."""
    kept, serials = tmp_path / "kept", iter(range(3000, 4000))
    now = int(time.time())
    world.ledger.revoke(world.leaf(serial=3500))
    world.site.file("ca.crl", world.ledger.crl(next_update=now + 9 * DAY))

    def again(serial: int = 0) -> str:
        leaf = world.leaf("crl", serial=serial or next(serials))
        return checked(world.path(leaf), open_sources(kept)).status

    assert again() == "good"
    older = Ledger(world.middle).crl(this_update=now - 3 * DAY, next_update=now + DAY)
    for successor in (b"garbage", world.ledger.crl(tampered=True), older):
        for file in kept.glob("*.entry"):
            os.utime(file, (now - DAY - 60,) * 2)
        world.site.file("ca.crl", successor)
        assert again() == "good"
        assert again(3500) == "revoked"


def test_large_crl_is_mapped_not_read(world: World, tmp_path: Path) -> None:
    """A CRL of 100,000 entries is fetched, kept with its index, and looked into by the next."""
    listed = world.leaf("crl", serial=2 ** 100 + 77)
    world.site.file("ca.crl", huge_crl(world.middle, (2 ** 100 + n for n in range(100_000))))
    for _ in range(2):
        ours = open_sources(tmp_path / "kept")
        assert said(checked(world.path(listed), ours)) == ("revoked", "crl", "keyCompromise")
        assert checked(world.path(world.leaf("crl")), ours).status == "good"
    assert world.asked() == ["/ca.crl"]


_ASKING = """
import sys, time
from zabbix_ssl.probing.revocation import Sources, addresses
from zabbix_ssl.probing.revocation.answers import Request
from zabbix_ssl.probing.revocation.store import Store
directory, url, leaf, issuer = sys.argv[1:]
sources = Sources(Store(directory), addresses.Ways(addresses.networks(("127.0.0.0/8",))))
request = Request("ocsp", url, bytes.fromhex(leaf), (bytes.fromhex(issuer),))
print(sources.ask(request, time.monotonic() + 10).status)
"""


def test_one_fetch_between_processes(world: World, tmp_path: Path) -> None:
    """Of processes that want the same answer at once one asks, and all have it."""
    leaf = world.leaf("ocsp")
    world.publish()
    quick = world.site._handlers["ocsp"]

    def slow(*asked: Any) -> Served:
        time.sleep(1)
        return quick(*asked)

    world.site.handle("ocsp", slow)
    argv = [sys.executable, "-c", _ASKING, str(tmp_path / "kept"), world.site.url("ocsp"),
            leaf.der.hex(), world.middle.der.hex()]
    asking = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0] for process in asking] == ["good\n"] * 3
    assert len(world.asked()) == 1


def test_few_connections_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many certificates are asked about at once, one server sees few connections."""
    monkeypatch.setattr(sources, "_AT_ONCE", 3)
    world.publish()
    quick, there = world.site._handlers["ocsp"], Semaphore(3)
    crowded: list[bool] = []

    def slow(*asked: Any) -> Served:
        crowded.append(not there.acquire(blocking=False))
        time.sleep(0.02)
        there.release()
        return quick(*asked)

    world.site.handle("ocsp", slow)
    ours = open_sources()
    with ThreadPoolExecutor(20) as many:
        found = list(many.map(
            lambda leaf: checked(world.path(leaf), ours).status,
            [world.leaf("ocsp") for _ in range(20)]))
    assert found == ["good"] * 20
    assert crowded == [False] * 20


# What is kept is not believed blindly


def test_damaged_files_are_misses(world: World, tmp_path: Path) -> None:
    """Files that are torn, exchanged or not ours are asked past, not believed."""
    kept = tmp_path / "kept"
    one, other = world.leaf("ocsp", "crl"), world.leaf("crl", serial=5)
    world.publish()
    for leaf in (one, other):
        checked(world.path(leaf), open_sources(kept))
    whole = {file: file.read_bytes() for file in kept.glob("*.entry")}
    swapped = dict(zip(whole, [*list(whole.values())[1:], next(iter(whole.values()))], strict=True))
    half = {file: data[len(data) // 2:] for file, data in whole.items()}
    for damaged in (dict.fromkeys(whole, b""), dict.fromkeys(whole, b"\0" * 100), half, swapped,
                    {file: data[:-1] for file, data in whole.items()}):
        for file, data in damaged.items():
            file.write_bytes(data)
        for leaf in (one, other):
            assert checked(world.path(leaf), open_sources(kept)).status == "good"


@pytest.mark.parametrize("fault", ["link", "writable", "file", "absent"])
def test_directories_that_are_not_trusted(world: World, tmp_path: Path, fault: str) -> None:
    """Where the directory may be somebody else's nothing is kept, and answers are had all the
    same."""
    kept = tmp_path / "kept"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if fault == "link":
        kept.symlink_to(elsewhere)
    elif fault == "writable":
        kept.mkdir()
        kept.chmod(0o777)
    elif fault == "file":
        kept.write_bytes(b"")
    else:
        kept = tmp_path / "no" / "such" / "parent"
    world.publish()
    ours = open_sources(kept)
    for leaf in (world.leaf("ocsp"), world.leaf("crl")):
        assert checked(world.path(leaf), ours).status == "good"
        assert checked(world.path(leaf), ours).status == "good"
    assert world.asked() == ["/ocsp", "/ca.crl"]
    assert not list(elsewhere.iterdir())
    assert not (kept.is_dir() and list(kept.iterdir()))


def test_planted_file_is_not_followed(world: World, tmp_path: Path) -> None:
    """A link in the place of an answer is neither read nor written through."""
    kept, leaf = tmp_path / "kept", world.leaf("ocsp")
    world.publish()
    checked(world.path(leaf), open_sources(kept))
    [file] = kept.glob("*.entry")
    victim = tmp_path / "victim"
    file.rename(victim)
    before = victim.read_bytes()
    file.symlink_to(victim)
    world.asked()
    assert checked(world.path(leaf), open_sources(kept)).status == "good"
    assert len(world.asked()) == 1
    assert victim.read_bytes() == before
    assert not file.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_shares_with_the_owner_of_the_directory(world: World, tmp_path: Path) -> None:
    """What root keeps in the directory of another user becomes that user's, who uses it too."""
    settings = Settings(allow_private_revocation=("127.0.0.0/8",))
    os.chown(tmp_path, 12345, 12345)
    world.publish()
    ours = revocation.sources_of(settings, Target("a.example"), Store(f"{tmp_path}/answers"))
    for leaf in (world.leaf("ocsp"), world.leaf("crl")):
        assert checked(world.path(leaf), ours).status == "good"
    kept = [tmp_path / "answers", *(tmp_path / "answers").iterdir()]
    assert len(kept) > 3
    assert {path.stat().st_uid for path in kept} == {12345}


def test_disk_of_crls_is_bounded(world: World, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """CRLs do not fill the disk: the ones used longest ago go."""
    monkeypatch.setattr("zabbix_ssl.probing.revocation.store._CRLS_BYTES", 30_000)
    ours = open_sources(tmp_path / "kept")
    world.publish()
    for number in range(20):
        world.site.file(f"{number}.crl", huge_crl(world.middle, range(1, 200)))
        leaf = world.middle.leaf("a.example", crl_url=world.site.url(f"{number}.crl"))
        assert checked(world.path(leaf), ours).status == "good"
    assert sum(file.stat().st_size for file in (tmp_path / "kept").iterdir()) < 40_000


# --crl-dir


def test_directory_that_changes(world: World, tmp_path: Path,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    """A CRL that is put in, replaced or taken away counts at the next check."""
    monkeypatch.setattr("zabbix_ssl.probing.revocation.local._LOOK_EVERY", 0)
    leaf, ours = world.leaf("crl"), open_sources()
    policy, file = Policy(str(tmp_path), offline=True), tmp_path / "x.crl"

    def status() -> str:
        return checked(world.path(leaf), ours, policy=policy).status

    assert status() == "unknown"
    file.write_bytes(world.ledger.crl())
    assert status() == status() == "good"
    world.ledger.revoke(leaf)
    file.write_bytes(world.ledger.crl())
    assert status() == "revoked"
    file.unlink()
    assert status() == "unknown"


def test_odd_files_in_the_directory(world: World, tmp_path: Path) -> None:
    """Links of c_rehash, FIFOs, folders, certificates and garbage do no harm."""
    (tmp_path / "x.crl").write_bytes(world.ledger.crl())
    (tmp_path / "0123abcd.r0").symlink_to("x.crl")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "ca.pem").write_bytes(world.middle.pem)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    policy = Policy(str(tmp_path), offline=True)
    assert said(checked(world.path(world.leaf("crl")), policy=policy)) == ("good", "crl_dir", "")
    (tmp_path / "x.crl").write_bytes(world.ledger.crl(tampered=True))
    found = checked(world.path(world.leaf("crl")), policy=policy)
    assert said(found) == ("unknown", "", "bad_signature")
    assert "x.crl" in found.message
    (tmp_path / "x.crl").unlink()
    assert "ca.pem" in checked(world.path(world.leaf("crl")), policy=policy).message


@pytest.mark.parametrize("path", ["absent", "file"])
def test_directory_that_cannot_be_read(world: World, tmp_path: Path, path: str) -> None:
    """A directory that is not there or is none is told."""
    (tmp_path / "file").write_bytes(b"")
    policy = Policy(str(tmp_path / path), offline=True)
    found = checked(world.path(world.leaf("crl")), policy=policy)
    assert said(found) == ("unknown", "", "no_local_crl")
    assert str(tmp_path / path) in found.message
