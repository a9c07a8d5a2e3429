"""A backtest as one HTML page: tables and plots, with nothing loaded from outside."""
