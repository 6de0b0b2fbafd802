"""Octet beside ONNX Runtime and OpenVINO: same network, weights, threads and input in memory (FP32, NCHW).

Each engine runs in its own process and is told in turn to run for some seconds, so that slow drifts of the machine meet all of
them alike. A time is from input in memory to output in memory; whatever layout an engine likes inside, its
conversions are in the time. The networks are exported by `octet export`, and before anything is timed the
engines' outputs on one random batch are compared: figures of engines that compute different things mean nothing.
The peers are run by the laboratory's worker (lab/peers/worker.py), as in a study.

--precision int8: Octet calibrates by itself on synthetic images; the peers run the model that ONNX Runtime's static quantiser makes from
the exported one (u8 activations, s8 weights, one scale a channel, QDQ form, which both take). The three chose their scales on
their own, so their outputs are only asked to point the same way (cosine).

The ratio of Octet to a peer is taken round by round; printed are its median and a 95 % bootstrap interval of it.
"""
import argparse
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
OCTET = ROOT / "build/release/bin/octet"
WORKER = ROOT / "lab/peers/worker.py"
NETWORKS = ["alexnet", "googlenet", "resnet-50", "squeezenet-1.0", "vgg-16"]
TOLERANCE = 1e-3  # of the outputs' range, between FP32 engines that each sum in their own order
COSINE = 0.9  # between INT8 engines that each calibrate in their own way
CALIBRATION_IMAGES = 8


class Worker:
    """lab/peers/worker.py in a process of its own, asked in lines of JSON."""

    def __init__(self, name):
        self.name = name
        self.process = subprocess.Popen([sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)

    def ask(self, **command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended unexpectedly (exit code {self.process.wait()})")
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"{self.name}: {answer['error']}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def quantise(model, shape):
    """The QDQ form of `model`, beside it."""
    import numpy as np

    images, result = model.with_suffix(".images"), model.with_suffix(".int8.onnx")
    rng = np.random.default_rng(2)
    shape = [CALIBRATION_IMAGES] + shape[1:]
    rng.uniform(-1, 1, shape).astype(np.float32).tofile(images)
    worker = Worker("ONNX Runtime's quantizer")
    worker.ask(do="quantize", model=str(model), result=str(result), images=str(images), shape=shape)
    worker.close()
    images.unlink()
    return result


class Peer(Worker):
    def __init__(self, engine, model, threads, batch, way):
        super().__init__({"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}[engine] + (f" {way}" if way else ""))
        self.batch = batch
        loaded = self.ask(do="load", engine=engine, way=way, model=str(model), threads=threads, batch=batch, cpus=[])
        self.images_per_call = batch * loaded["batches_per_call"]
        self.call_seconds = None

    def run(self, count):
        answer = self.ask(do="run", batch=self.batch, count=count)
        return [(stop - start) / 1e9 for start, stop in zip(answer["start_ns"], answer["stop_ns"])]

    def measure(self, seconds):
        if self.call_seconds is None:
            self.run(1)  # not warm yet
            self.call_seconds = self.run(1)[0]
        self.call_seconds = statistics.median(self.run(max(1, math.ceil(seconds / self.call_seconds))))
        return self.images_per_call / self.call_seconds


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
    x.tofile(folder / "x.raw")
    octet("run", net, "--input", folder / "x.npy", "-o", folder / "octet.npy", "--batch", batch, "--threads", threads,
          "--precision", precision, *options)
    ours = np.load(folder / "octet.npy").reshape(batch, -1)
    for peer in peers:
        peer.ask(do="input", file=str(folder / "x.raw"), shape=list(x.shape))
        peer.ask(do="output", batch=batch, file=str(folder / "peer.raw"))
        theirs = np.fromfile(folder / "peer.raw", np.float32).reshape(batch, -1)
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
    main()
