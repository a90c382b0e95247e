//! Messages that say what happened and then go away.

use std::time::Duration;

use leptos::prelude::*;

/// How long a message stays when it needs no answer.
const STAY: Duration = Duration::from_secs(8);

/// How a message feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// Something to know.
    Plain,
    /// Something went otherwise than wished, and it is dealt with.
    Warn,
    /// Something failed: stays until it is closed.
    Bad,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Toast {
    /// Its number, for keys.
    pub id: u64,
    /// How it feels.
    pub tone: Tone,
    /// What happened.
    pub title: String,
    /// More about it, or what to do.
    pub body: String,
    /// The journal entry it is about, to be opened from here.
    pub entry: Option<u64>,
}

/// The messages on the page.
#[derive(Clone, Copy)]
pub struct Toasts {
    /// Oldest first.
    pub list: RwSignal<Vec<Toast>>,
    next: StoredValue<u64>,
}

impl Toasts {
    pub(super) fn new() -> Toasts {
        Toasts { list: RwSignal::new(Vec::new()), next: StoredValue::new(1) }
    }

    /// Says something.
    pub fn say(&self, tone: Tone, title: impl Into<String>, body: impl Into<String>) {
        self.say_about(tone, title, body, None);
    }

    /// Says something about a journal entry.
    pub fn say_about(&self, tone: Tone, title: impl Into<String>, body: impl Into<String>, entry: Option<u64>) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.list.update(|list| list.push(Toast { id, tone, title: title.into(), body: body.into(), entry }));
        if tone != Tone::Bad {
            let toasts = *self;
            set_timeout(move || toasts.close(id), STAY);
        }
    }

    /// Takes a message away.
    pub fn close(&self, id: u64) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
    }
}
