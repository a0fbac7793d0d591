"""What happened: the vocabulary, the journal and the store. Imports none of its sister packages."""
