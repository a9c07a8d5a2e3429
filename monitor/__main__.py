"""`python -m monitor` is `undertone`."""

from monitor.cli import main

main()
