"""TwiML: what an agent wants of a call, as it is read from XML."""
