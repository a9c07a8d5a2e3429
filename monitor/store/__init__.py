"""What is kept: articles, tallies, offsets, states, alerts, outbox; SQLite or PostgreSQL."""
