"""Drop-in replacements for `nats_bench`, `nas_201_api`, `nasbench.api` and others.

They keep the original names, arguments, keys and shapes, over our tables. Often only the import
changes (docs/pages/how-to/compat.md lists published scripts):

    from nats_bench import create                  -> from nasrepro.oracles.compat import create
    from nas_201_api import NASBench201API         -> ... import NASBench201API
    (its version 1)                                -> ... import nas_201_api_1
    from hw_nas_bench_api import HWNASBenchAPI     -> ... import HWNASBenchAPI
    from api import TransNASBenchAPI               -> ... import TransNASBenchAPI
    from nasbench import api (all cells)           -> from nasrepro.oracles import compat as api
    from nasbench import api (parts)               -> ... import nasbench101_slice as api
                                                      (or ecnas_4v, ecnas_5v)

Units are the original ones: percent, millions and seconds in `nats_bench`, fractions and seconds in
`nasbench`. Intentional differences:
    missing values          reading one, also with `get`, raises NotTabulated (also a KeyError) with
                            the reason; `in` returns False
    valtest-accuracy        for a trial without validation, the value is under
                            `valid-and-test-accuracy`, since it includes test images
    unknown architecture    raises InvalidArch or UnknownName (also a ValueError); `nats_bench`
                            returns -1; numpy integers are indices
    `hp`                    must be given; `nats_bench` silently assumes 12 epochs
    random trials           are drawn by the object's own generator (`seed`); the global random
                            state is neither read nor set
    file paths              are accepted and ignored: the numbers come from the converted table
    printing                only in `show`; `verbose` and `fast_mode` have no effect

These objects answer any caller and count only their own budget; a method of this suite uses its
session.
"""

from nasrepro.oracles.compat.answer import Answer
from nasrepro.oracles.compat.hw_nas_bench import HWNASBenchAPI
from nasrepro.oracles.compat.nas_201_api import NASBench201API, nas_201_api_1
from nasrepro.oracles.compat.nasbench import (
    ModelSpec,
    NASBench,
    OutOfDomainError,
    ecnas_4v,
    ecnas_5v,
    graph_util,
    nasbench101_slice,
)
from nasrepro.oracles.compat.naslib import get_dataset_api
from nasrepro.oracles.compat.nats_bench import (
    NATSBench,
    NATSsize,
    NATStopology,
    create,
    search_space_info,
)
from nasrepro.oracles.compat.results import ArchResults, ResultsCount
from nasrepro.oracles.compat.transnas import TransNASBenchAPI

__all__ = [
    "Answer",
    "ArchResults",
    "HWNASBenchAPI",
    "ModelSpec",
    "NASBench",
    "NASBench201API",
    "NATSBench",
    "NATSsize",
    "NATStopology",
    "OutOfDomainError",
    "ResultsCount",
    "TransNASBenchAPI",
    "create",
    "ecnas_4v",
    "ecnas_5v",
    "get_dataset_api",
    "graph_util",
    "nas_201_api_1",
    "nasbench101_slice",
    "search_space_info",
]
