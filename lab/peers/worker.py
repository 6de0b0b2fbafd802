"""Another engine in a process of its own. Commands are lines of JSON on standard input, each answered by one line of JSON on
standard output: {"error": text} if it failed, else what is said below. Arrays are passed as files of raw values.

describe                                     which engines there are: {"python", "engines" {name: {"version" or "missing"}},
                                             "quantizer" {same}, "nncf" {same}}
quantize model result images shape [form]    makes the INT8 form of an ONNX file, calibrated on the images (FP32): "qdq" (if
                                             nothing is said), "qoperator" (both ONNX Runtime's) or "nncf" (OpenVINO's own): {}
pictures model result mean                   puts bytes to planes, less the mean, in front of an ONNX file: {}
load engine way model threads batch cpus     {"version", "batches_per_call", "seconds" of making the engine}
     [precision] [pictures] [mean]
input file shape [type]                      the file's first images, of which a batch is the first ones; "float32" or "uint8": {}
run batch count                              `count` calls one after the other: {"start_ns" [], "stop_ns" []}
rate batch count                             `count` batches as fast as they go, `batches_per_call` of them in flight
                                             at all times: {"start_ns", "stop_ns"} of them all
output batch file                            runs once and writes the outputs: {"shape"}

Images are FP32 N x C x H x W, or with `pictures` bytes N x H x W x C, of which `mean` (a value a channel) is to be subtracted: by
the model itself ("model", see the command pictures; OpenVINO's own preprocessor) or by numpy before it ("numpy"). `precision` is
OpenVINO's, of what is not quantized: "f32" or "bf16".

Times are of CLOCK_MONOTONIC, which all processes of a machine share. A call is timed from input in memory to output in memory;
whatever layout an engine likes inside, its conversions are in it.
"""
import sys

sys.path = [folder for folder in sys.path if folder]  # nothing of the current folder's is a module

import importlib
import json
import math
import os
import threading
import time


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class OnnxRuntime:
    """Ways: "" has all threads work on a batch; "callers" has as many callers as threads, each with a batch of its own."""

    def __init__(self, model, way, threads, batch, precision, pictures, mean):
        import onnxruntime

        self.callers = threads if way == "callers" else 1
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads // self.callers
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        start = now()
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.seconds = (now() - start) / 1e9
        self.name = self.session.get_inputs()[0].name
        self.version = onnxruntime.__version__
        self.batches_per_call = self.callers
        self.convert = planes_less(mean) if pictures == "numpy" else lambda images: images

    def prepare(self, batch):
        pass

    def run(self, images):
        self.rate(images, self.callers)

    def rate(self, images, count):
        def call(times):
            for _ in range(times):
                self.output(images)

        shares = [count // self.callers + (i < count % self.callers) for i in range(self.callers)]
        others = [threading.Thread(target=call, args=(share,)) for share in shares[1:]]
        for other in others:
            other.start()
        call(shares[0])
        for other in others:
            other.join()

    def output(self, images):
        return self.session.run(None, {self.name: self.convert(images)})[0]


class OpenVino:
    """Ways: "latency" has all threads work on a batch; "streams" has as many requests as threads in flight, one a thread."""

    def __init__(self, model, way, threads, batch, precision, pictures, mean):
        import openvino

        self.openvino, self.core, self.model = openvino, openvino.Core(), model
        self.version = version_of("openvino")
        self.way, self.threads, self.precision = way, threads, precision
        self.mean = mean if pictures else None
        self.batches_per_call = threads if way == "streams" else 1
        self.requests = {}  # by batch: shapes are fixed when a network is compiled
        start = now()
        self.prepare(batch)
        self.seconds = (now() - start) / 1e9

    def prepare(self, batch):
        if batch in self.requests:
            return
        network = self.core.read_model(self.model)
        shape = list(network.inputs[0].partial_shape)
        network.reshape([batch] + [dimension.get_length() for dimension in shape[1:]])
        if self.mean is not None:
            network = self.with_pictures(network)
        config = {"INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": self.precision}
        if self.way == "streams":
            config |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": self.threads}
        else:
            config |= {"PERFORMANCE_HINT": "LATENCY"}
        compiled = self.core.compile_model(network, "CPU", config)
        self.requests[batch] = (self.openvino.AsyncInferQueue(compiled, self.threads) if self.way == "streams"
                                else compiled.create_infer_request())

    def with_pictures(self, network):
        from openvino.preprocess import PrePostProcessor

        processor = PrePostProcessor(network)
        images = processor.input()
        images.tensor().set_element_type(self.openvino.Type.u8).set_layout(self.openvino.Layout("NHWC"))
        images.model().set_layout(self.openvino.Layout("NCHW"))
        images.preprocess().convert_element_type(self.openvino.Type.f32).mean(self.mean)
        return processor.build()

    def run(self, images):
        self.rate(images, self.batches_per_call)

    def rate(self, images, count):
        requests = self.requests[len(images)]
        if self.way == "streams":
            for _ in range(count):
                requests.start_async([images], share_inputs=True)
            requests.wait_all()
        else:
            for _ in range(count):
                requests.infer([images], share_inputs=True, share_outputs=True)

    def output(self, images):
        self.run(images)
        requests = self.requests[len(images)]
        return (requests[0] if self.way == "streams" else requests).get_output_tensor(0).data


ENGINES = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}
QUANTIZER = ["onnxruntime.quantization", "onnx"]


def planes_less(mean):
    import numpy

    values = numpy.array(mean, numpy.float32).reshape(1, -1, 1, 1)
    return lambda images: numpy.subtract(images.transpose(0, 3, 1, 2), values, order="C")


def version_of(package):
    import importlib.metadata

    return importlib.metadata.version(package)


def availability(modules, package):
    try:
        for module in ["numpy"] + modules:
            importlib.import_module(module)
        return {"version": version_of(package)}
    except Exception as error:  # a broken package may raise anything
        return {"missing": str(error)}


def describe():
    return {"python": sys.version.split()[0], "engines": {name: availability([name], name) for name in ENGINES},
            "quantizer": availability(QUANTIZER, "onnxruntime"), "nncf": installed("nncf")}


def installed(package):
    """Without importing it, which takes seconds."""
    try:
        return {"version": version_of(package)}
    except Exception as error:
        return {"missing": str(error)}


def quantize(model, result, images, shape, form="qdq"):
    import numpy

    values = numpy.fromfile(images, numpy.float32).reshape(shape)
    each = [values[i:i + 1] for i in range(len(values))]
    if form == "nncf":
        quantize_for_openvino(model, result, each)
    else:
        quantize_for_onnxruntime(model, result, each, form)
    return {}


def quantize_for_onnxruntime(model, result, images, form):
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(quantization.CalibrationDataReader):
        def __init__(self, name):
            self.rest = iter([{name: image} for image in images])

        def get_next(self):
            return next(self.rest, None)

    formats = {"qdq": quantization.QuantFormat.QDQ, "qoperator": quantization.QuantFormat.QOperator}
    prepared = result + ".prepared"
    try:
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        # Probabilities, most of them near nothing, are no place for 8 bits: Octet's softmax is FP32 too.
        softmax = [node.name for node in graph.node if node.op_type == "Softmax"]
        quantization.quantize_static(
            prepared, result, Images(graph.input[0].name), quant_format=formats[form], per_channel=True,
            activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8, nodes_to_exclude=softmax)
    finally:
        if os.path.exists(prepared):
            os.unlink(prepared)


def quantize_for_openvino(model, result, images):
    os.environ["NNCF_CI"] = "1"  # else it reports its use to its makers without asking
    import nncf
    import openvino

    network = openvino.Core().read_model(model)
    network.reshape(list(images[0].shape))  # with an unknown batch it would have to guess it
    quantized = nncf.quantize(network, nncf.Dataset(images), subset_size=len(images))
    openvino.save_model(quantized, result, compress_to_fp16=False)


def pictures(model, result, mean):
    """Cast, transpose and subtract as nodes of the graph: N x H x W x C bytes become its old input."""
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    network = onnx.load(model)
    graph = network.graph
    planes = graph.input[0]
    batch, channels, height, width = planes.type.tensor_type.shape.dim
    graph.initializer.append(numpy_helper.from_array(numpy.array(mean, numpy.float32).reshape(1, -1, 1, 1), "pictures/mean"))
    nodes = [helper.make_node("Transpose", ["pictures"], ["pictures/planes"], perm=[0, 3, 1, 2]),
             helper.make_node("Cast", ["pictures/planes"], ["pictures/values"], to=TensorProto.FLOAT),
             helper.make_node("Sub", ["pictures/values", "pictures/mean"], [planes.name])]
    for place, node in enumerate(nodes):
        graph.node.insert(place, node)
    size = [batch.dim_param or batch.dim_value, height.dim_value, width.dim_value, channels.dim_value]
    graph.input[0].CopyFrom(helper.make_tensor_value_info("pictures", TensorProto.UINT8, size))
    onnx.save(network, result)
    return {}


class Worker:
    def __init__(self):
        self.engine, self.images = None, None

    def describe(self):
        return describe()

    def quantize(self, **arguments):
        return quantize(**arguments)

    def pictures(self, **arguments):
        return pictures(**arguments)

    def load(self, engine, way, model, threads, batch, cpus, precision="f32", pictures="", mean=None):
        if cpus:
            os.sched_setaffinity(0, cpus)  # before the engine starts its threads
        self.engine = ENGINES[engine](model, way, threads, batch, precision, pictures, mean)
        return {"version": self.engine.version, "batches_per_call": self.engine.batches_per_call, "seconds": self.engine.seconds}

    def input(self, file, shape, type="float32"):
        import numpy

        self.images = numpy.fromfile(file, type, count=math.prod(shape)).reshape(shape)
        return {}

    def run(self, batch, count):
        images, run = self.first(batch), self.engine.run
        start, stop = [], []
        for _ in range(count):
            start.append(now())
            run(images)
            stop.append(now())
        return {"start_ns": start, "stop_ns": stop}

    def rate(self, batch, count):
        images = self.first(batch)
        start = now()
        self.engine.rate(images, count)
        return {"start_ns": start, "stop_ns": now()}

    def output(self, batch, file):
        import numpy

        result = numpy.ascontiguousarray(self.engine.output(self.first(batch)), numpy.float32)
        result.tofile(file)
        return {"shape": list(result.shape)}

    def first(self, batch):
        self.engine.prepare(batch)
        return self.images[:batch]


def main():
    out = os.fdopen(os.dup(1), "w")  # engines print; answers must not be mixed with that
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("do"))(**command)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
