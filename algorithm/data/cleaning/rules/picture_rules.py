"""What a picture file is, against what training and the platform expect; one row per rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from algorithm.data.cleaning.picture_facts import SUFFIXES, PictureFacts


@dataclass(frozen=True)
class PictureRule:
    """A rule over the facts of a picture.

    Attributes:
        applies: Whether facts break the rule.
        problem: What to say, a template over the facts.
        as_read: What is done about it where the picture is only read.
        as_written: What is done about it where a copy is written.
        new_pixels: Whether the copy is encoded anew.
    """

    name: str
    applies: Callable[[PictureFacts], bool]
    problem: str
    as_read: str
    as_written: str
    new_pixels: bool = True


PICTURE_RULES = (
    PictureRule(
        "turned by EXIF",
        lambda facts: facts.orientation in range(2, 9),
        "expected an upright picture, found EXIF orientation {0.orientation}",
        "read upright",
        "written upright",
    ),
    PictureRule(
        "16 bits",
        lambda facts: facts.deep,
        "expected 8 bits a channel, found 16",
        "read with 8 bits",
        "written with 8 bits",
    ),
    PictureRule(
        "low range",
        lambda facts: facts.deep and facts.dark,
        "expected values of {0.bits} bits, found none above {0.brightest:.1%} of their range",
        "read nearly black",
        "written nearly black",
        new_pixels=False,
    ),
    PictureRule(
        "beyond bit_depth",
        lambda facts: facts.too_bright,
        "expected values of {0.bits} bits, found some of {0.used_bits}",
        "read as white",
        "written as white",
        new_pixels=False,
    ),
    PictureRule(
        "not RGB",
        lambda facts: facts.mode != "RGB",
        "expected RGB, found {0.mode}",
        "read as RGB",
        "written as RGB",
    ),
    PictureRule(
        "animated",
        lambda facts: facts.animated,
        "expected one picture, found an animation",
        "first frame read",
        "first frame written",
    ),
    PictureRule(
        "format",
        lambda facts: facts.kind not in SUFFIXES,
        "expected a JPEG, PNG or BMP picture, found {0.kind}",
        "read as it is",
        "converted to JPEG",
    ),
    PictureRule(
        "suffix",
        lambda facts: facts.kind in SUFFIXES and facts.suffix != facts.right_suffix,
        "expected the suffix {0.right_suffix} of a {0.kind} picture, found '{0.suffix}'",
        "read by its content",
        "copied with the right suffix",
        new_pixels=False,
    ),
)
