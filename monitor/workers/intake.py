"""What a stage makes of the records that it reads: events, or why a record is none."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from monitor.bus import Record
from monitor.events import ArticleEvent, ScoredEvent, Watermark
from monitor.failures import Invalid, TooManyInvalid
from monitor.invalid_rate import InvalidRate
from monitor.settings import InvalidRecordSettings

E = TypeVar("E", ArticleEvent, ScoredEvent)


class Intake(Generic[E]):
    """Decodes, and watches how much cannot be decoded."""

    def __init__(
        self,
        stage: str,
        decode: Callable[[bytes | None], E | Watermark | Invalid],
        limit: InvalidRecordSettings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._stage = stage
        self._decode: Callable[[bytes | None], E | Watermark | Invalid] = decode
        self._now = now
        self._rate = InvalidRate(limit)

    def read(self, records: Sequence[Record]) -> list[E | Watermark | Invalid]:
        """An event, or a reason, a record. Raises TooManyInvalid: then nothing of these records
        may be diverted, so that they are all read again once what is wrong is mended."""
        events = []
        now = self._now()
        for record in records:
            event = self._decode(record.value)
            if not record.key and not isinstance(event, Watermark | Invalid):
                event = Invalid("an article without a key: its copies may be in other partitions")
            if isinstance(event, Invalid):
                why = self._rate.take(True, now)
                if why is not None:
                    raise TooManyInvalid(self._explained(why, record, event))
            else:
                self._rate.take(False, now)
            events.append(event)
        return events

    def _explained(self, why: str, record: Record, last: Invalid) -> str:
        place = f"{record.topic}/{record.partition} at offset {record.offset}"
        return (
            f"{self._stage}: {why}; the last is {place}: {last.reason}\n"
            f"The role has stopped rather than divert everything. What it has not committed is "
            f"still in the topic and is read again at its next start. Mend the writer or this "
            f"reader, or raise invalid_records; what was diverted before: "
            f"undertone dlq list --stage {self._stage}"
        )
