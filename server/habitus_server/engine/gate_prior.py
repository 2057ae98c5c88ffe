"""The gate weights that a workspace starts from.

Fitted by `benchmarks/memory.py --fit` on lines of installed packages that the embedded
model was not trained on, each line asked for with the rest of its package in memory and
its own text nowhere. The order is that of `gates`: match length (workspace, then open
file), places seen by agreement among them, the model's view of the likeliest by the
model's own sureness, rank in the chain, and whether the model knows the language.
"""

PRIOR: tuple[float, ...] = (
    -1.77, -1.73, -1.79, -1.31, -1.07, -1.32, -0.51, 0.36, -1.38, -1.04,
    -0.89, -0.98, -0.78, -0.70, -0.43, 0.25, 0.00, 0.00, 0.00, -0.44,
    0.00, -1.06, 0.00, 0.17, -1.23, -0.62, 0.12, 0.85, -0.90, 0.01,
    0.22, 1.18, -0.02, 0.30, 0.75, 1.21, 0.25, -0.14, -0.09, -0.04,
    0.33, 0.10, 0.16, -0.01, 0.27, 0.11, -0.06, 0.00, 0.33, -0.03,
    0.00, 0.00, 0.00, 0.00, -0.26, -0.38, 0.52, 0.27, 0.12, -0.38,
    0.00, 0.54,
)
