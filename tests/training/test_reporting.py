"""The log lines' fixed grammar."""

from algorithm.training.optimizers import choose_optimizer
from algorithm.training.reporting import eval_line, train_line


def test_a_training_line():
    figures = {"loss": 2.5, "cls_loss": 1.25, "box_loss": 0.0125, "l2_loss": 0.5, "gradient_norm": 3.0,
               "learning_rate": 0.01, "det_loss": 9.0}
    assert train_line(2, 10, 30, 200, figures, 12.345, 3725.4) == (
        "train epoch=2/10 step=30/200 loss=2.5 cls_loss=1.25 box_loss=0.0125 l2_loss=0.5 gradient_norm=3 "
        "learning_rate=0.01 samples/s=12.35 eta=1:02:05")


def test_an_evaluation_line_with_an_undefined_figure():
    assert eval_line(1, 2, 30, {"AP": 0.25, "APs": None}) == "eval epoch=1/2 step=30 AP=0.250000 APs=nan"


def test_the_optimizer_follows_the_batch_only_when_asked_to_choose():
    assert choose_optimizer("auto", 8) == ("adam", 0.1)
    assert choose_optimizer("auto", 32) == ("sgd", 1.0)
    assert choose_optimizer("adam", 64) == ("adam", 1.0)
    assert choose_optimizer("sgd", 1) == ("sgd", 1.0)
