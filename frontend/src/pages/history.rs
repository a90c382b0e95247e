//! Everything that happened, and its export.

use leptos::prelude::*;

use crate::components::HistoryTable;
use crate::components::transfer::ExportButtons;

/// `/history`
#[component]
pub fn History() -> impl IntoView {
    view! {
        <div class="page">
            <div class="page-head">
                <h1>"History"</h1>
                <ExportButtons/>
            </div>
            <HistoryTable/>
        </div>
    }
}
