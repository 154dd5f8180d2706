"""Where configs lie, how they are composed, and how a node becomes an object."""
