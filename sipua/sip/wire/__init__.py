"""What is in a SIP message: read and cleaned."""
