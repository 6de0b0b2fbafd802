"""What the engines run: a network as each of them takes it, with its images, calibrations and the outputs that it should have. All
of it is made once and kept in a folder.

Weights are synthetic (from a seed: Octet's, or those of mobile_networks.py) and so are images: FP32 in -1..1, or random bytes as
pictures. INT8: every engine's own quantizer chooses its scales, from 8 images of the kind that is run: Octet's calibration, ONNX
Runtime's static quantizer (u8 activations, s8 weights, one scale a channel) and OpenVINO's NNCF. Quantized networks and BF16 ones
end before their softmax, whose outputs, all near 1 / 1000, quantizers round to nothing."""
import array
import json
import math
import pathlib
import random
import struct
import zlib
from dataclasses import dataclass

import engines
import rows

IMAGES = 128
CALIBRATION_IMAGES = 8
REFERENCE_IMAGES = 4
# B, G, R: what Octet takes from pictures of these networks.
MEANS = {"vgg-16": [103.939, 116.779, 123.68], "vgg-19": [103.939, 116.779, 123.68], "octet-20": [128, 128, 128]}
OTHER_MEAN = [104, 117, 123]


@dataclass(frozen=True)
class Images:
    """Raw values: FP32 N x C x H x W, or bytes N x H x W x C."""
    file: pathlib.Path
    shape: list  # of one
    type: str
    mean: object  # of pictures, else None


class Models:
    def __init__(self, folder, network, precision, pictures):
        self.folder, self.network, self.precision, self.pictures = folder, network, precision, pictures
        folder.mkdir(parents=True, exist_ok=True)
        source = self.generated() if network in rows.MOBILE else network
        described = json.loads(engines.octet("inspect", source, "--format", "json"))
        self.shape = described["inputs"][0]["shape"][1:]
        last = described["layers"][-1]
        ends_early = precision != "fp32" and last["op"] == "Softmax"
        self.octet_network = [source, "--tensor", last["inputs"][0]] if ends_early else [source]
        self.kind = "u8" if pictures else "fp32"

    def generated(self):
        import mobile_networks  # which needs onnx and numpy

        return self.made(f"{self.network}.network.onnx", lambda file: mobile_networks.save(self.network, file))

    # ---- images ------------------------------------------------------------------------------------------------------

    def images(self):
        return self.pictures_file() if self.pictures else self.planes_file("images", IMAGES, seed=1)

    def planes_file(self, name, count, seed):
        file = self.made(f"{name}-{self.shape[1]}.f32", lambda file: write_random(file, [count] + self.shape, "float32", seed))
        return Images(file, self.shape, "float32", None)

    def pictures_file(self):
        channels, height, width = self.shape
        shape = [height, width, channels]
        file = self.made(f"pictures-{height}.u8", lambda file: write_random(file, [IMAGES] + shape, "uint8", seed=1))
        return Images(file, shape, "uint8", self.mean())

    def mean(self):
        return MEANS.get(self.network, OTHER_MEAN)

    def planes_of_pictures(self, first, count):
        """Some of the pictures as FP32 planes less the mean."""
        return self.made(f"pictures-{self.shape[1]}-{self.mean()[0]}-{first}-{count}.f32",
                         lambda file: write_planes(file, self.pictures_file(), first, count))

    def picture_folder(self, first, count):
        """The same pictures as files, in a folder of their own."""
        return self.made(f"pictures-{self.shape[1]}-{first}-{count}.folder",
                         lambda folder: write_files(folder, self.pictures_file(), first, count))

    # ---- models ------------------------------------------------------------------------------------------------------

    def of(self, variant):
        """What engines.start takes: Octet's options, or a peer's file."""
        if variant.engine == "octet":
            return self.octet_network + (["--calibration", self.calibration()] if "int8" in variant.options else [])
        model = self.exported() if variant.form == "fp32" else self.quantized(variant.form)
        return self.with_pictures(model) if variant.engine == "onnxruntime" and variant.pictures == "model" else model

    def stem(self):
        return f"{self.network}-{'whole' if len(self.octet_network) == 1 else 'scores'}"

    def exported(self):
        return self.made(f"{self.stem()}.onnx", lambda file: engines.octet("export", *self.octet_network, "-o", file))

    def calibration(self):
        images = (["--images", self.picture_folder(REFERENCE_IMAGES, CALIBRATION_IMAGES), "--protocol", "as-is"] if self.pictures
                  else ["--synthetic", "--batches", 1, "--batch", CALIBRATION_IMAGES])
        return self.made(f"{self.stem()}-{self.kind}.calibration.json", lambda file: engines.octet(
            "calibrate", *self.octet_network, *images, "--weight-rounding", "nearest", "-o", file))

    def quantized(self, form):
        images = (self.planes_of_pictures(REFERENCE_IMAGES, CALIBRATION_IMAGES) if self.pictures
                  else self.planes_file("calibration", CALIBRATION_IMAGES, seed=2).file)
        ending = "xml" if form == "nncf" else "onnx"
        return self.made(f"{self.stem()}-{self.kind}.{form}.{ending}", lambda file: ask_worker(
            do="quantize", model=str(self.exported()), result=str(file), images=str(images),
            shape=[CALIBRATION_IMAGES] + self.shape, form=form))

    def with_pictures(self, model):
        name = f"{model.stem}.pictures.onnx" if "-u8" in model.stem else f"{model.stem}-u8.pictures.onnx"
        return self.made(name, lambda file: ask_worker(do="pictures", model=str(model), result=str(file), mean=self.mean()))

    def made(self, name, make):
        """The file of this name, made if it is not there; one that was not finished does not get its name."""
        file = self.folder / name
        if not file.exists():
            unfinished = file.with_name(f"unfinished-{name}")
            make(unfinished)
            for part in self.folder.glob(f"{unfinished.stem}.*"):  # an OpenVINO model is two files
                part.rename(part.with_name(part.name.removeprefix("unfinished-")))
        return file

    # ---- outputs -----------------------------------------------------------------------------------------------------

    def reference(self):
        """Octet's direct FP32 outputs of the first images."""
        file = self.made(f"{self.stem()}-{self.kind}.reference.raw", self.write_reference)
        return read_floats(file)

    def write_reference(self, file):
        command = [engines.OCTET, "worker", *self.octet_network, "--no-winograd", "--batch", REFERENCE_IMAGES]
        images = self.planes_of_pictures(0, REFERENCE_IMAGES) if self.pictures else self.images().file
        with engines.Engine("Octet (reference)", command, REFERENCE_IMAGES) as engine:
            engine.answer()
            engine.ask(do="input", file=str(images))
            engine.output(file)

    def agreement(self, engine, precision):
        """How the engine's outputs lie to the reference: {"error": share of the range, "cosine"}. Raises EngineError if they
        are so far apart that it computes something else."""
        images = min(REFERENCE_IMAGES, engine.batch)
        file = self.folder / f"outputs-{engine.pids[0]}.raw"
        engine.output(file)
        outputs, reference = read_floats(file), self.reference()
        file.unlink()
        size = len(reference) // REFERENCE_IMAGES
        if len(outputs) != size * engine.batch:
            raise engines.EngineError(f"{engine.name}: expected {size} outputs an image, got {len(outputs)} of {engine.batch}")
        agreement = compare(outputs[:size * images], reference[:size * images], images)
        require_agreement(agreement, precision, f"{self.network}: {engine.name}")
        return agreement


# Of the outputs' range, between engines that each sum in their own order; and the cosine to FP32 where each chooses its own scales:
# on synthetic weights, which amplify rounding more than trained ones do. Another network's outputs come to about 0.
LARGEST_ERROR = {"fp32": 1e-3}
LEAST_COSINE = {"fp32": 0.999, "bf16": 0.99, "int8": 0.8}


def compare(outputs, reference, images):
    """Largest difference as a share of the largest reference, and the mean cosine of each image's outputs less their mean."""
    if len(outputs) != len(reference):
        raise ValueError(f"expected {len(reference)} outputs, got {len(outputs)}")
    if not all(map(math.isfinite, outputs)):
        return {"error": math.inf, "cosine": 0.0}
    size = len(reference) // images
    cosines = []
    for first in range(0, len(reference), size):
        a, b = centred(outputs[first:first + size]), centred(reference[first:first + size])
        norms = math.sqrt(dot(a, a) * dot(b, b))
        cosines.append(dot(a, b) / norms if norms > 0 else float(a == b))
    error = max(abs(x - y) for x, y in zip(outputs, reference)) / max(map(abs, reference))
    return {"error": error, "cosine": sum(cosines) / images}


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def centred(values):
    mean = sum(values) / len(values)
    return [value - mean for value in values]


def require_agreement(agreement, precision, name):
    if agreement["cosine"] < LEAST_COSINE[precision]:
        raise engines.EngineError(f"{name}: its outputs differ from Octet's in FP32: cosine {agreement['cosine']:.3f}, expected at "
                                  f"least {LEAST_COSINE[precision]}")
    if agreement["error"] > LARGEST_ERROR.get(precision, math.inf):
        raise engines.EngineError(f"{name}: its outputs differ from Octet's by {agreement['error']:.1e} of their range, expected at "
                                  f"most {LARGEST_ERROR[precision]:.0e}")


def read_floats(file):
    values = array.array("f")
    values.frombytes(pathlib.Path(file).read_bytes())
    return values


def ask_worker(**command):
    with engines.Process(f"the worker that makes {command['result']}", [engines.PYTHON, engines.WORKER]) as worker:
        worker.ask(**command)


def write_random(file, shape, kind, seed):
    """Random bytes; as FP32 the 256 values -1, -127/128 ... 127/128."""
    rng = random.Random(seed)
    values = [struct.pack("f", byte / 128 - 1) for byte in range(256)]
    with open(file, "wb") as out:
        for _ in range(shape[0]):
            bytes_ = rng.randbytes(math.prod(shape[1:]))
            out.write(bytes_ if kind == "uint8" else b"".join(map(values.__getitem__, bytes_)))


def read_pictures(pictures, first, count):
    """So many of the file's pictures, one by one: H x W x C bytes."""
    size = math.prod(pictures.shape)
    with open(pictures.file, "rb") as source:
        source.seek(first * size)
        for _ in range(count):
            yield source.read(size)


def write_planes(file, pictures, first, count):
    """H x W x C bytes as C x H x W values less the mean."""
    channels = pictures.shape[2]
    values = [[struct.pack("f", byte - mean) for byte in range(256)] for mean in pictures.mean]
    with open(file, "wb") as out:
        for picture in read_pictures(pictures, first, count):
            for channel in range(channels):
                out.write(b"".join(map(values[channel].__getitem__, picture[channel::channels])))


def write_files(folder, pictures, first, count):
    """PNG files, whose channels are R, G, B where the networks' are B, G, R."""
    height, width, _ = pictures.shape
    folder.mkdir(exist_ok=True)
    for number, picture in enumerate(map(bytearray, read_pictures(pictures, first, count)), first):
        picture[0::3], picture[2::3] = picture[2::3], picture[0::3]
        rows = b"".join(b"\0" + picture[y * width * 3:(y + 1) * width * 3] for y in range(height))
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
        (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks))
