"""Networks quantised by ONNX Runtime and by NNCF, run by Octet with the scales and integers of their files: whether it computes them in
integers, and whether it gives the answers that ONNX Runtime gives.

SqueezeNet with its trained weights is exported in FP32, quantised on every tenth of the shared photographs in each way of --ways, and run
on all of them: the same top-1 on at least 99 %, and accuracy within 0.4 points, unless the way says otherwise. Networks of --networks have
synthetic weights, are quantised on random images, and their outputs before the softmax must point the same way. No layer may be left in float. Ends with 1 if
anything of this does not hold, with 77 where something is missing."""
import json
import pathlib
import sys
from dataclasses import dataclass

import check_qdq
from check_qdq import flat, nearness, octet, run_onnxruntime, top1

PACKAGES = ("numpy", "onnx", "onnxruntime", "nncf")
CALIBRATE_EVERY = 10
RANDOM_IMAGES = 8
LEAST_COSINE = 0.99
LAYER_OPS = {"Convolution", "InnerProduct"}


@dataclass
class Way:
    """How to quantise: keyword arguments of ONNX Runtime's quantize_static, types by name, or NNCF's quantize; and how near the answers
    must be to ONNX Runtime's."""
    options: dict | None = None
    least_agreement: float = 99.0  # percent
    most_delta: float = 0.4  # points of top-1


WAYS = {
    "u8": Way({"activation_type": "QUInt8"}),
    "u8 per channel": Way({"activation_type": "QUInt8", "per_channel": True}),
    "s8": Way({"activation_type": "QInt8"}),
    "s8 per channel": Way({"activation_type": "QInt8", "per_channel": True}),
    # Rounded before each ReLU and behind it; Octet rounds once.
    "symmetric s8 per channel": Way(
        {"activation_type": "QInt8", "per_channel": True, "extra_options": {"ActivationSymmetric": True}}, least_agreement=94.0),
    # Weights of other zero points than 128 do not fit s8 and are rounded anew.
    "u8, u8 weights": Way({"activation_type": "QUInt8", "weight_type": "QUInt8"}, least_agreement=94.0),
    # Biases are floats, which Octet rounds and ONNX Runtime does not; it leaves 8 of the layers in float.
    "nncf": Way(least_agreement=98.0, most_delta=0.6),
}


@dataclass
class Case:
    """A network in FP32, and its images and labels."""
    name: str
    model: pathlib.Path
    images: object
    calibration: object
    labels: list


def main():
    return check_qdq.run_cases(parse(), PACKAGES, "scripts/check-qdq-import", random_case, squeezenet, check)


def parse():
    parser = check_qdq.common_options(__doc__)
    parser.add_argument("--ways", default=";".join(WAYS), help="how to quantise, separated by semicolons (default: %(default)s)")
    parser.set_defaults(calibrate="")  # of check_qdq's case
    settings = parser.parse_args()
    settings.ways = [way for way in settings.ways.split(";") if way]
    unknown = [way for way in settings.ways if way not in WAYS]
    if unknown:
        parser.error(f"--ways: expected some of {'; '.join(WAYS)}, got {'; '.join(unknown)}")
    return settings


def squeezenet(settings, folder):
    import numpy

    case = check_qdq.squeezenet(settings, folder)
    model, inputs = folder / "SqueezeNet.onnx", folder / "SqueezeNet-inputs.npy"
    octet(settings, "export", *case.network, "-o", model)
    octet(settings, "run", *case.network, "--tensor", check_qdq.input_name(model), *case.images, "-o", inputs)
    images = numpy.load(inputs, mmap_mode="r")
    return Case("SqueezeNet", model, images, images[::CALIBRATE_EVERY], case.labels)


def random_case(name, settings, folder):
    import numpy

    case = check_qdq.random_case(name, settings, folder)
    model = folder / f"{name}.onnx"
    octet(settings, "export", *case.network, "-o", model)
    images = numpy.load(case.images[1])
    return Case(name, model, images, images, [])


def quantize(case, way, path):
    """The quantiser's name and version, once it has written the model."""
    options = WAYS[way].options
    return quantize_by_nncf(case, path) if options is None else quantize_by_onnxruntime(case, options, path)


def quantize_by_onnxruntime(case, options, path):
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rest = ({check_qdq.input_name(case.model): image[None]} for image in case.calibration)

        def get_next(self):
            return next(self.rest, None)

    prepared = path.with_suffix(".prepared.onnx")
    quant_pre_process(str(case.model), str(prepared), skip_symbolic_shape=True)
    types = {key: getattr(QuantType, value) for key, value in options.items() if key.endswith("_type")}
    others = {key: value for key, value in options.items() if not key.endswith("_type")}
    quantize_static(str(prepared), str(path), Reader(), quant_format=QuantFormat.QDQ, **{"weight_type": QuantType.QInt8, **types}, **others)
    prepared.unlink()
    return f"ONNX Runtime {onnxruntime.__version__}"


def quantize_by_nncf(case, path):
    import nncf
    import onnx

    name = check_qdq.input_name(case.model)
    dataset = nncf.Dataset(list(case.calibration), lambda image: {name: image[None]})
    onnx.save(nncf.quantize(onnx.load(case.model), dataset, subset_size=len(case.calibration)), path)
    return f"NNCF {nncf.__version__}"


def check(case, settings, folder):
    """Prints a line a way; whether all of it holds."""
    print(f"{case.name}: {len(case.images)} images, quantised on {len(case.calibration)}")
    return all([check_way(case, way, settings, folder) for way in settings.ways])


def check_way(case, way, settings, folder):
    import numpy

    stem = folder / f"{case.name}-{way.replace(',', '').replace(' ', '-')}"
    model, outputs, inputs = stem.with_suffix(".onnx"), stem.with_suffix(".npy"), folder / f"{case.name}-inputs.npy"
    quantizer = quantize(case, way, model)
    if not inputs.exists():
        numpy.save(inputs, case.images)
    octet(settings, "run", model, "--precision", "int8", "--batch", check_qdq.BATCH, "--input", inputs, "-o", outputs)
    own = flat(numpy.load(outputs))
    version, (integer, real), others = run_onnxruntime(model, case.images, folder)
    others = flat(others)
    own_integer, own_real = octet_layers(settings, model)
    agreement, cosine = nearness(own, others)
    text = (f"  {way} ({quantizer}): Octet {own_integer} layers in integers, {len(own_real)} in float; ONNX Runtime {version} {integer}, "
            f"{len(real)}; agreement {agreement:.1f} %, cosine {cosine:.5f}")
    holds = not own_real and own_integer > 0
    if case.labels:
        ours, theirs = top1(own, case.labels), top1(others, case.labels)
        text += f", top-1 {ours:.1f} % and {theirs:.1f} %"
        holds = holds and agreement >= WAYS[way].least_agreement and abs(ours - theirs) <= WAYS[way].most_delta + 1e-9
    else:
        holds = holds and cosine >= LEAST_COSINE
    print(text + ("" if holds else "  FAILED"), flush=True)
    for layer in own_real:
        print(f"    in float: {layer}")
    return holds


def octet_layers(settings, model):
    """How many layers with weights Octet computes in integers, and the names of those in float."""
    plan = json.loads(octet(settings, "inspect", model, "--precision", "int8", "--plan", "--format", "json"))["plan"]
    layers = [(step["layer"], "_i8/" in step["kernel"] or "_i8_" in step["kernel"]) for step in plan if step["op"] in LAYER_OPS]
    return sum(integer for _, integer in layers), [name for name, integer in layers if not integer]


if __name__ == "__main__":
    sys.exit(main())
