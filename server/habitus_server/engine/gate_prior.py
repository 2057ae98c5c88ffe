"""The gate weights that a workspace starts from.

Fitted by `benchmarks/memory.py --fit` on lines of installed packages that the embedded
model was not trained on, each line asked for with the rest of its package in memory and
its own text nowhere. The order is that of `gates`: match length (workspace, then open
file), places seen by agreement among them, the model's view of the likeliest by the
model's own sureness, rank in the chain, and whether the model knows the language.
"""

PRIOR: tuple[float, ...] = (
    -1.00, -1.81, -2.12, -1.59, -1.79, -1.43, -1.04, -0.59, 1.07, -2.71,
    -0.80, -0.85, -0.83, -0.62, -0.55, -0.11, -0.11, 0.20, 0.00, 0.00,
    0.00, -0.28, 0.00, -1.54, 0.00, -0.03, -1.25, -0.75, 0.25, 0.93,
    -0.80, -0.05, 0.26, 1.87, -0.18, 0.37, 0.69, 1.84, -0.07, -0.21,
    0.03, 0.12, 0.07, -0.19, 0.13, 0.17, 0.13, -0.23, 0.16, 0.07,
    0.27, 0.30, 0.11, 0.00, 0.00, 0.00, 0.39, 0.10, 0.51, 0.36,
    0.38, 0.09, 0.70, 0.64,
)
