//! A real Ethereum node to test against: anvil, from npm, on a port of its own.
//!
//! The binary comes with `npm ci` in `tests/contracts` (no install script is needed), or from
//! `FOOLSCAP_ANVIL`. Anvil is kinder than the networks it imitates: whoever tests transaction
//! handling needs Hardhat beside it.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use alloy::{
    network::Ethereum,
    providers::{ProviderBuilder, RootProvider},
};

use shared::chain::Chain;

use crate::http;

/// A running anvil. Dropping it ends it.
#[derive(Debug)]
pub struct Anvil {
    /// Its JSON-RPC URL.
    pub url: String,
    child: Child,
    reader: Option<JoinHandle<()>>,
}

impl Anvil {
    /// Starts one. Every transaction is mined at once, in a block of its own.
    ///
    /// # Panics
    /// When there is no binary, or it does not start: the message says what to do.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts one that says it is this chain.
    pub fn of(chain: Chain) -> Self {
        Self::with(&["--chain-id", &chain.to_string()])
    }

    fn with(more: &[&str]) -> Self {
        let binary = binary();
        let mut child = Command::new(&binary)
            .args(["--port", "0", "--accounts", "4", "--balance", "1000000000"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let address =
            lines.by_ref().map_while(Result::ok).find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        let Some(address) = address else {
            let status = child.wait();
            panic!("{} ended before it listened: {status:?}", binary.display());
        };
        // Anvil goes on writing; unread, the pipe would fill and block it.
        let reader = std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { url: format!("http://{address}"), child, reader: Some(reader) }
    }

    /// A client that sends from anvil's own unlocked accounts.
    pub fn provider(&self) -> RootProvider<Ethereum> {
        let url = self.url.parse().expect("anvil prints an address");
        ProviderBuilder::new().disable_recommended_fillers().connect_reqwest(http::client(), url)
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}

/// Where `npm ci` puts the contracts and the node.
pub fn contracts_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts")
}

fn binary() -> PathBuf {
    if let Some(path) = env::var_os("FOOLSCAP_ANVIL") {
        return path.into();
    }
    let system = match env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let machine = match env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let package = contracts_dir().join(format!("node_modules/@foundry-rs/anvil-{system}-{machine}"));
    let path = package.join("bin").join(format!("anvil{}", env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "There is no anvil at {}. Run `npm ci --ignore-scripts --prefix tests/contracts`, or set FOOLSCAP_ANVIL.",
        path.display()
    );
    path
}
