"""SIP, RTCP, events and call records for Homer, by HEP 3."""
