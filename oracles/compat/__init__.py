"""Drop-in for scripts written for `nats_bench`, `nas_201_api` and `nasbench.api`.

Their names, arguments, keys and shapes over our tables.

Often only the import changes (README says for which published scripts):
    from nats_bench import create                   ->  from nasrepro.oracles.compat import create
    from nas_201_api import NASBench201API as API   ->  from nasrepro.oracles.compat import
    NASBench201API as API
    ... of its version 1                            ->  from nasrepro.oracles.compat import
    nas_201_api_1
    from hw_nas_bench_api import HWNASBenchAPI      ->  from nasrepro.oracles.compat import
    HWNASBenchAPI
    from api import TransNASBenchAPI                ->  from nasrepro.oracles.compat import
    TransNASBenchAPI
    from nasbench import api                        ->  from nasrepro.oracles import compat as api
                (all cells)
                                                        from nasrepro.oracles.compat import
                                                          nasbench101_slice as api
                                                        from nasrepro.oracles.compat import ecnas_4v
                                                        as api      (or ecnas_5v)

Units are theirs: percent, millions and seconds in `nats_bench`, fractions and seconds in
`nasbench`. What differs on purpose:
    not in the table        raises NotTabulated (a KeyError too) with the reason when it is read, by
    `get` too (an `in` test
                            says False); nothing is made up
    valtest-accuracy        of a trial without validation stands under `valid-and-test-accuracy`: it
    has test images in it
    unknown architecture    raises InvalidArch or UnknownName (ValueError too), where `nats_bench`
    answers -1; numpy integers are indices
    `hp`                    must be given, where `nats_bench` takes 12 epochs in silence
    random trials           by a generator of the object's own (`seed`); the global random state is
    neither read nor set
    file paths              are accepted and not read: the numbers are those of the oracle's
    converted table
    printing                never, except `show`; `verbose` and `fast_mode` have no effect

These objects answer whom they are asked by and count no budget but their own; a method of this
suite uses its session.
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
