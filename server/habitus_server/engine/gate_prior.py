"""The gate weights that a workspace starts from.

Fitted by `benchmarks/memory.py --fit` on lines of installed packages that the embedded
model was not trained on, each line asked for with the rest of its package in memory and
its own text nowhere. The order is that of `gates`: match length (workspace, then open
file), places seen by agreement among them, the model's view of the likeliest by the
model's own sureness, rank in the chain, and whether the model knows the language.
"""

PRIOR: tuple[float, ...] = (
    -1.00, -1.84, -1.96, -1.49, -1.48, -1.45, -1.10, -0.70, 0.52, -2.51,
    -0.78, -0.71, -0.77, -0.71, -0.58, -0.23, -0.50, -0.14, 0.00, 0.00,
    0.00, -0.36, 0.00, -1.42, 0.00, 0.01, -1.23, -0.76, 0.39, 0.79,
    -0.83, -0.18, 0.28, 1.36, -0.11, 0.44, 0.71, 1.46, 0.27, 0.10,
    0.17, 0.01, 0.42, 0.01, -0.06, 0.10, 0.41, -0.15, -0.02, 0.04,
    0.39, 0.09, 0.14, 0.00, 0.00, 0.00, -0.52, -0.84, 0.51, 0.22,
    0.15, -0.33, 0.34, 0.21,
)
