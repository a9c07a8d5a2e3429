"""A flood of invalid records stops the stage that reads them, and nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor.events import encode
from monitor.failures import TooManyInvalid
from monitor.settings import InvalidRecordSettings
from tests.integration.stage_place import (
    Place,
    bus_lines,
    counting,
    event,
    key_of,
    place,
    scorer,
)
from tests.integration.test_run import undertone

__all__ = ["bus_lines", "counting", "place", "scorer"]


@pytest.mark.timeout(300)
def test_too_much_that_is_invalid_stops_the_stage_and_diverts_nothing_more(place: Place) -> None:
    limit = InvalidRecordSettings(max_in_a_row=20)
    for number in range(20):
        place.send("key", b"bad %d" % number)
    place.send(key_of("good"), encode(event(place.stage, "good")))
    place.work(limit)
    assert place.processed() == ["good"]
    before = place.done()
    producer = place.bus.producer()
    for number in range(30):
        producer.send(place.origin, 0, "key", b"worse %d" % number)
    producer.close()
    for _ in range(2):
        with pytest.raises(TooManyInvalid) as stopped:
            place.work(limit)
        assert f"{place.stage}: 21 records in a row are invalid" in str(stopped.value)
        assert f"{place.origin}/0 at offset 41" in str(stopped.value)
    assert place.done() == before
    assert len(place.dlq("list")) == 20
    place.work(InvalidRecordSettings(max_in_a_row=30))
    assert len(place.dlq("list")) == 50


def test_the_role_ends_with_an_exit_code_of_its_own_and_says_why(counting: Place) -> None:
    for number in range(60):
        counting.send("key", b"bad %d" % number)
    found = undertone("aggregate", "--config", str(counting.config))
    assert found.returncode == 3
    assert "51 records in a row are invalid" in found.stderr
    assert "undertone dlq list --stage aggregate" in found.stderr
    assert "Traceback" not in found.stderr
    assert counting.dlq("list") == []


SUPERVISED = """
import sys
from pathlib import Path
from monitor.daemon import Supervisor

folder = Path(sys.argv[1])
write = "import sys, time; open(sys.argv[1], 'a').write('x'); "
ends = {"flooded": "sys.exit(3)", "well": "time.sleep(600)", "crashing": "sys.exit(1)"}

def command(role):
    return [sys.executable, "-c", write + ends[role], str(folder / role)]

sys.exit(Supervisor(list(ends), command, folder).run())
"""


def test_the_daemon_leaves_a_flooded_role_down_and_the_others_up(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    ) as process:
        try:
            deadline = time.monotonic() + 60
            # The crashing role's third start is due long after a second one of the flooded role.
            while starts(tmp_path / "crashing") < 3 or not starts(tmp_path / "flooded"):
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.1)
            assert (starts(tmp_path / "flooded"), starts(tmp_path / "well")) == (1, 1)
        finally:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "role flooded stays down: too many records are invalid" in said


def starts(file: Path) -> int:
    return len(file.read_text()) if file.exists() else 0
