"""Where a host that installs bundles starts: the server, over stdio. It stands at the top of the bundle, not here."""

import sys

from mcp_server.__main__ import main

sys.argv[1:] = ["serve"]  # a host that starts entry points itself gives no arguments
main()
