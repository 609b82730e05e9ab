"""Local twin of the platform's inference container; TensorFlow is the handler's business."""
