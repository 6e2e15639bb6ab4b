"""The ways in: MCP over stdio, the command line."""
