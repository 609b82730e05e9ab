"""The fields of a request to the handler: its pictures, not decoded yet, and its settings.

Carried beside customize_service.py, which loads it. Written for Python 3.7 and newer.
"""

from __future__ import annotations

import base64
import difflib
import io
from typing import Any, BinaryIO

FIELD = "images"
MAX_PICTURES = 8  # in one request
SETTINGS = (
    "score_threshold",
    "max_detections",
    "class_names",
    "nms",
    "nms_iou_threshold",
    "masks",
)
# What `predict` and other services call a setting.
OTHER_NAMES = {
    "score": "score_threshold",
    "conf": "score_threshold",
    "confidence": "score_threshold",
    "threshold": "score_threshold",
    "max": "max_detections",
    "max_det": "max_detections",
    "classes": "class_names",
    "iou": "nms_iou_threshold",
    "iou_threshold": "nms_iou_threshold",
}


class BadRequest(TypeError):
    """The request cannot be answered as it is.

    It is a TypeError, because the platform's server answers 400 to KeyError and TypeError only, 500
    to the rest.

    Attributes:
        reason: What may be shown to the client.
    """

    def __init__(self, reason: str) -> None:
        """Keep what the client may read."""
        super().__init__(reason)
        self.reason = reason


class Choice:
    """What a request asks for, or the model folder's own thresholds where it asks for nothing.

    Attributes:
        confidence: The score from which on detections count.
        overlap: The IoU above which the handler drops the worse box of a class, or None.
        most: How many detections to return at most, None for all.
        names: Names of the classes to return, None for all.
        hard_above: The IoU above which the graph drops the worse box of a class, or None.
        of_classes: The score of each class from which on its detections count, class 1 first; None
            for `confidence` alone.
        masks: "rle" or "polygon" for masks in that form, "none" for none.
    """

    def __init__(
        self,
        confidence: float,
        overlap: float | None,
        most: int | None = None,
        names: set[str] | None = None,
        hard_above: float | None = None,
        of_classes: list[float] | None = None,
        masks: str = "none",
    ) -> None:
        """Keep what is given."""
        self.confidence, self.overlap, self.most, self.names = confidence, overlap, most, names
        self.hard_above, self.of_classes, self.masks = hard_above, of_classes, masks

    def least(self, number: float) -> float:
        """Return the score from which on detections of the 1-based class `number` count."""
        of_classes = self.of_classes or []
        return of_classes[int(number) - 1] if 1 <= number <= len(of_classes) else self.confidence

    def lowest(self) -> float:
        """Return the least score from which on detections of any class count."""
        return min([self.confidence, *(self.of_classes or [])])


def one_dict(data: Any) -> dict[str, Any]:
    """Return the fields of a request.

    Args:
        data: A dict, or a list of dicts.

    Returns:
        The fields by name.

    Raises:
        BadRequest: A field stands in two of the dicts, a setting is given two values, or a name
            is a misspelt setting. Names that resemble no setting are left alone.
    """
    parts = [
        part for part in (data if isinstance(data, list) else [data]) if isinstance(part, dict)
    ]
    if sum(FIELD in part for part in parts) > 1:
        raise BadRequest(
            f"expected the field '{FIELD}' once, found it {sum(FIELD in part for part in parts)} "
            "times"
        )
    fields: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for given, value in (item for part in parts for item in part.items()):
        name = _field_name(given)
        if name in SETTINGS and name in fields and str(fields[name]) != str(value):
            raise BadRequest(
                f"{name}: expected one value, found {origins[name]}={fields[name]} and "
                f"{given}={value}"
            )
        fields[name], origins[name] = value, given
    return fields


def _field_name(given: Any) -> Any:
    """Return the setting that the name `given` stands for, `given` itself where it is none.

    Raises:
        BadRequest: It is a misspelt setting.
    """
    plain = str(given).lower().replace("-", "_")
    name = OTHER_NAMES.get(plain, plain)
    if name in SETTINGS:
        return name
    near = difflib.get_close_matches(plain, SETTINGS, n=1, cutoff=0.8)
    if near and given != FIELD:
        raise BadRequest(
            f"{given}: a request has no such field: did you mean {near[0]}? "
            f"Its settings are {', '.join(SETTINGS)}"
        )
    return given


def find_pictures(fields: dict[str, Any]) -> list[tuple[str, BinaryIO]]:
    """Return the pictures of a request, from its field FIELD.

    The field is {file name: stream}, or base64 text, or a list of texts.

    Args:
        fields: The fields by name.

    Returns:
        (file name, binary stream) of each picture.

    Raises:
        BadRequest: The field is absent or something else.
    """
    found = fields.get(FIELD)
    if isinstance(found, str):
        found = [found]
    if isinstance(found, list) and found and all(isinstance(text, str) for text in found):
        pictures = [
            from_base64(text, f"{FIELD}[{place}]")
            for place, text in enumerate(found[: MAX_PICTURES + 1])
        ]
    elif isinstance(found, dict) and all(hasattr(stream, "read") for stream in found.values()):
        pictures = list(found.items())
    else:
        pictures = []
    if not 1 <= len(pictures) <= MAX_PICTURES:
        raise BadRequest(
            "expected 1 to {} pictures in the field '{}', as files of a form or as base64 text in "
            "JSON, found {}; "
            "fields of the request: {}".format(
                MAX_PICTURES, FIELD, len(pictures), ", ".join(sorted(map(str, fields))) or "none"
            )
        )
    return pictures


def from_base64(text: str, name: str) -> tuple[str, BinaryIO]:
    """Return a picture that was sent as base64 text.

    Args:
        text: The text, with or without "data:...;base64," before it.
        name: The name for the picture.

    Returns:
        (name, binary stream).

    Raises:
        BadRequest: It is no base64; the message names it.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return name, io.BytesIO(base64.b64decode("".join(text.split()), validate=True))
    except ValueError as error:
        raise BadRequest(
            f"{name}: expected a picture as base64 text, found none: {error}"
        ) from error


def number(fields: dict[str, Any], name: str, kind: type, least: float, most: float) -> Any:
    """Return a field as an int or a float, None where it is absent.

    Args:
        fields: The fields by name.
        name: The field.
        kind: int or float.
        least: The lowest value.
        most: The highest value.

    Returns:
        The number, or None.

    Raises:
        BadRequest: It is another thing, or outside of the range.
    """
    given = fields.get(name)
    if given is None:
        return None
    try:
        value = (
            kind(given)
            if isinstance(given, (str, int, float)) and not isinstance(given, bool)
            else None
        )
    except (ValueError, OverflowError):
        value = None
    if value is None or not least <= value <= most or isinstance(given, float) and value != given:
        raise BadRequest(
            "{}: expected {} from {} to {}, found {!r}".format(
                name, "a whole number" if kind is int else "a number", least, most, given
            )
        )
    return value


def wanted_names(given: Any, known: list[str]) -> set[str] | None:
    """Return the class names that a request asks for.

    Args:
        given: A comma list or a JSON list, None where none is given.
        known: The names of all classes.

    Returns:
        The names, or None where none is given.

    Raises:
        BadRequest: A class is unknown.
    """
    if given is None:
        return None
    names = [given] if given in known else given.split(",") if isinstance(given, str) else given
    unknown = (
        names if not isinstance(names, list) else [name for name in names if name not in known]
    )
    if unknown:
        raise BadRequest(
            "class_names: expected some of {}, found {!r}".format(", ".join(known), unknown)
        )
    return set(names)
