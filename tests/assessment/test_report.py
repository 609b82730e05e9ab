"""The page and its plots: hostile names, unreadable pictures, odd amounts of everything."""

import dataclasses
import html
import json
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from algorithm.assessment.advice.finding import Finding
from algorithm.assessment.advice.setting_steps import Change, Setting
from algorithm.assessment.advice.tuning import Trail
from algorithm.assessment.advice.wording import TITLES
from algorithm.assessment.analysis import analyse_records
from algorithm.assessment.report import plots
from algorithm.assessment.report.result_files import result_texts, write_results
from algorithm.assessment.report.sample_pictures import draw_suspects, draw_worst, worst_pictures
from algorithm.evaluation.records import make_records
from algorithm.pages.bilingual_page import cards, sortable
from algorithm.pages.page import both

NAMES = ("<script>alert(1)</script>", "_hidden", "$x$ and $", "猫", 'a "quoted" & name')


def analysis_of(records):
    return analyse_records(records, [None] * len(records.names))


@pytest.fixture(scope="module")
def analysis(random_records):
    return analysis_of(dataclasses.replace(random_records(2), label_names=NAMES))


@pytest.fixture(scope="module")
def texts(analysis):
    """The files of an assessment by name."""
    return result_texts(analysis, Setting())


def test_names_are_text_on_the_page(texts):
    page = texts["report.html"]
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<script>") == 1


@pytest.mark.parametrize(("name", "draw"), plots.PLOTS)
def test_plots_keep_text_as_text(name, draw, analysis):
    svg = draw(analysis)
    assert svg.startswith("<svg") and svg.rstrip().endswith("</svg>") and "<text" in svg


def test_class_names_stand_in_the_plot_as_they_are(analysis):
    svg = plots.confusion(analysis)
    assert "猫" in svg and "$x$ and $" in svg and "_hidden" in svg and "&lt;script&gt;" in svg


def test_the_same_analysis_gives_the_same_page(analysis, texts):
    assert result_texts(analysis, Setting()) == texts


@pytest.mark.parametrize("classes", [1, 120])
def test_few_and_many_classes(random_records, classes):
    texts = result_texts(analysis_of(random_records(1, pictures=8, classes=classes)), Setting())
    assert "Confusion matrix" in texts["report.html"]


def test_the_page_names_model_and_dataset(analysis):
    page = result_texts(analysis, Setting(), model="out/<m>", data="raccoon")["report.html"]
    assert "<title>Model assessment: out/&lt;m&gt; on raccoon</title>" in page
    assert "模型评估: out/&lt;m&gt;, 数据集 raccoon" in page


def test_the_command_and_the_parameters_of_the_next_job_can_be_copied(texts):
    job, page = json.loads(texts["next_job.json"]), html.unescape(texts["report.html"])
    assert page.count('<button class="copy"') == 2
    assert f"<pre>{job['command']}</pre>" in page
    assert f"<pre>{json.dumps(job['parameters'], ensure_ascii=False, indent=2)}</pre>" in page


def test_charts_that_would_say_nothing_are_lines(random_records):
    blank = dataclasses.replace(random_records(2), label_names=NAMES)
    none = np.zeros(0, int)
    blank = make_records(
        NAMES, blank.names, [(np.ones((1, 4)) * [0, 0, 9, 9], [0], [False])] * len(blank.names),
        [(np.zeros((0, 4)), none, np.zeros(0))] * len(blank.names),
        np.full((len(blank.names), 2), 450.0),
    )  # fmt: skip
    page = result_texts(analysis_of(blank), Setting())["report.html"]
    for line in (
        "Precision and recall: none.",
        "Mean F1 against the confidence threshold: none.",
        "False detections: none.",
        "误检分析: 无。",
    ):
        assert line in page
    assert f'alt="{TITLES["false_detections"][0]}"' not in page
    assert f'alt="{TITLES["missed_objects"][0]}"' in page


def test_the_confusion_matrix_of_one_class_is_told_in_words(random_records):
    single = analysis_of(random_records(1, classes=1))
    (found, missed), (false, _) = single.confusion.tolist()
    line = f"{found} of {found + missed} objects detected, {missed} missed, {false} detections"
    assert line in result_texts(single, Setting())["report.html"]


def test_numbers_of_a_confusion_matrix_stand_out_on_their_squares(analysis):
    draw, _ = plots._confusion_drawing(analysis.records, analysis.confusion)
    axes = Figure().add_subplot()
    draw(axes)
    shares = axes.images[0].get_array()
    for text in axes.texts:
        column, row = map(int, text.get_position())
        assert text.get_text() == str(analysis.confusion[row, column])
        shade = np.mean(axes.images[0].to_rgba(shares)[row, column][:3])
        assert text.get_color() == ("#ffffff" if shade < 0.4 else "#000000")
    darkness = 3 - axes.images[0].cmap(np.linspace(0, 1, 20))[:, :3].sum(axis=1)
    assert (np.diff(darkness) > 0).all()  # dark is more


def test_tables_hold_empty_cells_and_pairs():
    table = sortable(
        [("Name", "名称"), ("Value", "数值")], [(("a", "甲"), 0.5), ("b", None), ("c", 3)]
    )
    assert (
        '<td class="number">0.500</td>' in table
        and '<td class="number"></td>' in table
        and '<td class="number">3</td>' in table
    )
    assert '<span class="en">a</span><span class="zh">甲</span>' in table
    assert sortable([("Name", "名称")], []) == ""
    assert both(("same", "same")) == "same" and "–" in cards([(("x", "x"), None)])


def test_worst_pictures_are_those_with_most_mistakes(tmp_path):
    truth = [[0, 0, 20, 30], [20, 30, 40, 60]]
    records = make_records(
        ["a"],
        ["good", "bad", "worse"],
        [(truth, [0, 0])] * 3,
        [(truth, [0, 0], [0.9, 0.8]), (truth[:1], [0], [0.9]), ([], [], [])],
    )
    found = analysis_of(records)
    assert worst_pictures(found, 5) == [2, 1]
    path = tmp_path / "x.png"
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(path)
    drawings = list(draw_worst(found, [2, 1], [str(path), str(path), str(tmp_path / "gone.png")]))
    assert [row.captions[0] for row in drawings] == ["bad: 0 false, 1 missed"]
    assert drawings[0].pixels.shape == (40, 60 + 6 + 60, 3)
    assert "漏检 1" in drawings[0].captions[1]


def test_doubtful_labels_are_drawn_with_their_surroundings(tmp_path):
    boxes = [[0, 20 * i, 15, 20 * i + 15] for i in range(20)]
    found = [*boxes[:19], [100, 300, 120, 330]]
    records = make_records(
        ["a"], ["p"], [(boxes, [0] * 20)], [(found, [0] * 20, np.linspace(0.99, 0.8, 20))]
    )
    path = tmp_path / "p.png"
    Image.fromarray(np.zeros((200, 420, 3), np.uint8)).save(path)
    (drawing,) = draw_suspects(analysis_of(records), [str(path)])
    assert max(drawing.pixels.shape[:2]) == pytest.approx(360, abs=1)
    assert drawing.captions[0] == "an object without a label? a, 0.80, p"


def test_files_are_written_whole(tmp_path):
    write_results({"a.json": "{}", "b.html": "<p>"}, tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.json", "b.html"]


def test_curves_of_precision_never_rise_in_recall_backwards(analysis, texts):
    for curve in analysis.precision_recall:
        recalls = [point[0] for point in curve]
        assert recalls == sorted(recalls) and len(curve) <= 101
    assert not re.search(r"\bnan\b", texts["assessment.json"].lower())


def test_a_tuning_decides_the_next_job(analysis):
    finding = Finding("x", "major", 0.5, ("because", "因为"))
    rows = (
        {"job": 0, "changes": "", "AP": 0.4, "gain": 0.0, "interval": None, "kept": True},
        {
            "job": 1,
            "changes": "mosaic=0.3",
            "AP": None,
            "gain": None,
            "interval": None,
            "kept": False,
        },
    )
    texts = result_texts(
        analysis, Setting(), trail=Trail(rows, ((Change("cutout", "0", "0.3"), finding),))
    )
    job = json.loads(texts["next_job.json"])
    assert [row["name"] for row in job["changes"]] == ["cutout"] and "cutout=0.3" in job["command"]
    assert "not kept" in texts["report.html"] and json.loads(texts["assessment.json"])[
        "tuning"
    ] == list(rows)


def test_names_that_a_pictures_font_lacks_are_numbers_of_classes():
    records = make_records(["cat", "鸟"], ["a"], [([[0, 0, 5, 5]], [1])], [([], [], [])])
    draw, _ = plots._confusion_drawing(records, np.eye(3, dtype=np.int64), in_pixels=True)
    axes = Figure().add_subplot()
    draw(axes)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "cat",
        "class 1",
        "nothing there",
    ]
    pixels = plots.confusion_pixels(records, np.eye(3, dtype=np.int64))
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.std() > 0
