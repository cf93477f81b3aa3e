"""How cost grows with the log: what tests/bench/growth.py measures, draws and simulates."""
