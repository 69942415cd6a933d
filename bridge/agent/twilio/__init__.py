"""The local agent behind Twilio's Media Streams: what the edge's `twilio_stream` talks to."""
