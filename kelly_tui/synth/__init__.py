"""Music from theory and a seed: five generators of samples whose labels are true by construction.

Each sample is a pure function of (seed, index): the same bytes always, on any number of workers, and the first n of a
larger number are the n of a smaller one. Classes take turns by index, so that any number of samples is balanced.
"""
