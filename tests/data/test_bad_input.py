"""Data that is wrong, odd or large, as people bring it: it trains, or is named within seconds, and never hangs."""

from __future__ import annotations

import itertools
import resource
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algorithm.data import load_dataset
from algorithm.data.feeding.decoding import PictureError, decode_image
from algorithm.data.feeding.pipeline import eval_batches, train_batches
from algorithm.data.readers.voc.voc_xml import AnnotationError, parse_voc
from algorithm.errors import DataError
from tests.data.conftest import write_picture, write_voc

ODD_NAMES = (
    "猫 图",
    "a+b",
    "100%",
    "#1 (copy)",
    "what?",
    "cat🐈",
    "x" * 240,
    "-dash",
    ".dotted.name",
    "a'b\"c",
)


def load(folder: Path, *, clean: bool = True):
    return load_dataset(folder, clean=clean, seed=0, work_dir=folder.parent)


def photo_folder(root: Path, count: int = 10) -> Path:
    """JPEG pictures with one box each."""
    for index in range(count):
        pixels = np.random.default_rng(index).integers(0, 255, (6, 8, 3), np.uint8)
        path = root / f"p{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).resize((96, 72), Image.Resampling.BICUBIC).save(path, quality=90)
        write_voc(root / f"p{index}.xml", [("cat", 10, 10, 60, 60)], 96, 72)
    return root


def test_flipped_bits_that_still_decode_train(tmp_path: Path) -> None:
    folder = photo_folder(tmp_path / "set")
    flipped = 0
    for seed, path in enumerate(sorted(folder.glob("*.jpg"))):
        whole = path.read_bytes()
        for place in (
            np.random.default_rng(seed).integers(len(whole) // 2, len(whole) - 2, 40).tolist()
        ):
            damaged = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
            try:
                decode_image(damaged, path.name)
            except PictureError:
                continue
            path.write_bytes(damaged)
            flipped += 1
            break
    assert flipped >= 8
    data = load(folder)
    assert len(data.train) + len(data.eval) == 10
    batches = list(train_batches(data.train, image_size=(64, 64), batch_size=2, seed=0).take(4))
    assert len(batches) == 4


def nested_entities() -> bytes:
    lines = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
    return f"<!DOCTYPE a [<!ENTITY a0 'lol'>{lines}]><annotation>&a9;</annotation>".encode()


@pytest.mark.parametrize(
    "data",
    [
        nested_entities(),
        f"<!DOCTYPE a [<!ENTITY e '{'x' * 50_000}'>]><annotation>{'&e;' * 50_000}</annotation>".encode(),
        b"<annotation>" + b"<object/>" * 6_000_000 + b"</annotation>",
    ],
    ids=["billion laughs", "quadratic", "54 MB"],
)
def test_xml_bombs_are_refused_and_cost_no_memory(data: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        AnnotationError, match="DTD or entities, which are refused|at most 16000000 bytes"
    ):
        parse_voc(data, "bomb.xml")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def test_one_picture_cannot_be_split_and_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected at least") as caught:
        load(photo_folder(tmp_path / "set", 1))
    assert "\n" not in str(caught.value)


def test_two_pictures_of_one_class_train_in_batches_larger_than_the_set(tmp_path: Path) -> None:
    data = load(photo_folder(tmp_path / "set", 2))
    assert (len(data.train), len(data.eval)) == (1, 1)
    batch = next(iter(train_batches(data.train, image_size=(64, 64), batch_size=8, seed=0)))
    assert batch["images"].shape == (8, 64, 64, 3)
    assert batch["sample_index"].numpy().tolist() == [0] * 8
    rows = next(iter(eval_batches(data.eval, image_size=(64, 64), batch_size=8)))["sample_index"]
    assert rows.numpy().tolist() == [0] + [-1] * 7


def test_names_of_any_kind_read_like_plain_ones(tmp_path: Path) -> None:
    plain, odd = tmp_path / "plain", tmp_path / "odd"
    for index, name in enumerate(ODD_NAMES):
        for folder, stem in ((plain, f"p{index}"), (odd, name)):
            write_picture(folder / f"{stem}.png", seed=index)
            write_voc(folder / f"{stem}.xml", [("cat", 2, 3, 20, 25)])
    visible = [
        name for name in ODD_NAMES if not name.startswith(".")
    ]  # hidden files are passed over
    found = load(odd)
    pictures = {Path(sample.path).stem: sample for sample in (*found.train, *found.eval)}
    assert sorted(pictures) == sorted(visible)
    for index, name in enumerate(ODD_NAMES):
        if name in pictures:
            assert (
                decode_image(Path(pictures[name].path).read_bytes(), name).tobytes()
                == decode_image((plain / f"p{index}.png").read_bytes(), name).tobytes()
            )


def test_names_that_differ_only_in_their_unicode_form_are_two_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    names = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    for seed, name in enumerate([*names, "a", "b"]):
        write_picture(folder / f"{name}.png", seed=seed)
        write_voc(folder / f"{name}.xml", [("cat", 2, 3, 20, 25)])
    if len(list(folder.glob("caf*.png"))) < 2:
        pytest.skip("this file system takes both names for one")
    data = load(folder)
    assert sorted(Path(sample.path).stem for sample in (*data.train, *data.eval)) == sorted(
        [*names, "a", "b"]
    )


@pytest.mark.parametrize("side", [12_000, 20_000], ids=["144 Mpx", "400 Mpx"])
def test_a_pixel_bomb_is_passed_over_by_its_header(tmp_path: Path, side: int) -> None:
    folder = photo_folder(tmp_path / "set")
    Image.new("1", (side, side)).save(folder / "p3.png")
    (folder / "p3.jpg").unlink()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    data = load(folder)
    assert len(data.train) + len(data.eval) == 9
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB
    assert f"{side}x{side} pixels" in (tmp_path / "cleaning_report.json").read_text("utf-8")


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("CMYK", "JPEG"),
        ("L", "JPEG"),
        ("LA", "PNG"),
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("I;16", "PNG"),
        ("RGB", "WEBP"),
        ("P", "GIF"),
    ],
)
def test_training_and_evaluation_see_the_pixels_that_serving_decodes(
    tmp_path: Path, mode: str, form: str
) -> None:
    folder = photo_folder(tmp_path / "set")
    grey = Image.open(folder / "p3.jpg").convert("L")
    odd = (
        Image.fromarray(np.asarray(grey, np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
    )
    odd.save(folder / "p3.jpg", form)
    data = load(folder)
    sample = next(one for one in (*data.train, *data.eval) if Path(one.path).stem == "p3")
    served = decode_image(Path(sample.path).read_bytes(), "p3")
    rows = next(iter(eval_batches([sample], image_size=(72, 96), batch_size=1)))
    assert (rows["images"][0].numpy() // 256 == served).all()


@pytest.mark.soak
@pytest.mark.slow
def test_ten_thousand_objects_and_many_small_files_are_all_listed_once(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    picture = write_picture(folder / "p00000.png")
    write_voc(
        folder / "p00000.xml",
        [
            ("cat", x % 38, y % 28, x % 38 + 2, y % 28 + 2)
            for x, y in itertools.product(range(38), range(3))
        ],
    )
    for index in range(1, 10_001):
        shutil.copyfile(picture, folder / f"p{index:05d}.png")
        shutil.copyfile(folder / "p00000.xml", folder / f"p{index:05d}.xml")
    data = load(folder, clean=False)
    assert len(data.train) + len(data.eval) == 10_001
    assert len({sample.path for sample in (*data.train, *data.eval)}) == 10_001
    assert all(len(sample.labels) == 114 for sample in data.train)
