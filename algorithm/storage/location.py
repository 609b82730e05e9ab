"""What a place looks like: a local path, or a bucket and a key.

Where the variable OBS_ROOT names a folder, its folders stand for buckets: obs://NAME/KEY and
s3://NAME/KEY are then the local path OBS_ROOT/NAME/KEY.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from algorithm.errors import StorageError

# The only list of schemes, with the module of this room that has the files of each.
STORES = {
    **dict.fromkeys(("obs", "s3"), "stores.objects.object_store"),
    **dict.fromkeys(("gs", "hdfs", "viewfs", "ram"), "stores.tensor_store"),
}
OBJECT_SCHEMES = tuple(
    scheme for scheme, store in STORES.items() if store == "stores.objects.object_store"
)
OBS_ROOT = "OBS_ROOT"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True)
class ObjectLocation:
    """A place in an object store.

    Attributes:
        scheme: The scheme of its URL.
        bucket: The bucket.
        key: The key without a leading slash; "" is the whole bucket.
    """

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def prefix(self) -> str:
        """What the keys of everything "inside" this place begin with."""
        return f"{self.key.rstrip('/')}/" if self.key else ""


def is_remote(url: str) -> bool:
    """Return whether a place has a scheme other than file://, be it one of STORES or unknown.

    Buckets that are folders (OBS_ROOT) are not remote.
    """
    match = _SCHEME.match(url)
    return match is not None and match[1].lower() != "file" and not _in_folders(match)


def local_path(url: str) -> Path:
    """Return the path of a local place: a path, a file:// URL, or what is in a folder of OBS_ROOT.

    Raises:
        StorageError: The URL leads out of OBS_ROOT, or has no bucket.
    """
    match = _SCHEME.match(url)
    if match and _in_folders(match):
        if not url[match.end() :].strip("/"):
            raise StorageError(f"expected {match[0]}BUCKET/KEY, found '{url}' without a bucket")
        return inside(Path(os.environ[OBS_ROOT]), url[match.end() :])
    return Path(unquote(url[match.end() :])) if match else Path(url)


def _in_folders(match: re.Match[str]) -> bool:
    return match[1].lower() in OBJECT_SCHEMES and bool(os.environ.get(OBS_ROOT))


def scheme_of(url: str) -> str:
    """Return the scheme of a URL in small letters, "" for a local path or file:// URL."""
    match = _SCHEME.match(url)
    return match[1].lower() if match and is_remote(url) else ""


def store_name(url: str) -> str:
    """Name the store that a place is in, before anything is read from it.

    Args:
        url: A local path, a file:// URL, or a URL of one of STORES.

    Returns:
        "stores.local_store", "stores.objects.object_store" or "stores.tensor_store".

    Raises:
        StorageError: No store has the scheme.
    """
    scheme = scheme_of(url)
    if scheme and scheme not in STORES:
        raise StorageError(
            f"expected a local path or one of {', '.join(f'{each}://' for each in STORES)}, found "
            f"'{url}': copy the files to such a place and name that one"
        )
    return STORES[scheme] if scheme else "stores.local_store"


def object_location(url: str) -> ObjectLocation:
    """Return the bucket and key of an obs:// or s3:// URL.

    Raises:
        StorageError: The URL has another scheme or no bucket.
    """
    match = _SCHEME.match(url)
    scheme = scheme_of(url)
    if match is None or scheme not in OBJECT_SCHEMES:
        raise StorageError(f"expected an obs:// or s3:// URL, found '{url}'")
    bucket, _, key = url[match.end() :].partition("/")
    if not bucket:
        raise StorageError(f"expected {scheme}://BUCKET/KEY, found '{url}' without a bucket")
    return ObjectLocation(scheme, bucket, key.lstrip("/"))


def join(url: str, name: str) -> str:
    """Return the place of `name` inside the folder url."""
    return f"{url.rstrip('/')}/{name}" if url.rstrip("/") or not url else f"/{name}"


def name_inside(url: str, folder: str) -> str:
    """Return the name of a file relative to the folder it is listed in."""
    return url[len(join(folder, "")) :]


def inside(folder: Path, relative: str) -> Path:
    """Return folder/relative.

    Raises:
        StorageError: That would be outside of the folder ("..", an absolute path).
    """
    path = folder / relative
    if ".." in Path(relative).parts or Path(relative).is_absolute():
        raise StorageError(
            f"expected an object key that stays in its folder, found '{relative}'. Rename that "
            "object."
        )
    return path
