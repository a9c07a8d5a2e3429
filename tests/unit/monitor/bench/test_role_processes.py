"""Roles in processes of their own."""

import os
import time
from pathlib import Path

import pytest

from monitor.bench.role_processes import cpu_seconds, running
from monitor.failures import DataError


def test_processor_time_is_user_and_system() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    stat = f"17 (a (b) c) S 1 17 17 0 -1 4194560 9 0 0 0 {3 * ticks} {2 * ticks} 0 0 20 0 1"
    assert cpu_seconds(stat) == 5.0


def test_a_role_that_ends_is_told_with_its_last_word(tmp_path: Path) -> None:
    config = tmp_path / "undertone.yaml"
    config.write_text("nonsense: 1\n", encoding="utf-8")
    told = pytest.raises(DataError, match=r"role aggregate ended: .*nonsense")
    with running(["aggregate"], config) as roles, told:
        while True:
            roles.check()
            time.sleep(0.1)
