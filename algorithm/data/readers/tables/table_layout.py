"""What the columns of a table of boxes mean, by its header or, without one, by its cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from algorithm.data.readers.pictures.picture_lookup import PICTURE_SUFFIXES

SIDES = ("xmin", "ymin", "xmax", "ymax")
PICTURE = (
    *("filename", "fname", "file", "imagefilename", "imagefile", "imagename", "imgname", "imgfile"),
    *("imagepath", "imgpath", "filepath", "path", "image", "img", "picture", "imageid", "imgid"),
    *("frame", "imageurl", "url", "文件名", "图片", "图像", "图片名", "图片名称"),
)
CLASS = (
    *(
        "class",
        "classname",
        "labelname",
        "label",
        "categoryname",
        "category",
        "objectclass",
        "tag",
        "cls",
    ),
    *(
        "类别",
        "标签",
        "类",
        "类别名称",
        "name",
        "object",
        "type",
        "classid",
        "labelid",
        "categoryid",
    ),
)
CORNERS = {
    "xmin": ("xmin", "x1", "minx", "left", "xtl", "bboxx1", "bboxxmin", "roix1", "ulx"),
    "ymin": ("ymin", "y1", "miny", "top", "ytl", "bboxy1", "bboxymin", "roiy1", "uly"),
    "xmax": ("xmax", "x2", "maxx", "right", "xbr", "bboxx2", "bboxxmax", "roix2", "lrx"),
    "ymax": ("ymax", "y2", "maxy", "bottom", "ybr", "bboxy2", "bboxymax", "roiy2", "lry"),
}
STARTS = {
    "x": (*CORNERS["xmin"], "x", "bboxx", "boxx", "bboxleft", "xtopleft", "xleft", "topleftx"),
    "y": (*CORNERS["ymin"], "y", "bboxy", "boxy", "bboxtop", "ytopleft", "ytop", "toplefty"),
}
CENTRES = {
    "x": ("xcenter", "centerx", "xcentre", "centrex", "xc", "cx", "bboxxcenter", "bboxcenterx"),
    "y": ("ycenter", "centery", "ycentre", "centrey", "yc", "cy", "bboxycenter", "bboxcentery"),
}
LENGTHS = {
    "width": ("bboxwidth", "boxwidth", "bboxw", "boxw", "w", "bw", "objectwidth"),
    "height": ("bboxheight", "boxheight", "bboxh", "boxh", "h", "bh", "objectheight"),
}
PICTURE_SIZE = {
    "width": ("imagewidth", "imgwidth", "imwidth", "imagew", "imgw", "picturewidth", "width"),
    "height": ("imageheight", "imgheight", "imheight", "imageh", "imgh", "pictureheight", "height"),
}
LISTS = {
    **dict.fromkeys(("bbox", "box", "boundingbox", "bboxes", "boxes"), "open"),
    **dict.fromkeys(("bboxxyxy", "xyxy", "boxesstring"), "corners"),
    **dict.fromkeys(("bboxxywh", "xywh"), "sizes"),
}
SPLIT = ("split", "usage", "subset", "set", "partition")
IGNORED = ("difficult", "iscrowd", "crowd", "isgroupof", "ignore")
NUMBER = re.compile(r"-?\d+([.,]\d*)?([eE][+-]?\d+)?|-?[.,]\d+")


@dataclass(frozen=True)
class Layout:
    """Which cell of a row says what.

    Attributes:
        picture: Place of the name of the picture.
        label: Place of the class, None where the table has none.
        numbers: Places of the four numbers of a box, or the one place of a list of them.
        kind: What the numbers are: "corners" (xmin, ymin, xmax, ymax), "sizes" (xmin, ymin, width,
            height), "centre" (x, y, width, height), or "open": corners or sizes, which the rows
            must tell.
        width: Place of the picture's width, None where the table has none.
        height: Place of the picture's height, None where the table has none.
        split: Place of the split, None where the table has none.
        ignored: Places of the marks of difficult objects and crowds.
        header: Whether the first row is a header.
    """

    picture: int
    label: int | None
    numbers: tuple[int, ...]
    kind: str = "corners"
    width: int | None = None
    height: int | None = None
    split: int | None = None
    ignored: tuple[int, ...] = ()
    header: bool = True


def folded_header(cells: list[str]) -> list[str]:
    """Return names of columns as they are compared: letters and digits only, in lower case."""
    return [re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", cell).lower()) for cell in cells]


def layout_of_header(cells: list[str]) -> Layout | None:
    """Return the layout that a header names; None where it names no picture or no box."""
    names = folded_header(cells)
    picture = _picture_place(names)
    box = _box_places(names)
    if picture is None or box is None:
        return None
    places, kind = box
    taken = {picture, *places}
    free = [None if place in taken else name for place, name in enumerate(names)]
    size = {side: _place(free, PICTURE_SIZE[side]) for side in PICTURE_SIZE}
    return Layout(
        picture,
        _place(free, CLASS),
        places,
        kind,
        size["width"],
        size["height"],
        _place(free, SPLIT),
        tuple(place for place, name in enumerate(free) if name in IGNORED),
    )


def names_whole_pictures(rows: list[list[str]]) -> bool:
    """Return whether a table gives whole pictures classes: by name, or in columns of 0 and 1."""
    names = folded_header(rows[0]) if rows else []
    picture = _picture_place(names)
    if picture is None or layout_of_header(rows[0]) is not None:
        return False
    marks = [cell for cells in rows[1:] for place, cell in enumerate(cells) if place != picture]
    return _place(names, CLASS) is not None or (bool(marks) and {*marks} <= {"0", "1"})


def layout_of_cells(rows: list[list[str]]) -> Layout | None:
    """Return the layout of a table without a header by its first rows; None where it is unknown."""
    return next(
        (layout for shape, layout in HEADERLESS if rows and all(_fits(row, shape) for row in rows)),
        None,
    )


# P: picture, N: number, n: number or nothing, C: a class or nothing, S: a split, _: anything
HEADERLESS = (
    ("PnnnnC", Layout(0, 5, (1, 2, 3, 4), header=False)),  # keras-retinanet
    ("PCNNNN", Layout(0, 1, (2, 3, 4, 5), "open", header=False)),
    ("PNNNN", Layout(0, None, (1, 2, 3, 4), "open", header=False)),
    ("PNNCnnnn", Layout(0, 3, (4, 5, 6, 7), width=1, height=2, header=False)),
    ("CNNNNPNN", Layout(5, 0, (1, 2, 3, 4), "sizes", 6, 7, header=False)),  # Make Sense
    ("SPCnn__nn__", Layout(1, 2, (3, 4, 7, 8), split=0, header=False)),  # Google AutoML, Vertex
    ("PCnn__nn__", Layout(0, 1, (2, 3, 6, 7), header=False)),
)


def _fits(cells: list[str], shape: str) -> bool:
    return len(cells) == len(shape) and all(map(_is, cells, shape))


def _is(cell: str, sign: str) -> bool:
    if sign == "P":
        return cell.lower().endswith(PICTURE_SUFFIXES)
    if sign in "Nn":
        return bool(NUMBER.fullmatch(cell)) or (sign == "n" and not cell)
    if sign == "S":
        return cell.lower() in ("train", "training", "validation", "valid", "test", "unassigned")
    return sign == "_" or not cell.lower().endswith(PICTURE_SUFFIXES)


def _box_places(names: list[str]) -> tuple[tuple[int, ...], str] | None:
    """(places, kind) of the numbers of a box."""
    corners = _all_of(_place(names, CORNERS[side]) for side in SIDES)
    if corners:
        return corners, "corners"
    if {"x0", "y0", "x1", "y1"} <= set(names):
        return tuple(names.index(name) for name in ("x0", "y0", "x1", "y1")), "corners"
    lengths = [_place(names, LENGTHS[side]) for side in LENGTHS]
    if None in lengths:
        lengths = [_place(names, (side,)) for side in LENGTHS]
    for kind, starts in (("centre", CENTRES), ("sizes", STARTS)):
        places = _all_of((*(_place(names, starts[axis]) for axis in "xy"), *lengths))
        if places:
            return places, kind
    listed = next((name for name in LISTS if name in names), None)
    return None if listed is None else ((names.index(listed),), LISTS[listed])


def _all_of(places: Iterable[int | None]) -> tuple[int, ...]:
    """The places, or none of them where one is missing."""
    found = tuple(places)
    return () if None in found else tuple(place for place in found if place is not None)


def _picture_place(names: list[str]) -> int | None:
    """Place of the name of the picture; `name` or `id` where another column is the class."""
    found = _place(names, PICTURE)
    if found is None:
        other = _place(names, ("name", "id"))
        found = other if other is not None and _place(names, CLASS) not in (None, other) else None
    return found


def _place(names: Sequence[str | None], wanted: tuple[str, ...]) -> int | None:
    """Place of the first of the wanted names that there is."""
    return next((names.index(name) for name in wanted if name in names), None)
