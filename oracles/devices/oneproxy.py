"""OneProxy (arXiv:2111.01203): 18 devices on 1,999 cells."""

from __future__ import annotations

from nasrepro.oracles.convert.hardware import convert_oneproxy
from nasrepro.oracles.devices.hwnasbench import DEVICES, SOURCES, copied, mit_files
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import TableSpec, open_table
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table

SPACE = Cell201()
#: both of 32x32 pixels, so their networks differ in the classifier alone
_CIFAR = ("cifar10", "cifar100")
_ORIGIN = "Ren-Research/OneProxy/e3c9b2c65113e16f1208988287810b283674f4de"
_CELLS = ("e185be53421b6addd872e3a4fb4d2ad2a55bf8c06eb50c0213d4b921bde9343f", 131970)
_FILES = {
    "eagle_cpu_855": ("52949542d89c1acc223ee723be736247b29c7b530c72e382af6f9398b82b5102", 18009),
    "eagle_dsp_855": ("89868844995af830d347b9bd4ae8d4afd7610cb62f604997adb04548d6695d53", 18009),
    "eagle_gpu_855": ("550f44b04f6c816f7c757a592924f0ac46de252d84fbcb845f6cf5b34c5b51e5", 18009),
    "eagle_gtx": ("46f247a949eb79ac8383f4b88ffd575abe272dc87da1cdbe8a859405bdee6c4a", 38084),
    "eagle_i7": ("a49724cf2037cb6f56899e898b1f717f3b1fd33a9fa1c5525f74228fa2f3ab8e", 38084),
    "eagle_jetson": ("6daeeebe5181c79f942b923f73f71f404b66853df4b8b9e5d713e8907008720e", 38084),
    "eagle_jetson_16": ("78273cb35b47d4778390c4e07fdeaf5444e7b49122b5fe2fdbc5ce89dc39025b", 38084),
    "eagle_tpu": ("0486c2beaca18c3f3a2eb427b6c5a36921596e95adebf2f4c241ee9be3aad9ea", 38084),
    "rice_edgegpu": ("aba9f61d01d05d1fb2171a71bb6cb32445c4f92f02103b408d47438f1f9695b5", 18009),
    "rice_edgetpu": ("f07a27890ed74945defeab32576bec7ac293c79973925960056a898326e3e8f5", 18009),
    "rice_eyeriss": ("49acea9e8c9b6a7464f0725e59177f7caeb6d11aa562a37e8eba9094f125cb11", 18009),
    "rice_fpga": ("5101ede0998a799769dc376c586eda2a18254a22935c4e066cd732d21038555a", 18009),
    "rice_pixel3": ("6c5c1cda363c94a66d4e633513f6d65b13d3ce5afe4fd389bceed8db8d2d169f", 18009),
    "rice_raspi4": ("668ee4b9b5a93245d1950802ba7d5ab265d24d50ef65e62c602b38b047e9167e", 18009),
    "true_630": ("efcb6d1e06c398dd57a2de9839446378ee389063a3951ce8873c0879a7776fce", 18009),
    "true_640": ("717c48c89550261dc33e728ee09a2402c137f81e89cabf250ff1c761e90813b7", 18009),
    "true_a76": ("fa15edb0643428c36969de211b4359678184a873d7ff7ebd0ceecc1891bacf3a", 18009),
    "true_vpu": ("22585d0cc2b6d92bfc98a9ce33f031dadd4a17a6e7ec5c3745ab6308c8d884bd", 18009),
}
_DEVICES = {
    "eagle_cpu_855": "Kryo 485 CPU of a Snapdragon 855 (Eagle)",
    "eagle_dsp_855": "Hexagon 690 DSP of a Snapdragon 855 (Eagle)",
    "eagle_gpu_855": "Adreno 640 GPU of a Snapdragon 855 (Eagle)",
    "eagle_gtx": "NVIDIA GTX 1080 Ti (Eagle)",
    "eagle_i7": (
        "Intel Core i7-7820X (Eagle); but its values are those of eagle_gtx within 5 %, so "
        "one of the two is misnamed"
    ),
    "eagle_jetson": "NVIDIA Jetson Nano (Eagle)",
    "eagle_jetson_16": "NVIDIA Jetson Nano, 16-bit (Eagle)",
    "eagle_tpu": "Google Edge TPU (Eagle); not in the paper's figures",
    "true_630": "Adreno 630 GPU (nn-Meter)",
    "true_640": "Adreno 640 GPU (nn-Meter)",
    "true_a76": "Cortex-A76 CPU (nn-Meter)",
    "true_vpu": "Intel Myriad VPU (nn-Meter); the paper's proxy on this space",
}

INFO = DeviceInfo(
    name="oneproxy",
    space=SPACE,
    devices=(
        *(
            Device(f"oneproxy/{name}", SPACE.name, "latency", "ms", _CIFAR, note)
            for name, note in _DEVICES.items()
        ),
        *(copied(f"oneproxy/rice_{name}", name) for name in DEVICES),
    ),
    citation="""@article{lu2021oneproxy,
  title = {One Proxy Device Is Enough for Hardware-Aware Neural Architecture Search},
  author = {Bingqian Lu and Jianyi Yang and Weiwen Jiang and Yiyu Shi and Shaolei Ren},
  journal = {Proceedings of the ACM on Measurement and Analysis of Computing Systems},
  volume = {5},
  number = {3},
  year = {2021},
  note = {arXiv:2111.01203}
}""",
    licence="MIT (of the repository; it collects measurements of HW-NAS-Bench, nn-Meter and Eagle)",
    table=TableSpec(
        name="oneproxy",
        version=1,
        files={
            **mit_files(f"{_ORIGIN}/latency_data/{{}}.pickle", _FILES),
            **mit_files(f"{_ORIGIN}/{{}}.pickle", {"encode": _CELLS}),
            "hwnasbench": SOURCES["cifar10"],  # what the encoding is checked with
        },
        converter=convert_oneproxy,
    ),
    notes=(
        (
            "1,999 of 15,625 cells, no uniform sample: 57 % have a 3x3 convolution on the first "
            "edge; the other cells are missing"
        ),
        "which cells they are is proved by six columns that are HW-NAS-Bench's to the last digit",
        "-1 in the original (rice_edgetpu, 259 cells) stands for an unsupported cell: missing here",
        (
            "nn-Meter's and Eagle's columns: the image size is not stated; by their magnitude it "
            "is 32x32, so not for ImageNet16-120"
        ),
    ),
)


@device_table(INFO)
def load() -> DeviceTable:
    """The devices, from the converted table."""
    return DeviceTable(INFO, open_table(INFO.table))
