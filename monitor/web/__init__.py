"""The console: pages for people, and /metrics, /healthz, /readyz for programs."""
