//! Light, dark, or as the system has it.

use leptos::prelude::*;

use super::common::{Icon, Shape};
use crate::io::preferences::{self, Preference};

/// The chosen theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// As the system has it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    const fn name(self) -> Option<&'static str> {
        match self {
            Theme::System => None,
            Theme::Light => Some("light"),
            Theme::Dark => Some("dark"),
        }
    }

    const fn next(self) -> Theme {
        match self {
            Theme::System => Theme::Light,
            Theme::Light => Theme::Dark,
            Theme::Dark => Theme::System,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Theme::System => "as the system",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    const fn shape(self) -> Shape {
        match self {
            Theme::System => Shape::System,
            Theme::Light => Shape::Sun,
            Theme::Dark => Shape::Moon,
        }
    }
}

/// The theme, for the whole page.
#[derive(Clone, Copy)]
pub struct ThemeChoice(pub RwSignal<Theme>);

/// Reads the choice and keeps the page to it.
pub fn provide_theme() {
    let chosen = match preferences::get(Preference::Theme).as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        Some(_) | None => Theme::System,
    };
    let choice = RwSignal::new(chosen);
    provide_context(ThemeChoice(choice));
    Effect::new(move |_| {
        let theme = choice.get();
        preferences::set(Preference::Theme, theme.name());
        if let Some(root) = document().document_element() {
            let _ = match theme.name() {
                Some(name) => root.set_attribute("data-theme", name),
                None => root.remove_attribute("data-theme"),
            };
        }
    });
}

/// A button that goes through the themes.
#[component]
pub fn ThemeButton() -> impl IntoView {
    let ThemeChoice(choice) = expect_context();
    let label = move || format!("Theme: {}. Change", choice.get().words());
    view! {
        <button type="button" class="button button-quiet button-icon" data-testid="theme" title=label aria-label=label on:click=move |_| choice.update(|theme| *theme = theme.next())>
            {move || view! { <Icon shape=choice.get().shape()/> }}
        </button>
    }
}
