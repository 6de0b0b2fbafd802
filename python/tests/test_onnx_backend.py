"""ONNX's own tests on Octet. What Octet does not do is skipped, with its reason; all else must be right."""

import os
import tempfile
import unittest

import numpy as np
import octet
import octet.onnx_backend
import onnx
import pytest
from onnx.backend.test import BackendTest

HOME = tempfile.TemporaryDirectory()
os.environ["ONNX_HOME"] = HOME.name  # the suite writes the inputs of its networks there
ran = set()  # operators of the tests that ran


class Skips:
    """Turns what Octet says that it does not do into a skipped test."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, octet.Error) and error.code == "unsupported":
            raise unittest.SkipTest(str(error)) from None


class RepUnderTest(octet.onnx_backend.OctetRep):
    def run(self, inputs, **kwargs):
        with Skips():
            outputs = super().run(inputs, **kwargs)
        ran.update(node.op_type for node in self._model.graph.node)
        return outputs


class BackendUnderTest(octet.onnx_backend.OctetBackend):
    @classmethod
    def prepare(cls, model, device="CPU", **options):
        if any(not value.type.HasField("tensor_type") for value in [*model.graph.input, *model.graph.output]):
            raise unittest.SkipTest("sequences, maps and optional values")
        onnx.checker.check_model(model)
        with Skips():
            return RepUnderTest(model, options)


suite = BackendTest(BackendUnderTest, __name__)
# Other devices; operators of other domains, training; operators as ONNX would put them together from simpler ones.
suite.exclude("_cuda$|_expanded|ai_onnx_ml|training|test_(adagrad|adam|gradient|momentum|nesterov_momentum)_")
# Tensors without a batch in front, or without any values: Octet says what is wrong with them, for a network of images.
suite.xfail("test_(bitcast_scalar_float32_to_int32|einsum_scalar|gemm_default_matrix_bias|range_b?float(16)?_type_positive_delta|reshape_negative_extended_dims|scan9_scalar)_cpu")
suite.xfail("test_reduce_.*_empty_set_(cpu|non_reduced)")
# ONNX's converter keeps slopes of operator set 6 that later sets take for a row's.
suite.xfail("test_PReLU_.d_multiparam_")
globals().update(suite.test_cases)


def test_operators_of_networks_are_among_those_that_ran():
    """Stands last: what was skipped above cannot be all."""
    assert ran >= {
        "Add", "AveragePool", "BatchNormalization", "Concat", "Conv", "Dropout", "Flatten", "Gemm", "GlobalAveragePool", "Identity",
        "LeakyRelu", "LRN", "MatMul", "MaxPool", "Mul", "Relu", "Reshape", "Softmax", "Sub", "Sum", "Transpose",
    }  # fmt: skip


def model_of(node, **shapes):
    values = {name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    graph = onnx.helper.make_graph([node], "node", [values[name] for name in node.input], [values[name] for name in node.output])
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)


def test_parameters_become_constants_and_may_change():
    node = onnx.helper.make_node("Conv", ["x", "w", "b"], ["y"])
    backend = octet.onnx_backend.prepare(model_of(node, x=("N", 3, 4, 4), w=(5, 3, 1, 1), b=(5,), y=("N", 5, 4, 4)))
    b = np.arange(5, dtype=np.float32)
    w = np.empty((5, 3, 1, 1), np.float32)
    for batch, scale in ((2, 1), (2, 2), (3, 2), (1, 2)):
        x = np.arange(batch * 3 * 4 * 4, dtype=np.float32).reshape(batch, 3, 4, 4)
        w[:] = scale
        expected = scale * x.sum(1, keepdims=True) + b.reshape(1, 5, 1, 1)
        np.testing.assert_allclose(backend.run([x, w, b])[0], expected, rtol=1e-6)
        np.testing.assert_allclose(octet.onnx_backend.run_node(node, [x, w, b])[0], expected, rtol=1e-6)


def test_other_devices_and_missing_inputs_are_refused():
    assert not octet.onnx_backend.supports_device("CUDA") and not octet.onnx_backend.supports_device("ABACUS:0")
    model = model_of(onnx.helper.make_node("Relu", ["x"], ["y"]), x=("N", 3), y=("N", 3))
    with pytest.raises(ValueError, match="expected CPU"):
        octet.onnx_backend.prepare(model, "CUDA")
    backend = octet.onnx_backend.prepare(model)
    with pytest.raises(ValueError, match="1 inputs"):
        backend.run([])
    with pytest.raises(ValueError, match="no value came for the inputs x"):
        backend.run({"y": np.zeros((1, 3), np.float32)})
    np.testing.assert_array_equal(backend.run({"x": np.array([[-1, 0, 2]], np.float32)})["y"], [[0, 0, 2]])
