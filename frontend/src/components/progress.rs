//! Work on a whole journal, told while it goes on.

use leptos::prelude::*;

use crate::desk::use_desk;
use crate::format::number;

/// One line: what is being done, how far it is, and a way to stop it.
#[component]
pub fn ProgressLine() -> impl IntoView {
    let desk = use_desk();
    let is_told = Memo::new(move |_| desk.progress.with(Option::is_some));
    let words = move || {
        desk.progress.with(|progress| {
            let Some(progress) = progress else { return String::new() };
            let done = number::whole(progress.done);
            match progress.of {
                0 => format!("{}: {done} entries so far.", progress.what),
                of => format!("{}: {done} of {}.", progress.what, number::whole(of)),
            }
        })
    };
    view! {
        {move || is_told.get().then(|| view! {
            <div class="progress" role="group" aria-label="Work under way" data-testid="progress">
                <p class="num">{words}</p>
                <button type="button" class="button" data-testid="stop-work" on:click=move |_| desk.stop_work()>"Stop"</button>
            </div>
        })}
    }
}
