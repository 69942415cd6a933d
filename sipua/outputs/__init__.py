"""What is made of the events for other systems: call records, webhooks, metrics."""
