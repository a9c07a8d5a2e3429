"""The numbers of all roles, by Prometheus's naming. No article and no address is ever a label."""

from prometheus_client import Counter, Gauge, Histogram

_LATENCIES_SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)

ARTICLES_INGESTED = Counter(
    "undertone_articles_ingested_total", "Articles put on the bus, by kind of source.", ["kind"]
)
FEED_POLLS = Counter("undertone_feed_polls_total", "Polls of feeds, by result.", ["result"])
ARTICLES_SCORED = Counter(
    "undertone_articles_scored_total",
    "Articles scored, by language and sentiment.",
    ["language", "sentiment"],
)
COMPANIES_ASKED = Counter(
    "undertone_companies_asked_total",
    "Companies named in articles: asked about one by one, or over an article's limit.",
    ["result"],
)
TEXTS_CUT = Counter(
    "undertone_texts_cut_total",
    "Texts, and questions about companies in them, that were longer than the model reads.",
)
SCORE_SECONDS = Histogram(
    "undertone_score_batch_seconds",
    "Time to score one batch.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
LOW_CONFIDENCE = Counter(
    "undertone_low_confidence_total",
    "Articles whose likeliest sentiment is less likely than models.low_confidence.",
    ["language"],
)
MODEL_DRIFT = Gauge(
    "undertone_model_drift",
    "How far a statistic of the scored texts is from the model's reference. Not a number while "
    "there are too few texts. At most 50 sources have a name, the others are 'other'.",
    ["language", "source", "statistic", "measure"],
    multiprocess_mode="mostrecent",
)
SHADOW_TEXTS = Counter(
    "undertone_shadow_texts_total",
    "Texts chosen for a challenger, by result: scored, skipped (the role was behind), failed.",
    ["result"],
)
SIDE_WRITES = Counter(
    "undertone_score_side_writes_total",
    "Writes of the score role to the store (shadow scores, drift), by result.",
    ["result"],
)
PUBLISH_TO_SCORED = Histogram(
    "undertone_publish_to_scored_seconds", "From publication to score.", buckets=_LATENCIES_SECONDS
)
PUBLISH_TO_ALERT = Histogram(
    "undertone_publish_to_alert_seconds",
    "From publication of the newest story in the evidence to the alert.",
    buckets=_LATENCIES_SECONDS,
)
ARTICLES_COUNTED = Counter(
    "undertone_articles_counted_total",
    "Articles that reached the store, by what came of them.",
    ["result"],
)
RECORDS_LOST = Counter(
    "undertone_records_lost_total",
    "Records that their topic no longer had when a role came to read them.",
    ["topic"],
)
WATERMARK = Gauge(
    "undertone_watermark_timestamp_seconds",
    "Time up to which every partition is complete.",
    multiprocess_mode="max",
)
OLDEST_ARTICLE = Gauge(
    "undertone_oldest_article_timestamp_seconds",
    "Publication of the oldest article that is not only kept for an alert or a label.",
    multiprocess_mode="mostrecent",
)
HOUSEKEEPING = Counter(
    "undertone_housekeeping_rows_total",
    "Rows of the store that housekeeping removed or rolled up.",
    ["what"],
)
ALERTS = Counter("undertone_alert_transitions_total", "Transitions of alerts.", ["rule", "event"])
DELIVERIES = Counter(
    "undertone_deliveries_total", "Deliveries to channels, by result.", ["channel", "result"]
)
FAILURES = Counter("undertone_failures_total", "Failures, by role and kind.", ["role", "kind"])
