"""NAS-Bench-MR (arXiv:2103.13253): 2,507 multi-resolution networks on eight tasks.

Classification on parts of ImageNet, segmentation, video recognition; all validation values.
Searches
stay among the networks.
"""

from __future__ import annotations

from nasrepro.oracles.convert.nasbench_mr import convert
from nasrepro.oracles.spaces.multires import MultiRes
from nasrepro.oracles.spaces.pool import Pool, row_among
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Dataset, Metric, Oracle, OracleInfo, TableOracle
from nasrepro.suite.registry import oracle

_FOLDER = "dingmyu/NCP/5259acdf9876c3adf4b8b1133afc3ac0d1077d65/data"
_FILES = {
    "cls-10-1000": ("423e0a511b72b47587fb418f91122b8a7b0e6ea6d89e029a2703374916fca4ca", 1118011),
    "cls-10c": ("99d8e31680794790ef6e01dc65d7ba714786b3c15cbf97ee25cf61ea2bef34d6", 1118011),
    "cls-50-100": ("f6c7f8d67c84abc3aa226f5c5115c6c35adf576f41dd4d157b683148486f559b", 1118011),
    "cls-50-1000": ("ce6588f4ee339b49b2fa2acf2ca55fa92a75bd813b5590796f5a5fc7cc280a6c", 1118011),
    "seg-4x": ("c111b4ad884e63fd16a1fd2d91fe5eb25ef39a9f3c8b5534a34b025aed06d434", 1145600),
    "seg": ("1854e1ec044c8416cc53d4068cdef4d019a24bcd1e72d07020255550f56ea729", 1145600),
    "video-p": ("f004d8a270712858ea166a609f619e577287c5fabe8f46979364565bdddbb1b0", 1118011),
    "video": ("ec40f09230374c5cb80fa689b16e8c0767060dac7312fb3a6c48610972df2e4d", 1118011),
}
_TASKS = {
    "cls-50-1000": (50, "classification, 50 classes of ImageNet, 1,000 images each"),
    "cls-50-100": (50, "classification, 50 classes of ImageNet, 100 images each"),
    "cls-10-1000": (10, "classification, 10 classes of ImageNet, 1,000 images each"),
    "cls-10c": (10, "classification, 10 classes"),
    "seg": (19, "segmentation of street scenes"),
    "seg-4x": (19, "segmentation of street scenes, at a quarter of the resolution"),
    "video": (51, "video recognition from scratch"),
    "video-p": (51, "video recognition, pretrained"),
}
_SEGMENTATION = ("seg", "seg-4x")

TABLE = TableSpec(
    name="nasbench_mr",
    version=1,
    files={
        task: SourceFile(f"{_FOLDER}/{task}/trainval.pkl", sha256, size, "BSD-2-Clause")
        for task, (sha256, size) in _FILES.items()
    },
    converter=convert,
)


def _metric(name: str, note: str) -> Metric:
    return Metric(name, "fraction", "valid", True, (0, 1), note)


INFO = OracleInfo(
    name="nasbench_mr",
    space=MultiRes(),
    datasets=tuple(
        Dataset(
            task,
            classes,
            224,
            f"{note}; classes and image size from the paper's description, not from the files",
            objective="valid_miou" if task in _SEGMENTATION else "",
            target="valid_miou" if task in _SEGMENTATION else "",
        )
        for task, (classes, note) in _TASKS.items()
    ),
    metrics=(
        _metric("valid_accuracy", "top-1: classification and video"),
        _metric("valid_top5", "top-5: classification and video"),
        _metric("valid_miou", "mean intersection over union: segmentation"),
        _metric("valid_class_accuracy", "mean over the classes: segmentation"),
        _metric("valid_pixel_accuracy", "of all pixels: segmentation"),
        Metric("params", "param", "none", False, (0, 1e9), "the files'; the same for all tasks"),
        Metric(
            "counted_macs",
            "MAC",
            "none",
            False,
            (0, 1e13),
            'the files\' "flops", of one image size: the same for all tasks',
        ),
    ),
    objective="valid_accuracy",
    target="valid_accuracy",
    citation="""@inproceedings{ding2022ncp,
  title = {Learning Versatile Neural Architectures by Propagating Network Codes},
  author = {Mingyu Ding and Yuqi Huo and Haoyu Lu and Linjie Yang and Zhe Wang and Zhiwu Lu and Jingdong Wang and Ping Luo},
  booktitle = {International Conference on Learning Representations},
  year = {2022},
  note = {arXiv:2103.13253}
}""",  # noqa: E501
    licence="BSD-2-Clause",
    cost="",
    table=TABLE,
    notes=(
        "no test values: results are in the validation values that were searched on, which favours "
        "lucky runs",
        "a sample of 2,507 networks: searches stay inside, and step to the 8 nearest",
        "one value, one seed, no time: noise is not known, budgets are in queries",
        "the number of epochs is not in the files: the whole training counts as 1",
        "what is good on one task says little of another: Kendall's tau from -.01 to .62",
        "sizes are the authors' counts and do not follow the task",
    ),
)


@oracle(INFO)
def load() -> Oracle:
    """The oracle over the converted table."""
    whole, table = MultiRes(), open_table(TABLE)
    codes = zip(*(table.column(f"option {d}").tolist() for d in whole.decisions), strict=True)
    archs = tuple(map(whole.arch, codes))
    rows = {arch: row for row, arch in enumerate(archs)}
    row = row_among(rows, INFO.name, whole, "networks that it has")
    return TableOracle(INFO, table, row=row, archs=lambda: archs, space=Pool(whole, archs))
