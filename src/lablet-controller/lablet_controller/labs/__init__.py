"""The labs of workers: records, unmanaged use, actions, clean-up."""
