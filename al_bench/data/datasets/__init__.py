"""Where rows come from: files, packages, the hub, arrays."""
