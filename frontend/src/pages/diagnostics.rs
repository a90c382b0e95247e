//! How the desk itself is doing: speed, storage, the prices kept here, the connection, the build. All of it
//! can be saved as a file, and none of it is secret.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::VERSION;

use crate::components::common::Line;
use crate::desk::diagnostics::Cached;
use crate::desk::{Desk, Link, Tone, use_desk};
use crate::format::words::sentence;
use crate::format::{age, date_time, number};
use crate::io::storage::Room;
use crate::io::{build, clock, file};

/// What a trade may take from confirmation to the disk, in microseconds.
const BAR_US: u32 = 500_000;

/// What has to be asked for.
#[derive(Clone, Copy)]
struct Asked {
    room: RwSignal<Option<Room>>,
    cached: RwSignal<Vec<Cached>>,
}

/// `/diagnostics`
#[component]
pub fn Diagnostics() -> impl IntoView {
    let desk = use_desk();
    let asked = Asked { room: RwSignal::new(None), cached: RwSignal::new(Vec::new()) };
    ask(desk, asked);
    view! {
        <div class="page page-text" data-testid="diagnostics">
            <div class="page-head">
                <h1>"Diagnostics"</h1>
                <div class="actions">
                    <button type="button" class="button" data-testid="diagnostics-again" on:click=move |_| ask(desk, asked)>"Look again"</button>
                    <button type="button" class="button" data-testid="diagnostics-save" on:click=move |_| save(desk, asked)>"Save as a file"</button>
                </div>
            </div>
            {section("Speed", rows_live(desk, speed))}
            {section("Storage", view! {
                {move || rows(&storage(desk, asked))}
                {move || failures(desk)}
            }.into_any())}
            {section("Prices kept on this device", view! { {move || rows(&kept(desk, asked))} }.into_any())}
            {section("Connection", rows_live(desk, connection))}
            {section("Build", rows_live(desk, build_facts))}
        </div>
    }
}

/// Asks the browser and the store anew.
fn ask(desk: Desk, asked: Asked) {
    spawn_local(async move {
        let _ = asked.room.try_set(desk.diagnostics.room().await);
        let _ = asked.cached.try_set(desk.diagnostics.cached(desk).await);
    });
}

/// A fact: its name, and what it is.
type Fact = (&'static str, String);

fn section(title: &'static str, content: AnyView) -> AnyView {
    view! { <section><h2>{title}</h2>{content}</section> }.into_any()
}

fn rows_live(desk: Desk, facts: fn(Desk) -> Vec<Fact>) -> AnyView {
    view! { {move || rows(&facts(desk))} }.into_any()
}

fn rows(facts: &[Fact]) -> AnyView {
    let row = |(name, value): &Fact| {
        let (name, value) = (*name, value.clone());
        view! { <Line name=name>{value}</Line> }.into_any()
    };
    view! { <dl class="figures">{facts.iter().map(row).collect_view()}</dl> }.into_any()
}

/// The value that `share` of a hundred lie at or below, by nearest rank.
fn percentile(sorted: &[u32], share: usize) -> Option<u32> {
    let rank = (sorted.len() * share).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn millis(us: u32) -> String {
    format!("{}.{} ms", number::whole(u64::from(us / 1_000)), us % 1_000 / 100)
}

fn speed(desk: Desk) -> Vec<Fact> {
    let mut times = desk.diagnostics.durable_us.get();
    times.sort_unstable();
    let told = |share| {
        percentile(&times, share).map_or_else(
            || number::UNKNOWN.to_owned(),
            |us| millis(us) + if us <= BAR_US { ", within 500 ms" } else { ", over 500 ms" },
        )
    };
    vec![
        ("Trades placed since this page was loaded", number::whole(times.len() as u64)),
        ("From confirmation to the disk: half of them within", told(50)),
        ("99 of 100 within", told(99)),
    ]
}

/// Bytes as a browser estimates them, rounded up.
fn bytes(count: f64) -> String {
    let (unit, name) = if count < 1e6 { (1e3, " kB") } else { (1e6, " MB") };
    number::whole((count / unit).ceil() as u64) + name
}

fn storage(desk: Desk, asked: Asked) -> Vec<Fact> {
    let room = asked.room.get();
    let of = |read: fn(&Room) -> String| room.as_ref().map_or_else(|| number::UNKNOWN.to_owned(), read);
    let entries = desk.book.with(|book| book.as_ref().map(|book| number::whole(book.seq())));
    let verified = desk.diagnostics.verified.get();
    vec![
        ("Taken on this device", of(|room| bytes(room.usage))),
        ("The most the browser gives", of(|room| bytes(room.quota))),
        (
            "Kept when the browser needs room",
            of(|room| if room.persisted { "yes, the browser promised" } else { "not promised" }.to_owned()),
        ),
        ("Entries in this account's journal", entries.unwrap_or_else(|| number::UNKNOWN.to_owned())),
        (
            "Journal verified since this page was loaded",
            verified.map_or_else(
                || "not yet".to_owned(),
                |done| format!("up to entry {}, {}", number::whole(done.seq), date_time(done.at)),
            ),
        ),
        ("Writes that failed since then", number::whole(desk.diagnostics.failed_writes.with(Vec::len) as u64)),
    ]
}

fn failures(desk: Desk) -> Option<AnyView> {
    let failed = desk.diagnostics.failed_writes.get();
    let line = |write: &crate::desk::diagnostics::FailedWrite| {
        let words =
            format!("{}: {}. {}", date_time(write.at), sentence(&write.reason.to_string()), write.reason.remedy());
        view! { <li>{words}</li> }.into_any()
    };
    (!failed.is_empty())
        .then(|| view! { <ul data-testid="failed-writes">{failed.iter().map(line).collect_view()}</ul> }.into_any())
}

fn kept(desk: Desk, asked: Asked) -> Vec<Fact> {
    let now = desk.now.get();
    let mut facts: Vec<Fact> = asked
        .cached
        .get()
        .iter()
        .map(|cached| {
            let when = cached.as_of.map(|at| format!(", {} old", age(now.since(at)))).unwrap_or_default();
            (cached.name, bytes(cached.bytes as f64) + &when)
        })
        .collect();
    let known = desk.view.with(|view| view.market.quotes.len());
    facts.push(("Prices known to this page", number::whole(known as u64)));
    if let Some(quote) = desk.view.with(|view| view.newest().copied()) {
        facts.push(("The newest is from", date_time(quote.as_of)));
    }
    facts
}

fn connection(desk: Desk) -> Vec<Fact> {
    let link = match desk.link.get() {
        // A demo account asks for no prices; the server was greeted all the same.
        Link::Unknown if desk.server.with(Option::is_some) => "answered when the page was loaded".to_owned(),
        Link::Unknown => "not asked yet".to_owned(),
        Link::Up => "answers".to_owned(),
        Link::Troubled(error) => error.to_string(),
        Link::Down { since, failures } => format!("away since {}, {failures} questions unanswered", date_time(since)),
        Link::Absent => "there is no server here".to_owned(),
    };
    vec![("Server", link), ("Time by its clock", date_time(desk.now.get()))]
}

fn build_facts(_: Desk) -> Vec<Fact> {
    vec![
        ("Foolscap", env!("CARGO_PKG_VERSION").to_owned()),
        ("Build", build::name()),
        ("Newer build on this device", if build::has_newer() { "yes: reload to use it" } else { "no" }.to_owned()),
        ("Works without its server", if build::is_kept() { "yes" } else { "not yet" }.to_owned()),
        ("Journal format", VERSION.to_string()),
    ]
}

/// Everything on the page, as JSON.
fn save(desk: Desk, asked: Asked) {
    let mut out = String::from("{\n");
    let mut put = |name: &str, json: &str| {
        if out.len() > 2 {
            out.push_str(",\n");
        }
        out.push_str("  ");
        out.push_str(&quoted(name));
        out.push_str(": ");
        out.push_str(json);
    };
    let at = clock::now();
    put("at", &quoted(&at.to_string()));
    let agent = window().navigator().user_agent().unwrap_or_default();
    put("browser", &quoted(&agent));
    for facts in [speed(desk), storage(desk, asked), kept(desk, asked), connection(desk), build_facts(desk)] {
        for (name, value) in facts {
            put(name, &quoted(&value));
        }
    }
    let times: Vec<String> = desk.diagnostics.durable_us.with(|times| times.iter().map(u32::to_string).collect());
    put("durable_us", &format!("[{}]", times.join(",")));
    let failed: Vec<String> = desk.diagnostics.failed_writes.with(|failed| {
        failed
            .iter()
            .map(|write| format!("[{},{}]", quoted(&write.at.to_string()), quoted(&write.reason.to_string())))
            .collect()
    });
    put("failed_writes", &format!("[{}]", failed.join(",")));
    out.push_str("\n}\n");
    let name = format!("foolscap-diagnostics-{}.json", &at.to_string()[..10]);
    let log = file::Draft::new("application/json");
    match log.add(&out.into()).and_then(|()| log.save(&name)) {
        Ok(()) => desk.toasts.say(Tone::Plain, "Saved", format!("{name} is with your downloads. It holds no secret.")),
        Err(error) => desk.toasts.say(Tone::Bad, "Nothing was saved", error),
    }
}

/// A text as JSON writes it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank_and_of_nothing_unknown() {
        let times: Vec<u32> = (1..=200).collect();
        assert_eq!((percentile(&times, 50), percentile(&times, 99)), (Some(100), Some(198)));
        assert_eq!(percentile(&[7], 99), Some(7));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn bytes_are_rounded_up() {
        assert_eq!(
            (bytes(1.0).as_str(), bytes(999_999.0).as_str(), bytes(1_000_001.0).as_str()),
            ("1 kB", "1,000 kB", "2 MB")
        );
    }

    #[test]
    fn microseconds_read_as_milliseconds_with_a_tenth() {
        assert_eq!(millis(12_345), "12.3 ms");
        assert_eq!(millis(99), "0.0 ms");
    }
}
