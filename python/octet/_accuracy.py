"""How often an engine is right."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from . import _octet


@dataclass(frozen=True)
class Accuracy:
    """Of how many images the label was the engine's first class, or among its first five."""

    images: int
    top1_correct: int
    top5_correct: int

    @property
    def top1(self) -> float:
        """Share of the images, 0 to 1."""
        return self.top1_correct / self.images

    @property
    def top5(self) -> float:
        """Share of the images, 0 to 1."""
        return self.top5_correct / self.images

    def interval(self, correct: int, z: float = 1.959964) -> tuple[float, float]:
        """Wilson's 95 % interval of a share of the images."""
        share, n = correct / self.images, self.images
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


def accuracy(engine: _octet.Engine, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> Accuracy:
    """Runs the engine over pairs of images (N x C x H x W, up to max_batch of them) and their N labels.

    Another class with the label's own score counts against it, as in `octet accuracy`.
    """
    context = engine.create_context()
    images = top1 = top5 = 0
    for batch, labels in batches:
        scores = context.run(batch).reshape(len(batch), -1)
        labels = np.asarray(labels)
        if labels.shape != (len(batch),):
            raise ValueError(f"accuracy: expected {len(batch)} labels, got shape {labels.shape}")
        if labels.min() < 0 or labels.max() >= scores.shape[1]:
            raise ValueError(f"accuracy: labels must be 0 to {scores.shape[1] - 1}")
        own = np.take_along_axis(scores, labels[:, None].astype(np.int64), axis=1)
        rank = (~(scores < own)).sum(axis=1) - 1  # "not below", so that NaN on either side counts against the label
        images += len(batch)
        top1 += int((rank < 1).sum())
        top5 += int((rank < 5).sum())
    if images == 0:
        raise ValueError("accuracy: there are no images")
    return Accuracy(images, top1, top5)
