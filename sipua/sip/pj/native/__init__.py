"""What pjsua2 does not show of pjsip, reached by ctypes: resolver, wake, answers to INFO."""
