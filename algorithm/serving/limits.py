"""How much a service takes on, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass

BODY_LIMIT = 12 * 1024 * 1024  # bytes of a request: the limit of the platform's older gateway
FORM_PARTS_LIMIT = 16  # 8 pictures and their settings
CONNECTION_LIMIT = 1000  # slow clients wait here, not in a worker thread
START_WAIT_SECONDS = 30.0  # of a request for the model; the older gateway gives up after 40
LOAD_SECONDS = 600.0  # that loading the model may take
LOADING_RETRY_SECONDS = 5  # until a client should ask again while the model is being loaded
BUSY_RETRY_SECONDS = 1  # the same where the queue is full
DRAIN_SECONDS = 30.0  # for the requests in flight, once no new ones are taken


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    Attributes:
        batch: Pictures that go through the network together.
        batch_wait: Seconds that an incomplete batch waits at most.
        queue: Requests that wait for a thread before more are refused with 503.
        batches: Batches at a time; 0 for two, and for one where there is one core.
        threads: Requests answered at once; 0 for those of all batches, of two at least.
        lame_duck: Seconds after SIGTERM in which new requests are still answered, as the platform
            goes on sending them.
    """

    batch: int = 8
    batch_wait: float = 0.005
    queue: int = 64
    batches: int = 0
    threads: int = 0
    lame_duck: float = 60.0
