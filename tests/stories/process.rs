//! The server as a process of its own: what is killed, or told to end, as a machine does it.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// It runs until this is dropped.
pub(crate) struct Process {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    client: reqwest::Client,
}

impl Process {
    /// Starts one with its data in a folder; `memory` for none.
    pub(crate) fn start(data: &Path) -> Process {
        // Another build of it, for figures.
        let program = std::env::var("FOOLSCAP_SERVER").unwrap_or(env!("CARGO_BIN_EXE_foolscap-server").into());
        let mut child = Command::new(program)
            .args(["serve", "--port", "0", "--metrics", "off", "--market", "demo", "--log-format", "json", "--data"])
            .arg(data)
            .env_clear()
            .current_dir(std::env::temp_dir())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let line: Value = serde_json::from_str(&line).ok()?;
            (line["event"] == "listening").then(|| line["address"].as_str()?.parse().ok())?
        });
        // It goes on writing; unread, the pipe would fill.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Process { child, address: address.expect("it says where it listens"), client: tests::http::client() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// Ends it as a power cut would end it: without a word (SIGKILL).
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("there is `kill`");
        assert!(asked.success());
        tokio::task::spawn_blocking(move || self.child.wait().expect("it ends")).await.expect("it is waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
