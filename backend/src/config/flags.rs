//! What `foolscap serve` may be told in its command line; the environment has a variable for each.

/// Flags of `foolscap serve`. Each has a variable of the environment beside it.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct Flags {
    /// Address to listen on [FOOLSCAP_HOST; default 127.0.0.1, so nobody outside this machine gets in]
    #[arg(long, value_name = "IP")]
    pub host: Option<String>,
    /// Port to listen on; 0 takes a free one [FOOLSCAP_PORT; default 8080]
    #[arg(long)]
    pub port: Option<String>,
    /// More host names this server answers for, comma-separated; loopback names always work
    /// [FOOLSCAP_ALLOWED_HOSTS]
    #[arg(long, value_name = "NAMES")]
    pub allowed_hosts: Option<String>,
    /// Address for Prometheus to read metrics from, or `off` [FOOLSCAP_METRICS; default 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<String>,
    /// How log lines are written: human or json [FOOLSCAP_LOG_FORMAT; default human]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// What is logged: a level, or targets with levels [FOOLSCAP_LOG; default info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// Which market the desk opens with: real, or demo for no network at all [FOOLSCAP_MARKET; default real]
    #[arg(long, value_name = "MARKET")]
    pub market: Option<String>,
    /// The chain an API call means when it names none [DEFAULT_CHAIN_ID; default 84532]
    #[arg(long, value_name = "ID")]
    pub default_chain: Option<String>,
    /// Seconds for which a price is fresh [PRICE_CACHE_TTL_SECONDS; default 60]
    #[arg(long, value_name = "SECONDS")]
    pub price_ttl: Option<String>,
    /// Seconds after which a price is expired [PRICE_CACHE_STALE_SECONDS; default 240]
    #[arg(long, value_name = "SECONDS")]
    pub price_stale: Option<String>,
    /// Seconds for which prices are kept fresh after somebody asked for them [FOOLSCAP_WATCH_SECONDS; default 600]
    #[arg(long, value_name = "SECONDS")]
    pub watch: Option<String>,
    /// Where CoinGecko's API is [COIN_GECKO_BASE_URL; default: the host of the key's kind]
    #[arg(long, value_name = "URL")]
    pub coin_gecko_url: Option<String>,
    /// The kind of COIN_GECKO_API_KEY: demo or pro [COIN_GECKO_KEY_KIND; default demo]
    #[arg(long, value_name = "KIND")]
    pub coin_gecko_key_kind: Option<String>,
    /// File that holds the key; it is read again before every call, so that the key can be changed without a
    /// restart [COIN_GECKO_API_KEY_FILE]
    #[arg(long, value_name = "PATH")]
    pub coin_gecko_key_file: Option<String>,
    /// Calls to CoinGecko in any minute, at most [COIN_GECKO_CALLS_PER_MINUTE; default 25]
    #[arg(long, value_name = "CALLS")]
    pub coin_gecko_calls: Option<String>,
    /// What CoinGecko grants: demo (10,000 calls a month), daily (1,099 a day), pro (500,000 a month), or
    /// CALLS/DAYS [COIN_GECKO_GRANT; default: that of the key's kind]
    #[arg(long, value_name = "GRANT")]
    pub coin_gecko_grant: Option<String>,
    /// A chain's RPC: CHAIN=URL, as often as there are some; the first that is well is asked
    /// [FOOLSCAP_RPC_<chain id>, comma-separated]
    #[arg(long, value_name = "CHAIN=URL")]
    pub rpc: Vec<String>,
    /// Calls to one RPC in a second, at most [FOOLSCAP_RPC_CALLS_PER_SECOND; default 100]
    #[arg(long, value_name = "CALLS")]
    pub rpc_calls: Option<String>,
    /// Folder to keep data in, or `memory` to keep none [FOOLSCAP_DATA; default the user's data folder, such as
    /// ~/.local/share/foolscap]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Redis through which several servers share prices, so that all make the calls of one, and rooms, so that what
    /// is told at one reaches the readers at all [FOOLSCAP_REDIS; default none]
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// File that holds the operator's token, 32 characters or more [FOOLSCAP_OPERATOR_TOKEN_FILE; default none: nobody
    /// is the operator]
    #[arg(long, value_name = "FILE")]
    pub operator_token_file: Option<String>,
    /// MiB that are kept of one account's journal, at most [FOOLSCAP_ACCOUNT_MIB; default 256]
    #[arg(long, value_name = "MIB")]
    pub account_mib: Option<String>,
    /// MiB that are kept of all accounts' journals together, at most [FOOLSCAP_ACCOUNTS_MIB; default 4096]
    #[arg(long, value_name = "MIB")]
    pub accounts_mib: Option<String>,
    /// Seconds for which a device writes to its account after its last word [FOOLSCAP_LEASE_SECONDS; default 60]
    #[arg(long, value_name = "SECONDS")]
    pub lease: Option<String>,
    /// Encrypted JSON keystore of the key that signs real transactions [FOOLSCAP_KEYSTORE; default none: nothing is
    /// signed]
    #[arg(long, value_name = "FILE")]
    pub keystore: Option<String>,
    /// File that holds the keystore's password [FOOLSCAP_KEYSTORE_PASSWORD_FILE]
    #[arg(long, value_name = "FILE")]
    pub keystore_password_file: Option<String>,
    /// Sign on chains with money in them too. There is no variable for it, on purpose
    #[arg(long)]
    pub allow_mainnet: bool,
    /// Dollars that one transaction may be worth [FOOLSCAP_LIMIT_TRANSACTION_USD; default no limit on test chains]
    #[arg(long, value_name = "USD")]
    pub limit_transaction: Option<String>,
    /// Dollars that all transactions of any 24 hours may be worth [FOOLSCAP_LIMIT_DAY_USD]
    #[arg(long, value_name = "USD")]
    pub limit_day: Option<String>,
    /// Tokens beside the built-in ones that may be swapped: chain:address, comma-separated [FOOLSCAP_LIVE_TOKENS]
    #[arg(long, value_name = "TOKENS")]
    pub live_tokens: Option<String>,
    /// A wallet whose key is not here: swaps on paper go every way but the signature, and nothing is ever signed
    /// [FOOLSCAP_PAPER_WALLET]
    #[arg(long, value_name = "ADDRESS")]
    pub paper_wallet: Option<String>,
}
