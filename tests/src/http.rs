//! The HTTP client of every test: for loopback only, so it heeds no proxy of the environment.

use std::sync::Once;

/// A client.
///
/// # Panics
/// Never: it needs nothing of the system.
pub fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // The server builds reqwest without a choice of cryptography, which it then wants made even for
        // plain HTTP. An error says that the choice has been made.
        drop(rustls::crypto::ring::default_provider().install_default());
    });
    reqwest::Client::builder().no_proxy().build().expect("a client for plain HTTP")
}
