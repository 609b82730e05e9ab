"""Masks in findings, files, page, comparison and command; models of boxes are untouched by them."""

import json

import numpy as np
import pytest
from outlined_pictures import block, outlined_sample, records_and_masks
from PIL import Image

from algorithm.__main__ import main
from algorithm.assessment.advice.advice_rows import MASK_ADVICE
from algorithm.assessment.advice.finding import MAJOR, NOTE, SLIGHT
from algorithm.assessment.advice.graded_findings import findings, next_changes
from algorithm.assessment.advice.setting_steps import Change, Setting
from algorithm.assessment.advice.tuning import candidates
from algorithm.assessment.advice.wording import MASK_COST_NAMES
from algorithm.assessment.analysis import analyse_records
from algorithm.assessment.assessed_model import MASK_SIGNATURE
from algorithm.assessment.comparison import compare, verdict
from algorithm.assessment.masks.mask_analysis import COSTED, GRID
from algorithm.assessment.masks.mask_fits import CUT, KINDS, LEAK, MISSED_PART, SPILL
from algorithm.assessment.report.result_files import result_texts
from algorithm.assessment.report.worst_masks import COLOURS, RIGHT, draw_worst_masks
from algorithm.export.saved_model import MASKS

SIZE = (100, 100)
OBJECT, NEIGHBOUR = (10, 10, 50, 50), (10, 50, 50, 90)
KINDS_OF_MASKS = {  # box, mask; each loses to one kind alone
    LEAK: ((10, 10, 50, 66), (10, 10, 50, 66)),
    SPILL: ((10, 10, 66, 50), (10, 10, 66, 50)),
    CUT: ((10, 10, 39, 50), (10, 10, 39, 50)),
    MISSED_PART: (OBJECT, (10, 10, 39, 50)),
}
SETTING = Setting({"num_epochs": "100", "model_name": "efficientdet-lite0", "image_size": "256"})


def analysis_of(box, mask, *, pictures=30, neighbour=True, input_size=(400, 400), path=""):
    """In each picture the same mask of one object, and the other object exactly."""
    boxes = [OBJECT, NEIGHBOUR][: 1 + neighbour]
    outlines = [block(SIZE, *each) for each in boxes]
    labels = [0, 1][: len(boxes)]
    samples = [
        outlined_sample(place, SIZE, outlines, boxes, labels, path=path)
        for place in range(pictures)
    ]
    masks = [block(SIZE, *mask), *outlines[1:]]
    found = ([box, *boxes[1:]], labels, [0.9, 0.8][: len(boxes)], masks)
    records, held = records_and_masks(["猫", "dog"], samples, [found] * pictures, input_size)
    return analyse_records(records, [None] * pictures, masks=held)


def by_key(analysis, setting=SETTING):
    return {row.key: row for row in findings(analysis, setting)}


def test_every_kind_has_its_advice_and_its_name():
    assert {row.key for row in MASK_ADVICE} == set(COSTED) == set(MASK_COST_NAMES)
    assert set(COLOURS) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (LEAK, {"mask_loss_weight": "4", "num_epochs": "150"}),
        (SPILL, {"mask_loss_weight": "4", "num_epochs": "150"}),
        (CUT, {"iou_loss_type": "giou", "box_loss_weight": "75"}),
        (MISSED_PART, {"num_epochs": "150", "mask_loss_weight": "4"}),
    ],
)
def test_what_is_lost_to_one_kind_asks_for_its_change(kind, changes):
    """IoU 40 / 56 or 29 / 40: hits at 5 limits of ten, so that half of the cats' AP is lost."""
    analysis = analysis_of(*KINDS_OF_MASKS[kind])
    found = by_key(analysis)
    assert analysis.masks.shares() == {each: float(each == kind) for each in KINDS}
    assert found[kind].grade == MAJOR and found[kind].number == pytest.approx(0.25)
    assert {change.name: change.after for change in found[kind].changes} == changes
    assert (
        "100% of the lost IoU" in found[kind].english
        and "占损失 IoU 的 100%" in found[kind].chinese
    )
    assert not {*COSTED, "mask_edges"} - {kind} & found.keys()
    assert {change.name for change, _ in next_changes(list(found.values()))} >= set(changes)


def test_good_masks_ask_for_nothing():
    found = by_key(analysis_of(OBJECT, OBJECT))
    assert not {*COSTED, "mask_edges", "boxes_first", "masks_first"} & found.keys()


def test_a_coarse_grid_asks_for_larger_pictures():
    """At 32 pixels a cell is 12.5 of the picture's, a quarter of the objects' side."""
    finding = by_key(analysis_of(OBJECT, (14, 10, 50, 50), input_size=(32, 32)))[GRID]
    assert finding.changes == (Change("image_size", "256x256", "320x320"),)
    assert "outlines drawn on it keep an IoU of 0." in finding.english
    assert "网格" in finding.chinese


def test_what_one_picture_loses_may_be_chance():
    finding = by_key(analysis_of(*KINDS_OF_MASKS[LEAK], pictures=1))[LEAK]
    assert finding.grade == SLIGHT and finding.changes == ()
    assert "may be chance" in finding.english


def test_loose_edges_ask_to_look_at_the_outlines():
    """One pixel too many all round, and the grid is fine enough."""
    found = by_key(analysis_of((9, 9, 51, 51), (9, 9, 51, 51), neighbour=False))
    edges = found["mask_edges"]
    assert edges.number == pytest.approx(1 - 1600 / 42**2, abs=0.02)
    assert "100% of the lost IoU lies along them" in edges.english
    assert edges.todo[0].startswith("To do: look at the worst masks") and edges.changes == ()


def test_boxes_come_first_where_masks_lose_little_more():
    """Half of the objects are not found at all: AP of boxes 0.25, of masks nearly as much."""
    outlines = [block(SIZE, *OBJECT), block(SIZE, *NEIGHBOUR)]
    samples = [
        outlined_sample(place, SIZE, outlines, [OBJECT, NEIGHBOUR], [0, 0]) for place in range(30)
    ]
    found = ([(14, 10, 50, 50)], [0], [0.9], [block(SIZE, 14, 10, 50, 50)])
    records, masks = records_and_masks(["猫"], samples, [found] * 30, (400, 400))
    rows = findings(analyse_records(records, [None] * 30, masks=masks), SETTING)
    note = next(row for row in rows if row.key == "boxes_first")
    assert note.grade == NOTE and note.number == pytest.approx(1)
    assert "100% of AP of boxes" in note.english and "检测框的建议" in note.chinese
    weights = {row.key: row.weight for row in rows}
    assert weights[CUT] < 0.2 < weights["missed"]


def test_masks_come_first_where_they_lag_behind():
    """IoU 18 / 40 is no hit at all, with boxes that are exact."""
    found = by_key(analysis_of(OBJECT, (10, 10, 28, 50), neighbour=False))
    note = found["masks_first"]
    assert (note.grade, note.number) == (NOTE, 0) and "lag behind" in note.english
    assert found[MISSED_PART].grade == MAJOR and "boxes_first" not in found


def test_tuning_leaves_masks_out_because_it_compares_ap_of_boxes():
    rows = findings(analysis_of(*KINDS_OF_MASKS[LEAK]), SETTING)
    assert any(row.key == LEAK and row.changes for row in rows)
    assert not [finding for finding, _ in candidates(rows, False) if finding.key in COSTED]


def test_files_and_page_have_the_masks_in_both_languages(tmp_path):
    path = tmp_path / "p.png"
    Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(path)
    analysis = analysis_of(*KINDS_OF_MASKS[LEAK], pictures=2)
    texts = result_texts(analysis, SETTING, paths=[str(path)] * 2)
    segm = json.loads(texts["assessment.json"])["segm"]
    assert segm["metrics"]["AP"] == pytest.approx(0.75)
    assert segm["per_class"]["猫"]["AP"] == pytest.approx(0.5)
    assert segm["per_class"]["猫"]["mask_iou"] == pytest.approx(40 / 56)
    assert segm["per_class"]["dog"]["boundary_iou"] == 1
    assert segm["errors"][LEAK] == {"lost_iou": pytest.approx(8 / 56), "share": 1, "misfits": 2}
    assert len(segm["intervals"]["AP"]) == 2 and segm["per_size"]["small"]["matched"] == 0
    assert [row["mostly"] for row in segm["worst_masks"]] == [LEAK, LEAK]
    page = texts["report.html"]
    for text in (
        "What masks lose",
        "掩码误差分析",
        "leak onto a neighbour",
        "mostly leak",
        "漏到相邻目标",
    ):
        assert text in page
    shown = json.loads(texts["display.json"])
    assert shown["zh-cn"]["mask_errors"]["value"]["漏到相邻目标"] == pytest.approx(0.25)
    assert shown["en-us"]["summary"]["value"]["masks: AP at IoU 0.5"] == pytest.approx(1.0)


def test_the_worst_mask_is_drawn_by_kind(tmp_path):
    path = tmp_path / "p.png"
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(path)
    analysis = analysis_of(*KINDS_OF_MASKS[LEAK], pictures=1)
    (drawing,) = draw_worst_masks(analysis.masks, [str(path)])
    assert drawing.captions[0] == "0.png: 猫, IoU 0.71, mostly leak onto a neighbour"
    # the part is columns 0 to 79 and rows 0 to 59: box and masks with a quarter more on each side
    height, width = drawing.pixels.shape[:2]
    assert (height, width) == (270, 360)
    for column, colour in ((20, RIGHT), (60, COLOURS[LEAK])):
        seen = drawing.pixels[round(30 * 4.5), round(column * 4.5)]
        assert seen == pytest.approx(0.55 * np.array(colour), abs=2)


def test_two_assessments_are_compared_by_their_masks_too():
    before = analysis_of(*KINDS_OF_MASKS[MISSED_PART]).as_dict()
    after = analysis_of(OBJECT, OBJECT).as_dict()
    rows = {row.name[0]: row for row in compare(before, after)}
    masks = rows["masks: AP, IoU 0.5 to 0.95 (COCO)"]
    assert masks.better and masks.change == pytest.approx(0.25) and masks.interval[0] > 0
    assert rows["masks: AP of 猫"].interval and rows["masks: boundary IoU"].better
    assert rows["masks: cost of missed part"].better
    assert rows["AP, IoU 0.5 to 0.95 (COCO)"].change == 0
    english, chinese = verdict(before, after)
    assert "No difference can be seen" in english and "AP of masks is better" in english
    assert "掩码 AP 提高" in chinese


def test_a_model_of_boxes_is_compared_with_one_of_masks():
    masks = analysis_of(OBJECT, OBJECT)
    boxes = analyse_records(masks.records, [None] * 30)
    rows = {row.name[0]: row for row in compare(boxes.as_dict(), masks.as_dict())}
    row = rows["masks: AP at IoU 0.5"]
    assert (row.before, row.after, row.better) == (None, pytest.approx(1.0), None)


def test_boxes_are_told_as_without_masks(random_records):
    """Of a model of boxes nothing says anything about masks; with masks the rest stays the same."""
    with_masks = analysis_of(*KINDS_OF_MASKS[LEAK])
    boxes = analyse_records(with_masks.records, [None] * 30)
    both, alone = with_masks.as_dict(), boxes.as_dict()
    assert set(both) - set(alone) == {"segm"}
    assert {key: both[key] for key in alone} == alone
    texts = result_texts(analyse_records(random_records(2), [None] * 40), SETTING)
    for text in texts.values():
        assert not any(word in text for word in ('id="masks"', "segm", "mask_errors", "boundary"))


def mask_model(folder):
    """A SavedModel that sees OBJECT in every picture, with a mask that leaks onto NEIGHBOUR; of boxes alone it sees another."""
    import tensorflow as tf

    box, mask = KINDS_OF_MASKS[LEAK]
    pixels = block(SIZE, *mask).T.ravel()
    ends = np.flatnonzero(np.diff(np.concatenate([[0], pixels, [0]])))
    runs = np.diff(np.concatenate([[0], ends, [pixels.size]]))
    module = tf.Module()

    def found(boxes):
        return {
            "detection_boxes": tf.constant([boxes], tf.float32),
            "detection_classes": tf.constant([[1.0, 0.0]]),
            "detection_scores": tf.constant([[0.9, 0.0]]),
            "num_detections": tf.constant([1.0]),
        }

    images = tf.TensorSpec((None, None, None, 3), tf.uint8, "images")
    above = tf.TensorSpec((), tf.float32, "mask_above")
    module.serve = tf.function(
        lambda images: found([NEIGHBOUR, [0, 0, 0, 0]]), input_signature=[images]
    )
    held = tf.constant(np.stack([runs, np.zeros_like(runs)])[None], tf.int32)
    module.serve_masks = tf.function(
        lambda images, mask_above: {**found([box, [0, 0, 0, 0]]), "detection_masks": held},
        input_signature=[images, above],
    )
    module.prepare = tf.function(
        lambda image: {"inputs": tf.zeros((64, 96, 3))},
        input_signature=[tf.TensorSpec((None, None, 3), tf.uint8, "image")],
    )
    signatures = {"serving_default": module.serve, MASK_SIGNATURE: module.serve_masks}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    (folder / "index").write_text('{"labels_list": ["cat"]}')
    return folder


def coco_set(folder, outlines):
    folder.mkdir()
    boxes = [OBJECT, NEIGHBOUR]
    images = [{"id": n, "file_name": f"{n}.png", "width": 100, "height": 100} for n in (1, 2)]
    annotations = []
    for image in images:
        Image.fromarray(np.full((*SIZE, 3), 90 + image["id"], np.uint8)).save(
            folder / image["file_name"]
        )
        for y1, x1, y2, x2 in boxes:
            row = {"id": len(annotations) + 1, "image_id": image["id"], "category_id": 1}
            row |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
            corners = [x1, y1, x2, y1, x2, y2, x1, y2]
            annotations.append({**row, **({"segmentation": [corners]} if outlines else {})})
    categories = [{"id": 1, "name": "cat"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def mask_folder(tmp_path_factory):
    return mask_model(tmp_path_factory.mktemp("masked") / "model")


def assessed(model, data, output, *more):
    arguments = ["assess", f"--model_dir={model}", f"--data_url={data}", f"--output={output}"]
    assert main([*arguments, *more]) == 0
    return json.loads((output / "assessment.json").read_text("utf-8"))


def test_a_model_folder_with_masks_is_asked_for_them(mask_folder, tmp_path, caplog):
    with caplog.at_level("INFO"):
        figures = assessed(mask_folder, coco_set(tmp_path / "data", True), tmp_path / "o")
    segm = figures["segm"]
    # one object of two is found, at the first five limits of ten: 51 / 101 of them
    assert segm["metrics"]["AP"] == pytest.approx(0.5 * 51 / 101)
    assert segm["metrics"]["AP50"] == pytest.approx(51 / 101)
    assert segm["mask_iou"] == pytest.approx(40 / 56) and segm["errors"][LEAK]["share"] == 1
    assert segm["grid_iou"] > 0.8
    assert "masks: COCO AP: 0.2525" in caplog.text
    assert "data:image/jpeg" in (tmp_path / "o" / "report.html").read_text("utf-8")
    again = assessed(mask_folder, tmp_path / "data", tmp_path / "p", f"--baseline={mask_folder}")
    changes = {row["name"]: row["change"] for row in again["comparison"]}
    assert changes["masks: AP, IoU 0.5 to 0.95 (COCO)"] == 0


def test_data_without_outlines_is_assessed_by_boxes(mask_folder, tmp_path):
    figures = assessed(mask_folder, coco_set(tmp_path / "data", False), tmp_path / "o")
    assert "segm" not in figures and "no evaluation picture has an outline" in " ".join(
        figures["warnings"]
    )


def test_the_name_of_the_signature_is_that_of_export():
    assert MASK_SIGNATURE == MASKS
