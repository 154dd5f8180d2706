"""Entries: one method's runs on a task, as a folder that others can check and merge."""
