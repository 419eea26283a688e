"""The space of NAS-Bench-MR.

Networks with up to four resolutions side by side (arXiv:2103.13253).
"""

from __future__ import annotations

from nasrepro.oracles.spaces.options import OptionSpace

_CHANNELS = tuple(range(8, 129, 8))
_FEW = (1, 2, 3, 4)


class MultiRes(OptionSpace):
    """27 decisions.

    Channels of the two stem layers; of the stages with 1 to 4 resolutions the number of modules,
    and
    units and channels of each resolution; channels of the last layer.
    """

    def __init__(self) -> None:
        options: list[tuple[str, tuple[int, ...]]] = [("stem 1", _CHANNELS), ("stem 2", _CHANNELS)]
        for stage in (1, 2, 3, 4):
            options.append((f"modules of stage {stage}", _FEW))
            options += [(f"units {stage}.{branch}", _FEW) for branch in range(1, stage + 1)]
            options += [(f"channels {stage}.{branch}", _CHANNELS) for branch in range(1, stage + 1)]
        options.append(("last channels", _CHANNELS))
        super().__init__("multires", options, "64,64,1,2,128,... (27)")
