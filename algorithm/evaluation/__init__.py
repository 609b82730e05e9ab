"""How good is it? COCO figures, matching and the operating point of detections against samples."""
