//! Reading the settings.
//!
//! Every value that does not fit is reported together with the name it came under and what would have
//! been right; secrets are never repeated.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use shared::chain::Chain;
use shared::market::MarketKind;
use shared::quote::Thresholds;

use crate::accounts;
use crate::coingecko::budget::Grant;
use crate::coingecko::keys;
use crate::operator;

use super::error::{ConfigError, ConfigErrors};
use super::flags::Flags;
use super::{CoinGecko, Config, Data, Environment, KeyKind, LogFormat, Metrics, Secret, SecretUrl};

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`ConfigErrors`]: all that do not fit, at once.
    pub fn read(flags: &Flags, environment: &Environment) -> Result<Config, ConfigErrors> {
        let mut reader = Reader { environment, errors: Vec::new() };
        let fallback = Config::default();

        let host = reader.read("--host", &flags.host, "FOOLSCAP_HOST", "an IP address such as 127.0.0.1", |text| {
            text.trim_matches(['[', ']']).parse().ok()
        });
        let port =
            reader.read("--port", &flags.port, "FOOLSCAP_PORT", "a port from 0 to 65535", |text| text.parse().ok());
        let allowed_hosts = reader.read(
            "--allowed-hosts",
            &flags.allowed_hosts,
            "FOOLSCAP_ALLOWED_HOSTS",
            "host names without scheme, port or path, comma-separated, such as desk.example.org,10.0.0.5",
            parse_hosts,
        );
        let metrics = reader.read(
            "--metrics",
            &flags.metrics,
            "FOOLSCAP_METRICS",
            "an address and port such as 127.0.0.1:9464, or `off`",
            |text| match text {
                "off" => Some(Metrics::Off),
                text => text.parse().ok().map(Metrics::At),
            },
        );
        let log_format = reader.read(
            "--log-format",
            &flags.log_format,
            "FOOLSCAP_LOG_FORMAT",
            "`human` or `json`",
            |text| match text {
                "human" => Some(LogFormat::Human),
                "json" => Some(LogFormat::Json),
                _ => None,
            },
        );
        let log = reader.read(
            "--log",
            &flags.log,
            "FOOLSCAP_LOG",
            "a level (error, warn, info, debug, trace) or targets with levels such as info,backend=debug",
            |text| tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned()),
        );
        let market = reader.read("--market", &flags.market, "FOOLSCAP_MARKET", "`real` or `demo`", |text| match text {
            "real" => Some(MarketKind::Real),
            "demo" => Some(MarketKind::Demo),
            _ => None,
        });
        let default_chain = reader.read(
            "--default-chain",
            &flags.default_chain,
            "DEFAULT_CHAIN_ID",
            "one of 1 (Ethereum), 8453 (Base), 84532 (Base Sepolia), 11155111 (Sepolia)",
            |text| text.parse().ok(),
        );
        let ttl = reader.read(
            "--price-ttl",
            &flags.price_ttl,
            "PRICE_CACHE_TTL_SECONDS",
            "a whole number of seconds from 1 to 86400",
            parse_seconds,
        );
        let stale = reader.read(
            "--price-stale",
            &flags.price_stale,
            "PRICE_CACHE_STALE_SECONDS",
            "a whole number of seconds from 1 to 86400",
            parse_seconds,
        );
        let thresholds = reader.thresholds(ttl, stale);
        let watch = reader.read(
            "--watch",
            &flags.watch,
            "FOOLSCAP_WATCH_SECONDS",
            "a whole number of seconds from 1 to 86400",
            parse_seconds,
        );
        let coingecko = reader.coingecko(flags, &fallback.coingecko);
        let rpcs = reader.rpcs(flags);
        let rpc_calls = reader.read(
            "--rpc-calls",
            &flags.rpc_calls,
            "FOOLSCAP_RPC_CALLS_PER_SECOND",
            "a whole number from 1 to 100000",
            |text| text.parse().ok().filter(|calls| (1..=100_000).contains(calls)),
        );
        let data = reader.data(flags);
        let redis = reader.redis(flags);
        let operator = reader.read(
            "--operator-token-file",
            &flags.operator_token_file,
            "FOOLSCAP_OPERATOR_TOKEN_FILE",
            operator::EXPECTED,
            operator::read,
        );
        let accounts = reader.accounts(flags, fallback.accounts);

        let live = reader.live(flags);

        if !reader.errors.is_empty() {
            return Err(ConfigErrors(reader.errors));
        }
        Ok(Config {
            listen: SocketAddr::new(host.unwrap_or(fallback.listen.ip()), port.unwrap_or(fallback.listen.port())),
            allowed_hosts: allowed_hosts.unwrap_or_default(),
            metrics: metrics.unwrap_or(fallback.metrics),
            log_format: log_format.unwrap_or(fallback.log_format),
            log: log.unwrap_or(fallback.log),
            market: market.unwrap_or(fallback.market),
            default_chain: default_chain.unwrap_or(fallback.default_chain),
            thresholds,
            watch: watch.map_or(fallback.watch, Duration::from_secs),
            coingecko,
            rpcs,
            rpc_calls_per_second: rpc_calls.unwrap_or(fallback.rpc_calls_per_second),
            data,
            redis,
            operator,
            live,
            rooms: fallback.rooms,
            accounts,
            limits: fallback.limits,
        })
    }
}

pub(super) struct Reader<'a> {
    environment: &'a Environment,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// The flag, else the variable, else nothing; a value that does not parse is an error.
    pub(super) fn read<T>(
        &mut self,
        flag: &str,
        given: &Option<String>,
        variable: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let (name, value) = match given {
            Some(value) => (flag, value.trim()),
            None => (variable, self.environment.get(variable)?),
        };
        let parsed = parse(value);
        if parsed.is_none() {
            self.refuse(name, Some(value.to_owned()), expected);
        }
        parsed
    }

    pub(super) fn refuse(&mut self, name: &str, value: Option<String>, expected: impl Into<String>) {
        self.errors.push(ConfigError { name: name.to_owned(), value, expected: expected.into() });
    }

    /// The folder that is named; else the user's own, where the environment tells of one.
    fn data(&mut self, flags: &Flags) -> Data {
        let named = self.read("--data", &flags.data, "FOOLSCAP_DATA", "a folder, or `memory`", |text| match text {
            "memory" => Some(Data::Memory),
            text => Some(Data::Folder(text.into())),
        });
        let usual = || usual_data_folder(self.environment).map(|folder| Data::Folder(folder.join("foolscap")));
        named.or_else(usual).unwrap_or(Data::Memory)
    }

    /// How much is kept of accounts, and for how long a device writes.
    fn accounts(&mut self, flags: &Flags, fallback: accounts::Limits) -> accounts::Limits {
        const EXPECTED: &str = "a whole number of MiB from 1 to 1048576";
        let mib = |text: &str| {
            let mib = text.parse().ok().filter(|mib| (1..=1_048_576_u64).contains(mib))?;
            Some(mib * 1024 * 1024)
        };
        let one = self.read("--account-mib", &flags.account_mib, "FOOLSCAP_ACCOUNT_MIB", EXPECTED, mib);
        let all = self.read("--accounts-mib", &flags.accounts_mib, "FOOLSCAP_ACCOUNTS_MIB", EXPECTED, mib);
        let lease = self.read(
            "--lease",
            &flags.lease,
            "FOOLSCAP_LEASE_SECONDS",
            "a whole number of seconds from 1 to 86400",
            parse_seconds,
        );
        accounts::Limits {
            account_bytes: one.unwrap_or(fallback.account_bytes),
            bytes: all.unwrap_or(fallback.bytes),
            lease_ms: lease.map_or(fallback.lease_ms, |seconds| seconds * 1000),
            ..fallback
        }
    }

    /// A URL that may hold a password, so it is not repeated.
    fn redis(&mut self, flags: &Flags) -> Option<SecretUrl> {
        let (name, text) = match &flags.redis {
            Some(text) => ("--redis", text.as_str()),
            None => ("FOOLSCAP_REDIS", self.environment.get("FOOLSCAP_REDIS")?),
        };
        let url = Url::parse(text.trim()).ok().filter(|url| url.scheme() == "redis" && url.host_str().is_some());
        if url.is_none() {
            self.refuse(
                name,
                None,
                "a URL such as redis://127.0.0.1:6379 (TLS is not spoken: keep it on a private network)",
            );
        }
        url.map(SecretUrl::new)
    }

    fn thresholds(&mut self, ttl: Option<u64>, stale: Option<u64>) -> Thresholds {
        let default = Thresholds::default();
        let fresh_ms = ttl.map_or(default.fresh_ms, |seconds| seconds * 1000);
        // A longer freshness than the usual staleness moves the latter along, four times as far.
        let stale_ms = stale.map_or(default.stale_ms.max(fresh_ms * 4), |seconds| seconds * 1000);
        if stale_ms <= fresh_ms {
            let value = Some((stale_ms / 1000).to_string());
            let expected = format!("more than the {} seconds for which a price is fresh", fresh_ms / 1000);
            self.refuse("PRICE_CACHE_STALE_SECONDS", value, expected);
        }
        Thresholds { fresh_ms, stale_ms }
    }

    fn coingecko(&mut self, flags: &Flags, fallback: &CoinGecko) -> CoinGecko {
        let kind = self.read(
            "--coin-gecko-key-kind",
            &flags.coin_gecko_key_kind,
            "COIN_GECKO_KEY_KIND",
            "`demo` or `pro`",
            |text| match text {
                "demo" => Some(KeyKind::Demo),
                "pro" => Some(KeyKind::Pro),
                _ => None,
            },
        );
        let key_kind = kind.unwrap_or(fallback.key_kind);
        let url = self.read(
            "--coin-gecko-url",
            &flags.coin_gecko_url,
            "COIN_GECKO_BASE_URL",
            "an https URL such as https://api.coingecko.com/api/v3 (http only on this machine)",
            |text| parse_url(text).filter(|url| url.query().is_none() && url.fragment().is_none()),
        );
        let base_url = url.unwrap_or_else(|| key_kind.home());
        let other = if key_kind == KeyKind::Demo { KeyKind::Pro } else { KeyKind::Demo };
        if base_url.host_str() == Some(other.host()) {
            let expected = format!("`{}`, or {} for such a key", key_kind.home(), other.host());
            self.refuse("COIN_GECKO_BASE_URL", Some(base_url.to_string()), expected);
        }
        let key = self.environment.get("COIN_GECKO_API_KEY").map(Secret::new);
        if key.as_ref().is_some_and(|key| !keys::is_key(key.reveal())) {
            self.refuse("COIN_GECKO_API_KEY", None, "printable characters without spaces");
        }
        let key_file = self.read(
            "--coin-gecko-key-file",
            &flags.coin_gecko_key_file,
            "COIN_GECKO_API_KEY_FILE",
            "a file that can be read and holds one key of printable characters without spaces",
            |text| Some(PathBuf::from(text)).filter(|path| keys::read(path).is_ok()),
        );
        if key.is_some() && key_file.is_some() {
            self.refuse("COIN_GECKO_API_KEY", None, "nothing beside COIN_GECKO_API_KEY_FILE: one of the two");
        }
        let calls = self.read(
            "--coin-gecko-calls",
            &flags.coin_gecko_calls,
            "COIN_GECKO_CALLS_PER_MINUTE",
            "a whole number from 1 to 10000",
            |text| text.parse().ok().filter(|calls| (1..=10_000).contains(calls)),
        );
        let grant = self.read(
            "--coin-gecko-grant",
            &flags.coin_gecko_grant,
            "COIN_GECKO_GRANT",
            "`demo`, `daily`, `pro`, or calls and days such as 10000/30 (100 calls and 366 days at the least and most)",
            Grant::named,
        );
        CoinGecko {
            base_url,
            key,
            key_file,
            key_kind,
            calls_per_minute: calls.unwrap_or(fallback.calls_per_minute),
            grant: grant.unwrap_or(key_kind.grant()),
            ..*fallback
        }
    }

    fn rpcs(&mut self, flags: &Flags) -> BTreeMap<Chain, Vec<SecretUrl>> {
        const EXPECTED: &str = "https URLs, comma-separated (http only on this machine)";
        let mut rpcs = BTreeMap::new();
        for chain in Chain::ALL {
            let variable = format!("FOOLSCAP_RPC_{chain}");
            match self.environment.get(&variable).map(parse_urls) {
                None => {}
                Some(Some(urls)) => drop(rpcs.insert(chain, urls)),
                Some(None) => self.refuse(&variable, None, EXPECTED),
            }
        }
        let mut given_by_flags: BTreeMap<Chain, Vec<SecretUrl>> = BTreeMap::new();
        for given in &flags.rpc {
            let (chain, urls) = given.split_once('=').unwrap_or((given, ""));
            match (chain.parse(), parse_urls(urls)) {
                (Ok(chain), Some(urls)) => given_by_flags.entry(chain).or_default().extend(urls),
                (Err(error), _) => self.refuse("--rpc", None, format!("CHAIN=URL, and {error}")),
                (Ok(chain), None) => self.refuse(&format!("--rpc {chain}=…"), None, EXPECTED),
            }
        }
        rpcs.extend(given_by_flags);
        rpcs
    }
}

/// Where the platform keeps what programs write for a user.
fn usual_data_folder(environment: &Environment) -> Option<PathBuf> {
    // A path that is not absolute is to be ignored (XDG Base Directory Specification).
    let folder = |name| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return folder("LOCALAPPDATA");
    }
    let below = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(below)))
}

fn parse_seconds(text: &str) -> Option<u64> {
    text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds))
}

/// An URL for keys to travel to: encrypted, or on this machine.
fn parse_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim_end_matches('/')).ok()?;
    let safe = match url.scheme() {
        "https" => url.host_str().is_some(),
        "http" => is_loopback(&url),
        _ => false,
    };
    safe.then_some(url)
}

/// URLs as [`parse_url`] takes them, comma-separated; one at least.
fn parse_urls(text: &str) -> Option<Vec<SecretUrl>> {
    text.split(',').map(|url| parse_url(url.trim()).map(SecretUrl::new)).collect()
}

/// Whether a URL points at this machine.
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())
}

fn parse_hosts(text: &str) -> Option<Vec<String>> {
    text.split(',')
        .map(|host| host.trim().to_ascii_lowercase())
        .filter(|host| !host.is_empty())
        .map(|host| {
            let bare = host.trim_matches(['[', ']']);
            let is_ip = bare.parse::<IpAddr>().is_ok();
            let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
            (is_ip || is_name).then(|| bare.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<const N: usize>(pairs: [(&str, &str); N]) -> Result<Config, ConfigErrors> {
        Config::read(&Flags::default(), &Environment::from(pairs))
    }

    #[test]
    fn without_any_setting_the_defaults_of_the_seed_hold() {
        let config = read([]).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.default_chain.id(), 84_532);
        assert_eq!(config.thresholds, Thresholds { fresh_ms: 60_000, stale_ms: 240_000 });
        assert_eq!(config.coingecko.base_url.as_str(), "https://api.coingecko.com/api/v3");
    }

    #[test]
    fn what_is_empty_counts_as_absent() {
        assert_eq!(read([("COIN_GECKO_API_KEY", ""), ("FOOLSCAP_PORT", " ")]), Ok(Config::default()));
    }

    #[test]
    fn every_value_that_does_not_fit_is_named_with_what_would() {
        for (name, value, said) in [
            ("FOOLSCAP_HOST", "here", "FOOLSCAP_HOST is `here`: expected an IP address such as 127.0.0.1"),
            ("FOOLSCAP_PORT", "65536", "FOOLSCAP_PORT is `65536`: expected a port from 0 to 65535"),
            ("FOOLSCAP_ALLOWED_HOSTS", "http://x", "FOOLSCAP_ALLOWED_HOSTS is `http://x`: expected host names"),
            ("FOOLSCAP_METRICS", "9464", "FOOLSCAP_METRICS is `9464`: expected an address and port"),
            ("FOOLSCAP_LOG_FORMAT", "xml", "FOOLSCAP_LOG_FORMAT is `xml`: expected `human` or `json`"),
            ("FOOLSCAP_LOG", "backend=loud", "FOOLSCAP_LOG is `backend=loud`: expected a level"),
            ("FOOLSCAP_MARKET", "fake", "FOOLSCAP_MARKET is `fake`: expected `real` or `demo`"),
            ("DEFAULT_CHAIN_ID", "137", "DEFAULT_CHAIN_ID is `137`: expected one of 1 (Ethereum), 8453"),
            ("PRICE_CACHE_TTL_SECONDS", "0", "PRICE_CACHE_TTL_SECONDS is `0`: expected a whole number of seconds"),
            ("PRICE_CACHE_TTL_SECONDS", "1.5", "PRICE_CACHE_TTL_SECONDS is `1.5`: expected a whole number"),
            ("FOOLSCAP_WATCH_SECONDS", "0", "FOOLSCAP_WATCH_SECONDS is `0`: expected a whole number of seconds"),
            ("PRICE_CACHE_STALE_SECONDS", "60", "PRICE_CACHE_STALE_SECONDS is `60`: expected more than the 60 seconds"),
            ("COIN_GECKO_BASE_URL", "http://x.org", "COIN_GECKO_BASE_URL is `http://x.org`: expected an https URL"),
            ("COIN_GECKO_BASE_URL", "https://pro-api.coingecko.com/api/v3", "COIN_GECKO_BASE_URL is `https://pro-api"),
            ("COIN_GECKO_KEY_KIND", "gold", "COIN_GECKO_KEY_KIND is `gold`: expected `demo` or `pro`"),
            ("COIN_GECKO_CALLS_PER_MINUTE", "0", "COIN_GECKO_CALLS_PER_MINUTE is `0`: expected a whole number from 1"),
            (
                "COIN_GECKO_GRANT",
                "all",
                "COIN_GECKO_GRANT is `all`: expected `demo`, `daily`, `pro`, or calls and days",
            ),
            ("COIN_GECKO_API_KEY", "a key", "COIN_GECKO_API_KEY is set, but does not fit: expected printable"),
            (
                "COIN_GECKO_API_KEY_FILE",
                "/nowhere/key",
                "COIN_GECKO_API_KEY_FILE is `/nowhere/key`: expected a file that can be read and holds one key",
            ),
            ("FOOLSCAP_ACCOUNT_MIB", "0", "FOOLSCAP_ACCOUNT_MIB is `0`: expected a whole number of MiB from 1"),
            ("FOOLSCAP_ACCOUNTS_MIB", "much", "FOOLSCAP_ACCOUNTS_MIB is `much`: expected a whole number of MiB"),
            ("FOOLSCAP_LEASE_SECONDS", "0", "FOOLSCAP_LEASE_SECONDS is `0`: expected a whole number of seconds"),
            ("FOOLSCAP_RPC_1", "ws://x/KEY", "FOOLSCAP_RPC_1 is set, but does not fit: expected https URLs"),
        ] {
            let errors = read([(name, value)]).unwrap_err();
            assert_eq!(errors.0.len(), 1, "{errors}");
            assert!(errors.to_string().starts_with(said), "{errors}\n{said}");
        }
    }

    #[test]
    fn all_that_does_not_fit_is_said_at_once() {
        let errors = read([("FOOLSCAP_PORT", "x"), ("FOOLSCAP_MARKET", "y")]).unwrap_err();
        assert_eq!(errors.to_string().lines().count(), 2);
    }

    #[test]
    fn a_flag_beats_the_environment_and_is_named_when_it_is_wrong() {
        let flags =
            Flags { port: Some("9000".into()), rpc: vec!["8453=http://127.0.0.1:8545".into()], ..Flags::default() };
        let environment = Environment::from([("FOOLSCAP_PORT", "8000"), ("FOOLSCAP_RPC_8453", "https://x.org/key")]);
        let config = Config::read(&flags, &environment).unwrap();
        assert_eq!(config.listen.port(), 9000);
        assert_eq!(config.rpcs[&Chain::Base][0].reveal().port(), Some(8545));
        let flags = Flags { port: Some("x".into()), rpc: vec!["7=https://x.org/key".into()], ..Flags::default() };
        let errors = Config::read(&flags, &environment).unwrap_err().to_string();
        assert!(errors.starts_with("--port is `x`") && errors.contains("chain `7` is not known"), "{errors}");
        assert!(!errors.contains("x.org"), "{errors}");
    }

    #[test]
    fn secrets_are_shown_nowhere() {
        let config =
            read([("COIN_GECKO_API_KEY", "CG-sesame"), ("FOOLSCAP_RPC_1", "https://x.org/v2/sesame")]).unwrap();
        assert_eq!(config.coingecko.key.as_ref().map(Secret::reveal), Some("CG-sesame"));
        assert!(!format!("{config:?}").contains("sesame"));
    }

    #[test]
    fn the_key_kind_chooses_the_host() {
        let config = read([("COIN_GECKO_KEY_KIND", "pro")]).unwrap();
        assert_eq!(config.coingecko.base_url.host_str(), Some("pro-api.coingecko.com"));
        assert_eq!(config.coingecko.key_kind.header(), "x-cg-pro-api-key");
        assert_eq!(config.coingecko.grant, Grant::PRO);
        let config = read([("COIN_GECKO_KEY_KIND", "pro"), ("COIN_GECKO_GRANT", "1000000/30")]).unwrap();
        assert_eq!(config.coingecko.grant, Grant { calls: 1_000_000, days: 30 });
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn data_is_kept_where_it_is_said_or_where_the_users_data_is() {
        let data = |pairs: &[(&str, &str)]| {
            let lines: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let environment = Environment::parse(&lines.join("\n")).unwrap();
            Config::read(&Flags::default(), &environment).unwrap().data
        };
        let (home, xdg) = (("HOME", "/home/ada"), ("XDG_DATA_HOME", "/data/ada"));
        let folder = |path: &str| Data::Folder(path.into());
        assert_eq!(data(&[home]), folder("/home/ada/.local/share/foolscap"));
        assert_eq!(data(&[home, xdg]), folder("/data/ada/foolscap"));
        assert_eq!(data(&[home, ("XDG_DATA_HOME", "here")]), folder("/home/ada/.local/share/foolscap"));
        assert_eq!(data(&[home, xdg, ("FOOLSCAP_DATA", "here")]), folder("here"));
        assert_eq!(data(&[home, ("FOOLSCAP_DATA", "memory")]), Data::Memory);
        assert_eq!(data(&[]), Data::Memory);
    }

    #[test]
    fn a_longer_freshness_moves_staleness_along() {
        let config = read([("PRICE_CACHE_TTL_SECONDS", "300")]).unwrap();
        assert_eq!(config.thresholds, Thresholds { fresh_ms: 300_000, stale_ms: 1_200_000 });
    }

    #[test]
    fn the_example_file_names_every_variable_and_holds_the_defaults() {
        use clap::CommandFactory as _;
        let text = include_str!("../../../.env.example");
        let config = Config::read(&Flags::default(), &Environment::parse(text).unwrap()).unwrap();
        let metrics = Metrics::At("127.0.0.1:9464".parse().unwrap());
        assert_eq!(config, Config { metrics, ..Config::default() });
        for chain in Chain::ALL {
            assert!(text.contains(&format!("FOOLSCAP_RPC_{chain}=")));
        }
        // Each flag's help ends with its variable in brackets.
        let command = crate::cli::Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        let mut named = 0;
        for help in serve.get_arguments().filter_map(|argument| argument.get_help()).map(ToString::to_string) {
            let Some((_, variable)) = help.rsplit_once('[') else { continue };
            let variable = variable.split([';', ']', '<']).next().unwrap();
            assert!(text.contains(variable), "{variable}");
            named += 1;
        }
        assert_eq!(named, 30);
    }
}
