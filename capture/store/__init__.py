"""Tables, migrations and queries. SQLite embedded; one writing connection."""
