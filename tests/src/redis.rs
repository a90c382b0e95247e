//! A real Redis on a free port, that can be killed and started again.

use std::{
    env,
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running Redis without any file of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Redis {
    /// Its URL.
    pub url: String,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// Starts one.
    ///
    /// # Panics
    /// When there is no `redis-server`, or it does not start.
    pub async fn start() -> Self {
        let port = crate::world::free_port().await.expect("a free port");
        let mut redis = Self { url: format!("redis://127.0.0.1:{port}"), port, child: None };
        redis.run().await;
        redis
    }

    /// Starts it again at its place, empty.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn run(&mut self) {
        self.kill();
        let port = self.port.to_string();
        let args = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"];
        let child = Command::new(binary())
            .args(args)
            .current_dir(env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("redis-server does not start: {error}"));
        self.child = Some(child);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "redis-server does not listen");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops it in its tracks: it takes questions and answers none.
    ///
    /// # Panics
    /// When it does not run.
    pub fn freeze(&self) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let done = Command::new("kill").args(["-STOP", &id]).status().expect("there is `kill`");
        assert!(done.success());
    }

    /// Kills it, as a machine that loses power would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing to do.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

fn binary() -> PathBuf {
    if let Some(path) = env::var_os("FOOLSCAP_REDIS_SERVER") {
        return path.into();
    }
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).map(|folder| folder.join("redis-server")).find(|path| path.is_file());
    found.expect("there is no redis-server: install Debian's package of that name, or set FOOLSCAP_REDIS_SERVER")
}
