"""The table that is to be made: what each row compares, and the bars that Octet has set itself on machines with AVX-512 VNNI and
on such with AMX."""
from dataclasses import dataclass

VNNI, AMX = "AVX-512 VNNI", "AMX"


@dataclass(frozen=True)
class Row:
    group: str  # what --rows takes
    network: str
    kind: str  # throughput, latency, cores, avx2, memory, build, load: how it is measured (measure.py, costs.py)
    precision: str
    vnni: float  # the bars
    amx: float
    pictures: bool = False  # u8 N x H x W x C instead of FP32 N x C x H x W

    @property
    def name(self):
        return f"{self.group}/{self.network}"

    @property
    def lower_is_better(self):
        return self.kind in ("memory", "build", "load")

    @property
    def on_planes(self):
        """Name of the row that differs only in what comes in; None for a row that has no pictures."""
        return self.name.replace("-u8", "") if self.pictures else None

    def bar(self, machine):
        return self.amx if machine == AMX else self.vnni


THROUGHPUT_INT8 = {"resnet-50": (1.18, 1.5), "resnet-101": (1.18, 1.5), "resnet-152": (1.18, 1.5), "vgg-16": (1.4, 1.3),
                   "vgg-19": (1.4, 1.3), "googlenet": (1.5, 1.8), "alexnet": (2.4, 3), "squeezenet-1.0": (1.3, 2)}
LATENCY_INT8 = {"resnet-50": (1.1, 1.3), "googlenet": (1.3, 1.3), "alexnet": (1.3, 1.3), "squeezenet-1.0": (1.3, 1.3)}
MOBILE = ("mobilenet-v1", "mobilenet-v2", "mobilenet-v3-large", "efficientnet-lite0")  # mobile_networks.py makes them
THROUGHPUT_FP32 = {"resnet-50": 1.25, "googlenet": 1.5, "alexnet": 1.5, "vgg-16": 2.7, "squeezenet-1.0": 1.4}

ROWS = [
    *(Row("int8", net, "throughput", "int8", *bars) for net, bars in THROUGHPUT_INT8.items()),
    *(Row("int8-latency", net, "latency", "int8", *bars) for net, bars in LATENCY_INT8.items()),
    *(Row("int8-u8", net, "throughput", "int8", *bars, pictures=True) for net, bars in THROUGHPUT_INT8.items()),
    *(Row("int8-u8-latency", net, "latency", "int8", *bars, pictures=True) for net, bars in LATENCY_INT8.items()),
    *(Row("mobile", net, "throughput", "int8", 0.9, 0.9) for net in MOBILE),
    *(Row("mobile-latency", net, "latency", "int8", 0.9, 0.9) for net in MOBILE),
    *(Row("fp32", net, "throughput", "fp32", bar, bar) for net, bar in THROUGHPUT_FP32.items()),
    Row("bf16", "resnet-50", "throughput", "bf16", 1.1, 1.3),
    Row("cores", "resnet-50", "cores", "int8", 1.95, 1.95),
    Row("cores", "googlenet", "cores", "int8", 1.95, 1.95),
    Row("avx2", "vgg-16", "avx2", "int8", 3, 3),
    Row("avx2", "resnet-50", "avx2", "int8", 1.6, 1.6),
    Row("memory", "resnet-50", "memory", "int8", 0.5, 0.5),
    Row("build", "resnet-50", "build", "int8", 0.7, 0.7),
    Row("load", "resnet-50", "load", "int8", 0.1, 0.1),
]

TITLES = {
    "int8": "INT8, best throughput",
    "int8-latency": "INT8, batch 1 on all cores, latency",
    "int8-u8": "INT8, best throughput, u8 pictures",
    "int8-u8-latency": "INT8, batch 1 on all cores, latency, u8 pictures",
    "mobile": "INT8, networks of depthwise layers, best throughput",
    "mobile-latency": "INT8, networks of depthwise layers, batch 1 on all cores, latency",
    "fp32": "FP32, best throughput",
    "bf16": "BF16, best throughput",
    "cores": "INT8 throughput, 1 -> 2 cores",
    "avx2": "AVX2 only: INT8 against own direct FP32",
    "memory": "INT8, batch 128: peak memory",
    "build": "INT8: building the engine",
    "load": "INT8: loading a saved engine",
}


def choose(groups, networks):
    """The rows of these groups and networks; an empty list means all. Raises ValueError for a name that there is not."""
    for wanted, known in ((groups, list(TITLES)), (networks, sorted({row.network for row in ROWS}))):
        for name in wanted:
            if name not in known:
                raise ValueError(f"expected one of {', '.join(known)}, got '{name}'")
    return [row for row in ROWS if (not groups or row.group in groups) and (not networks or row.network in networks)]
