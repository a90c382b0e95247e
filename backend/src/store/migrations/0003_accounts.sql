-- The server's copies of journals. Hashes are 64 hexadecimal digits, times milliseconds since 1970.
CREATE TABLE accounts (
    account TEXT   NOT NULL PRIMARY KEY,
    seq     BIGINT NOT NULL,
    hash    TEXT   NOT NULL,
    -- Of all its lines, those of its branches included.
    bytes   BIGINT NOT NULL,
    -- How often its owner chose one branch over another.
    choices BIGINT NOT NULL
);

CREATE TABLE journal_lines (
    account TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    line    TEXT   NOT NULL,
    PRIMARY KEY (account, seq)
);

-- What the first lines of a copy come to, so that an old one is not folded again from the beginning. A cache.
CREATE TABLE folds (
    account TEXT   NOT NULL PRIMARY KEY,
    seq     BIGINT NOT NULL,
    sales   BIGINT NOT NULL,
    wins    BIGINT NOT NULL,
    body    BLOB   NOT NULL
);

-- Entries that were not chosen. Of each: the entry they come after, and the last of them.
CREATE TABLE branches (
    account    TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    after_seq  BIGINT NOT NULL,
    after_hash TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    hash       TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,
    kept       BIGINT NOT NULL,
    PRIMARY KEY (account, number)
);

CREATE TABLE branch_lines (
    account TEXT   NOT NULL,
    number  BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    line    TEXT   NOT NULL,
    PRIMARY KEY (account, number, seq)
);

-- Who writes to which account, and until when.
CREATE TABLE leases (
    account    TEXT   NOT NULL PRIMARY KEY,
    device     TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    since      BIGINT NOT NULL,
    ends       BIGINT NOT NULL
);

-- The links for readers: of each token its SHA-256.
CREATE TABLE links (
    account    TEXT   NOT NULL,
    token_hash TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    since      BIGINT NOT NULL,
    expires    BIGINT,
    PRIMARY KEY (account, token_hash)
);
