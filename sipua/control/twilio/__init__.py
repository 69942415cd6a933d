"""Twilio's REST beside our API: the calls that agents of Twilio look at, steer and place."""
