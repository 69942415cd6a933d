"""Traces: each call as a tree of spans, written when it is over, and sent by OTLP."""
