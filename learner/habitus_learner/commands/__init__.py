"""The learner's sub-commands of `habitus`, one module each."""
