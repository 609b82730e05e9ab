"""Boxes and captions in a picture."""

import numpy as np
import pytest

from algorithm.pages import box_drawing
from algorithm.pages.box_drawing import caption, class_colour, draw_detections, ink_on

GREY = np.full((100, 200, 3), 128, np.uint8)


def test_the_outline_lies_on_the_box_in_the_colour_of_its_class():
    drawn = draw_detections(GREY, [[20, 30, 80, 150]], ["dog"], [0.9])
    assert drawn.shape == GREY.shape and drawn.dtype == np.uint8
    for row, column in ((80, 90), (50, 30), (50, 150)):
        assert tuple(drawn[row, column]) == class_colour("dog")
    assert (drawn[50, 90] == 128).all() and (drawn[95] == 128).all()


def plate(drawn, background=128):
    """The rows and columns that a drawing covers: top, left, bottom, right."""
    rows, columns = np.nonzero((drawn != background).any(axis=-1))
    return rows.min(), columns.min(), rows.max(), columns.max()


@pytest.mark.parametrize("box", [[0, 190, 5, 199], [95, 195, 99, 199], [0, 0, 99, 199]])
def test_a_caption_at_an_edge_lies_inside_as_a_whole(box):
    drawn = draw_detections(GREY, [box], ["dog"], [0.9])
    free = draw_detections(GREY, [[50, 50, 51, 51]], ["dog"], [0.9])
    ink = [
        (picture != 128).any(axis=-1) & (picture != class_colour("dog")).any(axis=-1)
        for picture in (drawn, free)
    ]
    assert ink[0].sum() == ink[1].sum() > 100


def test_a_caption_has_at_least_twelve_pixels_and_grows_with_the_picture():
    box = [[50, 50, 51, 51]]
    top, _, bottom, _ = plate(draw_detections(GREY, box, ["dog"]))
    assert bottom - top >= 12
    large = draw_detections(np.full((1000, 2000, 3), 128, np.uint8), [[500, 500, 501, 501]], ["x"])
    top, _, bottom, _ = plate(large)
    assert bottom - top >= 50


def test_captions_of_boxes_in_one_place_do_not_cover_each_other():
    drawn = draw_detections(GREY, [[40, 30, 60, 150]] * 2, ["dog", "cat"])
    for name in ("dog", "cat"):
        plate_rows = (drawn == class_colour(name)).all(axis=-1).sum(axis=1) > 4
        assert plate_rows.sum() >= 12


def test_ink_stands_out_on_every_plate():
    def luminance(colour):
        parts = np.array(colour) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    for number in range(300):
        colour = class_colour(f"class {number}")
        low, high = sorted((luminance(colour), luminance(ink_on(colour))))
        assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2 AA


def test_the_given_picture_is_left_alone_and_no_box_changes_nothing():
    image = GREY.copy()
    draw_detections(image, [[0, 0, 99, 199]], ["dog"])
    assert (image == 128).all()
    assert (draw_detections(image, np.zeros((0, 4), np.float32), []) == 128).all()


def test_boxes_over_the_edge_are_clipped_to_it():
    drawn = draw_detections(GREY, [[-50.0, -50.0, 500.0, 500.0]], ["dog"], [1.0])
    assert (
        tuple(drawn[60, 0]) == tuple(drawn[60, 199]) == tuple(drawn[99, 100]) == class_colour("dog")
    )


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 1, 3)])
def test_tiny_and_thin_pictures_can_be_drawn_into(shape):
    assert draw_detections(np.zeros(shape, np.uint8), [[0, 0, 1, 1]], ["dog"], [0.5]).shape == shape


def test_labels_and_boxes_must_belong_together():
    with pytest.raises(ValueError):
        draw_detections(GREY, [[0, 0, 1, 1]], [], [])


def test_colours_are_fixed_and_differ():
    assert class_colour("dog") == class_colour("dog") != class_colour("cat")
    assert all(0 <= part <= 255 for part in class_colour("猫"))


def test_a_name_no_font_can_show_becomes_its_number(monkeypatch):
    monkeypatch.setattr(box_drawing, "_wide_fonts", lambda: ())
    box_drawing._fonts.cache_clear()
    assert caption("dog", 12)[1] == "dog"
    assert caption("猫", 12, ("dog", "猫"))[1] == "class 2"
    assert caption("猫 x", 12)[1] == "? x"
    box_drawing._fonts.cache_clear()
