"""Pictures with outlines and masks by hand, for the tests of evaluation and assessment."""

import numpy as np
from pycocotools import mask as coco_mask

from algorithm.data.outlines import RunLengths
from algorithm.data.sample import Sample
from algorithm.evaluation.mask_records import make_mask_records
from algorithm.evaluation.records import make_records


def run_lengths_of(pixels):
    encoded = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))
    return RunLengths(*pixels.shape, encoded["counts"])


def block(size, top, left, bottom, right):
    """uint8 [H, W], 1 in the rows top..bottom - 1 and the columns left..right - 1."""
    pixels = np.zeros(size, np.uint8)
    pixels[top:bottom, left:right] = 1
    return pixels


def outlined_sample(number, size, outlines, boxes, labels, crowd=None, areas=None, path=""):
    """A sample; outlines are pixels or None."""
    return Sample(
        image_id=str(number),
        path=path,
        source=f"{number}.png",
        width=size[1],
        height=size[0],
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.array(labels, np.int32),
        is_crowd=np.array(crowd or [False] * len(labels), bool),
        usage="eval",
        areas=areas,
        outlines=tuple(None if one is None else run_lengths_of(one) for one in outlines),
    )


def records_and_masks(names, samples, found, input_size=None):
    """Records and mask records; found is (boxes, labels, scores, masks as pixels) of each sample."""
    records = make_records(
        names,
        [sample.source for sample in samples],
        [(sample.boxes, sample.labels, sample.is_crowd) for sample in samples],
        [row[:3] for row in found],
        [(sample.height, sample.width) for sample in samples],
        [sample.areas for sample in samples],
    )
    masks = [(row[2], [run_lengths_of(mask) for mask in row[3]]) for row in found]
    return records, make_mask_records(records, samples, masks, input_size)
