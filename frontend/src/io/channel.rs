//! What the tabs of this browser tell each other.
//!
//! A message is only word of something that is in the store already: whoever hears it reads the store. So a
//! message that is lost, late or made up does no harm.

use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};

const NAME: &str = "foolscap";

/// This page's end of the channel.
#[derive(Debug, Clone)]
pub struct Channel(BroadcastChannel);

impl Channel {
    /// Opens it for as long as the page lives; `hear` gets what other tabs say. `None` in a browser without.
    pub fn open(hear: impl Fn(&str) + 'static) -> Option<Channel> {
        let channel = BroadcastChannel::new(NAME).ok()?;
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                hear(&text);
            }
        });
        channel.set_onmessage(Some(heard.into_js_value().unchecked_ref()));
        Some(Channel(channel))
    }

    /// Tells every other tab. One that cannot be told finds out at its next trade.
    pub fn say(&self, text: &str) {
        let _ = self.0.post_message(&text.into());
    }
}
