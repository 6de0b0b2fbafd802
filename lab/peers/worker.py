"""Another engine in a process of its own. Commands are lines of JSON on standard input, each answered by one line of JSON on
standard output: {"error": text} if it failed, else what is said below. Arrays are passed as files of raw FP32.

describe                                     which engines there are: {"python", "engines" {name: {"version" or "missing"}},
                                             "quantizer" {same}}
quantize model result images shape           makes the INT8 form of an ONNX file, calibrated on the images: {}
load engine way model threads batch cpus     {"version", "batches_per_call"}
input file shape                             the images, N x C x H x W, of which a batch is the first ones: {}
run batch count                              `count` calls one after the other: {"start_ns" [], "stop_ns" []}
output batch file                            runs once and writes the outputs: {"shape"}

Times are of CLOCK_MONOTONIC, which all processes of a machine share. A call is timed from input in memory to output in memory;
whatever layout an engine likes inside, its conversions are in it.
"""
import sys

sys.path = [folder for folder in sys.path if folder]  # nothing of the current folder's is a module

import importlib
import json
import os
import time


class OnnxRuntime:
    def __init__(self, model, way, threads, batch):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.version = onnxruntime.__version__
        self.batches_per_call = 1

    def prepare(self, batch):
        pass

    def run(self, images):
        return self.session.run(None, {self.name: images})[0]


class OpenVino:
    def __init__(self, model, way, threads, batch):
        import openvino

        self.openvino, self.core, self.model = openvino, openvino.Core(), model
        self.version = version_of("openvino")
        self.way, self.threads = way, threads
        self.batches_per_call = threads if way == "streams" else 1
        self.runs = {}  # by batch: shapes are fixed when a network is compiled
        self.prepare(batch)

    def prepare(self, batch):
        if batch not in self.runs:
            network = self.core.read_model(self.model)
            shape = list(network.inputs[0].partial_shape)
            network.reshape([batch] + [dimension.get_length() for dimension in shape[1:]])
            config = {"INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": "f32"}  # of what is not quantized
            if self.way == "streams":
                config |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": self.threads}
            else:
                config |= {"PERFORMANCE_HINT": "LATENCY"}
            compiled = self.core.compile_model(network, "CPU", config)
            self.runs[batch] = self.all_streams(compiled) if self.way == "streams" else self.one_request(compiled)

    def one_request(self, compiled):
        request = compiled.create_infer_request()

        def run(images):
            request.infer([images], share_inputs=True, share_outputs=True)
            return request.get_output_tensor(0).data

        return run

    def all_streams(self, compiled):
        queue = self.openvino.AsyncInferQueue(compiled, self.threads)

        def run(images):
            for _ in range(self.threads):
                queue.start_async([images], share_inputs=True)
            queue.wait_all()
            return queue[0].get_output_tensor(0).data

        return run

    def run(self, images):
        return self.runs[len(images)](images)


ENGINES = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}
QUANTIZER = ["onnxruntime.quantization", "onnx"]


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
            "quantizer": availability(QUANTIZER, "onnxruntime")}


def quantize(model, result, images, shape):
    import numpy
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(quantization.CalibrationDataReader):
        def __init__(self, name):
            values = numpy.fromfile(images, numpy.float32).reshape(shape)
            self.rest = iter([{name: values[i:i + 1]} for i in range(len(values))])

        def get_next(self):
            return next(self.rest, None)

    prepared = result + ".prepared"
    try:
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        # Probabilities, most of them near nothing, are no place for 8 bits: Octet's softmax is FP32 too.
        softmax = [node.name for node in graph.node if node.op_type == "Softmax"]
        quantization.quantize_static(
            prepared, result, Images(graph.input[0].name), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
            activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8, nodes_to_exclude=softmax)
    finally:
        if os.path.exists(prepared):
            os.unlink(prepared)
    return {}


class Worker:
    def __init__(self):
        self.engine, self.images = None, None

    def describe(self):
        return describe()

    def quantize(self, **arguments):
        return quantize(**arguments)

    def load(self, engine, way, model, threads, batch, cpus):
        if cpus:
            os.sched_setaffinity(0, cpus)  # before the engine starts its threads
        self.engine = ENGINES[engine](model, way, threads, batch)
        return {"version": self.engine.version, "batches_per_call": self.engine.batches_per_call}

    def input(self, file, shape):
        import numpy

        self.images = numpy.fromfile(file, numpy.float32).reshape(shape)
        return {}

    def run(self, batch, count):
        images = self.first(batch)
        now, clock, run = time.clock_gettime_ns, time.CLOCK_MONOTONIC, self.engine.run
        start, stop = [], []
        for _ in range(count):
            start.append(now(clock))
            run(images)
            stop.append(now(clock))
        return {"start_ns": start, "stop_ns": stop}

    def output(self, batch, file):
        import numpy

        result = numpy.ascontiguousarray(self.engine.run(self.first(batch)), numpy.float32)
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
