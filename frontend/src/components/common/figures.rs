//! A line of a list of figures: a name that explains itself on demand, and its figure.

use leptos::prelude::*;

/// One line. It belongs in a `<dl class="figures">`.
#[component]
pub fn Line(
    /// The line's name.
    #[prop(into)]
    name: Signal<String>,
    /// One sentence on what it means, shown on demand.
    #[prop(optional)]
    help: Option<&'static str>,
    /// More classes: `rule`, `total`.
    #[prop(optional)]
    class: &'static str,
    /// The figure.
    children: Children,
) -> impl IntoView {
    let label = match help {
        Some(help) => view! {
            <details class="help">
                <summary>{name}</summary>
                <p>{help}</p>
            </details>
        }
        .into_any(),
        None => view! { {name} }.into_any(),
    };
    view! {
        <div class=class>
            <dt>{label}</dt>
            <dd class="num">{children()}</dd>
        </div>
    }
}
