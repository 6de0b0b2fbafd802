"""In which ways each engine can run a row: the model's form, how requests are made of images, how pictures come in. The search
(search.py) finds the best of them; what is not listed here is not tried."""
from dataclasses import dataclass, replace

OCTET, ONNXRUNTIME, OPENVINO = "octet", "onnxruntime", "openvino"
NAMES = {OCTET: "Octet", ONNXRUNTIME: "ONNX Runtime", OPENVINO: "OpenVINO"}
PACKAGES = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "nncf": "NNCF"}
PEERS = (ONNXRUNTIME, OPENVINO)


@dataclass(frozen=True)
class Variant:
    engine: str
    threads: int
    form: str = "fp32"  # of the model: fp32; qdq, qoperator (made by ONNX Runtime's quantizer), nncf (by OpenVINO's)
    way: str = ""  # lab/peers/worker.py tells them; Octet's "ranks": a process of one thread on each CPU
    hint: str = "f32"  # OpenVINO's precision of what is not quantized
    pictures: str = ""  # where bytes become planes: "model", "numpy"; "octet": its own first layer takes them
    options: tuple = ()  # of octet worker
    cpus: tuple = ()

    def words(self):
        """Short, for a table: 'nncf, streams, bf16'."""
        if self.engine == OCTET:
            return "a rank a core" if self.way == "ranks" else " ".join(self.options).replace("--", "")
        said = [self.form] if self.form != "fp32" else []
        said += [{"": "one call", "callers": "a caller a thread"}.get(self.way, self.way)]
        said += [self.hint] if self.hint != "f32" else []
        said += ["numpy"] if self.pictures == "numpy" else []
        return ", ".join(said)


def octet(row, cpus):
    own = Variant(OCTET, len(cpus), options=("--precision", row.precision), pictures="octet" if row.pictures else "")
    return [own, replace(own, way="ranks", cpus=tuple(cpus))] if row.kind == "throughput" else [own]


def onnxruntime(row, threads):
    if row.precision == "bf16":
        return []  # it has no BF16 on CPUs
    forms = ["qdq", "qoperator"] if row.precision == "int8" else ["fp32"]
    ways = [""] if row.kind == "latency" else ["", "callers"]
    pictures = ["model", "numpy"] if row.pictures else [""]
    return [Variant(ONNXRUNTIME, threads, form, way, pictures=how) for form in forms for way in ways for how in pictures]


def openvino(row, threads):
    forms = {"int8": [("nncf", "f32"), ("nncf", "bf16"), ("qdq", "f32")], "fp32": [("fp32", "f32")], "bf16": [("fp32", "bf16")]}
    ways = ["latency"] if row.kind == "latency" else ["latency", "streams"]
    pictures = "model" if row.pictures else ""
    return [Variant(OPENVINO, threads, form, way, hint, pictures) for form, hint in forms[row.precision] for way in ways]


def of_row(row, cpus):
    """{contestant: variants} on these CPUs, a thread each. Ratios are of the first contestant to the best of the others."""
    threads = len(cpus)
    if row.kind == "cores":
        pinned = replace(octet(row, cpus[:2])[0], cpus=tuple(cpus[:2]))
        return {"2 threads": [pinned], "1 thread": [replace(pinned, threads=1, cpus=tuple(cpus[:1]))]}
    if row.kind == "avx2":
        own = Variant(OCTET, threads, options=("--precision", "int8", "--isa", "avx2"))
        direct = replace(own, options=("--precision", "fp32", "--isa", "avx2", "--no-winograd"))
        return {"INT8": [own], "FP32": [direct]}
    every = {OCTET: octet(row, cpus), ONNXRUNTIME: onnxruntime(row, threads), OPENVINO: openvino(row, threads)}
    return {name: variants for name, variants in every.items() if variants}
