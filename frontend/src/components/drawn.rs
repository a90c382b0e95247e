//! The first picture, a part a turn.
//!
//! What a hand goes to first is drawn first: the frame, the token's head, the ticket and the account. The rest
//! follows at once, but each part in a turn of its own, so that keys are heard and figures move in between. A place
//! that is drawn later stands below what is drawn, or has room kept for it: nothing moves.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::io::turn::give_way;

/// What is drawn after the beginning, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What a newcomer sees at once.
    Beginning,
    /// The header's tools, and the phone's bar.
    Tools,
    /// The list of markets.
    Markets,
    /// The chart.
    Chart,
    /// Positions and history.
    Book,
    /// What lies below and above the page.
    Rest,
}

const AFTERWARDS: [Part; 5] = [Part::Tools, Part::Markets, Part::Chart, Part::Book, Part::Rest];

/// How far it is.
#[derive(Clone, Copy)]
struct Drawn(RwSignal<Part>);

/// Puts the order of drawing at the root, and sets it going.
pub fn provide_drawn() {
    let drawn = RwSignal::new(Part::Beginning);
    provide_context(Drawn(drawn));
    spawn_local(async move {
        for part in AFTERWARDS {
            give_way().await;
            drawn.set(part);
        }
        give_way().await;
        if let Some(boot) = document().get_element_by_id("boot") {
            boot.remove();
        }
    });
}

/// `view`, from the turn of its part on.
pub fn in_turn(part: Part, view: fn() -> AnyView) -> AnyView {
    let Drawn(drawn) = expect_context();
    let is_due = Memo::new(move |_| drawn.get() >= part);
    (move || is_due.get().then(view)).into_any()
}
