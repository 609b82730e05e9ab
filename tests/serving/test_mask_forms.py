"""Masks of a reply, against pycocotools and cases computed by hand."""

import importlib.util

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from algorithm.export.model_folder import HANDLER

spec = importlib.util.spec_from_file_location("mask_forms", HANDLER.with_name("mask_forms.py"))
forms = importlib.util.module_from_spec(spec)
spec.loader.exec_module(forms)


def runs_of(mask):
    """Run lengths of uint8 [H, W], column by column, zeros first."""
    flat = np.concatenate([[0], mask.T.ravel(), [2]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], changes]))


@pytest.mark.parametrize(
    "runs, size, text",
    [
        ([3, 2, 1, 2, 4], (3, 4), "32103"),
        ([7, 2, 1, 2], (3, 4), "7210"),
        ([0, 4], (2, 2), "04"),
        ([4], (2, 2), "4"),
        ([0, 1, 5], (2, 3), "015"),
        ([210, *[20] * 79, 210], (40, 50), "b6d0d0" + "0" * 77 + "n5"),
    ],
)
def test_known_texts(runs, size, text):
    found = forms.coco_rle(np.array([runs]), *size)
    assert found == [{"size": list(size), "counts": text}]


def test_texts_are_those_of_pycocotools():
    """Of several masks at once, whose run lengths are of different number."""
    rng = np.random.default_rng(0)
    masks = [(rng.random((173, 301)) < share).astype(np.uint8) for share in (0.001, 0.5, 0.98)]
    masks[0][40:120, 30:200] |= 1
    runs = np.zeros((4, 2 + max(len(runs_of(mask)) for mask in masks)), np.int32)
    for row, mask in zip(runs, masks, strict=False):
        row[: len(runs_of(mask))] = runs_of(mask)
    encoded = coco_mask.encode(np.asfortranarray(np.stack(masks, 2)))
    found = forms.in_form("rle", runs, 173, 301)
    assert [text["counts"] for text in found] == [
        *(mask["counts"].decode() for mask in encoded),
        "",  # nothing but zeros: no mask was asked for
    ]
    assert forms.in_form("rle", runs[:0], 173, 301) == []


def filled(parts, size):
    encoded = coco_mask.merge(coco_mask.frPyObjects(parts, *size))
    return coco_mask.decode(encoded)


def test_a_block_is_four_corners():
    mask = np.zeros((20, 30), np.uint8)
    mask[4:9, 6:20] = 1
    (part,) = forms.polygons(runs_of(mask), *mask.shape)
    corners = {tuple(corner) for corner in np.reshape(part, (-1, 2))}
    assert corners == {(6, 4), (20, 4), (20, 9), (6, 9)}
    np.testing.assert_array_equal(filled([part], mask.shape), mask)


def test_parts_that_touch_at_a_corner_stay_apart_and_holes_are_filled():
    mask = np.zeros((12, 12), np.uint8)
    mask[1:4, 1:4] = mask[4:7, 4:7] = 1
    mask[8:12, 0:6] = 1
    mask[9, 2] = 0
    parts = forms.polygons(runs_of(mask), *mask.shape)
    assert len(parts) == 3
    mask[9, 2] = 1
    np.testing.assert_array_equal(filled(parts, mask.shape), mask)


def test_round_shapes_are_close_and_short():
    rows, columns = np.mgrid[:200, :260]
    mask = ((rows - 90) ** 2 + 0.5 * (columns - 130) ** 2 < 70**2).astype(np.uint8)
    (part,) = forms.polygons(runs_of(mask), *mask.shape)
    found = filled([part], mask.shape)
    assert (found & mask).sum() / (found | mask).sum() > 0.97
    assert len(part) < 120  # of 1,000 on the edge itself


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 5)])
def test_full_and_empty(size):
    full, empty = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    np.testing.assert_array_equal(filled(forms.polygons(runs_of(full), *size), size), full)
    assert forms.polygons(runs_of(empty), *size) == []
    assert len(forms.used_runs(np.zeros(5))) == 0
