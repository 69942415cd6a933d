"""What the local agent is told to do: settings, scenarios, faults."""
