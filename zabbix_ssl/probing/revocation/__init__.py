"""Is a certificate, or one above it, revoked? And how is that learnt without crying wolf.

    path.py       whom to ask, in which order, and what it comes to: a conversation without sockets
    ocsp.py       OCSP: the request, and what an answer is worth
    crl.py        a CRL: its parts, its signature, an index over its entries
    scope.py      which CRLs speak for a certificate, and what they say together
    answers.py    the values: Request, Verdict, and the reasons for having none
    sources.py    where answers come from: what is kept, --crl-dir, the network; blocks
    fetch.py      HTTP with every size, time and count bounded
    addresses.py  where URLs out of certificates may not lead
    local.py      --crl-dir
    store.py      what is kept on disk and in memory

The engine's part:

    store = Store(directory)                             # once a run
    sources = sources_of(settings, target, store)        # once for what the targets allow
    policy = policy_of(settings, target)
    conversation = check(path, anchored, stapled, policy, store, now)
    answer = sources.known(request, now)                 # each Request: at once, or None
    answer = sources.ask(request, deadline)              # then in a thread
"""

from __future__ import annotations

from ...model import Settings, Target
from .path import Policy, check
from .sources import Sources, sources_of
from .store import Store

__all__ = ["Policy", "Sources", "Store", "check", "policy_of", "sources_of"]


def policy_of(settings: Settings, target: Target) -> Policy:
    """Who may be asked about a target's certificates."""
    return Policy(settings.crl_dir or target.crl_dir, settings.offline)
