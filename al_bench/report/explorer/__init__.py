"""The results explorer: one HTML file that needs no server and no network."""
