"""`factor12 token …`: who may come in over HTTP, as whom, and to do what."""

import re
import secrets
from time import time
from typing import Annotated

import typer
from rich.table import Table

from mcp_server.auth import make_token
from mcp_server.cli_process import LOCAL_NAME, Json, composed, insisting
from mcp_server.terminal import err, out, print_json, safe
from mcp_server.timeline import iso
from state import tokens
from state.problem import ProblemError
from state.tokens import Token

app = typer.Typer(help="Tokens that let others in over HTTP.", no_args_is_help=True)

_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@app.command("create", epilog="Example: factor12 token create --principal ada --scopes read,run")
def create(
    ctx: typer.Context,
    scopes: Annotated[
        str, typer.Option("--scopes", help="Of read, run, approve and admin, joined by commas.")
    ] = "read,run",
    principal: Annotated[
        str,
        typer.Option(help="Whose threads they are. Default: a new one; `local`: yours, as on this command line."),
    ] = "",
    days: Annotated[
        float | None, typer.Option("--days", min=0.001, max=36_500, help="Until it expires. Default: never.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token. Its secret is printed this once; only a digest is kept.

    Once there is a token, everybody who comes over HTTP needs one.
    """
    if principal and not _PRINCIPAL.fullmatch(principal):
        hint = "Use up to 64 letters, digits and . _ @ -"
        raise ProblemError("bad_input", f"A principal cannot be called {principal[:80]!r}.", hint)
    wanted = tuple(name.strip() for name in scopes.split(",") if name.strip())
    lifetime = None if days is None else days * 86_400
    owner = "" if principal == LOCAL_NAME else principal or f"p-{secrets.token_hex(4)}"
    made, secret = insisting(make_token, composed(ctx).database, owner, wanted, lifetime)
    if as_json:
        return print_json({**_row(made), "token": secret})
    err().print(f"Token {made.id} of {named(made.principal)}, for {', '.join(made.scopes)}. It is shown this once:")
    print(secret)


@app.command("list", epilog="Example: factor12 token list")
def list_tokens(ctx: typer.Context, as_json: Json = False) -> None:
    """List the tokens there are and were; never their secrets."""
    known = tokens.listed(composed(ctx).database)
    if as_json:
        return print_json([_row(token) for token in known])
    if not known:
        return out().print("No token was made yet. `factor12 token create` makes one.")
    table = Table("TOKEN", "PRINCIPAL", "SCOPES", "MADE", "EXPIRES", "STATE", box=None, pad_edge=False)
    for token in known:
        row = _row(token)
        cells = (token.id, row["principal"], ",".join(token.scopes), row["created_at"], row.get("expires_at", "never"))
        table.add_row(*(safe(str(cell)) for cell in cells), str(row["state"]))
    out().print(table)


@app.command("revoke", epilog="Example: factor12 token revoke 4f2a91c0")
def revoke(ctx: typer.Context, token: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id.")]) -> None:
    """Let a token count no more, from its next request on."""
    if not insisting(tokens.revoke, composed(ctx).database, token, time()):
        hint = "`factor12 token list` shows them."
        raise ProblemError("not_found", f"There is no token {token[:80]!r} that still counts.", hint)
    out().print(f"{safe(token)} counts no more.")


def named(principal: str) -> str:
    return principal or LOCAL_NAME


def _row(token: Token) -> dict[str, object]:
    ended = "revoked" if token.revoked_at is not None else "expired"
    expires = {} if token.expires_at is None else {"expires_at": iso(token.expires_at)}
    return {
        "id": token.id,
        "principal": named(token.principal),
        "scopes": list(token.scopes),
        "created_at": iso(token.created_at),
        **expires,
        "state": "counts" if token.counts_at(time()) else ended,
    }
