"""A frozen teacher whose model folder lies in a store: what is fetched of it, and what is said when it is not the right one."""

import pytest
import small_job
import tensorflow as tf

from algorithm import storage
from algorithm.distillation.job_distillation import find_distiller
from algorithm.distillation.teacher_file import FrozenTeacher, freeze_graph
from algorithm.errors import DataError
from algorithm.hyperparameters import parse
from algorithm.models import build_detector
from algorithm.ops.losses import LossConfig

LABELS = ("cat", "dog")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A job's folder, the model folder of which has a frozen teacher, and its network."""
    folder = tmp_path_factory.mktemp("job")
    with pytest.MonkeyPatch.context() as patch:
        small_job.thin_layers(patch.setitem)
        tf.keras.utils.set_random_seed(5)
        network = build_detector("efficientdet-lite0", len(LABELS), 64)
    freeze_graph(network, folder / "model/frozen", LABELS)
    (folder / "model/saved_model.pb").write_bytes(b"of no use to a student")
    (folder / "best_eval.index").write_bytes(b"of no use to a student")
    return folder, network


def test_a_student_opens_a_teacher_in_a_store_and_fetches_its_two_files(teacher, plain, tmp_path):
    folder, network = teacher
    storage.sync(str(folder), f"{plain}/教师 1")
    hp = parse(
        [
            "--data_url=nowhere",
            "--train_url=nowhere",
            "--use_offline_kd=True",
            f"--teacher_model_url={plain}/教师 1/model/",
        ]
    )
    distiller = find_distiller(hp, network, LABELS, LossConfig(), tmp_path)
    images = tf.random.stateless_normal((1, 64, 64, 3), seed=(1, 2))
    said, expected = distiller.teach({}, images), network(images, training=False)
    for name, value in expected.items():
        tf.debugging.assert_near(said[name], value, atol=1e-5)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "teacher.json",
        "teacher.pb",
    ]


def test_the_wrong_folder_in_a_store_is_named_by_its_address(teacher, plain, tmp_path):
    storage.sync(str(teacher[0]), f"{plain}/job")
    for wrong, text in (
        ("job", "found the job's folder {0}/job; give {0}/job/model"),
        (
            "job/model/frozen",
            "found the folder frozen itself, {0}/job/model/frozen; give the folder above it",
        ),
        ("other", "found nothing at {0}/other; check the path"),
    ):
        with pytest.raises(DataError) as caught:
            FrozenTeacher.open(f"{plain}/{wrong}", tmp_path)
        assert text.format(plain) in str(caught.value)
    storage.remove(f"{plain}/job/model/frozen/teacher.pb")
    with pytest.raises(
        DataError, match="without a frozen graph, obs://.*/job/model; run the teacher's job again"
    ):
        FrozenTeacher.open(f"{plain}/job/model", tmp_path)
    assert not any(tmp_path.iterdir())
