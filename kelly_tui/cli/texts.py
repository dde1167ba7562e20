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

EXPORT = """\
Write a dataset as trainers read it, into DIR, which is made. Quarantined and
rejected samples are left out, and those in no split. Stopped at any moment, the
same command goes on where it was; made twice it gives the same bytes.

An unknown licence, missing features, a leak between splits or a stale proof of
them stops it; --force exports all the same, and the export says so for good.
"""

AGREEMENT = """\
How far the people who judged a dataset agree beyond chance, by field, class and
pair: Krippendorff's alpha with its 95 % interval, Cohen's kappa of two. 1 is
agreement throughout, 0 is chance. It counts what was said blind: in the
workstation go asks about samples that others have labelled, and a share of
one's own comes back; kelly label --blind says it here.
"""

FILTERS = """\
Samples that a filter finds; --json gives one object a line.

  emotion:sad key:Am bpm:80..100 conf<.6 is:augmented -is:verified text:"rain" split:test

Conditions are joined by and; | between values is or; - negates; field:? is
unlabelled; a bare word is looked for in names and notes.

  choices   emotion key mode time_signature groove_type articulation
            dynamic_range melodic_contour pitch_range is_verified
            split decision type origin; suggested (what the features suggest)
            failed (on which a stage failed: failed:extract)
            found (what the last validation found: found:file-changed)
  numbers   valence arousal dominance tempo_bpm swing_ratio quality_score
            conf (the least sure label) emotion.conf duration size note_count
            avg_pitch pitch_std pitch_range_semitones note_density
            syncopation_score avg_velocity velocity_std dynamic_range_velocity
            legato staccato normal push_ms (how late) key_count
            key_confidence tempo_confidence meter_confidence chord_confidence
            of sound onset_rate tuning
            spectral_centroid_mean spectral_centroid_std spectral_rolloff_mean
            spectral_rolloff_std spectral_bandwidth_mean spectral_bandwidth_std
            zero_crossing_rate_mean zero_crossing_rate_std rms_energy_mean
            rms_energy_std onset_strength_mean onset_strength_std
            suggested.conf suggested.valence suggested.arousal
            issue (how likely one of its labels is wrong)
  lists     chord_progression tags rule_breaks; has: chord_times
            timing_offsets_ms velocity_curve features conflict
  text      text name path notes license; the beginning of id root parent
  is:       imported augmented generated root held midi audio verified
            rejected quarantined ok open unsure doubted rendered duplicate pending
            labelled skipped flagged
"""

VALIDATE = """\
The report on a dataset: verdict, scores, what was found and what to do about it.
Exit codes: 0 valid, 1 not. --json gives every figure, finding and interval; its
keys are in the README. --out report.html writes it all, with plots, as one file
that needs nothing else; --out report.json what --json says, also beside the text.
"""
