"""The gate weights that a workspace starts from.

Fitted by `benchmarks/memory.py --fit` on lines of installed packages that the embedded
model was not trained on, each line asked for with the rest of its package in memory and
its own text nowhere. The order is that of `gates`: match length (workspace, then open
file), places seen by agreement among them, the model's view of the likeliest by the
model's own sureness, rank in the chain, and whether the model knows the language.
"""

PRIOR: tuple[float, ...] = (
    -0.98, -1.71, -1.80, -1.97, -1.20, -1.03, -1.20, -0.38, 0.42, -2.00,
    -0.94, -0.86, -0.69, -0.87, -0.67, -0.75, -0.57, 0.00, 0.00, 0.00,
    0.00, -0.36, 0.00, -1.17, 0.00, 0.08, -1.35, -0.68, -0.11, 0.96,
    -1.06, 0.17, 0.63, 1.41, -0.13, 0.31, 0.60, 1.07, 0.33, -0.10,
    0.01, 0.18, 0.25, 0.07, 0.19, -0.01, 0.23, 0.10, -0.08, 0.00,
    0.11, -0.11, 0.00, 0.00, 0.00, 0.00, -0.23, -0.55, 0.49, 0.15,
    -0.05, -0.22, 0.00, 0.37,
)
