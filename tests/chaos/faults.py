"""Doing a fault to a world, and undoing it."""

import contextlib
import random
import time

from monitor.failures import Unavailable
from tests.chaos.roles import Roles
from tests.chaos.schedule import KILLED, STOPPED, Fault
from tests.chaos.stream import EARLY, repeat, send_early
from tests.chaos.world import World

SLOW_SECONDS = 0.02
CLOCK_AHEAD_SECONDS = 7_200.0


def strike(world: World, roles: Roles, fault: Fault) -> bool:
    """Return when the fault is over; False where this machine cannot have it."""
    brokers, database, wire = (
        world.servers.brokers,
        world.servers.database,
        world.servers.wire,
    )
    one = 1 + fault.target % brokers.count
    source = random.Random(fault.target)
    match fault.kind:
        case "kill":
            names = roles.names(KILLED[fault.target % len(KILLED)])
            roles.kill(names[fault.target % len(names)])
        case "stop":
            names = roles.names(STOPPED[fault.target % len(STOPPED)])
            roles.stop_for(names[fault.target % len(names)], fault.lasts_seconds)
        case "rolling restart":
            roles.restart_in_turn()
        case "broker killed" | "controller killed":
            chosen = one if fault.kind == "broker killed" else brokers.controller()
            brokers.signal(chosen, "KILL")
            time.sleep(fault.lasts_seconds)
            brokers.start(chosen)
        case "broker stalled":
            brokers.signal(one, "STOP")
            time.sleep(fault.lasts_seconds)
            brokers.signal(one, "CONT")
        case "all brokers down":
            for broker in range(1, brokers.count + 1):
                brokers.signal(broker, "KILL")
            time.sleep(fault.lasts_seconds)
            brokers.start(*range(1, brokers.count + 1))
        case "database restarted":
            database.restart(fault.lasts_seconds)
        case "database read-only":
            database.set_read_only(True)
            time.sleep(fault.lasts_seconds)
            database.set_read_only(False)
        case "disk full":
            filled = database.fill_disk()
            time.sleep(fault.lasts_seconds)
            database.empty_disk()
            return filled
        case "network cut":
            wire.cut()
            time.sleep(fault.lasts_seconds)
            wire.mend()
        case "network silent":
            wire.silence()
            time.sleep(fault.lasts_seconds)
            wire.mend()
        case "network slow":
            wire.slow(SLOW_SECONDS)
            time.sleep(fault.lasts_seconds)
            wire.mend()
        case "clock jump":
            possible = roles.set_clock(CLOCK_AHEAD_SECONDS)
            time.sleep(fault.lasts_seconds)
            roles.set_clock(0)
            return possible
        case "duplicates":
            repeat(world.bus, source)
        case "out of order":
            _send_early(world, source)
        case _:
            raise AssertionError(f"no fault is called {fault.kind}")
    return True


def _send_early(world: World, source: random.Random) -> None:
    """Articles whose time has not come: what follows those that are stored."""
    with contextlib.suppress(Unavailable):
        begin = world.stored() + EARLY
        send_early(world.bus, world.stream.articles[begin : begin + 3 * EARLY], source)
