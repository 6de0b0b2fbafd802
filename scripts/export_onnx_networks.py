"""Exports networks of torchvision and timm as users do: scripts/export_onnx_networks.py FOLDER [NAME...].

For scripts/check_onnx_networks.py. Needs torch, torchvision, timm and numpy (docs/onnx-networks.md says which), and
FOLDER/pictures.npy, FP32 N x 3 x 224 x 224 as `octet run resnet-50 --tensor data --images DIR -o pictures.npy` writes it:
weights are random, and statistics of normalisation are those of the pictures, so that values keep their size through a network."""
import pathlib
import sys

import numpy
import timm
import torch
import torchvision

OPSET = 17
BATCH, BATCHES = 16, 3


def of_torchvision(name, **options):
    return lambda: getattr(torchvision.models, name)(weights=None, **options)


def of_timm(name):
    return lambda: timm.create_model(name, exportable=True)


NETWORKS = {
    "alexnet": of_torchvision("alexnet"),
    "densenet121": of_torchvision("densenet121"),
    "efficientnet_b0": of_torchvision("efficientnet_b0"),
    "efficientnet_lite0": of_timm("tf_efficientnet_lite0"),
    "ghostnet": of_timm("ghostnet_100"),
    "googlenet": of_torchvision("googlenet", init_weights=False, aux_logits=False),
    "inception_v3": of_torchvision("inception_v3", init_weights=False, aux_logits=False),
    "mnasnet1_0": of_torchvision("mnasnet1_0"),
    "mobilenet_v1": of_timm("mobilenetv1_100"),
    "mobilenet_v2": of_torchvision("mobilenet_v2"),
    "mobilenet_v3_large": of_torchvision("mobilenet_v3_large"),
    "mobilenet_v3_small": of_torchvision("mobilenet_v3_small"),
    "regnet_x_400mf": of_torchvision("regnet_x_400mf"),
    "regnet_y_400mf": of_torchvision("regnet_y_400mf"),
    "resnext50": of_torchvision("resnext50_32x4d"),
    "shufflenet_v2_x1_0": of_torchvision("shufflenet_v2_x1_0"),
    "squeezenet1_1": of_torchvision("squeezenet1_1"),
    "vgg11": of_torchvision("vgg11"),
}
SIZES = {"inception_v3": 299}  # others 224


def with_statistics(network, pictures):
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the mean over all batches
            layer.reset_running_stats()
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0
    network.train()
    with torch.no_grad():
        for i in range(BATCHES):
            network(pictures[i * BATCH:(i + 1) * BATCH])
    return network.eval()


def main():
    folder = pathlib.Path(sys.argv[1])
    pictures = torch.from_numpy(numpy.load(folder / "pictures.npy"))
    torch.manual_seed(1)
    for name in sys.argv[2:] or NETWORKS:
        sized = torch.nn.functional.interpolate(pictures, SIZES.get(name, 224))
        network = with_statistics(NETWORKS[name](), sized)
        torch.onnx.export(network, sized[:2], folder / f"{name}.onnx", opset_version=OPSET, dynamo=False, input_names=["x"],
                          output_names=["y"], dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})
        print(name, flush=True)


if __name__ == "__main__":
    main()
