"""Recordings sent to S3: signed, verified there, sent again until they are."""
