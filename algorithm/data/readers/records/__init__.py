"""TFRecords in the schema of the TensorFlow Object Detection API."""
