"""``python -m trainer.house``: train the house model."""

from trainer.house.train import main

main()
