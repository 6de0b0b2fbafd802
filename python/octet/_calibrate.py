"""Calibration on whatever NumPy arrays a program has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from . import _octet


def calibrate(
    network: _octet.Network,
    images: Iterable[np.ndarray],
    *,
    method: str = "mse",
    percentile: float = 99.99,
    scheme: str = "u8",
    rounding: str = "nearest",
    bias_correction: bool = False,
    threads: int = 0,
    pixel_mean: Sequence[float] = (),
    data: str = "NumPy arrays",
    progress: Callable[[float], None] | None = None,
) -> _octet.Calibration:
    """Runs the network in FP32 over the images and chooses the scale of each tensor.

    images: arrays of the network's input, C x H x W or N x C x H x W. They are read more than once: a list, or an object of your
        own whose __iter__ begins anew, is read as it is; the arrays of a generator are kept in memory.
    method: "entropy", "minmax", "percentile" (see percentile) or "mse".
    scheme: "u8", or "symmetric-s8" as TensorRT has it.
    rounding: of weights, "nearest" or "adaptive".
    pixel_mean: what was subtracted from pictures of bytes, one value a channel: the first layer then works on the bytes.
    data: what the images were, in words; it is kept in the file.
    progress: called with the share that is done.
    """
    if iter(images) is images:
        images = list(images)
    return _octet.calibrate(
        network,
        images,
        method=method,
        percentile=percentile,
        scheme=scheme,
        rounding=rounding,
        bias_correction=bias_correction,
        threads=threads,
        pixel_mean=list(pixel_mean),
        data=data,
        progress=progress,
    )
