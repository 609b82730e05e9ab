"""What a call of the API gets, and what it answers; the calls themselves know no HTTP server."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorithm.local_platform.api.request_checks import NOT_FOUND, Refusal
from algorithm.local_platform.ledger import Ledger, Record
from algorithm.local_platform.scheduler import Scheduler
from algorithm.local_platform.services import Services
from algorithm.local_platform.settings import Settings


@dataclass(frozen=True)
class Platform:
    """The parts of a local platform."""

    settings: Settings
    ledger: Ledger
    scheduler: Scheduler
    services: Services

    def folder(self, record: Record) -> Path:
        """Return the folder of a job or service."""
        return self.settings.folder(record.kind, record.id)


@dataclass(frozen=True)
class Call:
    """A request.

    Attributes:
        platform: The parts that answer it.
        method: The HTTP method.
        place: What stands in the path: project, id, task and others.
        query: The query.
        headers: The headers, by name in small letters.
        content: The body.
        host: Scheme, host and port that it came to.
    """

    platform: Platform
    method: str
    place: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes
    host: str

    @property
    def project(self) -> str:
        """The project, "" where the path has none."""
        return self.place.get("project", "")

    def body(self) -> Any:
        """Return the JSON object in the body.

        Raises:
            Refusal: There is none.
        """
        try:
            body = json.loads(self.content)
        except ValueError as error:
            raise Refusal(f"expected a JSON object in the body, found {error}") from error
        if not isinstance(body, dict):
            raise Refusal(f"expected a JSON object in the body, found a {type(body).__name__}")
        return body

    def found(self, kind: str) -> Record:
        """Return the record that the path names.

        Raises:
            Refusal: There is none.
        """
        record = self.platform.ledger.get(kind, self.place["id"], self.project)
        if record is None:
            reason = f"expected a {kind} of this project, found none with the id {self.place['id']}"
            raise Refusal(reason, NOT_FOUND, 404)
        return record

    def page(self, records: Sequence[Record], asked: Mapping[str, Any]) -> list[Record]:
        """Return the records from `offset` on, `limit` at most, the newest first."""
        try:
            offset, limit = int(asked.get("offset") or 0), int(asked.get("limit") or 50)
        except (TypeError, ValueError) as error:
            raise Refusal("offset, limit: expected whole numbers") from error
        return list(reversed(records))[max(0, offset) :][: max(0, limit)]


@dataclass(frozen=True)
class Answer:
    """What a call answers: a JSON value, or bytes or a file of another type."""

    body: Any
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] | None = None


Route = tuple[str, str, Callable[[Call], Answer]]
