"""Tables, migrations and queries. SQLite embedded; one writing connection."""

from capture.store.migrate import StoreDamaged, StoreError, StoreTooNew
from capture.store.open import Store
from capture.store.trainable import Wanted

__all__ = ["Store", "StoreDamaged", "StoreError", "StoreTooNew", "Wanted"]
