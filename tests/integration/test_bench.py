"""The end-to-end measurement over real servers, which are left as they were."""

from pathlib import Path

from kafka import KafkaAdminClient
from sqlalchemy import create_engine, text

from monitor.bench.pipeline import PipelinePlan, measure_pipeline
from monitor.bus.kafka import KafkaConnection
from tests.servers import ON_SMALL_BROKER
from tests.unit.monitor.bench.made import write_linear

TEXTS = ["Shares fall", "Shares rise after a record profit", "A meeting is held"]


def test_servers_are_left_as_they_were(tmp_path: Path, kafka: str, postgresql: str) -> None:
    write_linear(tmp_path / "linear")
    plan = PipelinePlan(str(tmp_path / "linear"), "en", TEXTS, "cpu", 1.0, 20, kafka, postgresql)
    found = measure_pipeline(plan)
    assert (found.articles, found.bus, found.store) == (20, "kafka", "postgresql")
    engine = create_engine(postgresql.replace("postgresql://", "postgresql+psycopg://", 1))
    query = "SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE '%bench%'"
    with engine.connect() as connection:
        assert connection.execute(text(query)).scalar_one() == 0
    engine.dispose()
    if not ON_SMALL_BROKER:
        admin = KafkaAdminClient(**KafkaConnection(kafka).options())
        assert not [name for name in admin.list_topics() if "bench" in name]
        admin.close()
