"""From runs to tables, figures and one page; reads files and does not import the loop."""
