#!/usr/bin/env python3
"""Trains octet-20 on drawn pictures and writes octet_20.caffemodel:

    python3 -m venv .venv-training && .venv-training/bin/pip install -r training/requirements.txt
    .venv-training/bin/python training/train.py --octet build/release/bin/octet

The pictures come from `octet draw`: train and validation sets while training, the test set once at the end. Everything that
decides the result has a seed or a fixed number, threads included; on another CPU sums round otherwise, and the weights
differ a little. docs/octet-20.md has what came out.
"""
import argparse
import math
import pathlib
import subprocess
import tempfile
import time

import numpy
import torch
from torch.nn import functional

from caffe_network import REPOSITORY, CaffeNetwork, read_prototxt, write_caffemodel

FOLDER = REPOSITORY / "src/zoo/octet_20"
MEAN = 128  # as lab::default_preprocessing has it
SEED = 20
BATCH = 64
LEARNING_RATE = 2e-3
WARM_UP = 0.1  # share of the steps
WEIGHT_DECAY = 0.02


def drawn(octet, picture_set, count):
    """u8 pictures N x 3 x H x W (B, G, R) and labels."""
    with tempfile.TemporaryDirectory() as folder:
        pictures, labels = f"{folder}/x.npy", f"{folder}/y.npy"
        subprocess.run([octet, "draw", "--set", picture_set, "--count", str(count), "-o", pictures, "--labels", labels], check=True)
        rgb = torch.from_numpy(numpy.load(pictures))
        return rgb.flip(3).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(numpy.load(labels)).long()


def to_input(pictures):
    return (pictures.float() - MEAN).contiguous(memory_format=torch.channels_last)  # quicker here


def augment(pictures):
    """What changes no label: mirroring both ways, and channels in another order."""
    if torch.rand(()) < 0.5:
        pictures = pictures.flip(3)
    if torch.rand(()) < 0.5:
        pictures = pictures.transpose(2, 3)
    return pictures[:, torch.randperm(3)]


def learning_rate(step, steps):
    """Linear warm-up, then half a cosine to zero."""
    warm = WARM_UP * steps
    if step < warm:
        return LEARNING_RATE * (step + 1) / warm
    return LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (step - warm) / (steps - warm)))


@torch.no_grad()
def count_correct(network, pictures, labels):
    """Top-1 and top-5."""
    network.eval()
    top1 = top5 = 0
    for begin in range(0, len(labels), 500):
        best = network(to_input(pictures[begin : begin + 500])).topk(5).indices
        hits = best == labels[begin : begin + 500, None]
        top1 += int(hits[:, 0].sum())
        top5 += int(hits.sum())
    network.train()
    return top1, top5


def train(network, pictures, labels, epochs, report):
    # Weight decay only where there are products: not on biases and on the scales after batch norm.
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0}])
    batches = len(labels) // BATCH
    step, steps = 0, epochs * batches
    for epoch in range(epochs):
        order, loss_sum = torch.randperm(len(labels)), 0.0
        for batch in order[: batches * BATCH].split(BATCH):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, steps)
            loss = functional.cross_entropy(network(to_input(augment(pictures[batch]))), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
            step += 1
        report(epoch + 1, loss_sum / batches)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--octet", default=REPOSITORY / "build/release/bin/octet", help="the program, which draws the pictures")
    parser.add_argument("--pictures", type=int, default=200000, help="of the training set")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=pathlib.Path, default=FOLDER / "octet_20.caffemodel")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)

    net = read_prototxt(FOLDER / "octet_20.prototxt")
    network = CaffeNetwork(net).to(memory_format=torch.channels_last)
    print(f"{net.name}: {sum(p.numel() for p in network.parameters())} trained parameters, PyTorch {torch.__version__}", flush=True)
    pictures, labels = drawn(options.octet, "train", options.pictures)
    validation = drawn(options.octet, "validation", 10000)
    start = time.monotonic()

    def report(epoch, loss):
        top1, top5 = count_correct(network, *validation)
        print(f"epoch {epoch}: loss {loss:.4f}, validation {top1 / 100:.2f} % top-1, {top5 / 100:.2f} % top-5, "
              f"{time.monotonic() - start:.0f} s", flush=True)

    train(network, pictures, labels, options.epochs, report)
    write_caffemodel(network, net.name, options.output)
    top1, top5 = count_correct(network, *drawn(options.octet, "test", 10000))
    print(f"test: {top1} of 10000 top-1, {top5} top-5; written to {options.output}")


if __name__ == "__main__":
    main()
