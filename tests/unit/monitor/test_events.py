"""Records on the bus: readers one version apart understand each other."""

import msgspec

from monitor.events import ScoredEvent, decode_scored, encode
from tests.unit.monitor.stories_data import scored


def test_what_an_older_writer_sent_has_no_companies() -> None:
    record = msgspec.json.decode(encode(scored("a")))
    del record["companies"]
    event = decode_scored(msgspec.json.encode(record))
    assert isinstance(event, ScoredEvent)
    assert event.companies == {} and event.entities == ("Bank",)


def test_companies_arrive_as_they_were_sent_and_more_fields_are_passed_over() -> None:
    sent = msgspec.structs.replace(scored("a"), companies={"Bank": (0.1, 0.2, 0.7)})
    record = msgspec.json.decode(encode(sent)) | {"of a later version": [1]}
    assert decode_scored(msgspec.json.encode(record)) == sent
