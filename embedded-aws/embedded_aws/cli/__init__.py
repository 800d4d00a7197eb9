"""The command `runbook local`."""
