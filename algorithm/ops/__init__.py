"""Pure functions on tensors and arrays: boxes, anchors, matching, losses, images, detections."""
