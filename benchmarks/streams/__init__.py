"""`sipua bench streams`: what RTP a capture holds."""
