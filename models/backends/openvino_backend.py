"""A network run by OpenVINO on the CPU: in single precision, in bfloat16, or in eight bits."""

import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from openvino import opset13
from openvino.frontend import FrontEndManager
from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder
from transformers.utils import logging as hub_logging

from models.backends.options import Precision
from models.backends.protocol import Logits
from models.batching import cut_batches
from models.encoder import TwoHeadEncoder, padded

LEAST_ROWS_OF_A_MATRIX = 16
MOST_STREAMS = 4
"""So many batches run beside each other, each on its share of the threads."""
_CAPABILITIES = "OPTIMIZATION_CAPABILITIES"
_GROUP = "DYNAMIC_QUANTIZATION_GROUP_SIZE"
_SETTINGS: dict[Precision, dict[str, str]] = {
    "f32": {"INFERENCE_PRECISION_HINT": "f32", _GROUP: "0"},
    "bf16": {"INFERENCE_PRECISION_HINT": "bf16", _GROUP: "0"},
    # What goes into a product is rounded to eight bits in groups of 32, each with its own scale.
    "int8": {"INFERENCE_PRECISION_HINT": "f32", _GROUP: "32"},
}


class OpenVinoBackend:
    """An exported network, compiled for this CPU. Safe to call on several threads.

    Raises RuntimeError where this CPU cannot run it in that precision.
    """

    def __init__(self, path: Path, precision: Precision, batch_tokens: int, threads: int) -> None:
        core = ov.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", _CAPABILITIES):
            # OpenVINO would run it in single precision and say nothing.
            raise RuntimeError("this CPU has no bfloat16")
        model = core.read_model(path)
        if precision == "int8":
            _round_weights(model)
        streams = min(threads, MOST_STREAMS)
        settings = {
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(threads),
            **_SETTINGS[precision],
        }
        self.name = f"openvino {precision}"
        compiled = core.compile_model(model, "CPU", settings)
        self._requests = [compiled.create_infer_request() for _ in range(streams)]
        self._one_at_a_time = threading.Lock()
        self._budget_tokens = batch_tokens
        self._columns = tuple(int(port.partial_shape[1].get_length()) for port in model.outputs)

    def logits(self, tokens: Sequence[list[int]]) -> Logits:
        sentiment, topics = (
            np.zeros((len(tokens), columns), dtype=np.float32) for columns in self._columns
        )
        lengths = [len(ids) for ids in tokens]
        batches = cut_batches(lengths, self._budget_tokens)
        many = len(self._requests)

        def collect(number: int) -> None:
            request, rows = self._requests[number % many], list(batches[number].indices)
            request.wait()
            sentiment[rows] = request.get_output_tensor(0).data
            topics[rows] = request.get_output_tensor(1).data

        with self._one_at_a_time:
            for number, batch in enumerate(batches):
                if number >= many:
                    collect(number - many)
                inputs = padded([tokens[index] for index in batch.indices], batch.width)
                self._requests[number % many].start_async([part.numpy() for part in inputs])
            for number in range(max(0, len(batches) - many), len(batches)):
                collect(number)
        return sentiment, topics


def export(network: TwoHeadEncoder, path: Path) -> None:
    """Write a network for OpenVINO, in single precision: `path` and a `.bin` beside it."""
    example = torch.ones(2, 8, dtype=torch.long)
    hub_logging.set_verbosity_error()
    with warnings.catch_warnings():
        # Tracing warns of each branch that it takes for good; none of them hangs on a text.
        warnings.simplefilter("ignore")
        # Not ov.convert_model, which tells its makers of each use.
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(network, example_input=(example, example))
        model = frontend.convert(frontend.load(decoder))
    for port in model.inputs:
        port.get_node().set_element_type(ov.Type.i64)
        port.get_node().set_partial_shape(ov.PartialShape([-1, -1]))
    model.validate_nodes_and_infer_types()
    ov.save_model(model, path, compress_to_fp16=False)


def _round_weights(model: Any) -> None:
    """Replace the matrices of products by eight-bit ones with a scale a row."""
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        source = node.input_value(1).get_node()
        while source.get_type_name() == "Convert":
            source = source.input_value(0).get_node()
        if source.get_type_name() != "Constant":
            continue
        weights = source.get_data()
        if weights.ndim != 2 or len(weights) < LEAST_ROWS_OF_A_MATRIX:
            continue
        scale = np.abs(weights).max(1, keepdims=True) / 127.0
        scale[scale == 0] = 1.0
        whole = opset13.constant(np.round(weights / scale).astype(np.int8), dtype=ov.Type.i8)
        rounded = opset13.multiply(
            opset13.convert(whole, "f32"), opset13.constant(scale.astype(np.float32))
        )
        for target in source.output(0).get_target_inputs():
            target.replace_source_output(rounded.output(0))
    model.validate_nodes_and_infer_types()
