"""What trains: mlx-lm, in child processes. Only modules named `*_child` and `blas` run there."""
