"""Objects of an S3-compatible store (OBS, S3): the only file that knows boto3."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from algorithm.errors import StorageError
from algorithm.storage.location import ObjectLocation

_KEYS = ("ACCESS_KEY_ID", "OBS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID")
_SECRETS = ("SECRET_ACCESS_KEY", "OBS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY")
_TOKENS = ("SECURITY_TOKEN", "OBS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")
_CREDENTIALS = "Set ACCESS_KEY_ID and SECRET_ACCESS_KEY to a valid pair for this store."

# What the store answered -> what to do about it. Anything else is shown as the store put it.
_FIXES = {
    "NoSuchBucket": "There is no such bucket at this endpoint; check its name and S3_ENDPOINT.",
    "NoSuchKey": "There is no such object; check the key.",
    "404": "There is no such object or bucket; check the name.",
    "AccessDenied": "These credentials may not do that; ask the owner of the bucket for the permission.",
    "403": f"The store refused these credentials. {_CREDENTIALS}",
    "InvalidAccessKeyId": f"The access key is not known. {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"The secret key does not fit the access key. {_CREDENTIALS}",
    "ExpiredToken": "The temporary credentials have expired; get new ones.",
    "RequestTimeTooSkewed": "The clock of this machine is wrong; set it.",
}


def size_of(place: ObjectLocation) -> int | None:
    """Return the size of an object in bytes, None when there is no such object. Raises StorageError."""
    with _translated("look at", place):
        try:
            return _client().head_object(Bucket=place.bucket, Key=place.key)["ContentLength"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise


def places_inside(place: ObjectLocation) -> list[ObjectLocation]:
    """Return every object inside a folder, sorted by key, without the markers of folders. Raises StorageError."""
    with _translated("list", place):
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix)
        keys = sorted(entry["Key"] for page in pages for entry in page.get("Contents", ()))
    return [ObjectLocation(place.scheme, place.bucket, key) for key in keys if not key.endswith("/")]


def download(place: ObjectLocation, target: Path) -> None:
    """Copy an object to a local file: whole, or not at all. Raises StorageError."""
    part = target.with_name(f".{target.name}.part")
    with _translated("read", place):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            expected = _client().head_object(Bucket=place.bucket, Key=place.key)["ContentLength"]
            _client().download_file(place.bucket, place.key, str(part))
            _check_size(place, expected, part.stat().st_size)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)


def upload(source: Path, place: ObjectLocation) -> None:
    """Copy a local file to an object. Raises StorageError."""
    with _translated("write", place):
        _client().upload_file(str(source), place.bucket, place.key)
        stored = _client().head_object(Bucket=place.bucket, Key=place.key)["ContentLength"]
        _check_size(place, source.stat().st_size, stored)


def remove(place: ObjectLocation) -> None:
    """Remove one object, if there is one. Raises StorageError."""
    with _translated("remove", place):
        _client().delete_object(Bucket=place.bucket, Key=place.key)


@cache
def _client() -> Any:
    endpoint = _endpoint()
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=_first(("AWS_REGION", "AWS_DEFAULT_REGION")) or _region(endpoint),
        aws_access_key_id=_first(_KEYS),
        aws_secret_access_key=_first(_SECRETS),
        aws_session_token=_first(_TOKENS),
        verify=os.environ.get("S3_VERIFY_SSL", "1") != "0",
        config=Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 8},
            # OBS refuses the checksum trailers that newer boto3 versions send by default.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if _needs_path_style(endpoint) else "auto"},
        ),
    )


def _endpoint() -> str | None:
    endpoint = _first(("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
    if endpoint is None or "://" in endpoint:
        return endpoint
    return ("http://" if os.environ.get("S3_USE_HTTPS", "1") == "0" else "https://") + endpoint


def _region(endpoint: str | None) -> str:
    """Return the region an OBS endpoint names (obs.REGION.domain), else the one S3-like stores take for granted."""
    match = re.search(r"//obs\.([a-z0-9-]+)\.", endpoint or "")
    return match[1] if match else "us-east-1"


def _needs_path_style(endpoint: str | None) -> bool:
    """Return True where a bucket cannot be a subdomain: an address in numbers, or this machine."""
    host = urlsplit(endpoint or "").hostname or ""
    try:
        return host == "localhost" or bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _first(names: tuple[str, ...]) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _check_size(place: ObjectLocation, expected: int, found: int) -> None:
    if expected != found:
        raise StorageError(f"expected {expected} bytes at {place} after the copy, found {found}. Run the job again.")


@contextmanager
def _translated(verb: str, place: ObjectLocation) -> Iterator[None]:
    """Turn what boto3 raises into a StorageError that names the bucket, the key and the fix."""
    where = f"could not {verb} object '{place.key}' in bucket '{place.bucket}' ({place})"
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        fix = _FIXES.get(code, error.response["Error"].get("Message", ""))
        raise StorageError(f"{where}: the store answered {code}. {fix}") from error
    except (BotoCoreError, Boto3Error, OSError) as error:
        advice = f" {_CREDENTIALS}" if "credentials" in str(error).lower() else " Check S3_ENDPOINT and the network."
        raise StorageError(f"{where}: {type(error).__name__}: {error}.{advice}") from error
