//! Line icons, drawn here: one stroke width, one size of canvas.

use leptos::prelude::*;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The folded sheet of the brand.
    Sheet,
    /// A list with marks.
    Markets,
    /// Two arrows that pass each other.
    Trade,
    /// A pie with a slice out.
    Portfolio,
    /// A clock.
    History,
    /// Three dots.
    More,
    /// A sun.
    Sun,
    /// A moon.
    Moon,
    /// Half sun, half moon.
    System,
    /// A cross.
    Close,
    /// Two arrows up and down.
    Flip,
}

impl Shape {
    const fn path(self) -> &'static str {
        match self {
            Shape::Sheet => "M6 3h8l5 5v13H6zM14 3v5h5M9 13h7M9 17h5",
            Shape::Markets => "M4 6h2M4 12h2M4 18h2M9 6h11M9 12h11M9 18h11",
            Shape::Trade => "M4 8h14l-4-4M20 16H6l4 4",
            Shape::Portfolio => "M12 3v9h9A9 9 0 1 1 12 3zM16 3.6A9 9 0 0 1 20.4 8H16z",
            Shape::History => "M12 7v5l3 2M12 3a9 9 0 1 1-8.5 6M3 4v5h5",
            Shape::More => {
                "M5 11a1 1 0 1 1 0 2 1 1 0 0 1 0-2zM12 11a1 1 0 1 1 0 2 1 1 0 0 1 0-2zM19 11a1 1 0 1 1 0 2 1 1 0 0 1 0-2z"
            }
            Shape::Sun => {
                "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5"
            }
            Shape::Moon => "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
            Shape::System => "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
            Shape::Close => "M6 6l12 12M18 6 6 18",
            Shape::Flip => "M8 4v15l-4-4M16 20V5l4 4",
        }
    }
}

/// An icon. It says nothing by itself: the words beside it, or its button's label, do.
#[component]
pub fn Icon(shape: Shape) -> impl IntoView {
    view! {
        <svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">
            <path d=shape.path()></path>
        </svg>
    }
}
