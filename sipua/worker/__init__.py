"""A worker: a process that carries calls, from their first message to their record."""
