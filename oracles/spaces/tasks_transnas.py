"""What the two oracles of TransNAS-Bench-101 share.

Seven tasks, their metrics, the originals, what a reader must know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nasrepro.suite.data import SourceFile
from nasrepro.suite.oracle import Dataset, Metric, Split


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        classes: outputs of its head (channels, for images).
        epochs: length of its trainings, from the authors' configurations.
        measures: column of the csv without its split -> name of the metric without its split; the
            first is the task's own.
        note: what it is.
        size: height and width of the images that enter the backbone.
    """

    classes: int
    epochs: int
    measures: Mapping[str, str]
    note: str
    size: int = 256


_TOP = {"top1": "accuracy", "top5": "top5_accuracy"}
TASKS = {
    "class_scene": Task(47, 25, _TOP, "47 scenes; top-1 accuracy"),
    "class_object": Task(75, 25, _TOP, "75 objects; top-1 accuracy"),
    "room_layout": Task(
        9, 25, {"neg_loss": "neg_loss"}, "9 numbers of a room's box; negative mean squared error"
    ),
    "jigsaw": Task(
        1000,
        10,
        _TOP,
        "which of 1,000 permutations of nine tiles; top-1 accuracy; the backbone sees each tile",
        size=64,
    ),
    "segmentsemantic": Task(
        17,
        30,
        {"mIoU": "miou", "acc": "pixel_accuracy"},
        "17 classes of pixels; mean intersection over union",
    ),
    "normal": Task(3, 30, {"ssim": "ssim"}, "surface normals; structural similarity"),
    "autoencoder": Task(3, 30, {"ssim": "ssim"}, "the image itself; structural similarity"),
}
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


#: Validation after the last epoch, from a second source; segmentation's there is pixel accuracy.
LAST = {
    name: "pixel_accuracy" if name == "segmentsemantic" else next(iter(task.measures.values()))
    for name, task in TASKS.items()
}


def metric_of(task: str, split: Split) -> str:
    """Name of the task's own metric on a split."""
    return f"{split}_{next(iter(TASKS[task].measures.values()))}"


DATASETS = tuple(
    Dataset(
        name,
        task.classes,
        task.size,
        task.note,
        # mIoU after the last epoch is not in any source: there the best over the epochs decides
        objective=metric_of(name, "valid")
        if name == "segmentsemantic"
        else f"last_valid_{LAST[name]}",
        target=metric_of(name, "test"),
    )
    for name, task in TASKS.items()
)

METRICS = (
    *(
        Metric(
            f"last_valid_{measure}",
            "1" if measure in ("ssim", "neg_loss") else "fraction",
            "valid",
            True,
            bounds,
            f"after the last epoch: {', '.join(task for task in TASKS if LAST[task] == measure)}",
        )
        for measure, bounds in (
            ("accuracy", (0, 1)),
            ("pixel_accuracy", (0, 1)),
            ("ssim", (-1, 1)),
            ("neg_loss", (-1000, 0)),
        )
    ),
    *(
        Metric(
            f"{split}_accuracy",
            "fraction",
            split,
            True,
            (0, 1),
            "top-1: class_scene, class_object, jigsaw",
        )
        for split in SPLITS
    ),
    *(
        Metric(
            f"{split}_top5_accuracy",
            "fraction",
            split,
            True,
            (0, 1),
            "class_scene, class_object, jigsaw",
        )
        for split in SPLITS
    ),
    *(
        Metric(
            f"{split}_neg_loss",
            "1",
            split,
            True,
            (-1000, 0),
            "room_layout: minus the mean squared error",
        )
        for split in SPLITS
    ),
    *(
        Metric(
            f"{split}_miou",
            "fraction",
            split,
            True,
            (0, 1),
            "segmentsemantic: mean intersection over union",
        )
        for split in SPLITS
    ),
    *(
        Metric(f"{split}_pixel_accuracy", "fraction", split, True, (0, 1), "segmentsemantic")
        for split in SPLITS
    ),
    *(
        Metric(
            f"{split}_ssim", "1", split, True, (-1, 1), "normal, autoencoder: structural similarity"
        )
        for split in SPLITS
    ),
    Metric(
        "cost_s",
        "s",
        "none",
        False,
        (0, 1e7),
        "time of the whole training; the source states no unit, seconds are assumed",
    ),
    Metric("params", "param", "none", False, (0, 1e9), "of the backbone, without the task's head"),
    Metric(
        "macs",
        "MAC",
        "none",
        False,
        (0, 1e12),
        "of the backbone for one image (jigsaw: one of its nine tiles), without the task's head",
    ),
)

_CSV = "Zhenhan-Huang/NASGraph-Public/1f8fd621c60a48728fcc890818b6b94eee62e4dc/data"
_FILES = {
    "class_scene": ("fd314559c718b389bce78571e4e506fb89f5a66ece6e776e593f3ac180cee469", 1280269),
    "class_object": ("27490b4cf814237272eff729732f24f92f617bc907192b18f2cb2af6542b6bc3", 1280886),
    "room_layout": ("43030a7d92972dcfb61881db26bb6e4b5309d19c2738ebc1422fe808792b86b1", 953332),
    "jigsaw": ("8a1c2adb7877f9f982c3848c2d8d3260b2a01c8e70ec2c2c8e02cc065deced2d", 1266139),
    "segmentsemantic": (
        "35d9aefa0f0b56cf6727d7a0f6073e7bbfdd5d957a62df16ece2be010b123cff",
        1318267,
    ),
    "normal": ("b3e465c7a519324d4390c090d179110e5d64bbf1c2374f0251aa0bd71ce5eec7", 945923),
    "autoencoder": ("17888f4fc25b54ba2c62dc011f952e212337aa16fa75fb5447306e1157b7fcdc", 950690),
}
FILES = {
    task: SourceFile(f"{_CSV}/transbench101_{task}.csv", sha256, size, "Apache-2.0")
    for task, (sha256, size) in _FILES.items()
}

LICENCE = "Apache-2.0 (of the repository that carries the extract)"
CITATION = """@inproceedings{duan2021transnas,
  title = {{TransNAS-Bench-101}: Improving Transferability and Generalizability of Cross-Task Neural Architecture Search},
  author = {Yawen Duan and Xin Chen and Hang Xu and Zewei Chen and Xiaodan Liang and Tong Zhang and Zhenguo Li},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2021},
  note = {arXiv:2105.11871}
}"""  # noqa: E501
NOTES = (
    (
        "test values are the best over the epochs of that metric alone, so optimistic, and of any "
        "epoch"
    ),
    "searches see the validation after the last epoch (last_valid_*), from NASLib; valid_* are the "
    "best over the epochs. segmentsemantic has no mIoU of the last epoch: there valid_miou decides",
    (
        "the csv's losses are left out: they are the largest over the epochs, so the worst (the "
        "official API's `best` is a maximum)"
    ),
    "one training each, its seed not stated",
    (
        "training lengths are those of the authors' configurations (10, 25 or 30 epochs by task); "
        "the csv does not say them"
    ),
    (
        "times include validation and test of every epoch; a few macro times are up to 14 times "
        "the median of their task"
    ),
    (
        "params and macs are the backbone's; the official file's FLOPs are for 224 pixels, ours "
        "for the 256 of the training"
    ),
)
