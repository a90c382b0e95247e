//! The CoinGecko stand-in as a program: `cargo xtask coingecko`.

use std::process::ExitCode;

use clap::Parser;
use tests::coingecko::{CoinGecko, Config, Host, KEY, Limits};

/// Serves made-up prices the way CoinGecko serves real ones, on loopback, until interrupted.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, env = "FOOLSCAP_COINGECKO_PORT", default_value_t = 8090)]
    port: u16,
    /// Seed of the random walks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prices stand still.
    #[arg(long)]
    still: bool,
    /// Play the Pro host instead of the public one.
    #[arg(long)]
    pro: bool,
    /// No limit of calls or credits.
    #[arg(long)]
    unlimited: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let limits = match arguments.unlimited {
        true => Limits { calls_per_minute: None, credits: None, ..Limits::default() },
        false => Limits::default(),
    };
    let config = Config {
        port: arguments.port,
        host: if arguments.pro { Host::Pro } else { Host::Public },
        limits,
        seed: arguments.seed,
        moving: !arguments.still,
        ..Config::default()
    };
    let coingecko = match CoinGecko::bind(config) {
        Ok(coingecko) => coingecko,
        Err(error) => {
            eprintln!("Port {} can't be used: {error}. Choose another with --port.", arguments.port);
            return ExitCode::FAILURE;
        }
    };
    println!("CoinGecko stand-in (made-up prices) on {}", coingecko.url);
    println!("Levers on {}", coingecko.control_url());
    println!();
    println!("To use it, in another terminal:");
    let kind = if arguments.pro { "COIN_GECKO_KEY_KIND=pro " } else { "" };
    println!("  COIN_GECKO_BASE_URL={} COIN_GECKO_API_KEY={KEY} {kind}cargo xtask serve", coingecko.url);
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Can't wait for Ctrl-C: {error}");
            ExitCode::FAILURE
        }
    }
}
