"""What is said of a machine."""

from monitor.bench.machine import machine_facts, parse_cpuinfo, usable_cores

X86 = """processor\t: 0
model name\t: AMD EPYC 9000
flags\t\t: fpu avx2 avx512f avx512_vnni lm

processor\t: 1
model name\t: AMD EPYC 9000
"""
ARM = "processor\t: 0\nFeatures\t: fp asimddp i8mm\n"


def test_model_and_flags_of_the_first_core() -> None:
    assert parse_cpuinfo(X86) == ("AMD EPYC 9000", ["avx2", "avx512f", "avx512_vnni"])
    assert parse_cpuinfo(ARM) == ("", ["asimddp", "i8mm"])
    assert parse_cpuinfo("") == ("", [])


def test_facts_of_this_machine() -> None:
    facts = machine_facts("cpu")
    assert facts["cpu"] and facts["cores"] == usable_cores() > 0
    assert facts["gpu"] is None and facts["torch"][0].isdigit()
