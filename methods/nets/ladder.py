"""Options of every decision in order of what they cost: what methods see that trim or prune.

Where a decision is a width the ladder is the widths; of operations on an edge it goes from those
without a MAC to the largest convolution.
"""

from __future__ import annotations

from collections.abc import Sequence

from nasrepro.suite.space import Arch, SearchSpace


class Ladder:
    """Architectures by the step that each decision stands on, 0 the cheapest.

    Args:
        space: the space.
        classes: outputs of the classifier.
        size: height and width of the image, pixels.
    """

    def __init__(self, space: SearchSpace, *, classes: int, size: int) -> None:
        self.space = whole = space.whole  # a table may have a part of it
        highest = [options - 1 for options in space.cardinalities]
        self.options: tuple[tuple[int, ...], ...] = ()

        def amount(code: Sequence[int]) -> tuple[int, int]:
            counted = whole.complexity(whole.arch(code), classes=classes, size=size)
            return counted.macs, counted.params

        for _ in range(2):  # the second time with the costliest options of all other decisions
            self.options = tuple(
                tuple(
                    option
                    for _, option in sorted(
                        (amount(self.moved(highest, decision, option)), option)
                        for option in range(options)
                    )
                )
                for decision, options in enumerate(space.cardinalities)
            )
            highest = [steps[-1] for steps in self.options]

    @property
    def top(self) -> tuple[int, ...]:
        """The steps of the costliest architecture."""
        return tuple(len(steps) - 1 for steps in self.options)

    def steps(self, arch: Arch) -> tuple[int, ...]:
        """Inverse of `arch`."""
        return tuple(
            options.index(option) for options, option in zip(self.options, arch.code, strict=True)
        )

    def arch(self, steps: Sequence[int]) -> Arch:
        """The architecture on these steps, of the whole space."""
        return self.space.arch(
            [options[step] for options, step in zip(self.options, steps, strict=True)]
        )

    def moved(self, steps: Sequence[int], decision: int, step: int) -> tuple[int, ...]:
        """`steps` with a decision on another step."""
        return *steps[:decision], step, *steps[decision + 1 :]
