"""The commands that the server brings; each module is one (see `cli`).

Each runs in a terminal's process and prints to it; `serve` alone speaks LSP on stdout.
"""
