"""Places a request can be sent, behind one transport seam."""
