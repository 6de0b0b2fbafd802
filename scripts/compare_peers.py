"""Octet beside ONNX Runtime and OpenVINO: same network, weights, threads and input in memory (FP32, NCHW).

Each engine runs in its own process and is told in turn to run for some seconds, so that slow drifts of the machine meet all of
them alike. A time is from input in memory to output in memory; whatever layout an engine likes inside, its
conversions are in the time. The networks are exported by `octet export`, and before anything is timed the
engines' outputs on one random batch are compared: figures of engines that compute different things mean nothing.

--precision int8: Octet calibrates by itself on synthetic images; the peers run the model that ONNX Runtime's static quantiser makes from
the exported one (u8 activations, s8 weights, one scale a channel, QDQ form, which both take). The three chose their scales on
their own, so their outputs are only asked to point the same way (cosine).

The ratio of Octet to a peer is taken round by round; printed are its median and a 95 % bootstrap interval of it.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

OCTET = pathlib.Path(__file__).resolve().parent.parent / "build/release/bin/octet"
NETWORKS = ["alexnet", "googlenet", "resnet-50", "squeezenet-1.0", "vgg-16"]
TOLERANCE = 1e-3  # of the outputs' range, between FP32 engines that each sum in their own order
COSINE = 0.9  # between INT8 engines that each calibrate in their own way
CALIBRATION_IMAGES = 8


# ---- workers: one process an engine, commands on stdin, answers on stdout ------------------------------------------


def make_onnxruntime(model, threads, batch, way):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def make_openvino(model, threads, batch, way):
    import openvino as ov

    core = ov.Core()
    net = core.read_model(model)
    shape = list(net.inputs[0].partial_shape)
    net.reshape([batch] + [d.get_length() for d in shape[1:]])
    config = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}  # of what is not quantised
    if way == "streams":
        config |= {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": threads}
    else:
        config |= {"PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(net, "CPU", config)
    if way != "streams":
        request = compiled.create_infer_request()

        def run(x):
            request.infer([x], share_inputs=True, share_outputs=True)
            return request.get_output_tensor(0).data

        return run
    queue = ov.AsyncInferQueue(compiled, threads)

    def run_all(x):  # one request a core, both in flight
        for _ in range(threads):
            queue.start_async([x], share_inputs=True)
        queue.wait_all()
        return queue[0].get_output_tensor(0).data

    run_all.images_per_call = threads
    return run_all


def worker(engine, model, threads, batch, way):
    import numpy as np

    out = os.fdopen(os.dup(1), "w")  # engines print; answers must not be mixed with that
    os.dup2(2, 1)
    run = {"onnxruntime": make_onnxruntime, "openvino": make_openvino}[engine](model, threads, batch, way)
    per_call = batch * getattr(run, "images_per_call", 1)
    x, warm = None, False
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "input":
            x = np.ascontiguousarray(np.load(command["file"]))
            answer = {}
        elif command["do"] == "output":
            np.save(command["file"], run(x))
            answer = {}
        else:
            if not warm:
                run(x)
                warm = True
            times, start = [], time.perf_counter()
            while not times or time.perf_counter() - start < command["seconds"]:
                t = time.perf_counter()
                run(x)
                times.append(time.perf_counter() - t)
            answer = {"images_per_second": per_call / statistics.median(times)}
        print(json.dumps(answer), file=out, flush=True)


def quantise(model, shape):
    """The QDQ form of `model`, beside it."""
    import numpy as np
    from onnxruntime import quantization as q
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(q.CalibrationDataReader):
        def __init__(self, name):
            rng = np.random.default_rng(2)
            self.images = iter([{name: rng.uniform(-1, 1, [1] + shape[1:]).astype(np.float32)}
                                for _ in range(CALIBRATION_IMAGES)])

        def get_next(self):
            return next(self.images, None)

    import onnxruntime as ort
    name = ort.InferenceSession(model, providers=["CPUExecutionProvider"]).get_inputs()[0].name
    prepared, result = model.with_suffix(".prepared.onnx"), model.with_suffix(".int8.onnx")
    quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    q.quantize_static(str(prepared), str(result), Images(name), quant_format=q.QuantFormat.QDQ, per_channel=True,
                      activation_type=q.QuantType.QUInt8, weight_type=q.QuantType.QInt8)
    prepared.unlink()
    return result


class Peer:
    def __init__(self, engine, model, threads, batch, way):
        self.name = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}[engine] + (f" {way}" if way else "")
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", engine, str(model), str(threads), str(batch), way],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def ask(self, **command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended unexpectedly (exit code {self.process.wait()})")
        return json.loads(line)

    def measure(self, seconds):
        return self.ask(do="run", seconds=seconds)["images_per_second"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def octet(*arguments):
    result = subprocess.run([OCTET, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"octet {' '.join(map(str, arguments))}: exit code {result.returncode}\n{result.stderr}")
    return result.stdout


def scores(net):
    """Options that end the network before its softmax, whose outputs, all near 1 / 1000, quantisers round to nothing."""
    last = json.loads(octet("inspect", net, "--format", "json"))["layers"][-1]
    return ["--tensor", last["inputs"][0]] if last["op"] == "Softmax" else []


def measure_octet(net, threads, batch, seconds, extra):
    text = octet("bench", net, "--batch", batch, "--threads", threads, "--duration", seconds, "--format", "json", *extra)
    return json.loads(text)["images_per_second"]["median"]


# ---- statistics ----------------------------------------------------------------------------------------------------


def interval(ratios, rounds=2000):
    """95 % bootstrap interval of the median, with a fixed seed."""
    rng = random.Random(1)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(rounds))
    return medians[int(0.025 * rounds)], medians[int(0.975 * rounds) - 1]


def input_shape(net):
    return json.loads(octet("inspect", net, "--format", "json"))["inputs"][0]["shape"]


def check_agreement(net, batch, threads, peers, folder, precision, options):
    import numpy as np

    size = 100 if precision == "fp32" else 1
    x = np.random.default_rng(1).uniform(-size, size, [batch] + input_shape(net)[1:]).astype(np.float32)
    np.save(folder / "x.npy", x)
    octet("run", net, "--input", folder / "x.npy", "-o", folder / "octet.npy", "--batch", batch, "--threads", threads,
          "--precision", precision, *options)
    ours = np.load(folder / "octet.npy").reshape(batch, -1)
    for peer in peers:
        peer.ask(do="input", file=str(folder / "x.npy"))
        peer.ask(do="output", file=str(folder / "peer.npy"))
        theirs = np.load(folder / "peer.npy").reshape(batch, -1)
        if precision == "int8":
            a, b = ours - ours.mean(1, keepdims=True), theirs - theirs.mean(1, keepdims=True)
            cosine = float(np.mean(np.sum(a * b, 1) / np.sqrt(np.sum(a * a, 1) * np.sum(b * b, 1))))
            if not cosine > COSINE:
                raise SystemExit(f"{net} batch {batch}: Octet and {peer.name} differ: cosine {cosine:.3f}")
            continue
        error = float(np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs)))
        if not error < TOLERANCE:
            raise SystemExit(f"{net} batch {batch}: Octet and {peer.name} differ by {error:.2e} of the output's range")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--batches", default="1,128")
    parser.add_argument("--precision", choices=["fp32", "int8"], default="fp32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--pairs", type=int, default=10, help="interleaved rounds (default 10)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each engine in each round (default 1)")
    parser.add_argument("--engines", default="onnxruntime,openvino")
    parser.add_argument("--octet-options", default="", help="options for octet bench, e.g. '--no-winograd'")
    parser.add_argument("--json", type=pathlib.Path, help="also write all figures of all rounds to this file")
    arguments = parser.parse_args()
    extra = ["--precision", arguments.precision] + arguments.octet_options.split()
    rows = []
    print(f"{'network':16} {'batch':>5} {'Octet':>9}   peers: images/s, ratio Octet/peer (95 % interval), "
          f"{arguments.pairs} interleaved rounds, {arguments.threads} threads, {arguments.precision}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for net in arguments.networks.split(","):
            model = folder / f"{net}.onnx"
            ending = scores(net) if arguments.precision == "int8" else []
            octet("export", net, "-o", model, *ending)
            if arguments.precision == "int8":
                exported, model = model, quantise(model, input_shape(net))
                exported.unlink()
            for batch in map(int, arguments.batches.split(",")):
                ways = [("onnxruntime", "")]
                ways += [("openvino", "latency"), ("openvino", "streams")] if batch == 1 else [("openvino", "latency")]
                peers = [Peer(e, model, arguments.threads, batch, w) for e, w in ways if e in arguments.engines.split(",")]
                check_agreement(net, batch, arguments.threads, peers, folder, arguments.precision, ending)
                figures = {p.name: [] for p in peers} | {"Octet": []}
                for _ in range(arguments.pairs):
                    figures["Octet"].append(measure_octet(net, arguments.threads, batch, arguments.seconds, extra + ending))
                    for peer in peers:
                        figures[peer.name].append(peer.measure(arguments.seconds))
                for peer in peers:
                    peer.close()
                cells = []
                for peer in peers:
                    ratios = [a / b for a, b in zip(figures["Octet"], figures[peer.name])]
                    low, high = interval(ratios)
                    cells.append(f"{peer.name} {statistics.median(figures[peer.name]):.1f}, "
                                 f"{statistics.median(ratios):.2f} ({low:.2f}-{high:.2f})")
                print(f"{net:16} {batch:5} {statistics.median(figures['Octet']):9.1f}   {' | '.join(cells)}", flush=True)
                rows.append({"network": net, "batch": batch, "figures": figures})
            model.unlink()
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--worker":
        worker(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6] if len(sys.argv) > 6 else "")
    else:
        main()
