"""SqueezeNet from Caffe files to INT8, and how it compares with ONNX Runtime's FP32 on the same pictures.

    pip install . pillow onnxruntime
    python python/examples/quantise_squeezenet.py deploy.prototxt squeezenet.caffemodel PICTURES SYNSETS

PICTURES: a folder of ImageNet pictures whose names begin with their synset (n01440764_10026.JPEG, n01440764.JPEG); SYNSETS: a file with
a synset at the beginning of each line, in the order of the network's classes. Every second picture calibrates, the others are measured.
"""

import argparse
import pathlib
import tempfile
import time

import numpy as np
import octet
import onnxruntime
from PIL import Image

MEAN_BGR = (104.0, 117.0, 123.0)
SYNSET = len("n01440764")
BATCH = 10


class Pictures:
    """Batches for the network: 256 x 256, the middle, blue green red, less the mean. Begins anew each time it is asked."""

    def __init__(self, files, shape):
        self.files = files
        self.height, self.width = shape[2:]

    def load(self, file):
        picture = Image.open(file).convert("RGB").resize((256, 256), Image.Resampling.BILINEAR)
        left, top = (256 - self.width) // 2, (256 - self.height) // 2
        rgb = np.asarray(picture.crop((left, top, left + self.width, top + self.height)), np.float32)
        return (rgb[:, :, ::-1] - np.array(MEAN_BGR, np.float32)).transpose(2, 0, 1)

    def __iter__(self):
        for first in range(0, len(self.files), BATCH):
            yield np.ascontiguousarray([self.load(f) for f in self.files[first : first + BATCH]])


def with_labels(pictures, labels):
    first = 0
    for batch in pictures:
        yield batch, labels[first : first + len(batch)]
        first += len(batch)


def count_right(run, pictures, labels):
    """Pictures right at the first guess, and the seconds that `run` took."""
    right, seconds = 0, 0.0
    for batch, expected in with_labels(pictures, labels):
        begin = time.perf_counter()
        scores = run(batch)
        seconds += time.perf_counter() - begin
        right += int((scores.reshape(len(batch), -1).argmax(1) == expected).sum())
    return right, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prototxt")
    parser.add_argument("caffemodel")
    parser.add_argument("pictures", type=pathlib.Path)
    parser.add_argument("synsets", type=pathlib.Path)
    options = parser.parse_args()

    network = octet.load(options.prototxt, options.caffemodel)
    shape = network.inputs[0].shape
    order = {line[:SYNSET]: i for i, line in enumerate(options.synsets.read_text(encoding="utf-8").splitlines())}
    files = sorted(f for f in options.pictures.iterdir() if f.name[:SYNSET] in order)
    if len(files) < 2:
        parser.error(f"{options.pictures}: expected pictures whose names begin with a synset of {options.synsets}, got {len(files)}")
    calibrating, measured = Pictures(files[::2], shape), Pictures(files[1::2], shape)
    labels = np.array([order[f.name[:SYNSET]] for f in measured.files])
    print(f"{len(calibrating.files)} pictures calibrate, {len(labels)} are measured")

    # The mean is given, so that the first layer works on the pictures' bytes.
    calibration = octet.calibrate(network, calibrating, pixel_mean=MEAN_BGR, data=str(options.pictures))

    rows = []
    for precision in ("fp32", "int8"):
        engine = octet.build(network, precision=precision, max_batch=BATCH, calibration=calibration if precision == "int8" else None)
        context = engine.create_context()
        context.run(next(iter(measured)))  # the first run brings the weights into the caches
        rows.append((f"Octet {precision}", *count_right(context.run, measured, labels)))
        rows[-1] += (octet.accuracy(engine, with_labels(measured, labels)),)

    with tempfile.TemporaryDirectory() as folder:
        network.export_onnx(f"{folder}/network.onnx")
        session = onnxruntime.InferenceSession(f"{folder}/network.onnx", providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        rows.append(("ONNX Runtime fp32", *count_right(lambda x: session.run(None, {name: x})[0], measured, labels), None))

    for engine_name, right, seconds, accuracy in rows:
        spread = ""
        if accuracy is not None:
            low, high = accuracy.interval(accuracy.top1_correct)
            spread = f" (95 % interval {100 * low:.1f} to {100 * high:.1f}; top-5 {100 * accuracy.top5:.1f} %)"
        print(f"{engine_name:18} {len(labels) / seconds:8.1f} images/s   top-1 {100 * right / len(labels):5.1f} %{spread}")

    # Rows like these are what pandas.DataFrame takes.
    profile = context.profile(next(iter(measured)))
    print("the five slowest layers in INT8:")
    for row in sorted(profile, key=lambda r: -r["ms"])[:5]:
        print(f"  {row['layer']:28} {row['ms']:7.3f} ms  {row['gops']:7.1f} Gop/s  {row['kernel']}")


if __name__ == "__main__":
    main()
