"""Convolutions that cells of several spaces share."""

#: Operations: kernel side, and whether the convolution is separable.
KERNELS = {
    "sep_conv_3x3": (3, True),
    "sep_conv_5x5": (5, True),
    "conv_1x1": (1, False),
    "conv_3x3": (3, False),
}


def divisible(filters: float) -> int:
    """The nearest multiple of 4, at least 4.

    How the authors' code rounds a scaled width (`make_divisible`).
    """
    return 4 * max(round(filters / 4), 1)
