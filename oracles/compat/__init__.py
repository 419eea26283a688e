"""Drop-in for scripts written for `nats_bench`, `nas_201_api` and `nasbench.api`.

Their names, arguments, keys and shapes over our tables.

Only the import changes:
    from nats_bench import create                   ->  from nasrepro.oracles.compat import create
    from nas_201_api import NASBench201API as API   ->  from nasrepro.oracles.compat import NASBench201API as API
    from nasbench import api                        ->  from nasrepro.oracles import compat as api               (all cells)
                                                        from nasrepro.oracles.compat import
                                                          nasbench101_slice as api
                                                        from nasrepro.oracles.compat import ecnas_4v as api      (or ecnas_5v)

Units are theirs: percent, millions and seconds in `nats_bench`, fractions and seconds in
`nasbench`. What differs on purpose:
    not in the table        raises NotTabulated with the reason when it is read (an `in` test says False); nothing is made up
    unknown architecture    raises InvalidArch or UnknownName, where `nats_bench` answers -1; numpy integers are indices
    `hp`                    must be given, where `nats_bench` takes 12 epochs in silence
    random trials           by a generator of the object's own (`seed`); the global random state is neither read nor set
    file paths              are accepted and not read: the numbers are those of the oracle's converted table
    printing                never, except `show`; `verbose` and `fast_mode` have no effect

These objects answer whom they are asked by and count no budget but their own; a method of this
suite uses its session.
"""

from nasrepro.oracles.compat.answer import Answer
from nasrepro.oracles.compat.nasbench import (
    ModelSpec,
    NASBench,
    OutOfDomainError,
    ecnas_4v,
    ecnas_5v,
    nasbench101_slice,
)
from nasrepro.oracles.compat.nats_bench import (
    ArchResults,
    NASBench201API,
    NATSBench,
    NATSsize,
    NATStopology,
    ResultsCount,
    create,
    search_space_info,
)

__all__ = [
    "Answer",
    "ArchResults",
    "ModelSpec",
    "NASBench",
    "NASBench201API",
    "NATSBench",
    "NATSsize",
    "NATStopology",
    "OutOfDomainError",
    "ResultsCount",
    "create",
    "ecnas_4v",
    "ecnas_5v",
    "nasbench101_slice",
    "search_space_info",
]
