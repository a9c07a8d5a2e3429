"""What runs networks. Importing OpenVINO tells its makers of it over the network, from a forked
process that outlives a role where a thread held a lock: without this package it does not."""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
