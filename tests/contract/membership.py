"""Putting members out of their groups in tests, as a session that ran out does."""

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove

from monitor.bus import Bus
from monitor.bus.embedded import EmbeddedBus
from monitor.bus.kafka import KafkaBus


def put_out(bus: Bus, group: str) -> None:
    """End the membership of all that are in the group; they do not know of it."""
    if isinstance(bus, EmbeddedBus):
        with bus.transaction() as connection:
            connection.execute("UPDATE leases SET expires = 0 WHERE grp = ?", (group,))
        return
    assert isinstance(bus, KafkaBus)
    admin = KafkaAdminClient(bootstrap_servers=bus.connection.bootstrap_servers)
    name = f"{bus.prefix}{group}"
    (described,) = admin.describe_groups([name]).values()
    members = [MemberToRemove(member_id=member["member_id"]) for member in described["members"]]
    admin.remove_group_members(name, members)
    admin.close()
