"""The verbs of `moxing.file`, for scripts that used them.

Write `from algorithm.storage import moxing_file as file`. The names and arguments are the same,
over this room's own verbs; all take local paths, obs://, s3:// and gs://. docs/use/storage.md says
what differs. Every verb raises StorageError where the store or the disk does not do what is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from algorithm.errors import StorageError
from algorithm.storage import store_of
from algorithm.storage.folders import remove_folder, sync
from algorithm.storage.location import is_remote, join, local_path, name_inside
from algorithm.storage.parallel import THREADS, for_each
from algorithm.storage.storage_errors import MissingError


@dataclass(frozen=True)
class Stat:
    """What is known of a file or folder.

    Attributes:
        length: Bytes.
        mtime_nsec: The time of its last change, in nanoseconds since 1970.
        is_directory: Whether it is a folder.
    """

    length: int
    mtime_nsec: int
    is_directory: bool


def copy(src_url: str, dst_url: str) -> None:
    """Copy one file.

    Raises:
        StorageError: It cannot be read or written.
    """
    store_of.copy(src_url, dst_url)


def copy_parallel(
    src_url: str,
    dst_url: str,
    file_list: Iterable[str] | None = None,
    threads: int = THREADS,
    is_processing: bool = True,
    use_queue: bool = True,
) -> None:
    """Copy a folder, or some of its files. What is the same already is not moved.

    Args:
        src_url: The folder to copy.
        dst_url: The folder to write.
        file_list: Names of files in the folder, None for all.
        threads: Files at a time.
        is_processing: Ignored; threads do the work.
        use_queue: Ignored; threads do the work.

    Raises:
        StorageError: There is nothing to copy.
    """
    if file_list is not None:
        names = list(file_list)
        for _ in for_each(
            lambda name: store_of.copy(join(src_url, name), join(dst_url, name)), names, threads
        ):
            pass
        copied = len(names)
    else:
        done = sync(src_url, dst_url, threads=threads)
        copied = done.copied + done.same
    if not copied:
        raise StorageError(
            f"copy_parallel: expected files in {src_url}, found none; no files to copy"
        )


def exists(url: str) -> bool:
    """Return whether there is a file or a folder."""
    return store_of.exists(url)


def is_directory(url: str) -> bool:
    """Return whether it is a folder; in a store of objects, whether there is anything inside."""
    return store_of.is_folder(url)


def list_directory(
    url: str, recursive: bool = False, skip_file: bool = False, skip_dir: bool = False
) -> list[str]:
    """Return the names in a folder, sorted.

    Args:
        url: The folder.
        recursive: Whether to list its folders too, each name relative to the folder.
        skip_file: Whether to leave out files.
        skip_dir: Whether to leave out folders.

    Returns:
        The names.

    Raises:
        MissingError: It is no folder.
    """
    if not store_of.is_folder(url):
        raise MissingError(f"list_directory: expected a folder at {url}, found none")
    if not recursive:
        folders, names = store_of.children(url)
        return sorted([*(() if skip_dir else folders), *(() if skip_file else names)])
    found = []
    for folder, folders, names in store_of.walk(url):
        inside = name_inside(join(folder, ""), url)
        found += [
            inside + name
            for name in (*(() if skip_dir else folders), *(() if skip_file else names))
        ]
    return sorted(found)


def make_dirs(url: str) -> None:
    """Make a folder and those above it.

    A store of objects has none: there a folder is where an object is.
    """
    if not is_remote(url):
        local_path(url).mkdir(parents=True, exist_ok=True)


def mk_dir(url: str) -> None:
    """Make a folder. In a store of objects nothing is to be done.

    Raises:
        StorageError: The folder above it is missing.
    """
    if not is_remote(url):
        if not local_path(url).parent.is_dir():
            raise MissingError(f"mk_dir: expected the folder {local_path(url).parent}, found none")
        local_path(url).mkdir(exist_ok=True)


def read(url: str, binary: bool = False) -> str | bytes:
    """Return the content of a file.

    Args:
        url: The file.
        binary: Whether to return bytes, else text in UTF-8.

    Returns:
        The content.

    Raises:
        MissingError: There is no such file; it is a FileNotFoundError too.
    """
    content = store_of.read_bytes(url)
    return content if binary else content.decode("utf-8")


def write(url: str, data: str | bytes, binary: bool = False) -> None:
    """Write a file whole.

    Args:
        url: The file.
        data: Text or bytes.
        binary: Ignored; the type of `data` says it.
    """
    store_of.write_bytes(url, data.encode("utf-8") if isinstance(data, str) else data)


def append(url: str, data: str | bytes, binary: bool = False) -> None:
    """Write a file again with more at its end.

    Two writers at once do not add up: the last one wins.

    Args:
        url: The file.
        data: Text or bytes.
        binary: Ignored; the type of `data` says it.
    """
    before = store_of.read_bytes(url) if store_of.info(url) else b""
    write(url, before + (data.encode("utf-8") if isinstance(data, str) else data))


def remove(url: str, recursive: bool = False) -> None:
    """Remove a file, or a folder with all it holds.

    Args:
        url: The file or folder.
        recursive: Whether to remove a folder; without it a folder stays as it is.
    """
    if not recursive:
        if not url.endswith("/") and not (not is_remote(url) and local_path(url).is_dir()):
            store_of.remove(url)
        return
    if store_of.is_folder(url):
        remove_folder(url)
    if not url.endswith("/"):
        store_of.remove(url)


def rename(src_url: str, dst_url: str) -> None:
    """Give one file another name; between stores it is copied, then removed."""
    if not is_remote(src_url) and not is_remote(dst_url):
        local_path(src_url).replace(local_path(dst_url))
        return
    store_of.copy(src_url, dst_url)
    store_of.remove(src_url)


def get_size(url: str, recursive: bool = False) -> int:
    """Return the bytes of a file or a folder.

    Args:
        url: The file or folder.
        recursive: Whether to add up all files in a folder.

    Returns:
        The bytes.

    Raises:
        MissingError: There is nothing.
    """
    if recursive and store_of.is_folder(url):
        return sum(each.size for each in store_of.list_files(url))
    return stat(url).length


def stat(url: str) -> Stat:
    """Return what is known of a file or folder.

    Raises:
        MissingError: There is neither.
    """
    found = None if url.endswith("/") else store_of.info(url)
    if found:
        return Stat(found.size, round(found.modified * 1e9), False)
    if not store_of.is_folder(url):
        raise MissingError(f"stat: expected a file or a folder at {url}, found none")
    return Stat(0, 0 if is_remote(url) else Path(local_path(url)).stat().st_mtime_ns, True)


def glob(url: str) -> list[str]:
    """Return the files that a pattern with *, ? and [..] names, sorted."""
    return store_of.glob(url)


def walk(url: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield (folder, names of folders, names of files), from the top down."""
    return store_of.walk(url)
