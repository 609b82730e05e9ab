import dataclasses
import json

import pytest

from algorithm.errors import ArgumentError
from algorithm.hyperparameters import HPARAMS, ROWS, parse
from algorithm.hyperparameters.names.other_names import OTHER_NAMES
from algorithm.hyperparameters.names.published_keys import PUBLISHED

PLACES = ("--data_url=in", "--train_url=out")


def refusal(*argv: str) -> str:
    with pytest.raises(ArgumentError) as caught:
        parse([*PLACES, *argv])
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()[0]


def test_defaults_are_the_published_ones():
    found = parse(PLACES)
    assert (found.mode, found.model_name, found.num_epochs) == ("train", "efficientdet-d0", 100)
    assert (found.train_batch_size, found.eval_batch_size, found.do_data_cleaning) == (8, 8, True)
    assert (found.learning_rate, found.lr_warmup_init, found.lr_warmup_epoch) == (0.0, 0.008, 1.0)
    assert (found.first_lr_drop_epoch, found.second_lr_drop_epoch) == (200.0, 250.0)
    assert (found.label_smoothing, found.box_loss_weight, found.moving_average_decay) == (
        0.0,
        50.0,
        0.0,
    )
    assert (found.soft_cls_loss, found.soft_box_loss) == (2.0, 200.0)
    assert found.image_size is None and found.survival_prob is None and found.freeze == ""


def test_the_published_command_line():
    found = parse([
        *PLACES, "--mode=train_and_eval", "--model_name=efficientdet-d3", "--train_batch_size=4", "--num_gpus=1",
        "--do_data_cleaning=False", "--hparams=moving_average_decay=0,label_smoothing=0.1,first_lr_drop_epoch=15",
    ])  # fmt: skip
    assert (found.mode, found.model_name, found.train_batch_size) == (
        "train_and_eval",
        "efficientdet-d3",
        4,
    )
    assert (found.do_data_cleaning, found.num_gpus) == (False, 1)
    assert (found.label_smoothing, found.first_lr_drop_epoch) == (0.1, 15.0)


@pytest.mark.parametrize("empty", ["--num_epochs=", "--num_epochs=''", '--num_epochs=""'])
def test_an_empty_value_means_the_default(empty):
    assert parse([*PLACES, empty]).num_epochs == 100


def test_both_spellings_and_the_later_one_wins():
    found = parse(
        [
            "--data_url",
            "a",
            "--train_url",
            "b",
            "--seed",
            "3",
            "--num_epochs=2",
            "--num_epochs",
            "5",
        ]
    )
    assert (found.data_url, found.train_url, found.seed, found.num_epochs) == ("a", "b", 3, 5)


def test_hparams_split_on_the_first_equals_sign_and_the_later_wins():
    found = parse([*PLACES, "--hparams=freeze=(a=b|c),seed=1,seed=2,"])
    assert (found.freeze, found.seed) == ("(a=b|c)", 2)


def test_the_published_alias_sets_what_it_names():
    assert (
        parse([*PLACES, "--hparams=var_freeze_expr=(efficientnet|fpn)"]).freeze
        == "(efficientnet|fpn)"
    )
    assert "another name of freeze" in refusal("--hparams=var_freeze_expr=a,freeze=b")


def test_sizes():
    assert parse([*PLACES, "--hparams=image_size=512"]).image_size == (512, 512)
    assert parse([*PLACES, "--hparams=image_size=300x420"]).image_size == (300, 420)


def test_an_hparams_key_may_stand_alone():
    assert parse([*PLACES, "--moving_average_decay=0.99"]).moving_average_decay == 0.99
    assert "found '3' as --seed and '4' in --hparams" in refusal("--seed=3", "--hparams=seed=4")
    assert parse([*PLACES, "--seed=", "--hparams=seed=4"]).seed == 4


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (
            "--model_name=efficientdet-d9",
            ("--model_name", "efficientdet-d9", "efficientdet-lite3x", "Did you mean"),
        ),
        ("--mode=trian", ("--mode", "'trian'", "train_and_eval", "Did you mean 'train'?")),
        ("--train_batch_size=0", ("--train_batch_size", "[1, 4096]", "'0'")),
        ("--train_batch_size=8.5", ("--train_batch_size", "a whole number", "'8.5'")),
        ("--num_epochs=8 ", ("--num_epochs", "'8 '", "spaces")),
        ("--num_epochs=" + "9" * 400, ("--num_epochs", "[1, 100000]")),
        ("--do_data_cleaning=maybe", ("--do_data_cleaning", "True or False", "'maybe'")),
        ("--hparams=learning_rate=abc", ("learning_rate", "'abc'", "[0, inf)")),
        ("--hparams=learning_rate=-1", ("learning_rate", "'-1'", "[0, inf)")),
        ("--hparams=learning_rate=nan", ("learning_rate", "'nan'")),
        ("--hparams=learning_rate=1e999", ("learning_rate", "'1e999'")),
        ("--hparams=label_smoothing=1", ("label_smoothing", "[0, 1)")),
        (
            "--hparams=learnin_rate=0.1",
            ("'learnin_rate'", "'0.1'", "Did you mean 'learning_rate'?"),
        ),
        ("--hparams=seed=1, gamma=2", ("' gamma=2'", "spaces")),
        ("--hparams=seed", ("key=value", "'seed'")),
        ("--hparams=num_epochs=3", ("'num_epochs'", "--num_epochs=3")),
        ("--hparams=iou_loss_type=guio", ("iou_loss_type", "ciou", "Did you mean 'giou'?")),
        ("--hparams=image_size=0x5", ("image_size", "512x640", "'0x5'")),
        ("--hparams=freeze=(", ("freeze", "a regular expression", "'('")),
        (
            "--hparams=train_minutes=30,num_steps=500",
            ("train_minutes", "a time or a number of steps", "num_steps=500", "Leave one out"),
        ),
        (
            "--hparams=train_minutes=30,mosaic=0.5",
            ("train_minutes", "mosaic_off_epochs=0", "found 15", "num_epochs"),
        ),
        ("--hparams=jitter_min=3,jitter_max=2", ("jitter_min", "jitter_max", "3.0")),
        (
            "--hparams=lr_decay_method=stepwise,first_lr_drop_epoch=300",
            ("first_lr_drop_epoch", "250", "300"),
        ),
    ],
)
def test_a_wrong_value_names_the_parameter_the_value_and_what_is_allowed(argument, words):
    line = refusal(argument)
    assert [word for word in words if word not in line] == []
    assert len(line) < 1024


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("--num_epoch=3", "--num_epochs"),
        ("--learnin_rate=1", "--learning_rate"),
        ("--num-epochs=3", "--num_epochs"),
        ("--mod=train", "--mode"),
        ("--date_url=x", "--data_url"),
        ("--model_name=lite0", "efficientdet-lite0"),
        ("--model_name=efficientdet_lite0", "efficientdet-lite0"),
        ("--hparams=lr=0.01", "learning_rate"),
        ("--hparams=ema=0.9", "moving_average_decay"),
        ("--hparams=max_minutes=30", "train_minutes"),
    ],
)
def test_what_is_misspelt_or_said_in_other_words_is_an_error(argument, meant):
    assert f"Did you mean '{meant}'?" in refusal(argument)


@pytest.mark.parametrize("argument", ["train", "-mode=train", "--"])
def test_a_stray_word_is_an_error(argument):
    assert "expected --name=value" in refusal(argument)


def test_a_flag_without_its_value_is_an_error():
    assert "--mode: expected a value" in refusal("--mode")
    assert "--mode: expected a value" in refusal("--mode", "--num_epochs=3")


@pytest.mark.parametrize("missing", ["data_url", "train_url"])
def test_the_places_are_required(missing):
    given = [place for place in PLACES if missing not in place]
    with pytest.raises(ArgumentError, match=f"--{missing}: expected a value, found none"):
        parse(given)


def test_unknown_and_platform_flags_are_tolerated_and_named_without_their_values():
    found = parse([
        *PLACES, "--rank=0", "--init_method=tcp://1.2.3.4:5", "--task_name", "1", "--something_else", "--num_cpus=4",
        "--access=secret",
    ])  # fmt: skip
    assert found.ignored == (
        "rank",
        "init_method",
        "task_name",
        "something_else",
        "num_cpus",
        "access",
    )


def test_written_down_and_read_back():
    found = parse(
        [*PLACES, "--hparams=image_size=512x640,weight_decay=1e-7,survival_prob=0.8", "--rank=0"]
    )
    written = json.loads(found.to_json())
    listed = [f"--{name}={text}" for name, text in written.items() if name != "hparams"]
    again = parse(listed)
    assert dataclasses.replace(again, hparams=found.hparams, ignored=found.ignored) == found
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.seed = 1


def test_the_fingerprint_holds_what_shapes_the_model():
    first = parse(PLACES)
    same = parse(
        [
            "--data_url=x",
            "--train_url=y",
            "--num_epochs=7",
            "--hparams=log_every_steps=1,max_detections=9",
        ]
    )
    other = parse([*PLACES, "--hparams=optimizer=adam,image_size=256"])
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert other.changes_since(first.as_dict()) == (
        "optimizer: 'auto' -> 'adam'",
        "image_size: '' -> '256x256'",
    )
    assert same.changes_since(first.as_dict()) == ()
    assert other.changes_since({}) == ()


def test_another_division_of_as_many_pictures_goes_on_another_number_does_not():
    first = parse([*PLACES, "--train_batch_size=12"]).as_dict()
    assert (
        parse([*PLACES, "--train_batch_size=3", "--gradient_accumulation_steps=4"]).changes_since(
            first
        )
        == ()
    )
    assert parse(
        [*PLACES, "--train_batch_size=3", "--gradient_accumulation_steps=2"]
    ).changes_since(first) == (
        "train_batch_size: '12' -> '3'",
        "gradient_accumulation_steps: '1' -> '2'",
    )
    assert parse([*PLACES, "--train_batch_size=6"]).changes_since({"train_batch_size": "12"}) == (
        "train_batch_size: '12' -> '6'",
    )


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            ["--use_offline_kd=True"],
            r"--teacher_model_url: expected the folder model .*Train one with --export_teacher_model=True",
        ),
        (
            ["--teacher_model_url=t/model"],
            r"--teacher_model_url: expected use_offline_kd=True with it, found 't/model' alone",
        ),
        (
            ["--use_offline_kd=True", "--use_online_kd=True"],
            "--use_online_kd: expected one kind of distillation",
        ),
        (
            [
                "--use_online_kd=True",
                "--model_name=efficientdet-t1",
                "--hparams=moving_average_decay=0,soft_cls_loss=0,soft_box_loss=0",
            ],
            "soft_cls_loss: expected it or soft_box_loss above 0",
        ),
        (
            ["--hparams=peer_model=efficientdet-lite0"],
            "peer_model: expected use_online_kd=True with it, found 'efficientdet-lite0' alone",
        ),
        (
            ["--use_online_kd=True", "--hparams=peer_pretrained=w"],
            "peer_pretrained: expected peer_model with it, found 'w' alone. Name",
        ),
        (
            ["--use_online_kd=True", "--kd_method=crosshead"],
            "kd_method: expected use_online_kd=True and a peer_model with crosshead",
        ),
        (
            ["--use_online_kd=True", "--hparams=peer_model=lite0"],
            "peer_model: expected one of .*found 'lite0'",
        ),
    ],
)
def test_distillation_that_cannot_be_is_refused(flags, text):
    with pytest.raises(ArgumentError, match=text):
        parse(["--data_url=d", "--train_url=t", *flags])


@pytest.mark.parametrize(
    ("published", "name", "value"),
    [
        ("use_bfloat16=True", "precision", "bfloat16"),
        ("mixed_precision=true", "precision", "float16"),
        ("mixed_precision=False", "precision", "float32"),
        ("strategy=gpus", "strategy_type", "mirrored"),
        ("is_training_bn=False", "freeze_bn", "true"),
        ("train_scale_min=0.8,train_scale_max=1.2", "jitter_min", 0.8),
        ("nms_configs.method=hard", "nms_method", "hard"),
        ("nms_configs.iou_thresh=None", "nms_iou_threshold", 0.5),
        ("nms_configs.max_nms_inputs=0", "max_nms_inputs", 5000),
        ("nms_configs.max_output_size=7", "max_detections", 7),
        ("autoaugment_policy=None", "autoaugment_policy", ""),
        ("var_freeze_expr=None", "freeze", ""),
        ("survival_prob=None", "survival_prob", None),
        ("num_classes=21", "model_name", "efficientdet-d0"),
    ],
)
def test_a_published_key_is_taken_and_told(published, name, value):
    found = parse([*PLACES, f"--hparams={published}"])
    assert getattr(found, name) == value
    assert all(note.startswith("hparams: ") for note in found.notes)
    assert len(found.notes) == len(published.split(","))
    assert published.split(",")[0] in found.notes[0]


def test_a_published_recipe_is_read_as_a_whole():
    """The published command for VOC; keys of one name and meaning need no word."""
    found = parse([
        *PLACES, "--hparams=num_classes=21,lr_warmup_init=0.08,learning_rate=0.8,label_map=voc,"
        "var_freeze_expr=(efficientnet|fpn_cells|resample_p6),input_rand_hflip=true,jitter_min=0.8,jitter_max=1.2,"
        "lr_warmup_epoch=2,label_smoothing=0.1,steps_per_epoch=5,skip_crowd_during_training=true,min_level=3",
    ])  # fmt: skip
    assert (found.learning_rate, found.jitter_max, found.steps_per_epoch) == (0.8, 1.2, 5)
    assert found.freeze == "(efficientnet|fpn_cells|resample_p6)"
    assert [note.split()[1] for note in found.notes] == [
        "num_classes=21",
        "label_map=voc",
        "skip_crowd_during_training=true",
        "min_level=3",
    ]


def test_a_published_recipe_is_told_which_side_of_image_size_comes_first():
    """There it is width x height."""
    found = parse([*PLACES, "--hparams=num_classes=21,image_size=640x384"])
    assert found.image_size == (640, 384)
    assert found.notes[-1].startswith("hparams: image_size=640x384 is height x width")
    assert not parse([*PLACES, "--hparams=image_size=640x384"]).notes


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ("fpn_num_filters=128", ("'fpn_num_filters'", "'128'", "model_name says it", "no counterpart")),
        ("num_scales=4", ("expected 3", "'num_scales'", "'4'")),
        ("strategy=horovod", ("tpu, gpus", "'strategy'", "'horovod'", "strategy_type")),
        ("use_bfloat16=maybe", ("'use_bfloat16'", "'maybe'", "precision")),
    ],
)  # fmt: skip
def test_a_published_key_that_cannot_be_followed_is_refused(published, words):
    line = refusal(f"--hparams={published}")
    assert all(word in line for word in words), line


def test_a_flag_wins_over_its_default_only():
    """The platform passes every flag of the table, also as nobody changed it."""
    same = parse([*PLACES, "--precision=float32", "--hparams=use_bfloat16=true"])
    assert same.precision == "bfloat16"
    line = refusal("--precision=float16", "--hparams=use_bfloat16=true")
    assert "found 'float16' as --precision and 'bfloat16' in --hparams" in line


def test_all_unknown_keys_are_named_at_once_by_meaning_or_by_letters():
    line = refusal("--hparams=lr=0.1,imgsz=640,epochs=3,learnin_rate=1,num_epochs=4,zzzz=1")
    assert "6 of the keys cannot be read" in line
    for words in (
        "'lr' (value '0.1'). Did you mean 'learning_rate'?",
        "is for 64 pictures in a step and is scaled to the real number: RATE*64/BATCH",
        "'imgsz' (value '640'). Did you mean 'image_size'?",
        "'epochs' (value '3'). Did you mean the flag --num_epochs?",
        "'learnin_rate' (value '1'). Did you mean 'learning_rate'?",
        "'num_epochs' has a flag of its own. Write --num_epochs=4",
        "unknown key 'zzzz' (value '1').",
    ):
        assert words in line, line


def test_what_is_meant_exists():
    assert not (OTHER_NAMES.keys() | PUBLISHED.keys()) & HPARAMS.keys()
    assert {key.ours for key in PUBLISHED.values() if key.ours} <= ROWS.keys()
