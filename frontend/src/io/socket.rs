//! The page's one WebSocket to the server that served it.

use shared::wire::socket::PATH;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, WebSocket};

/// What happens on a socket.
pub enum Heard {
    /// It stands.
    Opened,
    /// The server said something.
    Said(String),
    /// It is gone, or never stood.
    Closed,
}

/// A socket. Dropped, it is closed, and nothing is heard of it any more.
pub struct Socket(WebSocket);

impl Socket {
    /// Opens one, and tells `hear` what happens on it. `None` where the browser refuses even to try.
    ///
    /// A try that fails is an error in the browser's console, which no page can prevent: it is for those who
    /// have just been answered.
    pub fn open(hear: impl Fn(Heard) + 'static) -> Option<Socket> {
        // `http` becomes `ws`, and `https` `wss`.
        let origin = web_sys::window()?.location().origin().ok()?;
        let url = ["ws", origin.strip_prefix("http")?, PATH].concat();
        let socket = WebSocket::new(&url).ok()?;
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| match event.type_().as_str() {
            "open" => hear(Heard::Opened),
            "message" => {
                if let Some(text) = event.data().as_string() {
                    hear(Heard::Said(text));
                }
            }
            _ => hear(Heard::Closed),
        });
        // The browser lets go of it with the socket.
        let heard = heard.into_js_value();
        let heard = heard.unchecked_ref();
        socket.set_onopen(Some(heard));
        socket.set_onmessage(Some(heard));
        socket.set_onclose(Some(heard));
        Some(Socket(socket))
    }

    /// Says something. Before the socket stands, or after it is gone, nobody hears it.
    pub fn say(&self, text: &str) {
        let _ = self.0.send_with_str(text);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.0.set_onopen(None);
        self.0.set_onmessage(None);
        self.0.set_onclose(None);
        let _ = self.0.close();
    }
}

/// Whether the browser believes to be connected to anything at all.
pub fn is_online() -> bool {
    web_sys::window().is_some_and(|window| window.navigator().on_line())
}
