"""Errors of stores, worded for a person, and which of them may pass by themselves."""

from __future__ import annotations

import errno
import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError

from algorithm.errors import ResourceError, StorageError
from algorithm.storage.atomic_files import FULL, failing_disk

_CREDENTIALS = "Set ACCESS_KEY_ID and SECRET_ACCESS_KEY to a valid pair for this store."
_ABSENT = ("NoSuchKey", "NoSuchBucket", "404")
_FORBIDDEN = (
    "AccessDenied",
    "403",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
)
_DAMAGED = ("BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest")
_PASSING = (
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "IncompleteBody",
)
_WRONG_CLOCK_S = 300  # S3 allows 15 minutes; an answer without words is judged more strictly

# What to do about each answer of the store. Any other answer is shown as the store put it.
_FIXES = {
    "NoSuchBucket": "There is no such bucket at this endpoint; check its name and S3_ENDPOINT.",
    "NoSuchKey": "There is no such object; check the key.",
    "404": "There is no such object or bucket; check the name.",
    "AccessDenied": "These credentials may not do that; ask the owner of the bucket for the "
    "permission.",
    "403": f"The store refused these credentials. {_CREDENTIALS}",
    "InvalidAccessKeyId": f"The access key is not known. {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"The secret key does not fit the access key. {_CREDENTIALS}",
    "ExpiredToken": "The temporary credentials have expired; get new ones.",
    "InvalidToken": "The session token does not fit the access key; get new temporary credentials.",
    "RequestTimeTooSkewed": "The clock of this machine is wrong; set it.",
    "BadDigest": "The bytes were changed on the way, again and again; check the network.",
    "SlowDown": "The store is overloaded and stayed so; try again later.",
}


class MissingError(StorageError, FileNotFoundError):
    """There is no such file, object or bucket."""


class RefusedError(StorageError, PermissionError):
    """The store or the file system does not allow it."""


class UnreachableError(StorageError, ConnectionError):
    """The store could not be reached, or kept failing, for as long as it was tried."""


class DamagedError(StorageError):
    """Bytes arrived with another checksum than they left with."""


class InterruptedTransferError(StorageError):
    """A transfer ended early, or its object was replaced meanwhile.

    The next try goes on or begins anew.
    """


def told(answer: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the answer when it has these fields.

    A connection that ends among the headers leaves an answer without some.

    Args:
        answer: The store's answer.
        *names: The fields it must have.

    Returns:
        The answer.

    Raises:
        InterruptedTransferError: A field is missing.
    """
    missing = [name for name in names if name not in answer]
    if missing:
        raise InterruptedTransferError(
            f"expected {', '.join(missing)} in the answer of the store, found it cut off"
        )
    return answer


def is_absent(error: ClientError) -> bool:
    """Return whether the store says that there is no such object.

    A HEAD cannot tell an absent bucket from an absent key.
    """
    return error.response["Error"]["Code"] in ("NoSuchKey", "404")


def is_damage(error: Exception) -> bool:
    """Return whether bytes were changed on the way, which is worth a few more tries, not many."""
    return isinstance(error, DamagedError) or (
        isinstance(error, ClientError) and error.response["Error"]["Code"] in _DAMAGED
    )


def is_passing(error: Exception) -> bool:
    """Return whether the same request may succeed later.

    It may after a busy or failing store, a network that breaks, or damaged bytes.
    """
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return (
            status >= 500
            and status != 501
            or status == 429
            or error.response["Error"]["Code"] in _PASSING
            or is_damage(error)
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return False
    return isinstance(
        error,
        (
            NoConnectionError,
            HTTPClientError,
            IncompleteReadError,
            ResponseParserError,
            DamagedError,
            InterruptedTransferError,
            http.client.HTTPException,
        ),
    )


@contextmanager
def translated(verb: str, url: object) -> Iterator[None]:
    """Turn the client's errors into a StorageError that names the bucket, the key and the fix.

    Args:
        verb: What was tried, for the message.
        url: The place, for the message.

    Raises:
        StorageError: The client raised an error.
    """
    try:
        yield
    except StorageError:
        raise
    except ClientError as error:
        raise _of_answer(error, _where(verb, url)) from error
    except (BotoCoreError, ResponseParserError, http.client.HTTPException) as error:
        raise _of_client(error, _where(verb, url)) from error
    except OSError as error:
        raise of_file(error, str(error.filename or url)) from error


def _where(verb: str, url: object) -> str:
    bucket, _, key = str(url).partition("://")[2].partition("/")
    return f"could not {verb} object '{key}' in bucket '{bucket}' ({url})"


def _clock_is_wrong(error: ClientError) -> bool:
    """Return whether the store's time, in the head of its answer, is not that of this machine."""
    told = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return abs(parsedate_to_datetime(told).timestamp() - time.time()) > _WRONG_CLOCK_S
    except ValueError:
        return False


def _of_answer(error: ClientError, where: str) -> StorageError:
    code = error.response["Error"]["Code"]
    if code == "403" and _clock_is_wrong(error):  # the answer to a HEAD request has no words
        code = "RequestTimeTooSkewed"
    kind = (
        MissingError
        if code in _ABSENT
        else RefusedError
        if code in _FORBIDDEN
        else (
            DamagedError
            if is_damage(error)
            else UnreachableError
            if is_passing(error)
            else StorageError
        )
    )
    fix = _FIXES.get(code, error.response["Error"].get("Message", ""))
    return kind(f"{where}: the store answered {code}. {fix}")


def _of_client(error: Exception, where: str) -> StorageError:
    text = f"{where}: {type(error).__name__}: {str(error).rstrip('.')}."
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return RefusedError(f"{text} {_CREDENTIALS}")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return StorageError(
            f"{text} Name the certificate in AWS_CA_BUNDLE, or set S3_VERIFY_SSL=0."
        )
    kind = UnreachableError if is_passing(error) else StorageError
    return kind(f"{text} Check S3_ENDPOINT and the network.")


def of_file(
    error: OSError, path: str, verb: str = "read", needed: int | None = None
) -> StorageError | ResourceError:
    """Return the error for a local file.

    Args:
        error: The system's error.
        path: The file, for the message.
        verb: "read" or "write".
        needed: Bytes that were to be written, where that is known.

    Returns:
        A ResourceError for a full or failing disk, else a StorageError.
    """
    if error.errno == errno.EIO and verb == "write":
        return ResourceError(failing_disk(path, error))
    if error.errno in FULL:
        size = "enough" if needed is None else f"{needed} bytes of"
        return ResourceError(
            f"expected {size} free disk space to {verb} {path}, found {error.strerror}. "
            "Free some space there and run this again."
        )
    kind = {FileNotFoundError: MissingError, PermissionError: RefusedError}.get(
        type(error), StorageError
    )
    return kind(
        f"expected to {verb} {path}, found {error.strerror}. Check the path and that you may "
        f"{verb} there."
    )
