"""HELP (arXiv:2106.08630): 27 columns by device and batch size."""

from __future__ import annotations

from nasrepro.oracles.convert.hardware import convert_help
from nasrepro.oracles.devices.hwnasbench import SOURCES, copied, mit_files
from nasrepro.oracles.spaces.cell201 import Cell201
from nasrepro.suite.data import TableSpec, open_table
from nasrepro.suite.oracle import Device, DeviceInfo, DeviceTable
from nasrepro.suite.registry import device_table

SPACE = Cell201()
#: both of 32x32 pixels, so their networks differ in the classifier alone
_CIFAR = ("cifar10", "cifar100")
_ORIGIN = "HayeonLee/HELP/45f70eb92d0d735970a33b608d1544ad3c52f285/data/nasbench201"
_ORDER = ("e1d7b7cc7cf51d7c3cd6f9e726e7395bea87d7ba674e26202fb8633f963aef0d", 1536943)
_FILES = {
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
_GPUS = {
    "1080ti": "GTX 1080 Ti",
    "2080ti": "RTX 2080 Ti",
    "titanx": "Titan X",
    "titanxp": "Titan Xp",
    "titan_rtx": "Titan RTX",
}
_DEVICES = {
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
_COPIES = ("pixel3", "raspi4", "eyeriss", "fpga")

INFO = DeviceInfo(
    name="help",
    space=SPACE,
    devices=(
        *(
            Device(f"help/{name}", SPACE.name, "latency", "ms", _CIFAR, note)
            for name, note in _DEVICES.items()
        ),
        *(copied(f"help/{name}", name) for name in _COPIES),
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
            **mit_files(f"{_ORIGIN}/latency/{{}}.pt", _FILES),
            **mit_files(f"{_ORIGIN}/{{}}.pt", {"str_arch2idx": _ORDER}),
            "hwnasbench": SOURCES["cifar10"],  # what the order is checked with
        },
        converter=convert_help,
    ),
    notes=(
        (
            "the files state no unit; the authors' README gives latencies in ms, and four columns "
            "are HW-NAS-Bench's (ms) to the last digit"
        ),
        (
            "the image size is not stated; by those four columns and by the others' magnitude it "
            "is 32x32, so not for ImageNet16-120"
        ),
        "latencies of batches are of the whole batch",
    ),
)


@device_table(INFO)
def load() -> DeviceTable:
    """The devices, from the converted table."""
    return DeviceTable(INFO, open_table(INFO.table))
