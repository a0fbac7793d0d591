"""Where to send it: pure decisions over values. No I/O, no logging; imports only `capture`."""
