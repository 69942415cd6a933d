"""The local agent's websocket server: connections, faults on command, the journal."""
