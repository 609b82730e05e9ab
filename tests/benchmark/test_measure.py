"""What the benchmark says of operations and of the device's peak."""

import pytest

from algorithm.benchmark.measure import Case, Peak, Settings, measured, report_line, share_of_peak

RESULT = {
    "what": "train_step",
    "images_per_second": 4.0,
    "operations_an_image": 15_000_000_000,
    "peak_memory_bytes": 3 * 2**29,
}


def test_the_share_of_the_peak_is_operations_a_second_over_it():
    result = share_of_peak(RESULT, Peak(240e9, "given"))
    assert result["operations_per_second"] == 60e9
    assert result["utilisation"] == pytest.approx(0.25)


def test_the_line_for_a_report_names_settings_results_and_machine():
    record = {
        "settings": {
            "model_name": "efficientdet-d0",
            "image_size": None,
            "batch_size": 8,
            "classes": 90,
            "precision": "float32",
        },
        "versions": {"keras": "3.15.0", "tensorflow": "2.21.0"},
        "device": "Some Processor",
        "cpus": 2,
        "python": "3.11.7",
        "results": [
            share_of_peak(RESULT, Peak(240e9, "given")),
            {"what": "pipeline", "images_per_second": 500.0, "peak_memory_bytes": 2**30},
        ],
    }
    assert report_line(record) == (
        "report: efficientdet-d0, its own size, batch 8, 90 classes, float32: train_step 4.00 "
        "images/s, 1.50 GiB, 25.0% of 240 GFLOP/s (given); pipeline 500.00 images/s, 1.00 GiB; "
        "Some Processor, 2 CPU(s), keras 3.15.0, tensorflow 2.21.0, Python 3.11.7"
    )


def test_only_a_network_has_operations():
    settings = Settings(rounds=1, warmup=0)
    assert measured("network", Case(lambda: None, 1, {}, 7), settings)["operations_an_image"] == 7
    assert "operations_an_image" not in measured("pipeline", Case(lambda: None, 1, {}), settings)
