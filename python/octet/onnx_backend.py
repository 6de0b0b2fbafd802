"""Octet as a backend for ONNX models in memory, as onnx.backend.base has them; ONNX's own test suite runs on it so.

    import onnx, octet.onnx_backend
    (scores,) = octet.onnx_backend.prepare(onnx.load("net.onnx")).run([pictures])

Octet has weights in the network, and computes in FP32. So an input that is no image but a weight, a shape or an axis, as ONNX's tests
have them, becomes a constant when its value comes; and other floating-point types are converted at inputs and outputs. What Octet does
not do raises octet.Error with the code "unsupported".
"""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.shape_inference
import onnx.version_converter
from onnx.backend.base import Backend, BackendRep, Device, DeviceType, namedtupledict

from . import _octet

# What the importer reads.
_OPERATOR_SETS = range(7, 28)

# Operators all of whose inputs are images; of others the first is, and the rest say what is done to it.
_OF_IMAGES_ONLY = {"Add", "Concat", "Div", "Max", "Mean", "Min", "Mul", "Sub", "Sum"}


def _parameters(graph: onnx.GraphProto) -> set[str]:
    """The inputs that are no images."""
    given = {initializer.name for initializer in graph.initializer}
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in graph.input if value.name not in given}
    found = set()
    for node in graph.node:
        for name in node.input[1:]:
            if name not in ranks:
                continue
            # An operand of another rank than the first has no batch: it is the same for all images.
            if node.op_type not in _OF_IMAGES_ONLY or ranks[name] != ranks.get(node.input[0], ranks[name]):
                found.add(name)
    return found


def _in_known_operator_set(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model as Octet's importer knows its operators, where ONNX can say it so."""
    for imported in model.opset_import:
        if imported.domain in ("", "ai.onnx") and imported.version not in _OPERATOR_SETS:
            nearest = min(max(imported.version, _OPERATOR_SETS.start), _OPERATOR_SETS.stop - 1)
            try:
                return onnx.version_converter.convert_version(model, nearest)
            except (RuntimeError, onnx.version_converter.ConvertError):
                return model  # Octet says then that it does not read this operator set
    return model


def _load(model: onnx.ModelProto) -> _octet.Network:
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "model.onnx"
        onnx.save(_in_known_operator_set(model), file)
        return _octet.load(file)


class OctetRep(BackendRep):
    """A model that runs on any number of images."""

    def __init__(self, model: onnx.ModelProto, options: Mapping[str, Any]) -> None:
        given = {initializer.name for initializer in model.graph.initializer}
        self._names = [value.name for value in model.graph.input if value.name not in given]
        self._types = {
            value.name: onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type) for value in model.graph.output
        }
        self._model = model
        self._options = dict(options)
        self._parameters = _parameters(model.graph)
        self._constants: dict[str, np.ndarray] = {}
        self._network = None if self._parameters else _load(model)
        self._context: _octet.Context | None = None
        self._max_batch = 0

    def run(self, inputs: Sequence[Any] | Mapping[str, Any], **kwargs: Any) -> tuple[Any, ...]:
        """inputs: arrays in the order of the model's inputs, or by name. Returns the outputs, in order and by name."""
        arrays = self._by_name(inputs)
        network = self._network_for({name: arrays[name] for name in self._parameters})
        images = [np.ascontiguousarray(arrays[tensor.name], np.float32) for tensor in network.inputs]
        context = self._context_for(network, len(images[0]) if images and images[0].ndim > 0 else 1)
        outputs = context.run(images)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        by_name = {tensor.name: array for tensor, array in zip(network.outputs, outputs, strict=True)}
        names = list(self._types)
        return namedtupledict("Outputs", names)(*(by_name[name].astype(self._types[name], copy=False) for name in names))

    def _by_name(self, inputs: Sequence[Any] | Mapping[str, Any]) -> dict[str, np.ndarray]:
        if not isinstance(inputs, Mapping):
            if len(inputs) != len(self._names):
                raise ValueError(f"the model has {len(self._names)} inputs ({', '.join(self._names)}), {len(inputs)} came")
            inputs = dict(zip(self._names, inputs, strict=True))
        missing = [name for name in self._names if name not in inputs]
        if missing:
            raise ValueError(f"no value came for the inputs {', '.join(missing)}")
        return {name: np.asarray(inputs[name]) for name in self._names}

    def _network_for(self, constants: dict[str, np.ndarray]) -> _octet.Network:
        same = all(name in self._constants and np.array_equal(value, self._constants[name]) for name, value in constants.items())
        if self._network is None or not same:
            model = onnx.ModelProto()
            model.CopyFrom(self._model)
            del model.graph.input[:]
            model.graph.input.extend(value for value in self._model.graph.input if value.name not in constants)
            model.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in constants.items())
            self._network = _load(model)
            self._constants = {name: value.copy() for name, value in constants.items()}  # the caller may write into its own
            self._context = None
        return self._network

    def _context_for(self, network: _octet.Network, batch: int) -> _octet.Context:
        if self._context is None or batch > self._max_batch:
            self._context = _octet.build(network, max_batch=max(batch, 1), **self._options).create_context()
            self._max_batch = batch
        return self._context


class OctetBackend(Backend):
    """prepare() takes octet.build's options besides the model, such as precision and calibration."""

    @classmethod
    def prepare(cls, model: onnx.ModelProto, device: str = "CPU", **options: Any) -> OctetRep:
        super().prepare(model, device)  # ONNX's own checks of the model
        if not cls.supports_device(device):
            raise ValueError(f"device: expected CPU, got {device}")
        return OctetRep(model, options)

    @classmethod
    def run_node(
        cls,
        node: onnx.NodeProto,
        inputs: Sequence[Any],
        device: str = "CPU",
        outputs_info: Sequence[tuple[np.dtype, tuple[int, ...]]] | None = None,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        super().run_node(node, inputs, device, outputs_info, **kwargs)  # ONNX's own checks of the node
        helper = onnx.helper
        arrays = {name: np.asarray(value) for name, value in zip(node.input, inputs, strict=True)}
        types = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape) for name, array in arrays.items()
        ]
        infos = outputs_info or [(np.dtype(np.float32), None)] * len(node.output)
        outputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
            for name, (dtype, shape) in zip(node.output, infos, strict=True)
        ]
        opset = helper.make_opsetid("", kwargs.get("opset_version", min(onnx.defs.onnx_opset_version(), 21)))
        model = helper.make_model(
            helper.make_graph([node], "node", types, outputs), opset_imports=[opset], ir_version=helper.find_min_ir_version_for([opset])
        )
        return cls.prepare(onnx.shape_inference.infer_shapes(model), device).run(list(arrays.values()))

    @classmethod
    def supports_device(cls, device: str) -> bool:
        try:
            return bool(Device(device).type == DeviceType.CPU)
        except AttributeError:  # a kind of device that ONNX does not know
            return False


prepare = OctetBackend.prepare
run_model = OctetBackend.run_model
run_node = OctetBackend.run_node
supports_device = OctetBackend.supports_device
