"""Ask before the first write whether a plan can be carried out, in rows that passed, failed or could not be asked."""
