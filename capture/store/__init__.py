"""Tables, migrations and queries. SQLite embedded; one writing connection."""

from capture.store.bodies import BodyDamaged
from capture.store.migrate import StoreDamaged, StoreError, StoreTooNew
from capture.store.open import Store
from capture.store.trainable import Wanted

__all__ = ["BodyDamaged", "Store", "StoreDamaged", "StoreError", "StoreTooNew", "Wanted"]
