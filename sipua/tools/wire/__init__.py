"""The interfaces of tools: schemas, HTTP and its signature, errors."""
