"""The transfer from an http(s) address to a file, going on where an earlier try ended."""

from __future__ import annotations

import base64
import http.client
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from algorithm.errors import StorageError

CONNECT_TIMEOUT_S = 5.0
_CHUNK = 1 << 20
_TRIES = 4  # another one follows only a try that brought bytes
_log = logging.getLogger(__name__)


class _BrokenOff(Exception):
    """The connection ended before the file did."""


class _NothingLeft(Exception):
    """The server has no bytes behind those we have."""


@dataclass(frozen=True)
class Remote:
    """What the server says of a file.

    Attributes:
        tag: Its version, "" for unknown.
        md5: Its MD5 in hex, "" for unknown.
    """

    tag: str
    md5: str


def transfer(url: str, file: BinaryIO, state: Path) -> Remote:
    """Complete a file with what is at an address.

    Args:
        url: The address.
        file: Open for appending at its end.
        state: A small JSON file that remembers which version the bytes at hand are of. Without it
            they are fetched anew.

    Returns:
        What the server says of the file.

    Raises:
        StorageError: No answer came within seconds, the answer was an HTTP error, or the connection
            kept breaking off.
    """
    for _ in range(_TRIES):
        before = file.tell()
        try:
            return _try(url, file, state)
        except _BrokenOff as error:
            reason = error
            _log.warning("download %s: broke off at byte %d (%s)", url, file.tell(), error)
            if file.tell() <= before:
                break
    raise StorageError(
        f"download {url}: expected the whole file, found the connection breaking off at byte "
        f"{file.tell()} ({reason}); run this again to go on from there"
    ) from reason


def _try(url: str, file: BinaryIO, state: Path) -> Remote:
    tag = _tag_at_hand(state)
    have = file.tell() if tag else 0
    try:
        response = _open(url, {"Range": f"bytes={have}-", "If-Range": tag} if have else {})
    except _NothingLeft:
        response = _open(url, {})
    with response:
        if response.status != http.client.PARTIAL_CONTENT:
            have = 0
            file.truncate(0)
        file.seek(0, os.SEEK_END)
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        state.write_text(json.dumps({"tag": _tag(response)}), encoding="utf-8")
        _copy(url, response, file, total)
    if total not in (None, file.tell()):
        raise _BrokenOff(f"of {total} announced")
    return Remote(_tag(response), _md5(response))


def _tag_at_hand(state: Path) -> str:
    try:
        return str(json.loads(state.read_text(encoding="utf-8"))["tag"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _tag(response: http.client.HTTPResponse) -> str:
    """Return what `If-Range` may carry: a strong ETag, else the date of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _open(url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    try:
        return urlopen(
            Request(url, headers={"User-Agent": "efficientdet", **headers}),
            timeout=CONNECT_TIMEOUT_S,
        )
    except HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and "Range" in headers:
            raise _NothingLeft from error
        raise StorageError(
            f"download {url}: expected the file, found HTTP {error.code} {error.reason}; "
            "check the address"
        ) from error
    except (URLError, OSError, http.client.HTTPException) as error:
        raise StorageError(
            f"download {url}: expected an answer within {CONNECT_TIMEOUT_S:.0f} s, found "
            f"{getattr(error, 'reason', error)}; check the network, or give a local path"
        ) from error


def _copy(url: str, response: http.client.HTTPResponse, file: BinaryIO, total: int | None) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    _log.info("download %s (%s bytes)", url, total or "unknown number of")
    with Progress(*columns, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(Path(urlsplit(url).path).name, completed=file.tell(), total=total)
        while chunk := _read(response):
            file.write(chunk)
            progress.advance(task, len(chunk))
    file.flush()


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read1(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenOff(str(error) or type(error).__name__) from error


def _md5(response: http.client.HTTPResponse) -> str:
    """Return the MD5 that Google's store sends with a file, in hex."""
    for line in response.headers.get_all("x-goog-hash") or []:
        for each in line.split(","):
            kind, _, value = each.strip().partition("=")
            if kind == "md5":
                return base64.b64decode(value).hex()
    return ""
