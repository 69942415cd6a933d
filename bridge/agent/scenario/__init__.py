"""The local agent's orders: settings, scenarios, faults."""
