"""Feeds over HTTP: retrieve, parse, decide what is new, poll on a schedule."""
