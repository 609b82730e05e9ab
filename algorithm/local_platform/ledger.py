"""What was submitted, and how far it is: one SQLite file that outlives every process."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_TABLE = """CREATE TABLE IF NOT EXISTS record (number INTEGER PRIMARY KEY AUTOINCREMENT,
id TEXT UNIQUE, kind TEXT, project TEXT, phase TEXT, created REAL, facts TEXT)"""
_COLUMNS = "number, id, kind, project, phase, created, facts"


@dataclass(frozen=True)
class Record:
    """An algorithm, a job, a model or a service.

    Attributes:
        number: Counts what was submitted, from 1.
        id: Its identifier in the API.
        kind: "algorithm", "job", "model" or "service".
        project: The project of the request that made it.
        phase: How far it is.
        created: When it was submitted, in seconds since 1970.
        facts: Its request, and what is known since. "events" are [seconds, level, message].
    """

    number: int
    id: str
    kind: str
    project: str
    phase: str
    created: float
    facts: dict[str, Any]


class Ledger:
    """The records. Each call is one transaction, from any thread and any process.

    Args:
        path: The file; it is made where it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._connect()) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(_TABLE)

    def add(self, kind: str, project: str, phase: str, **facts: Any) -> Record:
        """Add a record, and return it when it is on the disk."""
        identifier, now = str(uuid.uuid4()), time.time()
        facts["events"] = [[now, "INFO", f"{kind} created"]]
        with self._transaction() as db:
            row = (identifier, kind, project, phase, now, json.dumps(facts))
            cursor = db.execute(
                f"INSERT INTO record ({_COLUMNS[8:]}) VALUES (?, ?, ?, ?, ?, ?)", row
            )
            number = int(cursor.lastrowid or 0)
        return Record(number, identifier, kind, project, phase, now, facts)

    def get(self, kind: str, identifier: str, project: str = "") -> Record | None:
        """Return a record by its id or number, None where there is none, or not in the project."""
        found = self._read(
            "WHERE kind=? AND (id=? OR CAST(number AS TEXT)=?)", kind, identifier, identifier
        )
        return next((each for each in found if project in ("", each.project)), None)

    def all(self, kind: str, phases: Sequence[str] = (), project: str = "") -> list[Record]:
        """Return the records of a kind in these phases, of one project or of all, oldest first."""
        marks = ", ".join("?" * len(phases))
        where = f"WHERE kind=?{f' AND phase IN ({marks})' if phases else ''}"
        where += " AND project=?" if project else ""
        return self._read(
            f"{where} ORDER BY number", kind, *phases, *([project] if project else [])
        )

    def change(
        self,
        identifier: str,
        phase: str = "",
        *,
        only_in: Sequence[str] = (),
        event: str = "",
        level: str = "INFO",
        **facts: Any,
    ) -> Record | None:
        """Change a record if it is in one of these phases.

        Args:
            identifier: The record.
            phase: The new phase, "" for none.
            only_in: The phases it may be in; () for any.
            event: A line for its events, "" for none.
            level: The level of that line.
            facts: Facts to set.

        Returns:
            The record as it is now, or None where it was in another phase or is gone.
        """
        with self._transaction() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM record WHERE id=?", (identifier,)).fetchone()
            if row is None or (only_in and row[4] not in only_in):
                return None
            now = json.loads(row[6]) | facts
            if event:
                now["events"].append([time.time(), level, event])
            values = (phase or row[4], json.dumps(now), identifier)
            db.execute("UPDATE record SET phase=?, facts=? WHERE id=?", values)
        return replace(_record(row), phase=values[0], facts=now)

    def remove(self, identifier: str) -> None:
        """Remove a record."""
        with self._transaction() as db:
            db.execute("DELETE FROM record WHERE id=?", (identifier,))

    def _read(self, where: str, *values: str) -> list[Record]:
        with closing(self._connect()) as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM record {where}", values).fetchall()
        return [_record(row) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db  # what is raised here closes the connection, which rolls back
            db.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=60, isolation_level=None)


def _record(row: tuple[Any, ...]) -> Record:
    number, identifier, kind, project, phase, created, facts = row
    return Record(number, identifier, kind, project, phase, created, json.loads(facts))
