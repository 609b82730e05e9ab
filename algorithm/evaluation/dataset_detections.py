"""A detector over a whole set of samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from algorithm.data import Sample
from algorithm.data.feeding.picture_reader import reading_errors
from algorithm.data.feeding.pipeline import eval_batches
from algorithm.data.outlines import compressed_masks
from algorithm.evaluation.inference import Detect, Network


def detect_samples(
    detect: Detect, detector: Network, samples: Sequence[Sample], batch_size: int
) -> list[dict[str, np.ndarray]]:
    """Run a detector over samples.

    Args:
        detect: Of `detection_function`.
        detector: The detector it was made of.
        samples: The pictures.
        batch_size: Pictures at a time.

    Returns:
        For each sample, in order: boxes float32 [M, 4] yxyx in the picture's pixels, scores
        float32 [M], labels int32 [M] in 0..K-1; of a detector with masks also masks, an object
        array [M] of RunLengths.

    Raises:
        DataError: A picture cannot be read; it is named.
    """
    found: list[dict[str, np.ndarray]] = [{}] * len(samples)
    batches = eval_batches(samples, image_size=detector.image_size, batch_size=batch_size)
    sizes = np.array([(sample.height, sample.width) for sample in samples], np.float32)
    with reading_errors():
        for batch in batches:
            indices = batch["sample_index"].numpy()
            result = detect(
                batch["images"],
                batch["extent"],
                batch["scale"],
                tf.constant(sizes[np.maximum(indices, 0)]),
            )
            result = {name: value.numpy() for name, value in result.items()}
            for row, index in enumerate(indices):
                if index >= 0:
                    count = int(result["count"][row])
                    found[index] = {
                        name: result[name][row, :count] for name in ("boxes", "scores", "labels")
                    }
                    if "masks" in result:
                        sample = samples[index]
                        found[index]["masks"] = compressed_masks(
                            result["masks"][row, :count], sample.height, sample.width
                        )
    return found
