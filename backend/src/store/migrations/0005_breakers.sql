-- What the circuit breakers of the live side remember, so that a restart closes none of them. `who` is empty for the
-- chain's own, and a user's name for one that is counted for them alone. Bodies are JSON.
CREATE TABLE breakers (
    chain  BIGINT NOT NULL,
    sender TEXT   NOT NULL,
    name   TEXT   NOT NULL,
    who    TEXT   NOT NULL,
    body   TEXT   NOT NULL,
    PRIMARY KEY (chain, sender, name, who)
);

-- What became of them, oldest first.
CREATE TABLE breaker_events (
    chain  BIGINT NOT NULL,
    sender TEXT   NOT NULL,
    seq    BIGINT NOT NULL,
    body   TEXT   NOT NULL,
    PRIMARY KEY (chain, sender, seq)
);
