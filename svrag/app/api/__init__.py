"""The HTTP interface: what the page can do, for programs. Described in docs/api.md and, for machines, by OpenAPI."""
