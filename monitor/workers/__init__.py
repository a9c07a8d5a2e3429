"""The roles: each a loop that takes from one place and leaves at another until told to stop."""
