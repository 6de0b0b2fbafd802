"""What `octet export --precision int8` writes, run by ONNX Runtime and OpenVINO: whether they compute it in integers, and whether
they give Octet's answers.

SqueezeNet with its trained weights runs on the shared photographs, calibrated on every second one: the same top-1 on at least 99 %
of them, and accuracy within 0.4 points. Networks of --networks have synthetic weights and run on random images; their outputs
before the softmax must point the same way. Ends with 1 if anything of this does not hold, with 77 where something is missing."""
import argparse
import functools
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-peers/bin/python"
PACKAGES = ("numpy", "onnx", "onnxruntime", "openvino")
MISSING = 77

BATCH = 10
RANDOM_IMAGES = 8
LEAST_AGREEMENT = 99.0  # percent
MOST_DELTA = 0.4  # points of top-1
LEAST_COSINE = 0.99

LAYERS = {"Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"}  # in float, as ONNX Runtime calls them
INTEGER_LAYERS = {"QLinearConv", "QGemm", "QLinearMatMul", "MatMulIntegerToFloat"}


@dataclass
class Case:
    """A network, how it is named to Octet, and its images."""
    name: str
    network: list
    calibrate: list
    images: list  # of octet run
    labels: list = field(default_factory=list)


def main():
    return run_cases(parse(), PACKAGES, "scripts/check-qdq", random_case, squeezenet, check)


def run_cases(settings, packages, installer, random_case, squeezenet, check):
    """Checks --networks by random_case(name, settings, folder), and squeezenet(settings, folder) where the shared data are. The exit status."""
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    if absent and ENVIRONMENT.exists() and pathlib.Path(sys.prefix) != ENVIRONMENT.parent.parent:
        os.execv(ENVIRONMENT, [str(ENVIRONMENT), *sys.argv])
    if absent:
        return skip(f"{', '.join(absent)} cannot be imported; {installer} installs them")
    if not settings.octet.exists():
        return skip(f"{settings.octet} is not built")
    with tempfile.TemporaryDirectory() as folder:
        folder = settings.keep or pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        cases = [functools.partial(random_case, name) for name in settings.networks.split(",") if name]
        if (settings.shared / "models/squeezenet_v1.0/squeezenet_v1.0.caffemodel").exists():
            cases.append(squeezenet)
        elif not cases:
            return skip(f"no shared data ({settings.shared})")
        held = [check(case(settings, folder), settings, folder) for case in cases]
    return 0 if all(held) else 1


def parse():
    parser = common_options(__doc__)
    parser.add_argument("--calibrate", default="", help="more options of octet calibrate, for SqueezeNet")
    return parser.parse_args()


def common_options(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--octet", type=pathlib.Path, default=ROOT / "build/release/bin/octet")
    parser.add_argument("--shared", type=pathlib.Path, default=ROOT.parent / "shared", help="pictures and trained weights")
    parser.add_argument("--networks", default="", help="built-in networks to check too, as resnet-50,googlenet")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for models and arrays, kept")
    return parser


def skip(why):
    print(f"skipped: {why}")
    return MISSING


def squeezenet(settings, _folder):
    models, pictures = settings.shared / "models/squeezenet_v1.0", settings.shared / "images/imagenet-sample"
    listed = pictures / "val.txt"
    images = ["--images", pictures, "--list", listed]
    labels = [int(line.split()[1]) for line in listed.read_text().splitlines() if line.strip()]
    return Case("SqueezeNet", [models / "deploy.prototxt", "--weights", models / "squeezenet_v1.0.caffemodel"],
                [*images, "--every", "2", *settings.calibrate.split()], images, labels)


def random_case(name, settings, folder):
    import numpy

    described = json.loads(octet(settings, "inspect", name, "--format", "json"))
    last = described["layers"][-1]
    network = [name, "--tensor", last["inputs"][0]] if last["op"] == "Softmax" else [name]
    shape = [RANDOM_IMAGES, *described["inputs"][0]["shape"][1:]]
    array = folder / f"{name}-images.npy"
    numpy.save(array, numpy.random.default_rng(1).uniform(-1, 1, shape).astype(numpy.float32))
    calibrate = ["--synthetic", "--batches", "1", "--batch", "8", "--weight-rounding", "nearest"]
    return Case(name, network, calibrate, ["--input", array])


def octet(settings, *arguments):
    result = subprocess.run([settings.octet, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"octet {' '.join(map(str, arguments))}: exit code {result.returncode}: {result.stderr.strip()[-500:]}")
    return result.stdout


def check(case, settings, folder):
    """Prints a line an engine; whether all of it holds."""
    import numpy

    calibration, model = folder / f"{case.name}.json", folder / f"{case.name}.onnx"
    inputs, outputs = folder / f"{case.name}-inputs.npy", folder / f"{case.name}-octet.npy"
    octet(settings, "calibrate", *case.network, *case.calibrate, "-o", calibration)
    octet(settings, "export", *case.network, "--precision", "int8", "--calibration", calibration, "-o", model)
    octet(settings, "run", *case.network, "--precision", "int8", "--calibration", calibration, "--batch", BATCH, *case.images, "-o", outputs)
    if case.images[0] == "--images":
        octet(settings, "run", *case.network, "--tensor", input_name(model), *case.images, "-o", inputs)
    else:
        inputs = case.images[1]
    images, own = numpy.load(inputs, mmap_mode="r"), flat(numpy.load(outputs))
    print(f"{case.name}: {len(images)} images" + (f", Octet's top-1 {top1(own, case.labels):.1f} %" if case.labels else ""))
    held = True
    for name, run in (("ONNX Runtime", run_onnxruntime), ("OpenVINO", run_openvino)):
        version, layers, others = run(model, images, folder)
        held = report(f"{name} {version}", case, layers, own, flat(others)) and held
    return (not case.labels or check_bytes(case, settings, folder, calibration, model, images)) and held


def check_bytes(case, settings, folder, calibration, model, images):
    """The form that takes pictures' bytes gives the same outputs as the other."""
    import numpy

    mean = numpy.array(json.loads(calibration.read_text())["tensors"][0]["pixel_mean"], numpy.float32).reshape(1, -1, 1, 1)
    of_bytes = folder / f"{case.name}-u8.onnx"
    octet(settings, "export", *case.network, "--input-type", "u8", "--calibration", calibration, "-o", of_bytes)
    planes = numpy.array(images[:BATCH])
    pictures = numpy.rint(planes + mean).astype(numpy.uint8).transpose(0, 2, 3, 1)
    _, (integer, real), outputs = run_onnxruntime(of_bytes, pictures, folder)
    same = numpy.array_equal(outputs, run_onnxruntime(model, planes, folder)[2])
    print(f"  as bytes: {integer} layers in integers, {len(real)} in float; outputs {'the same' if same else 'DIFFER'}")
    return same and not real


def input_name(model):
    import onnx

    return onnx.load(model, load_external_data=False).graph.input[0].name


def flat(outputs):
    return outputs.reshape(len(outputs), -1)


def top1(outputs, labels):
    return 100.0 * sum(int(row.argmax()) == label for row, label in zip(outputs, labels)) / len(labels)


def nearness(own, others):
    """Of how many percent of the images both have the same first answer, and the mean cosine of their outputs."""
    import numpy

    agreement = 100.0 * float((own.argmax(1) == others.argmax(1)).mean())
    return agreement, float(((own * others).sum(1) / numpy.linalg.norm(own, axis=1) / numpy.linalg.norm(others, axis=1)).mean())


def report(name, case, layers, own, others):
    agreement, cosine = nearness(own, others)
    integer, real = layers
    text = f"  {name}: {integer} layers in integers, {len(real)} in float; agreement {agreement:.1f} %, cosine {cosine:.5f}"
    holds = not real and integer > 0
    if case.labels:
        delta = top1(others, case.labels) - top1(own, case.labels)
        text += f", top-1 {top1(others, case.labels):.1f} % ({delta:+.1f} points)"
        holds = holds and agreement >= LEAST_AGREEMENT and abs(delta) <= MOST_DELTA
    else:
        holds = holds and cosine >= LEAST_COSINE
    print(text + ("" if holds else "  FAILED"))
    for layer in real:
        print(f"    in float: {layer}")
    return holds


def run_onnxruntime(model, images, folder):
    """The version, (how many layers in integers, the names of those in float), the outputs."""
    import numpy
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    optimized = folder / f"{model.stem}-onnxruntime.onnx"
    options.optimized_model_filepath = str(optimized)
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(optimized).graph.node
    layers = (sum(node.op_type in INTEGER_LAYERS for node in nodes),
              [f"{node.name} ({node.op_type})" for node in nodes if node.op_type in LAYERS])
    name = session.get_inputs()[0].name
    return onnxruntime.__version__, layers, numpy.concatenate([session.run(None, {name: batch})[0] for batch in batches(images)])


def run_openvino(model, images, folder):
    import numpy
    import openvino

    core = openvino.Core()
    network = core.read_model(model)
    compiled = {}
    outputs = []
    for batch in batches(images):
        if len(batch) not in compiled:
            network.reshape(list(batch.shape))
            compiled[len(batch)] = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        outputs.append(numpy.array(compiled[len(batch)](batch)[0]))
    integer, real = 0, []
    for operation in next(iter(compiled.values())).get_runtime_model().get_ordered_ops():
        info = operation.get_rt_info()
        if info["layerType"].astype(str) not in ("Convolution", "FullyConnected", "MatMul"):
            continue
        precision = info["runtimePrecision"].astype(str)
        if precision in ("u8", "i8"):
            integer += 1
        else:
            real.append(f"{operation.get_friendly_name()} ({precision})")
    return openvino.__version__.split("-")[0], (integer, real), numpy.concatenate(outputs)


def batches(images):
    import numpy

    for first in range(0, len(images), BATCH):
        yield numpy.ascontiguousarray(images[first:first + BATCH])


if __name__ == "__main__":
    sys.exit(main())
