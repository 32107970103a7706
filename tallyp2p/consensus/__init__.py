"""Pure arithmetic on ballots: which probes, who hears whom, what was decided."""
