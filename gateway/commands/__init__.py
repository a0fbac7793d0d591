"""The commands of `majordomo`, one module each. They talk to people; the work is done elsewhere."""
