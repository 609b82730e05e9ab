"""The service's counts, in the text form of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40)
BATCHES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """The counts of one service.

    Each service has a registry of its own, so that two of them in a process do not mix.
    """

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.registry = CollectorRegistry()
        names = ("method", "path", "status")
        self.requests = Counter(
            "detector_requests", "Requests answered", names, registry=self.registry
        )
        self.errors = Counter(
            "detector_errors", "Requests answered with 400 or above", names, registry=self.registry
        )
        self.seconds = Histogram(
            "detector_request_seconds",
            "From the whole request received to the reply handed over",
            ("path",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.batches = Histogram(
            "detector_batch_pictures",
            "Pictures that went through the network together",
            buckets=BATCHES,
            registry=self.registry,
        )

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is asked for at each scrape.

        Args:
            name: Its name after "detector_".
            text: What it measures.
            value: Returns its value.
        """
        Gauge(f"detector_{name}", text, registry=self.registry).set_function(value)

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one reply.

        Args:
            method: The HTTP method.
            path: A known path, or "other", so that strangers cannot fill the memory.
            status: The HTTP status.
            seconds: How long the reply took.
        """
        labels = (method, path, str(status))
        self.requests.labels(*labels).inc()
        if status >= 400:
            self.errors.labels(*labels).inc()
        self.seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """Return all counts, in the form of CONTENT_TYPE."""
        return generate_latest(self.registry)
