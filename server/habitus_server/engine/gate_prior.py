"""The gate weights that a workspace starts from.

Fitted by `benchmarks/memory.py --fit` on lines of installed packages that the embedded
model was not trained on, each line asked for with the rest of its package in memory and
its own text nowhere. The order is that of `gates`: match length (workspace, then open
file), places seen by agreement among them, the model's view of the likeliest by the
model's own sureness, rank in the chain, and whether the model knows the language.
"""

PRIOR: tuple[float, ...] = (
    -1.00, -2.38, -2.02, -1.50, -1.70, -1.22, -0.99, -0.46, 1.19, -2.84,
    -1.14, -0.88, -0.90, -0.72, -0.53, -0.14, -0.13, 0.24, 0.00, 0.00,
    0.00, -0.08, 0.00, -1.28, 0.00, 0.00, -1.01, -0.74, 0.18, 0.83,
    -0.70, -0.04, 0.15, 1.71, -0.45, 0.29, 0.51, 1.53, -0.19, -0.38,
    -0.67, -0.78, 0.02, -0.13, -0.12, -0.32, 0.34, 0.05, 0.34, 0.25,
    0.66, 0.39, 0.17, 0.00, 0.00, 0.00, 0.50, 0.75, 0.45, 0.29,
    0.28, -0.13, 0.60, 0.29,
)
