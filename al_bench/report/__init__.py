"""From runs to tables, figures and one page: reads files, imports nothing of the loop."""
