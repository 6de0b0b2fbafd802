"""Networks in ONNX files on Octet beside ONNX Runtime: scripts/check_onnx_networks.py FILE.onnx... (with .venv-peers/bin/python).

Each file is imported as it is. In FP32 the outputs on pictures must agree within 1e-4 of their range; in INT8, calibrated on
pictures too, they must point the same way, and no layer may be left in FP32. Prints the rows of docs/onnx-networks.md, whose networks
scripts/export_onnx_networks.py makes. Ends with 1 if a network does not hold."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent
LARGEST_ERROR = 1e-4
LEAST_COSINE = 0.9  # of random weights
PICTURES = 16


def octet(settings, *arguments):
    result = subprocess.run([settings.octet, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"octet {' '.join(map(str, arguments))}: exit code {result.returncode}: {result.stderr.strip()[-500:]}")
    return result.stdout


def reference(model, images):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    batch = session.get_inputs()[0].shape[0]
    step = batch if isinstance(batch, int) else len(images)
    outputs = [session.run(None, {name: images[i:i + step]})[0] for i in range(0, len(images), step)]
    return flat(numpy.concatenate(outputs))


def flat(outputs):
    return outputs.reshape(len(outputs), -1)


def compare(expected, got):
    """The largest error as a part of the range, the mean cosine, and how often the first class is the same."""
    error = float(numpy.abs(got - expected).max() / numpy.abs(expected).max())
    norms = numpy.linalg.norm(expected, axis=1) * numpy.linalg.norm(got, axis=1)
    cosine = float(((expected * got).sum(1) / norms).mean())
    return error, cosine, float((expected.argmax(1) == got.argmax(1)).mean())


def check(model, settings, folder):
    """Prints a row; whether the network holds."""
    described = json.loads(octet(settings, "inspect", model, "--format", "json"))
    calibration = folder / "calibration.json"
    images, fp32, int8 = folder / "images.npy", folder / "fp32.npy", folder / "int8.npy"
    pictures = ["--images", settings.images, "--list", settings.images / "val.txt", "--protocol", "caffe-squash"]
    name = onnx.load(model, load_external_data=False).graph.input[0].name
    chosen = folder / "list.txt"
    lines = (settings.images / "val.txt").read_text().splitlines()
    chosen.write_text("\n".join(lines[-PICTURES:]) + "\n")
    pictures[3] = chosen
    octet(settings, "run", model, "--tensor", name, *pictures, "-o", images)
    octet(settings, "run", model, "--input", images, "--batch", 4, "-o", fp32)
    expected = reference(model, numpy.load(images))
    error, _, _ = compare(expected, flat(numpy.load(fp32)))
    pictures[3] = settings.images / "val.txt"
    octet(settings, "calibrate", model, *pictures, "--every", 8, "--weight-rounding", "nearest", "-o", calibration)
    octet(settings, "run", model, "--precision", "int8", "--calibration", calibration, "--input", images, "--batch", 4, "-o", int8)
    _, cosine, same = compare(expected, flat(numpy.load(int8)))
    profile = json.loads(octet(settings, "profile", model, "--precision", "int8", "--calibration", calibration, "--iterations", 1, "--format", "json"))
    real = [f"{layer['layer']} ({layer['kernel']})" for layer in profile["layers"] if "_f32/" in layer["kernel"] and layer["op"] != "Output"]
    macs = sum(layer["macs"] for layer in described["layers"])
    held = error <= LARGEST_ERROR and cosine >= LEAST_COSINE and not real
    print(f"| {model.stem} | {len(described['layers'])} | {macs / 1e6:.0f} | {error:.1e} | {cosine:.4f} | {same:.2f} | {len(real)} |" + ("" if held else "  FAILED"), flush=True)
    if settings.verbose:
        print("\n".join(real))
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--octet", type=pathlib.Path, default=ROOT / "build/release/bin/octet")
    parser.add_argument("--images", type=pathlib.Path, default=ROOT.parent / "shared/images/imagenet-sample")
    parser.add_argument("--verbose", action="store_true")
    settings = parser.parse_args()
    held = True
    for model in settings.models:
        with tempfile.TemporaryDirectory() as folder:
            try:
                held = check(model, settings, pathlib.Path(folder)) and held
            except RuntimeError as error:
                print(f"| {model.stem} | {error} |", flush=True)
                held = False
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
