"""A run's surroundings: one thread, and global generators that are seeded by its key.

A run is a function of its key, whatever ran in its process before and however many workers there
are. A method should draw from its `rng` alone; libraries that draw from `random`, `numpy.random`
or torch give the same each time all the same.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np

#: What fixes the threads of linear algebra in a process that is started with them.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class _TorchSeeder(MetaPathFinder):
    """Seeds torch when a run is the first to import it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.state: Any = None

    def drawn(self) -> bool:
        """Whether torch is there and its generator is no longer as it was seeded."""
        torch: Any = sys.modules.get("torch")
        return self.state is not None and not torch.equal(self.state, torch.get_rng_state())

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find torch as usual, and seed it once it is loaded."""
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                load(module)
                module.manual_seed(self.seed)
                self.state = module.get_rng_state()
                module.set_num_threads(1)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _numpy_state() -> tuple[bytes, int]:
    """Numpy's global generator, to be compared."""
    state: Any = np.random.get_state()  # noqa: NPY002
    return state[1].tobytes(), int(state[2])


@contextlib.contextmanager
def contained(run_id: str) -> Iterator[list[str]]:
    """While this is open, global generators are seeded by a run's id and threads are one.

    Afterwards both are as before, but for those of a torch that was imported in it first, which has
    no other state to go back to. What it gives names the generators that were drawn from.
    """
    seed = int(run_id[:8], 16)
    drawn: list[str] = []
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    seeded = random.getstate(), _numpy_state()
    torch = sys.modules.get("torch")
    seeder = _TorchSeeder(seed)
    with contextlib.ExitStack() as ends:
        if torch is None:
            sys.meta_path.insert(0, seeder)
        else:
            ends.enter_context(torch.random.fork_rng(devices=[]))
            torch.manual_seed(seed)
            seeder.state = torch.get_rng_state()
            ends.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        if any(os.environ.get(name) != "1" for name in ONE_THREAD):
            from threadpoolctl import threadpool_limits

            ends.enter_context(threadpool_limits(1))
        try:
            yield drawn
        finally:
            if random.getstate() != seeded[0]:
                drawn.append("random")
            if _numpy_state() != seeded[1]:
                drawn.append("numpy.random")
            if seeder.drawn():
                drawn.append("torch")
            random.setstate(before[0])
            np.random.set_state(before[1])  # noqa: NPY002
            if seeder in sys.meta_path:
                sys.meta_path.remove(seeder)


def peak_bytes() -> int:
    """Most memory that this process has had; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else 1024 * peak)
