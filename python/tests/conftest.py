import numpy as np
import octet
import pytest


@pytest.fixture(scope="session")
def network():
    return octet.zoo("octet-20")


def make_images(count, seed):
    """Pictures less 128, which is what octet-20 takes: blocks of one colour, so that its layers have something to see."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 256, (count, 3, 5, 5)).astype(np.float32)
    return np.ascontiguousarray(blocks.repeat(8, axis=2).repeat(8, axis=3) - 128)


@pytest.fixture(scope="session")
def images():
    return make_images(12, seed=7)


@pytest.fixture(scope="session")
def calibration(network, images):
    return octet.calibrate(network, list(images), pixel_mean=[128, 128, 128])
