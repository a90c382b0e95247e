//! The form: side, token, amount, tolerance, and the button.

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html::{Button, Input};
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::chain::Chain;
use shared::simulator::Preview;
use shared::token::{Origin, Token, TokenKey, TokenTable};
use shared::trade::{Amount, Order, Outcome, Ppm};

use super::draft::{Answer, Draft, Entered, Side, Stage, Unit, Unready};
use super::preview::{Costs, Result as Expected};
use crate::components::common::{Icon, Segments, Shape, text};
use crate::components::trade_words::{self, doing, done};
use crate::desk::commands::{self, Refusal};
use crate::desk::{Desk, Tone, use_desk};
use crate::format;
use crate::format::words::{self, sentence};

/// Tolerances that are a press away.
const TOLERANCES: [(Ppm, &str, &str); 3] = [
    (Ppm::from_bps(10), "0.1%", "tolerance-10"),
    (Ppm::from_bps(50), "0.5%", "tolerance-50"),
    (Ppm::from_bps(100), "1%", "tolerance-100"),
];
/// Above this a tolerance invites a bad price.
const WIDE: Ppm = Ppm::from_bps(100);

/// The ticket.
#[component]
pub fn Ticket() -> impl IntoView {
    let desk = use_desk();
    let draft = Draft::new();
    let answer = Memo::new(move |_| draft.answer());
    let needs_consent = Memo::new(move |_| draft.needs_consent());
    let preview: Signal<Option<(Order, Preview)>> = Signal::derive(move || match answer.get() {
        Answer::Ready(order, preview) => Some((order, *preview)),
        Answer::Unready(_) | Answer::Rejected(..) => None,
    });
    let is_reviewing = move || draft.stage.get() != Stage::Edit;
    let amount = NodeRef::<Input>::new();
    let button = NodeRef::<Button>::new();

    // Another token is another trade: what was under review no longer is.
    Effect::new(move |before: Option<TokenKey>| {
        let token = desk.selected.get();
        if before.is_some_and(|before| before != token) {
            draft.edit();
            draft.consent.set(false);
            draft.refused.set(None);
            if draft.unit.get_untracked() == Unit::Token {
                draft.entered.set(Entered::Text(String::new()));
            }
        }
        token
    });
    // Figures that stop being possible under review are not there to be confirmed.
    Effect::new(move |_| {
        let is_ready = matches!(*answer.read(), Answer::Ready(..));
        if !is_ready && matches!(draft.stage.get_untracked(), Stage::Review { .. }) {
            draft.edit();
        }
    });

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Answer::Ready(order, _) = answer.get_untracked() else {
            if let Some(amount) = amount.get_untracked() {
                let _ = amount.focus();
            }
            return;
        };
        match draft.stage.get_untracked() {
            Stage::Edit => {
                let Some(seen) = desk.book.with_untracked(|book| book.as_ref().map(|book| book.seq())) else { return };
                draft.refused.set(None);
                draft.stage.set(Stage::Review { seen });
                // The next Enter confirms, wherever the focus was.
                if let Some(button) = button.get_untracked() {
                    let _ = button.focus();
                }
            }
            Stage::Review { seen } => {
                draft.stage.set(Stage::Placing);
                place(desk, draft, order, seen, amount);
            }
            Stage::Placing => {}
        }
    };
    let back = move |event: KeyboardEvent| {
        if event.key() == "Escape" && matches!(draft.stage.get_untracked(), Stage::Review { .. }) {
            event.prevent_default();
            draft.edit();
            focus(amount);
        }
    };
    view! {
        <form class="ticket section" class:is-reviewing=is_reviewing aria-label="Order ticket" data-testid="ticket" on:submit=submit on:keydown=back novalidate=true>
            <fieldset class="ticket-fields" disabled=is_reviewing>
                <legend class="unseen">"What to trade"</legend>
                <Sides draft=draft/>
                <Tokens draft=draft/>
                <AmountField draft=draft answer=answer input=amount/>
                <ToleranceField draft=draft/>
            </fieldset>
            <Expected preview=preview/>
            <Costs preview=preview side=draft.side/>
            <div class="place">
                <Consent draft=draft needs=needs_consent/>
                <Place draft=draft answer=answer button=button amount=amount/>
                <Reason draft=draft answer=answer/>
            </div>
        </form>
    }
}

fn place(desk: Desk, draft: Draft, order: Order, seen: u64, amount: NodeRef<Input>) {
    let (tolerance, accept) = untrack(|| (draft.tolerance_now(), draft.accept_price_age()));
    spawn_local(async move {
        match commands::trade(desk, order, tolerance, accept, seen).await {
            Ok(entry) => {
                if let Some(trade) = entry.trade() {
                    let gas = format::usd_fine(trade.gas.usd);
                    match trade.outcome {
                        Outcome::Filled => {
                            desk.toasts.say_about(
                                Tone::Good,
                                format!("{} on paper", done(desk, trade)),
                                format!("Gas was {gas}. It is in your journal."),
                                Some(entry.seq),
                            );
                        }
                        Outcome::Failed(failure) => {
                            let (cause, remedy) = words::failure(failure);
                            desk.toasts.say_about(
                                Tone::Warn,
                                done(desk, trade),
                                format!("{cause}. Nothing was exchanged; gas of {gas} was paid. {remedy}"),
                                Some(entry.seq),
                            );
                        }
                    }
                }
                if draft.stage.try_get_untracked().is_some() {
                    draft.clear();
                }
            }
            Err(refusal) => {
                if let Refusal::NotKept(error) = &refusal {
                    desk.toasts.say(
                        Tone::Bad,
                        "The trade was not placed",
                        format!(
                            "{}. Cash, positions and history are as they were. {}",
                            sentence(&error.to_string()),
                            error.remedy()
                        ),
                    );
                }
                // The ticket may be gone by now: its page was left.
                if draft.stage.try_set(Stage::Edit).is_none() {
                    draft.refused.set(Some(refusal));
                }
            }
        }
        focus(amount);
    });
}

/// Puts the focus back on the amount, once the fields are no longer closed for review.
fn focus(amount: NodeRef<Input>) {
    request_animation_frame(move || {
        if let Some(amount) = amount.try_get_untracked().flatten() {
            let _ = amount.focus();
        }
    });
}

#[component]
fn Sides(draft: Draft) -> impl IntoView {
    let desk = use_desk();
    let options = vec![
        (Side::Buy, "Buy".to_owned(), "side-buy"),
        (Side::Sell, "Sell".to_owned(), "side-sell"),
        (Side::Swap, "Swap".to_owned(), "side-swap"),
    ];
    let choose = move |side: Side| {
        draft.side.set(side);
        draft.unit.set(if side == Side::Buy { Unit::Usd } else { Unit::Token });
        draft.entered.set(Entered::Text(String::new()));
        draft.refused.set(None);
        if side == Side::Swap && draft.other.with_untracked(Option::is_none) {
            let chain = desk.selected.get_untracked().chain;
            let usdc = TokenTable::builtin().by_symbol(chain, "USDC").map(|token| token.key);
            draft.other.set(usdc.filter(|key| *key != desk.selected.get_untracked()));
        }
    };
    view! { <Segments label="Side" options=options value=draft.side on_choose=choose/> }
}

#[component]
fn Tokens(draft: Draft) -> impl IntoView {
    let desk = use_desk();
    let is_swap = move || draft.side.get() == Side::Swap;
    let choose = move |key: TokenKey| desk.select(key);
    let flip = move |_| {
        if let Some(to) = draft.other.get_untracked() {
            draft.other.set(Some(desk.selected.get_untracked()));
            desk.select(to);
            draft.entered.set(Entered::Text(String::new()));
        }
    };
    view! {
        <div class=text(move || if is_swap() { "pair" } else { "pair-one" }.to_owned())>
            <div class="field">
                <label for="ticket-token">{text(move || if is_swap() { "From" } else { "Token" }.to_owned())}</label>
                <TokenSelect id="ticket-token" value=Signal::derive(move || Some(desk.selected.get())) on_choose=choose/>
            </div>
            <Show when=is_swap>
                <button type="button" class="button button-quiet button-icon" aria-label="Swap the two sides" title="Swap the two sides" data-testid="flip" on:click=flip>
                    <Icon shape=Shape::Flip/>
                </button>
                <div class="field">
                    <label for="ticket-other">"To"</label>
                    <TokenSelect id="ticket-other" value=draft.other on_choose=move |key: TokenKey| {
                        draft.other.set(Some(key));
                        draft.refused.set(None);
                    }/>
                </div>
            </Show>
        </div>
    }
}

#[component]
fn TokenSelect(
    id: &'static str,
    #[prop(into)] value: Signal<Option<TokenKey>>,
    #[prop(into)] on_choose: Callback<TokenKey>,
) -> impl IntoView {
    let desk = use_desk();
    // Everything with a price of its own, what is held or added, and what is chosen.
    let offered = Memo::new(move |_| {
        let mut tokens: Vec<Token> =
            TokenTable::builtin().iter().filter(|token| token.origin == Origin::Builtin).cloned().collect();
        let held: Vec<TokenKey> = desk
            .with_account(|account| {
                let held = account.positions().map(|position| position.token());
                held.chain(account.added_tokens().map(|token| token.key)).collect()
            })
            .unwrap_or_default();
        for key in held.into_iter().chain(desk.watched.get()).chain(value.get()) {
            if let Some(token) = desk.token(key)
                && tokens.iter().all(|known| known.key != key)
            {
                tokens.push(token);
            }
        }
        tokens.sort_by_key(|token| token.symbol.to_lowercase());
        tokens
    });
    let groups = move || {
        [Chain::Base, Chain::Ethereum, Chain::BaseSepolia, Chain::Sepolia]
            .into_iter()
            .map(|chain| {
                let options = offered
                    .read()
                    .iter()
                    .filter(|token| token.key.chain == chain)
                    .map(|token| {
                        let key = token.key;
                        view! { <option value=key.to_string() prop:selected=move || value.get() == Some(key)>{token.symbol.clone()}</option> }
                    })
                    .collect_view();
                view! { <optgroup label=chain.name()>{options}</optgroup> }
            })
            .collect_view()
    };
    view! {
        <select
            id=id
            class="select"
            data-testid=id
            on:change=move |event| {
                if let Ok(key) = event_target_value(&event).parse() {
                    on_choose.run(key);
                }
            }
        >
            <Show when=move || value.get().is_none()>
                <option value="" selected=true>"Choose a token"</option>
            </Show>
            {groups}
        </select>
    }
}

#[component]
fn AmountField(draft: Draft, answer: Memo<Answer>, input: NodeRef<Input>) -> impl IntoView {
    let desk = use_desk();
    let symbol = Memo::new(move |_| desk.naming(desk.selected.get()).0);
    let options = Signal::derive(move || {
        vec![(Unit::Usd, "USD".to_owned(), "unit-usd"), (Unit::Token, symbol.get(), "unit-token")]
    });
    // "All" shows what it comes to.
    let shown = text(move || match draft.entered.get() {
        Entered::Text(text) => text,
        Entered::All => answer.with(|answer| match answer {
            Answer::Ready(order, preview) => match preview.paid {
                Amount::Usd(usd) => usd.to_string(),
                Amount::Units(units) => {
                    order.sold().map_or_else(String::new, |key| units.quantity(desk.naming(key).1).to_string())
                }
            },
            Answer::Unready(_) | Answer::Rejected(..) => "All".to_owned(),
        }),
    });
    let error = Memo::new(move |_| match &*answer.read() {
        Answer::Unready(Unready::NotANumber(error)) => Some(sentence(&format!("{error}."))),
        Answer::Unready(Unready::NoAccount | Unready::Empty | Unready::NoOther)
        | Answer::Rejected(..)
        | Answer::Ready(..) => None,
    });
    let label = text(move || match (draft.side.get(), draft.unit.get()) {
        (Side::Buy, Unit::Usd) => "You pay, in dollars".to_owned(),
        (Side::Buy, Unit::Token) => format!("You receive, in {}", symbol.get()),
        (Side::Sell | Side::Swap, Unit::Usd) => format!("You give {} worth, in dollars", symbol.get()),
        (Side::Sell | Side::Swap, Unit::Token) => format!("You give, in {}", symbol.get()),
    });
    let available = text(move || {
        let token = desk.selected.get();
        desk.with_account(|account| match draft.side.get() {
            Side::Buy => format!("{} in cash", format::usd(account.cash())),
            Side::Sell | Side::Swap => {
                let (symbol, decimals) = desk.naming(token);
                format!("{} {symbol} held", format::units(account.units(token), decimals))
            }
        })
        .unwrap_or_default()
    });
    let choose_unit = move |unit: Unit| {
        if draft.unit.get_untracked() != unit {
            draft.unit.set(unit);
            draft.entered.set(Entered::Text(String::new()));
        }
    };
    view! {
        <div class="field">
            <div class="amount" data-invalid=text(move || error.read().is_some().to_string())>
                <label for="ticket-amount">{label}</label>
                <input
                    node_ref=input
                    id="ticket-amount"
                    class="num"
                    type="text"
                    inputmode="decimal"
                    placeholder="0"
                    autocomplete="off"
                    autofocus=true
                    data-testid="amount"
                    aria-invalid=text(move || error.read().is_some().to_string())
                    aria-describedby="ticket-amount-note"
                    prop:value=shown
                    on:input=move |event| {
                        draft.entered.set(Entered::Text(event_target_value(&event)));
                        draft.refused.set(None);
                    }
                />
                <Segments label="Amount in" options=options value=draft.unit on_choose=choose_unit/>
            </div>
            <div class="amount-foot">
                <span class="num faint small" data-testid="available">{available}</span>
                <div class="chips" role="group" aria-label="Share of what you have">
                    {[25_u8, 50, 75, 100]
                        .into_iter()
                        .map(|percent| {
                            let words = if percent == 100 { "Max".to_owned() } else { format!("{percent}%") };
                            view! { <button type="button" data-testid=format!("take-{percent}") on:click=move |_| { draft.take(percent); draft.refused.set(None); }>{words}</button> }
                        })
                        .collect_view()}
                </div>
            </div>
            <p id="ticket-amount-note" class="field-error" data-testid="amount-error">{error}</p>
        </div>
    }
}

#[component]
fn ToleranceField(draft: Draft) -> impl IntoView {
    let custom = RwSignal::new(String::new());
    let value = Memo::new(move |_| draft.tolerance_now());
    let is_custom = move || TOLERANCES.iter().all(|(ppm, ..)| *ppm != value.get());
    let parse = move |text: String| {
        let parts = text.trim().trim_end_matches('%').trim().parse::<rust_decimal::Decimal>().ok();
        let parts =
            parts.and_then(|percent| u32::try_from((percent * rust_decimal::Decimal::from(10_000)).round()).ok());
        match parts.and_then(Ppm::new) {
            Some(ppm) if ppm.parts() > 0 => draft.tolerance.set(Some(ppm)),
            Some(_) | None => draft.tolerance.set(None),
        }
        custom.set(text);
    };
    let options: Vec<_> = TOLERANCES.iter().map(|(ppm, words, name)| (*ppm, (*words).to_owned(), *name)).collect();
    let choose = move |ppm: Ppm| {
        custom.set(String::new());
        draft.tolerance.set(Some(ppm));
    };
    view! {
        <div class="tolerance">
            <span class="field-label">"Tolerance"</span>
            <Segments label="Slippage tolerance" options=options value=value on_choose=choose class="chips"/>
            <input
                class="input input-small num"
                type="text"
                inputmode="decimal"
                aria-label="Own tolerance in percent"
                placeholder=text(move || if is_custom() { format::ppm(value.get()) } else { "Own %".to_owned() })
                autocomplete="off"
                data-testid="tolerance-own"
                prop:value=custom
                on:input=move |event| parse(event_target_value(&event))
            />
        </div>
        <Show when={move || value.get() > WIDE}>
            <p class="warn small" data-testid="tolerance-wide">
                {text(move || format!("With {} you accept a much worse price than quoted.", format::ppm(value.get())))}
            </p>
        </Show>
    }
}

/// The place where an old price is accepted. It is there exactly when it is needed, or given.
#[component]
fn Consent(draft: Draft, needs: Memo<bool>) -> impl IntoView {
    let desk = use_desk();
    let is_offline = Memo::new(move |_| desk.is_offline());
    let age = move || {
        desk.quote(desk.selected.get()).map(|quote| format::age(quote.age_ms(desk.now.get()))).unwrap_or_default()
    };
    view! {
        <Show when=move || needs.get()>
            <div class="note note-warn" data-testid="consent">
                <label class="check">
                    <input type="checkbox" prop:checked=draft.consent on:change=move |event| draft.consent.set(event_target_checked(&event))/>
                    <span>
                        {text(move || if is_offline.get() {
                            format!("Trade offline on the last known price, {} old. The record will say so.", age())
                        } else {
                            format!("Trade on this price although it is {} old. The record will say so.", age())
                        })}
                    </span>
                </label>
            </div>
        </Show>
        <Show when=move || is_offline.get() && !needs.get()>
            <p class="warn small" data-testid="offline-note">{text(move || format!("Offline: this uses the last known price, {} old, and the record will say so.", age()))}</p>
        </Show>
    }
}

/// Why nothing can be placed, or why the last try came to nothing.
#[component]
fn Reason(draft: Draft, answer: Memo<Answer>) -> impl IntoView {
    let desk = use_desk();
    let told = move || {
        if let Some(refusal) = draft.refused.get() {
            let cause = match (&refusal, &*answer.read()) {
                (Refusal::Rejected(rejection), Answer::Ready(order, _) | Answer::Rejected(order, _)) => {
                    trade_words::rejection(desk, rejection, order).1
                }
                (other, _) => format!("{}.", sentence(&other.to_string())),
            };
            return Some((cause, format!("Nothing was changed. {}", refusal.remedy()), "note note-loss"));
        }
        match &*answer.read() {
            Answer::Rejected(order, rejection) => Some((
                trade_words::rejection(desk, rejection, order).1,
                rejection.remedy().to_owned(),
                "note note-warn",
            )),
            Answer::Unready(_) | Answer::Ready(..) => None,
        }
    };
    view! {
        <div role="status" id="ticket-reason">
            {move || told().map(|(cause, remedy, class)| view! {
                <div class=class data-testid="reason">
                    <div>
                        <p class="strong">{cause}</p>
                        <p>{remedy}</p>
                    </div>
                </div>
            })}
        </div>
    }
}

/// The button. It says what will happen, or why not.
#[component]
fn Place(draft: Draft, answer: Memo<Answer>, button: NodeRef<Button>, amount: NodeRef<Input>) -> impl IntoView {
    let desk = use_desk();
    let says = text(move || {
        let stage = draft.stage.get();
        match &*answer.read() {
            _ if stage == Stage::Placing => "Writing it to your journal".to_owned(),
            Answer::Ready(order, preview) => {
                let deed = doing(desk, order, preview.paid, preview.expected);
                if stage == Stage::Edit { deed } else { format!("Confirm: {deed}") }
            }
            Answer::Rejected(order, rejection) => trade_words::rejection(desk, rejection, order).0.to_owned(),
            Answer::Unready(Unready::NoAccount) if desk.trouble.with(Option::is_some) => {
                "No account is open".to_owned()
            }
            Answer::Unready(Unready::NoAccount) => "Opening your account".to_owned(),
            Answer::Unready(Unready::Empty) => "Enter an amount".to_owned(),
            Answer::Unready(Unready::NotANumber(_)) => "Enter an amount like 1234.56".to_owned(),
            Answer::Unready(Unready::NoOther) => "Choose a token to swap to".to_owned(),
        }
    });
    let is_ready = move || matches!(*answer.read(), Answer::Ready(..)) && draft.stage.get() != Stage::Placing;
    let is_reviewing = move || matches!(draft.stage.get(), Stage::Review { .. });
    view! {
        <button
            node_ref=button
            type="submit"
            class="button button-primary button-large num"
            data-testid="place"
            aria-disabled=text(move || (!is_ready()).to_string())
            aria-describedby="ticket-reason"
        >
            {says}
        </button>
        <p class="reason" role="status">
            {move || match (is_reviewing(), is_ready()) {
                (true, _) => view! {
                    "Enter confirms, Escape goes back. "
                    <button type="button" class="link-button" data-testid="back" on:click=move |_| { draft.edit(); focus(amount); }>"Back"</button>
                }.into_any(),
                (false, true) => "You review it before anything happens.".into_any(),
                (false, false) => ().into_any(),
            }}
        </p>
    }
}
