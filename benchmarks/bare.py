"""The least an MCP server can be: the SDK, one empty tool, stdio. What factor12's server is measured beside."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("bare")


@server.tool()
def nothing() -> str:
    """Do nothing."""
    return ""


if __name__ == "__main__":
    server.run("stdio")
