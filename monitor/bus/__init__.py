"""The bus: partitioned, ordered logs that producers append to and consumer groups read."""

from monitor.bus.protocol import Bus, Consumer, Positions, Producer, Record, TopicPartition

__all__ = ["Bus", "Consumer", "Positions", "Producer", "Record", "TopicPartition"]
