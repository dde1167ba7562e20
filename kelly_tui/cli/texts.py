"""What ``--help`` says of commands that need more than a line."""

RENDER = """\
Add the sound of MIDI samples to the dataset: of SAMPLEs, else of all imported and
generated ones. A rendering is a variant of its sample: same split, same labels
(the README has the rules), so that a model that reads audio can be fed from
MIDI. Those that are there are not made again; each SoundFont gives its own.

--out DIR writes the files there instead and leaves the dataset as it is.
"""


REBUILD = """\
Make those variants and generated files again that are gone, from their roots and
the parameters in their rows. Files that are there stay as they are.

--check makes every one of them again and compares: MIDI and JSON byte by byte,
sound once decoded, labels by the rules for variants. It writes nothing.
Exit codes: 0 all equal, 1 what differs is named, 2 not possible.
"""


CARD = """\
The card of a dataset: README.md, with the front matter that hubs read, and
croissant.json (Croissant 1.0), both written from facts: counts by class and
origin, splits and their proof, licences, who labelled, the last probe, seeds,
hashes. Without --out the README is printed; --json gives both.
"""
