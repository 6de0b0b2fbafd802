"""Caffe's files <-> PyTorch: the network that a prototxt describes as a module, and its weights as a caffemodel.

The messages come from our own schema (src/import/caffe/caffe.proto), compiled at run time by protoc. Knows the layers that
octet_20.prototxt has; anything else is an error. A tensor is what its name last stood for, as in Caffe, where a layer
may overwrite its input.
"""
import pathlib
import subprocess
import tempfile

import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from torch import nn
from torch.nn import functional

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SCHEMA = REPOSITORY / "src/import/caffe/caffe.proto"


def net_parameter_class():
    with tempfile.TemporaryDirectory() as folder:
        compiled = pathlib.Path(folder) / "caffe.bin"
        subprocess.run(["protoc", f"--proto_path={SCHEMA.parent}", f"--descriptor_set_out={compiled}", SCHEMA.name], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("octet.caffe.NetParameter"))


def read_prototxt(path):
    return text_format.Parse(pathlib.Path(path).read_text(encoding="utf-8"), net_parameter_class()())


class LocalResponseNorm(nn.Module):
    """Caffe's, across channels: x / (k + alpha / size * sum of squares over `size` channels) ^ beta."""

    def __init__(self, p, channels):
        super().__init__()
        self.beta, self.k = p.beta, p.k
        # The sums as a 1x1 convolution, which is quicker than slices: a band of ones round the diagonal.
        distance = (torch.arange(channels)[:, None] - torch.arange(channels)).abs()
        band = (distance <= p.local_size // 2) * (p.alpha / p.local_size)
        self.register_buffer("band", band[:, :, None, None], persistent=False)

    def forward(self, x):
        return x * (self.k + functional.conv2d(x * x, self.band)) ** -self.beta


class Scale(nn.Module):
    """A factor and a shift a channel."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


def first(values, default):
    return values[0] if values else default


def pooling(p):
    if p.global_pooling:
        return nn.AdaptiveAvgPool2d(1)
    kind = nn.MaxPool2d if p.pool == p.MAX else nn.AvgPool2d
    return kind(p.kernel_size, p.stride or 1, p.pad, ceil_mode=True)


def make_module(layer, channels):
    """The module of a layer for an input of `channels` channels, and the channels of its output."""
    if layer.type == "Convolution":
        p = layer.convolution_param
        kernel, stride, pad = p.kernel_size[0], first(p.stride, 1), first(p.pad, 0)
        return nn.Conv2d(channels, p.num_output, kernel, stride, pad, groups=p.group, bias=p.bias_term), p.num_output
    if layer.type == "InnerProduct":
        p = layer.inner_product_param
        return nn.Sequential(nn.Flatten(), nn.Linear(channels, p.num_output)), p.num_output
    if layer.type == "BatchNorm":
        return nn.BatchNorm2d(channels, layer.batch_norm_param.eps, affine=False), channels
    if layer.type == "Scale":
        return Scale(channels), channels
    if layer.type == "LRN":
        return LocalResponseNorm(layer.lrn_param, channels), channels
    if layer.type == "Pooling":
        return pooling(layer.pooling_param), channels
    if layer.type == "ReLU":
        return nn.ReLU(), channels
    raise ValueError(f"layer '{layer.name}': type {layer.type} is not known here")


class CaffeNetwork(nn.Module):
    """Ends before the softmax: cross entropy takes the scores."""

    def __init__(self, net):
        super().__init__()
        self.layers = [layer for layer in net.layer if layer.type not in ("Input", "Softmax")]
        self.children_by_layer = nn.ModuleDict()  # "/" and "." mean something in PyTorch's names
        channels = {"data": net.layer[0].input_param.shape[0].dim[1]}
        for layer in self.layers:
            inputs = [channels[name] for name in layer.bottom]
            if layer.type == "Concat":
                channels[layer.top[0]] = sum(inputs)
            elif layer.type == "Eltwise":
                channels[layer.top[0]] = inputs[0]
            else:
                module, channels[layer.top[0]] = make_module(layer, inputs[0])
                self.children_by_layer[layer.name.replace("/", "|")] = module

    def module_of(self, layer):
        return self.children_by_layer[layer.name.replace("/", "|")]

    def forward(self, data):
        tensors = {"data": data}
        for layer in self.layers:
            inputs = [tensors[name] for name in layer.bottom]
            if layer.type == "Concat":
                output = torch.cat(inputs, 1)
            elif layer.type == "Eltwise":
                output = inputs[0] + inputs[1]
            else:
                output = self.module_of(layer)(inputs[0])
            tensors[layer.top[0]] = output
        return tensors[self.layers[-1].top[0]]

    def blobs(self, layer):
        """The layer's weights in Caffe's order."""
        if layer.type not in ("Convolution", "InnerProduct", "BatchNorm", "Scale"):
            return []
        module = self.module_of(layer)
        if layer.type == "InnerProduct":
            module = module[1]
        if layer.type == "BatchNorm":  # the last one: how many batches the sums are over
            return [module.running_mean, module.running_var, torch.ones(1)]
        return [module.weight] if module.bias is None else [module.weight, module.bias]


def write_caffemodel(network, name, path):
    net = net_parameter_class()(name=name)
    for layer in network.layers:
        written = net.layer.add(name=layer.name, type=layer.type)
        for blob in network.blobs(layer):
            values = blob.detach().cpu().float()
            message = written.blobs.add()
            message.shape.dim.extend(values.shape)
            message.data.extend(values.flatten().tolist())
    temporary = pathlib.Path(f"{path}.tmp")
    temporary.write_bytes(net.SerializeToString(deterministic=True))
    temporary.rename(path)
