"""``python -m trainer.house``: train the house model."""

from trainer.house.train import main

if __name__ == "__main__":  # the helper processes import this file too
    main()
