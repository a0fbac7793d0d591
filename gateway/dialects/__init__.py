"""One file per API dialect, each independent of the others; `capture.messages` is the common words."""
