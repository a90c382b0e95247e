//! The whole live side in one program: `cargo xtask devnet`, and the browser's stories of real transactions.
//!
//! Anvil that says it is Sepolia, with Uniswap V2 and V3 and deep pools; a key that was made for it, in an encrypted
//! keystore, and coins to spend; and the real server with signing on. Everything is new at each start and gone at
//! the end: the chain, the key, what the server kept.

use std::{
    fs, io,
    net::TcpStream,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use alloy::{
    primitives::{Address, U256},
    providers::ext::AnvilApi as _,
    signers::k256::elliptic_curve::rand_core::{OsRng, RngCore as _},
};
use clap::Parser;
use serde_json::json;
use tests::{
    exchange::{CHAIN, Exchange, whole},
    uniswap::SYMBOLS,
    wallet::{PASSWORD, Wallet},
    world::free_port,
};
use tokio::signal::unix::{SignalKind, signal};

/// What the wallet begins with: coins, and of each token, in whole ones.
const FUNDS: u64 = 100;
/// The least and the most that the base fee walks between, in wei per gas.
const BASE_FEES: (u64, u64) = (8_000_000_000, 16_000_000_000);
/// The most that it moves in a block, in thousandths: what EIP-1559 allows.
const STEP: u64 = 125;

/// A chain with an exchange on it, and Foolscap attached to it.
#[derive(Parser)]
struct Arguments {
    /// The server's program
    #[arg(long, value_name = "PROGRAM")]
    foolscap: PathBuf,
    /// A folder to make one in, for the key, the operator's token and what the server keeps
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The port of Foolscap; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Seconds from block to block; 0 makes one for each transaction, at once
    #[arg(long, default_value_t = 2)]
    block_seconds: u64,
    /// Say what is where as JSON, in a line, for programs
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("The devnet ended: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> io::Result<()> {
    let folder = Folder::make(arguments.folder.clone().unwrap_or_else(std::env::temp_dir))?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let devnet = tokio::select! {
        devnet = Devnet::open(arguments, &folder.0) => devnet?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    devnet.tell(arguments);
    let walking = devnet.walk(arguments.block_seconds);
    let mut server = devnet.server;
    tokio::select! {
        ended = server.ended() => Err(io::Error::other(ended)),
        () = walking => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
    // What was started ends with what it is in: first the server, then the chain, then the folder.
}

/// The chain and the server.
struct Devnet {
    // Dropped in this order.
    server: Server,
    exchange: Exchange,
    wallet: Wallet,
    token: String,
    folder: PathBuf,
}

impl Devnet {
    async fn open(arguments: &Arguments, folder: &Path) -> io::Result<Devnet> {
        let exchange = Exchange::open().await;
        let wallet = Wallet::make(folder);
        exchange.endow(wallet.address, whole(FUNDS)).await;
        if arguments.block_seconds > 0 {
            let node = exchange.provider();
            node.anvil_set_interval_mining(arguments.block_seconds).await.map_err(io::Error::other)?;
        }
        let token = secret();
        write_secret(&folder.join("operator-token"), &token)?;
        write_secret(&folder.join("password"), PASSWORD)?;
        let port = if arguments.port == 0 { free_port().await? } else { arguments.port };
        let mut server = Server::start(&arguments.foolscap, folder, port, &exchange)?;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            tokio::select! {
                ended = server.ended() => return Err(io::Error::other(ended)),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
        }
        Ok(Devnet { server, exchange, wallet, token, folder: folder.to_owned() })
    }

    /// Says what is where.
    fn tell(&self, arguments: &Arguments) {
        let Devnet { server, exchange, wallet, token, folder } = self;
        let (url, node, wallet) = (&server.url, &exchange.anvil.url, wallet.address);
        let tokens: Vec<(&str, Address)> = SYMBOLS.into_iter().zip(exchange.tokens()).collect();
        if arguments.json {
            let tokens: serde_json::Map<_, _> =
                tokens.iter().map(|(symbol, address)| ((*symbol).to_owned(), json!(address))).collect();
            let facts = json!({ "url": url, "node": node, "wallet": wallet, "token": token, "tokens": tokens });
            return println!("{facts}");
        }
        let every = match arguments.block_seconds {
            0 => "a block for each transaction".to_owned(),
            seconds => format!("a block every {seconds} s"),
        };
        println!("Foolscap trades on a devnet: {url}/live");
        println!();
        println!("  Operator token  {token}");
        println!(
            "                  (the page asks for it once; it is in {} too)",
            folder.join("operator-token").display()
        );
        println!("  Wallet          {wallet}: {FUNDS} ETH and {FUNDS} of each token");
        println!(
            "  Key             {}, its password in {}",
            folder.join("keystore.json").display(),
            folder.join("password").display()
        );
        println!("  Chain           {} ({CHAIN}), made by anvil on {node}, {every}", CHAIN.name());
        for (symbol, address) in &tokens {
            println!("  {symbol:<15} {address}");
        }
        println!("  Pools           WETH and TOKENA, TOKENA and TOKENB, one for one, on Uniswap V2 and V3");
        println!();
        println!("Nothing of it is worth anything. Ctrl-C ends all of it, and nothing is kept.");
    }

    /// Nobody else trades here, so the base fee would fall to nothing: it walks instead, as it does elsewhere.
    fn walk(&self, block_seconds: u64) -> impl Future<Output = ()> + use<> {
        let node = self.exchange.provider().clone();
        async move {
            if block_seconds == 0 {
                return std::future::pending().await;
            }
            let mut fee = u64::midpoint(BASE_FEES.0, BASE_FEES.1);
            loop {
                let step = fee / 1_000 * (u64::from(OsRng.next_u32()) % (2 * STEP + 1));
                fee = (fee + step).saturating_sub(fee / 1_000 * STEP).clamp(BASE_FEES.0, BASE_FEES.1);
                // A node that does not answer is about to end, or has other things to do.
                let _ = node.anvil_set_next_block_base_fee_per_gas(u128::from(fee)).await;
                tokio::time::sleep(Duration::from_secs(block_seconds)).await;
            }
        }
    }
}

/// The server's process. Dropped, it is told to end, and waited for.
struct Server {
    url: String,
    child: Child,
}

impl Server {
    fn start(program: &Path, folder: &Path, port: u16, exchange: &Exchange) -> io::Result<Server> {
        let venues = exchange.venues();
        let v2 = venues.v2_router.unwrap_or(Address::ZERO);
        let (v3, quoter) = venues.v3.map_or((Address::ZERO, Address::ZERO), |v3| (v3.router, v3.quoter));
        let tokens: Vec<String> = exchange.tokens().iter().map(|token| format!("{CHAIN}:{token}")).collect();
        let mut command = Command::new(program);
        command
            .args(["serve", "--port", &port.to_string(), "--metrics", "off", "--market", "demo"])
            // Nothing of the caller's settings: this server is for this chain.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FOOLSCAP_LOG", "warn")
            .env("FOOLSCAP_DATA", folder.join("data"))
            .env("FOOLSCAP_KEYSTORE", folder.join("keystore.json"))
            .env("FOOLSCAP_KEYSTORE_PASSWORD_FILE", folder.join("password"))
            .env("FOOLSCAP_OPERATOR_TOKEN_FILE", folder.join("operator-token"))
            .env(format!("FOOLSCAP_RPC_{CHAIN}"), &exchange.anvil.url)
            .env("FOOLSCAP_RPC_CALLS_PER_SECOND", "1000")
            .env(format!("FOOLSCAP_DEX_{CHAIN}"), format!("weth={},v2={v2},v3={v3},quoter={quoter}", venues.weth))
            .env("FOOLSCAP_LIVE_TOKENS", tokens.join(","))
            .current_dir(folder)
            .stdout(Stdio::null());
        let child = command.spawn().map_err(|error| io::Error::other(format!("{}: {error}", program.display())))?;
        Ok(Server { url: format!("http://127.0.0.1:{port}"), child })
    }

    /// Waits for it to end by itself: how it did.
    async fn ended(&mut self) -> String {
        loop {
            match self.child.try_wait() {
                Ok(None) => tokio::time::sleep(Duration::from_millis(100)).await,
                Ok(Some(status)) => return format!("Foolscap did ({status})"),
                Err(error) => return error.to_string(),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps what it is doing, and ends; where it has ended already there is nobody to be told.
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).stderr(Stdio::null()).status();
        if told.is_err() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// A folder that goes when the devnet does.
struct Folder(PathBuf);

impl Folder {
    fn make(parent: PathBuf) -> io::Result<Folder> {
        let path = std::path::absolute(parent)?.join(format!("foolscap-devnet-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// 256 bits of chance, in hexadecimal.
fn secret() -> String {
    let mut secret = [0; 32];
    OsRng.fill_bytes(&mut secret);
    format!("{:064x}", U256::from_be_bytes(secret))
}

/// Writes a file that only its owner reads.
fn write_secret(path: &Path, secret: &str) -> io::Result<()> {
    use io::Write as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())
}
