"""The gate weights that a workspace starts from.

Fitted by `benchmarks/memory.py --fit` on lines of installed packages that the embedded
model was not trained on, each line asked for with the rest of its package in memory and
its own text nowhere. The order is that of `gates`: match length (workspace, then open
file), places seen by agreement among them, the model's view of the likeliest by the
model's own sureness, rank in the chain, and whether the model knows the language.
"""

PRIOR: tuple[float, ...] = (
    -1.00, -1.79, -2.10, -1.59, -1.79, -1.42, -1.10, -0.61, 1.08, -2.68,
    -0.78, -0.83, -0.81, -0.64, -0.50, -0.14, -0.15, 0.18, 0.00, 0.00,
    0.00, -0.22, 0.00, -1.46, 0.00, -0.03, -1.17, -0.78, 0.13, 0.88,
    -0.79, -0.07, 0.25, 1.77, -0.15, 0.40, 0.71, 1.86, -0.12, -0.24,
    0.00, 0.12, 0.02, -0.16, 0.12, 0.16, 0.09, -0.22, 0.12, 0.06,
    0.30, 0.49, 0.11, 0.00, 0.00, 0.00, 0.39, 0.10, 0.52, 0.37,
    0.35, 0.10, 0.71, 0.64,
)
