"""The access log: one line of JSON for each request, on the logger `algorithm.access`."""

from __future__ import annotations

import json
import logging
import re
import uuid
from datetime import UTC, datetime

LOGGER = logging.getLogger("algorithm.access")
_GOOD_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id(given: str | None) -> str:
    """Return the client's own id where it is short and plain, else a new one."""
    return given if given and _GOOD_ID.fullmatch(given) else uuid.uuid4().hex[:16]


def log_request(
    identifier: str,
    remote: str | None,
    method: str,
    path: str,
    status: int,
    received: int | None,
    seconds: float,
) -> None:
    """Log one request.

    Args:
        identifier: The id of the request.
        remote: The client's address, None where it is not known.
        method: The HTTP method.
        path: The path.
        status: The HTTP status of the reply.
        received: Bytes of the body, None where nobody said.
        seconds: How long the reply took.
    """
    LOGGER.info(
        "%s",
        json.dumps(
            {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "id": identifier,
                "remote": remote,
                "method": method,
                "path": path,
                "status": status,
                "bytes": received,
                "ms": round(seconds * 1e3, 1),
            },
            ensure_ascii=False,
        ),
    )
