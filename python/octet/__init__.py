"""Octet: convolutional networks in INT8, BF16 and FP32 on CPUs.

    network = octet.zoo("octet-20")                       # or octet.load("deploy.prototxt", "net.caffemodel")
    calibration = octet.calibrate(network, pictures)      # an iterable of float32 arrays C x H x W or N x C x H x W
    engine = octet.build(network, precision="int8", calibration=calibration, max_batch=8)
    context = engine.create_context()                     # one for each thread
    scores = context.run(batch)                           # float32, N x C x H x W; read where it lies

What takes long releases the GIL. Whatever goes wrong raises octet.Error.
"""

from ._accuracy import Accuracy, accuracy
from ._calibrate import calibrate
from ._octet import (
    Calibration,
    Context,
    Engine,
    Error,
    Network,
    TensorInfo,
    __version__,
    build,
    describe_machine,
    load,
    load_engine,
    run_reference,
    zoo,
    zoo_names,
)

__all__ = [
    "Accuracy",
    "Calibration",
    "Context",
    "Engine",
    "Error",
    "Network",
    "TensorInfo",
    "__version__",
    "accuracy",
    "build",
    "calibrate",
    "describe_machine",
    "load",
    "load_engine",
    "run_reference",
    "zoo",
    "zoo_names",
]
