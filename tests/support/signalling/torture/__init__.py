"""SIP messages as hard as those of RFC 4475: each of its 49 tests, in words of our own."""
