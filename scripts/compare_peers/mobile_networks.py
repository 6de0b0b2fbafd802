"""MobileNet v1, v2 and v3-large and EfficientNet-Lite0 as ONNX files with random weights, as exporters write them: batch
normalization folded into the convolutions, 224 x 224, the batch a parameter. Layers are those of the papers; EfficientNet-Lite0 is
EfficientNet-B0 without squeeze and excitation, with ReLU6, and with the first and last layers of B0's own widths."""
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    def __init__(self, name, seed=1):
        self.name, self.random = name, numpy.random.default_rng(seed)
        self.nodes, self.weights, self.count, self.channels = [], [], 0, 3
        self.last = "data"

    def constant(self, name, array):
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op, inputs, **attributes):
        self.count += 1
        output = f"{op.lower()}_{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        self.last = output
        return output

    def conv(self, out, kernel=1, stride=1, groups=1, activation=None):
        fan = self.channels // groups * kernel * kernel
        gain = 1.0 if activation is None else 2.0
        w = self.random.normal(0, (gain / fan) ** 0.5, (out, self.channels // groups, kernel, kernel)).astype("float32")
        b = self.random.normal(0, 0.1, out).astype("float32")
        n = self.count + 1
        inputs = [self.last, self.constant(f"weight_{n}", w), self.constant(f"bias_{n}", b)]
        pad = kernel // 2
        self.node("Conv", inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)
        self.channels = out
        if activation == "relu6":
            self.node("Clip", [self.last, self.bound("low", 0), self.bound("high", 6)])
        elif activation:
            self.node({"relu": "Relu", "hswish": "HardSwish", "hsigmoid": "HardSigmoid"}[activation], [self.last],
                      **({"alpha": 1 / 6} if activation == "hsigmoid" else {}))
        return self.last

    def bound(self, name, value):
        if not any(w.name == name for w in self.weights):
            self.constant(name, numpy.array(value, "float32"))
        return name

    def depthwise(self, kernel, stride, activation):
        return self.conv(self.channels, kernel, stride, self.channels, activation)

    def squeeze_excite(self, squeezed):
        x, channels = self.last, self.channels
        self.node("GlobalAveragePool", [x])
        self.conv(squeezed, activation="relu")
        s = self.conv(channels, activation="hsigmoid")
        self.node("Mul", [x, s])

    def inverted(self, expanded, out, kernel, stride, activation, squeezed=0):
        x, channels = self.last, self.channels
        if expanded != channels:
            self.conv(expanded, activation=activation)
        self.depthwise(kernel, stride, activation)
        if squeezed:
            self.squeeze_excite(squeezed)
        self.conv(out)
        if stride == 1 and channels == out:
            self.node("Add", [x, self.last])

    def head(self, hidden=None):
        self.node("GlobalAveragePool", [self.last])
        self.node("Flatten", [self.last], axis=1)
        if hidden:
            self.dense(hidden)
            self.node("HardSwish", [self.last])
        self.dense(1000)

    def dense(self, out):
        w = self.random.normal(0, (1 / self.channels) ** 0.5, (out, self.channels)).astype("float32")
        n = self.count + 1
        self.node("Gemm", [self.last, self.constant(f"weight_{n}", w),
                           self.constant(f"bias_{n}", numpy.zeros(out, "float32"))], transB=1)
        self.channels = out

    def model(self):
        data = helper.make_tensor_value_info("data", TensorProto.FLOAT, ["batch", 3, 224, 224])
        scores = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, ["batch", 1000])
        graph = helper.make_graph(self.nodes, self.name, [data], [scores], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def mobilenet_v1():
    b = Builder("mobilenet-v1")
    b.conv(32, 3, 2, activation="relu6")
    for out, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]:
        b.depthwise(3, stride, "relu6")
        b.conv(out, activation="relu6")
    b.head()
    return b.model()


def mobilenet_v2():
    b = Builder("mobilenet-v2")
    b.conv(32, 3, 2, activation="relu6")
    for factor, out, repeats, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                         (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(repeats):
            b.inverted(b.channels * factor, out, 3, stride if i == 0 else 1, "relu6")
    b.conv(1280, activation="relu6")
    b.head()
    return b.model()


def mobilenet_v3_large():
    b = Builder("mobilenet-v3-large")
    b.conv(16, 3, 2, activation="hswish")
    for kernel, expanded, out, squeezed, activation, stride in [
            (3, 16, 16, 0, "relu", 1), (3, 64, 24, 0, "relu", 2), (3, 72, 24, 0, "relu", 1), (5, 72, 40, 24, "relu", 2),
            (5, 120, 40, 32, "relu", 1), (5, 120, 40, 32, "relu", 1), (3, 240, 80, 0, "hswish", 2),
            (3, 200, 80, 0, "hswish", 1), (3, 184, 80, 0, "hswish", 1), (3, 184, 80, 0, "hswish", 1),
            (3, 480, 112, 120, "hswish", 1), (3, 672, 112, 168, "hswish", 1), (5, 672, 160, 168, "hswish", 2),
            (5, 960, 160, 240, "hswish", 1), (5, 960, 160, 240, "hswish", 1)]:
        b.inverted(expanded, out, kernel, stride, activation, squeezed)
    b.conv(960, activation="hswish")
    b.head(hidden=1280)
    return b.model()


def efficientnet_lite0():
    b = Builder("efficientnet-lite0")
    b.conv(32, 3, 2, activation="relu6")
    for kernel, factor, out, repeats, stride in [(3, 1, 16, 1, 1), (3, 6, 24, 2, 2), (5, 6, 40, 2, 2), (3, 6, 80, 3, 2),
                                                 (5, 6, 112, 3, 1), (5, 6, 192, 4, 2), (3, 6, 320, 1, 1)]:
        for i in range(repeats):
            b.inverted(b.channels * factor, out, kernel, stride if i == 0 else 1, "relu6")
    b.conv(1280, activation="relu6")
    b.head()
    return b.model()


NETWORKS = {"mobilenet-v1": mobilenet_v1, "mobilenet-v2": mobilenet_v2, "mobilenet-v3-large": mobilenet_v3_large,
            "efficientnet-lite0": efficientnet_lite0}


def save(name, file):
    onnx.save(NETWORKS[name](), file)
