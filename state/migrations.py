"""The schema, as append-only numbered migrations. Imported only when the file is behind (`PRAGMA user_version`)."""

import sqlite3

from sqlite_utils import Database, Migrations

from state.sqlite import whole

migration = Migrations("factor12")

INITIAL = """
create table threads (
    id integer primary key,
    public text not null unique,
    principal text not null,
    session text not null,
    agent text not null,
    status text not null,
    outcome text,
    waiting_on text,
    question text,
    trouble integer not null default 0,
    head integer not null,
    generation integer not null default 0,
    parent text,
    repo text,
    root text,
    branch text,
    issue text,
    idempotency_key text,
    arguments text,
    epoch integer not null default 0,
    lease_owner text,
    lease_beat integer not null default 0,
    lease_until real,
    wake_at real,
    hidden integer not null default 0,
    created_at real not null,
    updated_at real not null
) strict;
create unique index threads_idempotency on threads (principal, session, agent, idempotency_key)
    where idempotency_key is not null;
create index threads_recent on threads (principal, updated_at);
create index threads_due on threads (updated_at) where status = 'running';
create table events (
    id integer primary key,
    thread integer not null references threads (id) on delete cascade,
    version integer not null,
    kind text not null,
    key text,
    data text not null,
    at real not null
) strict;
create unique index events_version on events (thread, version);
create table repo_leases (
    key text primary key,
    thread integer not null references threads (id) on delete cascade
) strict, without rowid;
create table blobs (
    digest text primary key,
    size integer not null,
    data blob not null,
    put_at real not null
) strict;
create table sessions (
    principal text not null,
    name text not null,
    stack text not null,
    primary key (principal, name)
) strict, without rowid;
create table trusted (path text primary key, at real not null) strict, without rowid;
"""


@migration()
def m001_initial(db: Database) -> None:
    for statement in INITIAL.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)
    db.conn.execute("pragma user_version = 1")


@migration()
def m002_trusted_settings(db: Database) -> None:
    db.conn.execute("alter table trusted add column config text not null default ''")
    db.conn.execute("pragma user_version = 2")


@migration()
def m003_tokens(db: Database) -> None:
    columns = (
        "principal text not null, scopes text not null, created_at real not null, expires_at real, revoked_at real"
    )
    db.conn.execute(f"create table tokens (id text primary key, digest text not null unique, {columns}) strict")
    db.conn.execute("pragma user_version = 3")


@migration()
def m004_spending(db: Database) -> None:
    db.conn.execute("alter table threads add column tokens integer not null default 0")
    db.conn.execute("alter table threads add column money real not null default 0")
    db.conn.execute("pragma user_version = 4")


@migration()
def m005_granted_agents(db: Database) -> None:
    columns = "root text not null, file text not null, digest text not null, at real not null"
    db.conn.execute(f"create table granted_agents ({columns}, primary key (root, file)) strict, without rowid")
    db.conn.execute("pragma user_version = 5")


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing. A second process that comes at the same moment waits, then finds nothing to do."""
    with whole(connection):
        migration.apply(Database(connection))
