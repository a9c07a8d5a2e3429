"""What is imported to open a model: no more than it needs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from models.answers import load_model
from models.backends.options import BackendOptions
from models.directories import resolve
from models.layout import LINEAR
from models.linear import load_weights
from models.manifest import ModelError
from tests.paths import ROOT
from tests.unit.monitor.bench.made import write_linear

SCRIPT = """
import sys
import monitor.workers.score
from models.scorer import Scorer

scorer = Scorer.load({"en": sys.argv[1], "zh": sys.argv[1]})
print(scorer.score(["Shares fall"]).sentiment.shape)
print(sorted({"torch", "transformers", "openvino", "sklearn"} & set(sys.modules)))
"""


def test_n_grams_need_no_network(tmp_path: Path) -> None:
    write_linear(tmp_path / "model")
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "model")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines() == ["(1, 3)", "[]"]


def test_a_device_that_is_not_there_is_refused_where_a_network_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_linear(tmp_path / "model")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    options = BackendOptions(device="cuda")
    assert load_model(tmp_path / "model", options).backend_reason == "numpy"
    with pytest.raises(ModelError, match="no usable NVIDIA GPU"):
        load_model(resolve("bundled:en"), options)


@pytest.mark.parametrize("damage", ["nan", "type"])
def test_weights_of_n_grams_that_are_no_numbers_of_ours_are_refused(
    tmp_path: Path, damage: str
) -> None:
    write_linear(tmp_path / "model")
    path = tmp_path / "model" / LINEAR
    arrays = load_file(path)
    columns = arrays["bias"].shape[0]
    if damage == "nan":
        arrays["bias"][0] = np.nan
    else:
        arrays["bias"] = arrays["bias"].astype(np.int32)
    save_file(arrays, path)
    told = {"nan": "'bias' holds NaN", "type": "'bias' is I32, not F16 or F32"}[damage]
    with pytest.raises(ModelError, match=told):
        load_weights(path, columns)
