"""What is imported to open a model: no more than it needs."""

import subprocess
import sys
from pathlib import Path

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
