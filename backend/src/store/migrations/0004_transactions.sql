-- What was asked for on real chains and what became of it: the journal of the transaction manager. A record is
-- written before anything it speaks of is done. Bodies are JSON; the columns are what is searched by.
CREATE TABLE transactions (
    id              TEXT   NOT NULL PRIMARY KEY,
    chain           BIGINT NOT NULL,
    sender          TEXT   NOT NULL,
    idempotency_key TEXT   UNIQUE,
    status          TEXT   NOT NULL,
    is_open         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    body            TEXT   NOT NULL
);
CREATE INDEX transactions_open ON transactions (chain, sender, is_open);
CREATE INDEX transactions_created ON transactions (created_at);

-- The nonces of each sender: who may sign (whoever has the highest fence), and the nonce after the last that was
-- ever signed.
CREATE TABLE lanes (
    chain       BIGINT NOT NULL,
    sender      TEXT   NOT NULL,
    fence       BIGINT NOT NULL,
    after_ours  BIGINT NOT NULL,
    PRIMARY KEY (chain, sender)
);
