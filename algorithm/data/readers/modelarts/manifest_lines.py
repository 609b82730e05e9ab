"""The JSON objects of a manifest: one a line, or as people's editors leave them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from algorithm.data.readers.text_file import decoded_bytes, read_text
from algorithm.errors import DataError

MAX_WHOLE = 1 << 28  # bytes of a manifest that is parsed as a whole


def records(path: Path) -> Iterator[tuple[int, dict]]:
    """Yield (line, object) of each sample, read line by line.

    An array, objects over several lines and UTF-16 are read as a whole.

    Raises:
        DataError: It cannot be read, or something is not a JSON object of a picture.
    """
    try:
        stream = path.open("rb")
    except OSError as error:
        raise DataError(
            f"expected a readable manifest, found {path}: {error.strerror or error}"
        ) from error
    with stream:
        first = True
        for number, raw in enumerate(stream, start=1):
            if not raw.strip():
                continue
            try:
                record = json.loads(decoded_bytes(raw, str(path)))
            except ValueError as error:
                if first:
                    yield from _of_whole(path, raw, number, error)
                    return
                raise _no_object(path, number, raw, error) from error
            if first and isinstance(record, list):
                yield from ((number, _checked(one, path, number)) for one in record)
            else:
                yield number, _checked(record, path, number)
            first = False


def _of_whole(path: Path, raw: bytes, number: int, wrong: ValueError) -> Iterator[tuple[int, dict]]:
    """The objects of a file that is no JSON lines; `wrong` says what is wrong with the first."""
    if path.stat().st_size > MAX_WHOLE:
        raise _no_object(path, number, raw, wrong) from wrong
    try:
        text = read_text(path, "a manifest of JSON objects")[0].removeprefix("\ufeff")
    except DataError:
        raise _no_object(path, number, raw, wrong) from wrong
    decoder, place, count = json.JSONDecoder(), 0, 0
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        if place == len(text):
            return
        line = text.count("\n", 0, place) + 1
        try:
            record, place = decoder.raw_decode(text, place)
        except ValueError as error:
            if not count:
                raise _no_object(path, number, raw, wrong) from wrong
            raise _no_object(path, line, text[place : place + 60].encode(), error) from error
        count += 1
        rows = record if isinstance(record, list) and count == 1 else [record]
        yield from ((line, _checked(row, path, line)) for row in rows)


def _checked(record: object, path: Path, line: int) -> dict:
    if isinstance(record, dict) and "source-ref" in record:
        raise DataError(
            f"expected 'source' and 'annotation' at {path}:{line}, found 'source-ref' of "
            f"SageMaker Ground Truth, "
            "which is not read: convert it to COCO"
        )
    if not isinstance(record, dict) or record.get("source-type"):
        raise DataError(
            f"expected a JSON object with 'source' and 'annotation' at {path}:{line}, found "
            f"{str(record)[:60]!r}: give a manifest of pictures"
        )
    return record


def _no_object(path: Path, line: int, raw: bytes, error: ValueError) -> DataError:
    shown = raw.strip()[:60].decode("utf-8", "replace")
    return DataError(
        f"expected one JSON object a line in the manifest, found {shown!r} at {path}:{line}: "
        f"correct the line "
        f"({error})"
    )
