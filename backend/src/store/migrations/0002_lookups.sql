-- What was looked up and changes slowly: which coin a contract is, pools, volatility. The body is JSON.
CREATE TABLE lookups (
    kind  TEXT   NOT NULL,
    name  TEXT   NOT NULL,
    as_of BIGINT NOT NULL,
    body  TEXT   NOT NULL,
    PRIMARY KEY (kind, name)
);
