"""What the exporter tells of itself: its audits, the age of what it shows, its answers.

prometheus_client keeps and writes these; the results of targets, of which there may be thousands,
go another way (``results``).
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
    disable_created_metrics,
    generate_latest,
)

from .. import __version__
from ..check import Door
from ..model import ERROR_REASONS, Observation, Security, Settings, Target
from .results import Ages

OK = "ok"  # an outcome, beside the reasons why a target could not be checked
SCHEDULE, PROBE = "schedule", "probe"  # who wanted an audit
#: How /probe was answered.
CACHE, AUDIT, DEBUG, REFUSED, BUSY, WRONG = "cache", "audit", "debug", "refused", "busy", "wrong"

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Own:
    """The metrics, from many threads."""

    def __init__(self, interval: float) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # half as many lines
        self._registry = made = CollectorRegistry()
        ProcessCollector(registry=made)
        Gauge("ssl_exporter_build_info", "Version of the exporter", ["version", "python"],
              registry=made).labels(__version__, platform.python_version()).set(1)
        Gauge("ssl_exporter_interval_seconds", "Time between two checks of a target",
              registry=made).set(interval)
        self._audits = Counter("ssl_exporter_audits", "Checks of targets that were made, by who "
                               "wanted them and by why they failed", ["by", "outcome"],
                               registry=made)
        self._durations = Histogram("ssl_exporter_audit_duration_seconds", "How long they took",
                                    ["by"], buckets=_BUCKETS, registry=made)
        self._late = Gauge("ssl_exporter_audits_late_seconds", "Time by which the latest check of "
                           "the schedule began late, since the start", registry=made)
        self._probes = Counter("ssl_exporter_probes", "Requests for /probe, by how they were "
                               "answered: from the cache, by an audit, not at all", ["answer"],
                               registry=made)
        self._recalled = Gauge("ssl_exporter_recalled_results", "Results that the cache held when "
                               "the exporter started", registry=made)
        self._targets = Gauge("ssl_exporter_targets", "Configured targets, by what is shown of "
                              "them: fresh, stale (their last check was too long ago), waiting for "
                              "their first check", ["state"], registry=made)
        self._oldest = Gauge("ssl_exporter_oldest_result_age_seconds", "Age of the oldest result "
                             "that is shown", registry=made)
        self._loaded = Gauge("ssl_exporter_config_last_reload_successful", "The configuration "
                             "could be read when it last changed", ["file"], registry=made)
        self._loaded_at = Gauge("ssl_exporter_config_last_reload_success_timestamp_seconds",
                                "When a configuration was last read", ["file"], registry=made)
        self._requests = Counter("ssl_exporter_http_requests", "Requests that were answered",
                                 ["path", "code"], registry=made)
        self._answers = Summary("ssl_exporter_http_request_duration_seconds", "How long answers "
                                "took to be made", ["path"], registry=made)
        for by in (SCHEDULE, PROBE):
            for outcome in (OK, *ERROR_REASONS):
                self._audits.labels(by, outcome)
        for answer in (CACHE, AUDIT, DEBUG, REFUSED, BUSY, WRONG):
            self._probes.labels(answer)

    def measured(self, door: Door, by: str) -> Door:
        """The door of the engine, with every audit counted and its duration taken."""
        def audit_all(targets: Iterable[tuple[Target, Security | None]], settings: Settings
                      ) -> Iterator[tuple[int, Observation]]:
            begun: dict[int, float] = {}

            def feed() -> Iterator[tuple[Target, Security | None]]:
                for index, item in enumerate(targets):
                    begun[index] = time.monotonic()
                    yield item

            for index, seen in door(feed(), settings):
                outcome = seen.failure.reason if seen.failure else OK
                self._audits.labels(by, outcome).inc()
                self._durations.labels(by).observe(time.monotonic() - begun.pop(index))
                yield index, seen
        return audit_all

    def probed(self, answer: str) -> None:
        """/probe was answered in that way."""
        self._probes.labels(answer).inc()

    def recalled(self, count: int) -> None:
        """So many results came from the cache."""
        self._recalled.set(count)

    def loaded(self, file: str, successful: bool, at: float | None = None) -> None:
        """A configuration ("targets", "web") has been read, at a Unix time, or could not be."""
        self._loaded.labels(file).set(successful)
        if at is not None:
            self._loaded_at.labels(file).set(at)

    def answered(self, path: str, code: int, seconds: float) -> None:
        """A request for one of the known paths was answered."""
        self._requests.labels(path, str(code)).inc()
        self._answers.labels(path).observe(seconds)

    def exposition(self, ages: Ages, late: float) -> bytes:
        """The text of these metrics."""
        for state in ("fresh", "stale", "waiting"):
            self._targets.labels(state).set(getattr(ages, state))
        self._oldest.set(ages.oldest)
        self._late.set(late)
        return generate_latest(self._registry)
