"""Tables, migrations and queries. SQLite embedded; one writing connection."""

from capture.store.migrate import StoreError, StoreTooNew
from capture.store.open import Store
from capture.store.trainable import Wanted

__all__ = ["Store", "StoreError", "StoreTooNew", "Wanted"]
