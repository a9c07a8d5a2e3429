"""What is kept: articles, tallies, offsets, detector states, alerts, outbox; SQLite or PostgreSQL."""
