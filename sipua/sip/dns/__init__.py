"""Host names of trunks, registrars and proxies, looked up off all threads of calls."""
