"""What a tool agrees on with others: schemas, webhooks and their signature, errors."""
