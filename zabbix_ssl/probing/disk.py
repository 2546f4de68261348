"""Certificates on disk: ``file:`` targets, and what a server serves beside the file it should.

A file is judged as a server would be that sends what it holds, but for what only a server does:
there is no handshake, nothing is sent in an order, nothing is stapled. A certificate without its
intermediates is no fault of a file, for they may stand in another one: then whether the chain holds
is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..findings import LEVELS, date, find
from ..model import Certificate, Chain, Disk, Fault, Handshake, Observation, Revocation, Target
from . import keystores
from .certificates import Unreadable, decode
from .loop import EXPIRED, Signal, Steps, Task, clock
from .network import Failed

if TYPE_CHECKING:
    from .audit import Shared

MOST_JUDGED = 20  # certificates of one file, those that expire first

_NO_SERVER = "a file has no handshake: there is no server behind it"
_NO_NAME = "no domain is given to look for in the certificate"
_ALONE = ("the file holds no intermediate certificate: whether the chain holds shows where it is "
          "served")
_OF_A_CA = "this is the certificate of a CA: its dates and strength are looked at, and no chain"
_NO_STAPLE = "a file staples nothing"

#: Remarks on how a server sends its chain.
_OF_SENDING = ("chain_order", "chain_extra", "chain_root_included", "chain_stale_cross_sign",
               "must_staple_violated", "bad_staple")
_NOT_REACHED = ("chain_missing_intermediate", "chain_untrusted_root")
_ANY_HOST = "host.invalid"  # RFC 2606

Read = Signal[tuple[bytes, ...] | Exception]


def audit(task: Task, shared: Shared, target: Target) -> Steps[Observation]:
    """The certificate of a file that needs looking at most, judged. Raises Failed."""
    deadline = clock() + (target.timeout or shared.settings.timeout)
    held = yield from _wait(task, begin(shared, target, target.file), target.file, deadline)
    leaves, others = _sorted(target.file, held)
    seen: list[Observation] = []
    for leaf in leaves[:MOST_JUDGED]:
        served = (leaf.der, *(one.der for one in others if one is not leaf))
        judged = yield from shared.judge.judge(
            task, target, target.hostname or _ANY_HOST,
            Handshake("", 0.0, 0.0, None, served=served), deadline)
        seen.append(_as_file(judged, alone=len(served) == 1))
    worst = max(seen, key=_need)
    if len(leaves) > 1 and worst.certificate:
        more = Fault("file_several", {"count": len(leaves), "subject": worst.certificate.subject})
        worst = worst._replace(disk=Disk(None, (more,)))
    return worst


def begin(shared: Shared, target: Target, path: str) -> Read:
    """Have a file read, in a thread: a disk may be slow, and a PKCS#12 may mean it to be."""
    password_file = shared.settings.password_file or target.password_file
    return shared.loop.call(keystores.read, path, password_file)


def compare(task: Task, target: Target, reading: Read, seen: Observation, deadline: float
            ) -> Steps[Observation]:
    """An observation of a server with what its file holds beside what it serves."""
    if not seen.certificate:
        return seen
    path = str(target.serves_file)
    try:
        leaves, _ = _sorted(path, (yield from _wait(task, reading, path, deadline)))
    except Failed as failed:
        why = failed.failure.message
        return seen._replace(
            disk=Disk(None, (Fault("serves_file_unknown", {"why": why}),)),
            reasons={**seen.reasons, "disk": why})
    served = seen.certificate
    if served.fingerprint_sha256 in [leaf.fingerprint_sha256 for leaf in leaves]:
        return seen._replace(disk=Disk(True))
    newest = max(leaves, key=lambda leaf: (leaf.not_before, leaf.not_after))
    renewed = newest.not_before > served.not_before or (
        newest.not_before == served.not_before and newest.not_after > served.not_after)
    return seen._replace(disk=Disk(False, (Fault(
        "serves_file_older" if renewed else "serves_file_other",
        {"file": path, "disk": date(newest.not_after), "served": date(served.not_after)}),)))


def _wait(task: Task, reading: Read, path: str, deadline: float) -> Steps[tuple[bytes, ...]]:
    task.set_timer(deadline)
    if not reading.ready and (yield from reading.wait(task)) is EXPIRED:
        raise Failed("timeout", f"the file {path} could not be read in time")
    if isinstance(reading.value, Exception):
        raise reading.value
    assert reading.value is not None
    return reading.value


def _sorted(path: str, held: Sequence[bytes]) -> tuple[list[Certificate], list[Certificate]]:
    """Those that the file is about, the first to expire in front, and those above them. A file of
    nothing but CAs is about those that have issued no other in it."""
    readable = []
    for encoded in held:
        try:
            readable.append(decode(encoded).facts)
        except Unreadable as error:
            problem = str(error)
    if not readable:
        raise Failed("config", f"the certificate in the file {path} cannot be read: {problem}")
    leaves = [one for one in readable if not _of_a_ca(one)]
    if not leaves:
        issuers = {one.issuer for one in readable if not one.self_issued}
        leaves = [one for one in readable if one.subject not in issuers] or readable
    above = [one for one in readable if one.is_ca]
    return sorted(leaves, key=lambda leaf: leaf.not_after), above


def _of_a_ca(certificate: Certificate) -> bool:
    """A self-signed server certificate may say that it is a CA, too, but it names its server."""
    return certificate.is_ca and not certificate.san


def _as_file(seen: Observation, alone: bool) -> Observation:
    """What was judged as a server's, as what it is."""
    reasons = {**seen.reasons, "handshake": _NO_SERVER, "security": _NO_SERVER}
    chain = seen.chain
    if seen.certificate and _of_a_ca(seen.certificate):
        chain, reasons["chain"] = None, _OF_A_CA
    elif chain:
        whys = []
        if alone and not chain.complete and not chain.self_signed:
            chain = chain._replace(
                trusted=chain.trusted or None, complete=None,
                error="" if "chain_" + chain.error in _NOT_REACHED else chain.error,
                faults=_without(chain.faults, _NOT_REACHED))
            whys.append(_ALONE)
        if not seen.target.hostname:
            chain = chain._replace(hostname_match=None, faults=_without(
                chain.faults, ("wrong_host",)))
            whys.append(_NO_NAME)
        chain = _reworded(chain)
        if whys:
            reasons["chain"] = "; ".join(whys)
    return seen._replace(handshake=None, chain=chain, missing=(), reasons=reasons,
                         revocation=seen.revocation and _unstapled(seen.revocation, reasons))


def _reworded(chain: Chain) -> Chain:
    faults = _without(chain.faults, _OF_SENDING)
    return chain._replace(faults=tuple(
        fault._replace(code="file_missing_intermediate")
        if fault.code == "chain_missing_intermediate" else fault for fault in faults))


def _unstapled(revocation: Revocation, reasons: dict[str, str]) -> Revocation:
    reasons["revocation"] = _NO_STAPLE
    return revocation._replace(must_staple_violated=None,
                               faults=_without(revocation.faults, _OF_SENDING))


def _without(faults: tuple[Fault, ...], codes: tuple[str, ...]) -> tuple[Fault, ...]:
    return tuple(fault for fault in faults if fault.code not in codes)


def _need(seen: Observation) -> tuple[int, int]:
    """How much a certificate needs looking at: by its worst finding, then by its end."""
    worst = max((LEVELS.index(finding.severity) for finding in find(seen)), default=-1)
    return worst, -seen.certificate.not_after if seen.certificate else 0
