-- The last good price of each coin. Decimals are text, times are milliseconds since 1970.
CREATE TABLE prices (
    coin        TEXT   NOT NULL PRIMARY KEY,
    price       TEXT   NOT NULL,
    as_of       BIGINT NOT NULL,
    upstream_at BIGINT,
    change_24h  TEXT,
    volume_24h  TEXT
);

-- When the calls for each purpose will all have come back.
CREATE TABLE budget (
    purpose TEXT   NOT NULL PRIMARY KEY,
    full_at BIGINT NOT NULL
);
