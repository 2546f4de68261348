"""Every address of a name, compared: from an observation of each to one of them all. No sockets.

Rules
- The worst node stands for the name: the one with the worst finding, of these the one whose
  certificate ends first. So every alarm that one node calls for is raised.
- What the others have beside that is told with their addresses.
- Old versions and weak ciphers are those of all nodes together.
- The certificate to be served is the newest of those that are trusted and for the host: what was
  renewed on some nodes is old on the rest.
- A node that this machine has no way to is neither failed nor fine, but skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ..findings import LEVELS, date, find
from ..model import (
    TLS_VERSIONS,
    WEAK_TLS_VERSIONS,
    Certificate,
    Failure,
    Fault,
    Node,
    Nodes,
    Observation,
    Offer,
    Security,
    Target,
)

#: Addresses of a name that are audited; more than any name should have.
MOST = 32

_SHOWN = 6  # addresses in a sentence
_OF_ALL = ("weak_tls", "weak_cipher", "handshake_failed")  # told of all nodes together


def join(target: Target, seen: Mapping[str, Observation], skipped: frozenset[str], total: int
         ) -> Observation:
    """The observation of ``target``, of which ``seen`` holds one for each address. ``skipped``:
    those of which this machine has no way to. ``total``: how many addresses the name has."""
    every = tuple(_node(address, one, address in skipped) for address, one in seen.items())
    first = _worst(seen, skipped)
    right = _right(seen.values())
    disagree = tuple(address for address, one in seen.items() if right and one.certificate
                     and one.certificate.der != right.der)
    nodes = Nodes(every, disagree, (), {**seen})
    faults = (*_failures(nodes), *_certificates(seen, disagree, right), *_others(first, seen),
              *_weak(nodes), *_not_looked_at(nodes, total))
    failure = first.failure
    if failure and len(nodes.failed) > 1:
        failure = failure._replace(message=f"none of {len(every)} nodes: {_whys(nodes.failed)}")
    return first._replace(target=target, failure=failure, security=_security(seen),
                          nodes=nodes._replace(faults=faults))


def _node(address: str, seen: Observation, skipped: bool) -> Node:
    why = seen.failure.message if seen.failure and skipped else ""
    certificate = seen.certificate
    return Node(address, seen.failure, why,
                certificate.fingerprint_sha256 if certificate else "",
                certificate.not_after if certificate else 0,
                _weaknesses(seen.security) if seen.security else ())


def _weaknesses(security: Security) -> tuple[str, ...]:
    return (*(v for v in WEAK_TLS_VERSIONS if security.versions[v].accepted),
            *security.weak_ciphers)


def _worst(seen: Mapping[str, Observation], skipped: frozenset[str]) -> Observation:
    """The one that stands for all: of those that answered, where any did."""
    def badness(one: Observation) -> tuple[int, int]:
        findings = find(one)
        return (LEVELS.index(findings[0].severity) if findings else -1,
                -(one.certificate.not_after if one.certificate else 0))

    asked = [one for address, one in seen.items() if address not in skipped] or [*seen.values()]
    answered = [one for one in asked if one.failure is None]
    return max(answered or [one for one in asked if one.certificate] or asked[:1], key=badness)


def _right(seen: Iterable[Observation]) -> Certificate | None:
    """The certificate that every node is to serve."""
    served = [(one.certificate, bool(one.chain and one.chain.trusted and one.chain.hostname_match))
              for one in seen if one.certificate]
    count = Counter(certificate.der for certificate, _ in served)
    best = max(served, default=None, key=lambda row: (
        row[1], row[0].not_before, count[row[0].der]))
    return best[0] if best else None


# What is told

def _failures(nodes: Nodes) -> Iterator[Fault]:
    """The failed nodes; all of one family, and none of the other, is a cause of its own."""
    failed = nodes.failed
    good = [node for node in nodes.every if not node.failure]
    if not failed or not good:
        return
    six = [":" in node.address for node in failed]
    if len(set(six)) == 1 and all((":" in node.address) != six[0] for node in good):
        broken, fine = ("IPv6", "IPv4") if six[0] else ("IPv4", "IPv6")
        yield Fault("nodes_family", {"broken": broken, "fine": fine, "why": _whys(failed),
                                     "records": "AAAA" if six[0] else "A"})
    else:
        yield Fault("nodes_failed", {"count": len(failed), "total": len(nodes.every),
                                     "why": _whys(failed)})


def _certificates(seen: Mapping[str, Observation], disagree: tuple[str, ...],
                  right: Certificate | None) -> Iterator[Fault]:
    """The nodes that serve another certificate, one fault for each such certificate."""
    groups: dict[bytes, list[str]] = {}
    for address in disagree:
        certificate = seen[address].certificate
        assert certificate
        groups.setdefault(certificate.der, []).append(address)
    for addresses in groups.values():
        other = seen[addresses[0]].certificate
        assert other and right
        differences = list(_differences(other, right))
        older = not differences and other.not_before <= right.not_before
        yield Fault("nodes_older" if older else "nodes_other", {
            "count": len(addresses), "total": len(seen), "addresses": _list(addresses),
            "how": ", ".join(differences or [_dates(other, right)])})


def _differences(other: Certificate, right: Certificate) -> Iterator[str]:
    if other.issuer != right.issuer:
        yield f"issued by {other.issuer} and not {right.issuer}"
    if {*other.san} != {*right.san}:
        yield f"for {_list(other.san) or 'no name'} and not {_list(right.san) or 'none'}"


def _dates(other: Certificate, right: Certificate) -> str:
    ends, wanted = date(other.not_after), date(right.not_after)
    return f"until {ends}" + (f" and not {wanted}" if ends != wanted else "")


def _others(first: Observation, seen: Mapping[str, Observation]) -> Iterator[Fault]:
    """What is found at other nodes and not at the one that stands for all."""
    told = {(finding.code, finding.message) for finding in find(first)}
    groups: dict[tuple[str, str], list[str]] = {}
    for address, one in seen.items():
        for finding in find(one):
            if finding.code not in _OF_ALL and (finding.code, finding.message) not in told:
                groups.setdefault((finding.severity, finding.message), []).append(address)
    for (severity, message), addresses in groups.items():
        yield Fault(f"nodes_{severity}", {"addresses": _list(addresses), "message": message})


def _weak(nodes: Nodes) -> Iterator[Fault]:
    weak = [node.address for node in nodes.every if node.weak]
    answered = sum(1 for node in nodes.every if not node.failure)
    if weak and len(weak) < answered:
        yield Fault("nodes_weak", {"count": len(weak), "total": len(nodes.every),
                                   "addresses": _list(weak)})


def _not_looked_at(nodes: Nodes, total: int) -> Iterator[Fault]:
    skipped = [node.address for node in nodes.every if node.skipped]
    if skipped and len(skipped) < len(nodes.every):
        yield Fault("nodes_skipped", {
            "count": len(skipped), "total": len(nodes.every), "addresses": _list(skipped),
            "family": " and ".join(sorted({"IPv6" if ":" in a else "IPv4" for a in skipped}))})
    if total > len(nodes.every):
        yield Fault("nodes_many", {"total": total, "most": len(nodes.every)})


def _whys(failed: Iterable[Node]) -> str:
    """The addresses, and why they failed, each reason once."""
    groups: dict[Failure | None, list[str]] = {}
    for node in failed:
        groups.setdefault(node.failure, []).append(node.address)
    return "; ".join(f"{_list(addresses)}: {failure.message}"
                     for failure, addresses in groups.items() if failure)


def _list(names: Iterable[str]) -> str:
    listed = [*names]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


# What all of them accept

def _security(seen: Mapping[str, Observation]) -> Security | None:
    """The answers of all nodes together: yes where one says yes, no where all say no."""
    asked = {address: one.security for address, one in seen.items() if one.security}
    if not asked:
        return None
    return Security(
        versions={version: _offer(version, asked) for version in TLS_VERSIONS},
        weak_ciphers=tuple(dict.fromkeys(c for one in asked.values() for c in one.weak_ciphers)),
        weak_unknown="; ".join(f"{address}: {one.weak_unknown}" for address, one in asked.items()
                               if one.weak_unknown),
        checked_at=min(one.checked_at for one in asked.values()),
        nodes=asked)


def _offer(version: str, asked: Mapping[str, Security]) -> Offer:
    offers = {address: one.versions[version] for address, one in asked.items()}
    if any(offer.accepted for offer in offers.values()):
        return Offer(True)
    unknown = [f"{address}: {offer.reason}" for address, offer in offers.items()
               if offer.accepted is None]
    return Offer(None, "; ".join(unknown)) if unknown else Offer(False)
