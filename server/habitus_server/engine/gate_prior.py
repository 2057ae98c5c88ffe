"""The gate weights that a workspace starts from."""

PRIOR: tuple[float, ...] = (-1.0,) * 16 + (0.0,) * 46
