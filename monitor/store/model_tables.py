"""Tables of what is known of the models: people's labels, a challenger's scores, errors, drift."""

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text

from monitor.store.schema import UtcDateTime
from monitor.store.schema import metadata as metadata

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True, comment="a later label has a higher one"),
    Column("article_id", String(64), nullable=False),
    Column("company", String(200), nullable=False, comment="empty: the text as a whole"),
    Column("sentiment", String(8), nullable=True),
    Column("topics", Text, nullable=True, comment="JSON array"),
    Column("labelled_by", String(100), nullable=False),
    Column("labelled", UtcDateTime, nullable=False),
    Column("note", Text, nullable=False),
    Index("labels_by_article", "article_id", "company", "id"),
)

shadow_scores = Table(
    "shadow_scores",
    metadata,
    Column("article_id", String(64), primary_key=True),
    Column("live_model", Text, primary_key=True),
    Column("model", Text, primary_key=True, comment="the challenger"),
    Column("language", String(16), nullable=False),
    Column("live_label", String(8), nullable=False),
    Column("live_negative", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("live_neutral", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("live_positive", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("label", String(8), nullable=False),
    Column("negative", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("neutral", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("positive", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("scored", UtcDateTime, nullable=False),
    Index("shadow_scores_by_time", "scored"),
)

model_errors = Table(
    "model_errors",
    metadata,
    Column("model", Text, primary_key=True),
    Column("task", String(16), primary_key=True, comment="sentiment or company"),
    Column("language", String(16), primary_key=True),
    Column("noted", UtcDateTime, primary_key=True, autoincrement=False),
    Column("negative", Integer, nullable=False, comment="labelled texts that are,"),
    Column("found", Integer, nullable=False, comment="and were called so"),
    Column("other", Integer, nullable=False, comment="labelled texts that are not,"),
    Column("passed", Integer, nullable=False, comment="and were not called so"),
)
"""One row a measurement; the newest is in force."""

model_drift = Table(
    "model_drift",
    metadata,
    Column("worker", String(64), primary_key=True),
    Column("language", String(16), primary_key=True),
    Column("source", Text, primary_key=True),
    Column("statistic", String(16), primary_key=True),
    Column("psi", Float, nullable=True),
    Column("jensen_shannon", Float, nullable=True),
    Column("texts", Integer, nullable=False),
    Column("model", Text, nullable=False),
    Column(
        "against", String(8), nullable=False, comment="model or live: where the reference is of"
    ),
    Column("measured", UtcDateTime, nullable=False),
)
