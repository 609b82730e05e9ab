"""The signature of a request, SDK-HMAC-SHA256, as the official SDK makes it."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Mapping, Sequence
from urllib.parse import quote

ALGORITHM = "SDK-HMAC-SHA256"
MOST_SECONDS = 900  # between the clocks of the two sides
_FORM = re.compile(rf"{ALGORITHM} Access=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]+)")
_DATE, _HASH = "x-sdk-date", "x-sdk-content-sha256"


def fault_of(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
    keys: tuple[str, str],
) -> str:
    """Return what is wrong with the signature of a request, "" for nothing.

    Args:
        method: The HTTP method.
        path: The path, not quoted.
        query: The pairs of the query, not quoted.
        headers: The headers, by name in small letters.
        body: The body.
        keys: Access key and secret key.
    """
    match = _FORM.fullmatch(headers.get("authorization", ""))
    if match is None:
        return f"expected 'Authorization: {ALGORITHM} Access=..., SignedHeaders=..., Signature=...'"
    if match[1] != keys[0]:
        return f"expected the access key {keys[0]!r}, found {match[1]!r}"
    stamp = headers.get(_DATE, "")
    try:
        age = abs(time.time() - timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return f"{_DATE}: expected a time as 20250131T235959Z, found {stamp!r}"
    if age > MOST_SECONDS:
        return f"{_DATE}: expected a time within {MOST_SECONDS} s of now, found {stamp}"
    names = match[2].split(";")
    signed = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names)
    digest = headers.get(_HASH) if body else ""
    canonical = "\n".join(
        (
            method.upper(),
            quote(path, safe="/~").rstrip("/") + "/",
            "&".join(
                f"{quote(key, safe='~')}={quote(each, safe='~')}" for key, each in sorted(query)
            ),
            signed,
            match[2],
            digest or hashlib.sha256(body).hexdigest(),
        )
    )
    text = f"{ALGORITHM}\n{stamp}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    expected = hmac.new(keys[1].encode(), text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, match[3]):
        return "the signature does not fit the request: look at the secret key"
    return ""
