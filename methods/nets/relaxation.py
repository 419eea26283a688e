"""The continuous relaxation of a search space: logits of all options, learned by gradient."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from nasrepro.methods.nets.one_shot import Batch, code_of
from nasrepro.suite.search import Session
from nasrepro.suite.space import Arch


class Alpha:
    """Logits of the options of each decision, from 1e-3 N(0, 1), and Adam on them.

    Betas are 0.5 and 0.999, weight decay is 1e-3.

    Args:
        session: the search session.
        learning_rate: of the logits.
        rng: random generator.

    Attributes:
        logits: one row for each decision, one column for each option.
    """

    def __init__(self, session: Session, learning_rate: float, rng: np.random.Generator) -> None:
        sizes = session.space.cardinalities
        drawn = 1e-3 * rng.standard_normal((len(sizes), max(sizes)))
        self.logits = torch.tensor(drawn, dtype=torch.float32, requires_grad=True)
        self._optimiser = torch.optim.Adam(
            [self.logits], learning_rate, betas=(0.5, 0.999), weight_decay=1e-3
        )
        self._session, self._tenth = session, -1

    def step(self, supernet: nn.Module, batch: Batch) -> None:
        """One step on the cross-entropy of a supernet whose gates come from the logits."""
        images, labels = batch
        self._optimiser.zero_grad()
        F.cross_entropy(supernet(images), labels).backward()
        self._optimiser.step()

    def derived(self) -> Arch:
        """The architecture of the largest logits."""
        return self._session.space.arch(code_of(self.logits))

    def note(self, done: float) -> None:
        """Keep what would be chosen now, and log it, once in each tenth of the search.

        Args:
            done: share of the steps that are done.
        """
        if int(10 * done) > self._tenth:
            self._tenth = int(10 * done)
            self._session.keep(self.derived())
            self._session.log("derived", done=done, code=list(code_of(self.logits)))
