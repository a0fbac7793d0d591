"""The house model that ships with us: its data, tokenizer, training, export and evaluation.

`python -m trainer.house --out DIR` trains it from scratch; nothing here is imported when serving.
Only `model` and `train` import torch, and only `evaluate` imports mlx_lm; importing this package
imports neither.
"""
