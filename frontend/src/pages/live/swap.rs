//! A swap to be done for real: typed, quoted, looked at, sent. It is sent by the button that says exactly what will
//! happen, and by nothing else; what was perhaps sent is asked again before anything else is.

use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use rust_decimal::Decimal;
use shared::chain::Chain;
use shared::money::Units;
use shared::transaction::fees::cost;
use shared::transaction::gas::Strategy;
use shared::wire::transactions::{Asset, Exact, NewTransaction, Venue};
use shared::wire::wallet::{Offer, SwapQuote};

use super::detail::{coins, route};
use super::list::swap as words_of;
use super::server::{offer_name, say_refused};
use crate::components::common::{Line, Segments, text};
use crate::desk::Tone;
use crate::desk::live::Live;
use crate::format::typed::{editable, typed};
use crate::format::words::sentence;
use crate::format::{age, number};
use crate::later::later;

/// A quote that is older says little, in milliseconds.
const STALE_MS: u64 = 30_000;
/// Gas that the server adds to an estimate, in percent.
const MARGIN_PERCENT: u64 = 20;

/// What is typed, and what came of it.
#[derive(Clone, Copy)]
struct Form {
    live: Live,
    chain: RwSignal<Option<Chain>>,
    sell: RwSignal<Option<Asset>>,
    buy: RwSignal<Option<Asset>>,
    /// Whether what is bought is exact, and not what is sold.
    buys: RwSignal<bool>,
    amount: RwSignal<String>,
    tolerance: RwSignal<String>,
    minutes: RwSignal<String>,
    strategy: RwSignal<Strategy>,
    venue: RwSignal<Option<Venue>>,
    wrong: RwSignal<String>,
    is_asking: RwSignal<bool>,
    quoted: RwSignal<Option<(NewTransaction, SwapQuote)>>,
}

impl Form {
    /// The chain that is chosen, or the first there is. Tracked.
    fn on(self) -> Option<Chain> {
        let chosen = self.chain.get();
        chosen.or_else(|| self.live.wallet.with(|told| told.as_ref()?.chains.first().map(|on| on.chain)))
    }

    /// What may be swapped there: asset and symbol. Tracked.
    fn assets(self) -> Vec<(Asset, String)> {
        let chain = self.on();
        let read = |on: &shared::wire::wallet::WalletChain| {
            on.assets.iter().map(|held| (held.asset, held.symbol.clone())).collect()
        };
        chain.and_then(|chain| self.live.on(chain, read)).unwrap_or_default()
    }

    /// What is sold and bought: what was chosen, or the first two.
    fn pair(self) -> Option<(Asset, Asset)> {
        let assets = self.assets();
        let sell = self.sell.get().or(assets.first().map(|(asset, _)| *asset))?;
        let usual = assets.iter().map(|(asset, _)| *asset).filter(|asset| *asset != sell).nth(1);
        Some((sell, self.buy.get().or(usual)?))
    }

    /// The swap as it is typed, or what is wrong with it.
    fn read(self) -> Result<NewTransaction, String> {
        let no_chain =
            || later!("The server signs on no chain: give it the URL of a node, and start it again.").to_owned();
        let chain = self.on().ok_or_else(no_chain)?;
        let (sell, buy) = self.pair().ok_or_else(no_chain)?;
        if sell == buy {
            return Err(later!("What is sold is what is bought: choose two.").to_owned());
        }
        let told = |words: String| [&sentence(&words), "."].concat();
        let exact = if self.buys.get() { buy } else { sell };
        let decimals = self.live.naming(chain, exact).1.unwrap_or_default();
        let digits = typed(&self.amount.read()).map_err(|error| told(error.to_string()))?;
        let units = Units::parse(&digits, decimals).map_err(|error| told(error.to_string()))?;
        if units.is_zero() {
            return Err(later!("Type how much.").to_owned());
        }
        let whole = |text: RwSignal<String>, scale: u32, most: u32| {
            let number = typed(&text.read()).ok()?.parse::<Decimal>().ok()?;
            let number = number.checked_mul(Decimal::from(scale))?;
            u32::try_from(number).ok().filter(|_| number.is_integer()).filter(|number| *number <= most)
        };
        let tolerance = whole(self.tolerance, 100, 5_000).and_then(|bps| u16::try_from(bps).ok());
        let tolerance = tolerance
            .ok_or_else(|| later!("A tolerance is a percentage from 0 to 50, to the hundredth.").to_owned())?;
        let seconds = whole(self.minutes, 60, 86_400).filter(|seconds| *seconds >= 30);
        let seconds = seconds.ok_or_else(|| later!("Minutes are from 0.5 to 1440.").to_owned())?;
        let exact = if self.buys.get() { Exact::Buy(units) } else { Exact::Sell(units) };
        Ok(NewTransaction {
            max_slippage_bps: tolerance,
            deadline_seconds: seconds,
            strategy: self.strategy.get(),
            venue: self.venue.get(),
            ..NewTransaction::new(chain, sell, buy, exact)
        })
    }

    fn ask(self) {
        let asked = match untrack(|| self.read()) {
            Ok(asked) => asked,
            Err(words) => return self.wrong.set(words),
        };
        self.wrong.set(String::new());
        self.is_asking.set(true);
        spawn_local(async move {
            let answer = self.live.quote(&asked).await;
            let _ = self.is_asking.try_set(false);
            match answer {
                Ok(quote) => {
                    let _ = self.quoted.try_set(Some((asked, quote)));
                    // A keyboard goes on where the eyes are: the button that sends is one step further.
                    request_animation_frame(|| focus("live-review"));
                }
                Err(refused) => {
                    let _ = self.wrong.try_set([&sentence(&refused.to_string()), "."].concat());
                }
            }
        });
    }

    fn send(self) {
        let Some((asked, _)) = self.quoted.get_untracked() else { return };
        if self.live.is_sending.get_untracked() {
            return;
        }
        self.quoted.set(None);
        let live = self.live;
        spawn_local(async move { answered(live, live.submit(asked).await) });
    }
}

fn answered(live: Live, answer: Result<(), crate::io::accounts::Refused>) {
    match answer {
        Ok(()) => live.say(
            Tone::Plain,
            later!("It is taken up"),
            later!("Real, not paper: follow it on this page to its end."),
        ),
        Err(refused) if live.unanswered.with_untracked(Option::is_some) => {
            live.say(
                Tone::Warn,
                later!("Nobody knows whether it was taken up"),
                &[&sentence(&refused.to_string()), "."].concat(),
            );
        }
        Err(refused) => say_refused(live, later!("It was not taken up, and nothing was signed"), &refused.to_string()),
    }
}

fn focus(id: &str) {
    use wasm_bindgen::JsCast as _;
    if let Some(element) = document().get_element_by_id(id) {
        let _ = element.unchecked_into::<web_sys::HtmlElement>().focus();
    }
}

/// The form, and what was quoted.
pub fn form(live: Live) -> AnyView {
    let form = Form {
        live,
        chain: RwSignal::new(None),
        sell: RwSignal::new(None),
        buy: RwSignal::new(None),
        buys: RwSignal::new(false),
        amount: RwSignal::new(String::new()),
        tolerance: RwSignal::new(editable("0.5")),
        minutes: RwSignal::new("20".to_owned()),
        strategy: RwSignal::new(Strategy::Balanced),
        venue: RwSignal::new(None),
        wrong: RwSignal::new(String::new()),
        is_asking: RwSignal::new(false),
        quoted: RwSignal::new(None),
    };
    let is_reviewed = Memo::new(move |_| form.quoted.with(Option::is_some));
    let is_blocked = Memo::new(move |_| live.unanswered.with(Option::is_some));
    view! {
        <section aria-labelledby="live-swap" data-testid="live-swap">
            <h2 id="live-swap">"Swap for real"</h2>
            {move || is_blocked.get().then(|| unanswered(live))}
            {move || (!is_blocked.get()).then(|| if is_reviewed.get() { review(form) } else { fields(form) })}
        </section>
    }
    .into_any()
}

/// What was sent, and of which nobody knows whether it arrived.
fn unanswered(live: Live) -> AnyView {
    let words = live.unanswered.with_untracked(|asked| asked.as_ref().map(|asked| words_of(live, asked)));
    let again = move |_| {
        if !live.is_sending.get_untracked() {
            spawn_local(async move { answered(live, live.ask_again().await) });
        }
    };
    view! {
        {move || if live.is_sending.get() {
            view! { <p class="faint" role="status" data-testid="live-sending">{later!("Sending…")}</p> }.into_any()
        } else {
            view! {
                <div class="note note-warn" role="alert" data-testid="live-unanswered">
                    <p class="strong">{words.clone()}</p>
                    <p>{later!("This was sent, and no answer says whether it was taken up. Ask again: it is the same request under the same key, so it is done once at most.")}</p>
                    <div class="actions">
                        <button type="button" class="button button-primary" data-testid="live-again" on:click=again>"Ask again"</button>
                        <button type="button" class="button" data-testid="live-drop" on:click=move |_| live.forget_unanswered()>{later!("Leave it; look for it in the list")}</button>
                    </div>
                </div>
            }.into_any()
        }}
    }
    .into_any()
}

fn fields(form: Form) -> AnyView {
    let live = form.live;
    let chains = Memo::new(move |_| {
        live.wallet.with(|told| told.iter().flat_map(|told| &told.chains).map(|on| on.chain).collect::<Vec<_>>())
    });
    let assets = Memo::new(move |_| form.assets());
    let pair = Memo::new(move |_| form.pair());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if !form.is_asking.get_untracked() {
            form.ask();
        }
    };
    let choose_chain = move |event: leptos::ev::Event| {
        form.chain.set(event_target_value(&event).parse().ok());
        form.sell.set(None);
        form.buy.set(None);
    };
    let sides = vec![(false, "What I sell".to_owned(), "live-sells"), (true, "What I buy".to_owned(), "live-buys")];
    let unit = text(move || {
        let exact = pair.get().map(|(sell, buy)| if form.buys.get() { buy } else { sell });
        let named = form.on().zip(exact).map(|(chain, asset)| live.naming(chain, asset).0);
        ["How much, in ", &named.unwrap_or_default()].concat()
    });
    view! {
        <form class="form" on:submit=submit novalidate=true data-testid="live-form">
            {move || chains.with(|chains| (chains.len() > 1).then(|| view! {
                <div class="field">
                    <label for="live-chain">"Chain"</label>
                    <select id="live-chain" class="select" data-testid="live-chain" on:change=choose_chain>
                        {chains.iter().map(|chain| { let chain = *chain; view! { <option value=chain.to_string() prop:selected=move || form.on() == Some(chain)>{chain.name()}</option> } }).collect_view()}
                    </select>
                </div>
            }.into_any()))}
            <div class="field-row">
                {asset("live-sell", "Sell", form.sell, assets, Signal::derive(move || pair.get().map(|(sell, _)| sell)))}
                {asset("live-buy", "Buy", form.buy, assets, Signal::derive(move || pair.get().map(|(_, buy)| buy)))}
            </div>
            <div class="field">
                <span class="field-label">"Exact is"</span>
                <Segments label="Exact is" options=sides value=form.buys on_choose=move |buys| form.buys.set(buys)/>
            </div>
            <div class="field">
                <label for="live-amount">{unit}</label>
                <input id="live-amount" class="input num" type="text" inputmode="decimal" autocomplete="off" placeholder="0" data-testid="live-amount" aria-describedby="live-wrong"
                    aria-invalid=text(move || (!form.wrong.read().is_empty()).to_string())
                    prop:value=form.amount on:input=move |event| form.amount.set(event_target_value(&event))/>
            </div>
            <details class="live-terms">
                <summary>{later!("Tolerance, gas, where and until when")}</summary>
                <div class="form">
                    {field("live-tolerance", "Tolerance, in percent", later!("Worse than quoted by more than this and the exchange refuses it."), form.tolerance)}
                    <div class="field">
                        <label for="live-strategy">"Gas"</label>
                        <select id="live-strategy" class="select" data-testid="live-strategy" on:change=move |event| {
                            let name = event_target_value(&event);
                            form.strategy.set(Strategy::ALL.into_iter().find(|strategy| strategy.name() == name).unwrap_or_default());
                        }>
                            {Strategy::ALL.map(|strategy| view! { <option value=strategy.name() prop:selected=move || form.strategy.get() == strategy>{sentence(&strategy.name().replace('_', " "))}</option> }).into_iter().collect_view()}
                        </select>
                    </div>
                    <div class="field">
                        <label for="live-venue">"Where"</label>
                        <select id="live-venue" class="select" data-testid="live-venue" on:change=move |event| form.venue.set(match &*event_target_value(&event) {
                            "v2" => Some(Venue::UniswapV2),
                            "v3" => Some(Venue::UniswapV3),
                            _ => None,
                        })>
                            <option value="" prop:selected=move || form.venue.get().is_none()>"Where it is best after gas"</option>
                            <option value="v2" prop:selected=move || form.venue.get() == Some(Venue::UniswapV2)>"Uniswap V2"</option>
                            <option value="v3" prop:selected=move || form.venue.get() == Some(Venue::UniswapV3)>"Uniswap V3"</option>
                        </select>
                    </div>
                    {field("live-minutes", "Given up after, in minutes", later!("What is not mined by then is not wanted any more."), form.minutes)}
                </div>
            </details>
            <p id="live-wrong" class="field-error" role="alert" data-testid="live-wrong">{form.wrong}</p>
            <div class="actions">
                <button type="submit" class="button" data-testid="live-quote" aria-disabled=text(move || form.is_asking.get().to_string())>
                    {move || if form.is_asking.get() { "Asking…" } else { "Quote it" }}
                </button>
            </div>
        </form>
    }
    .into_any()
}

fn field(id: &'static str, label: &'static str, hint: &'static str, value: RwSignal<String>) -> AnyView {
    let note = [id, "-hint"].concat();
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input id=id class="input num" type="text" inputmode="decimal" autocomplete="off" data-testid=id aria-describedby=note.clone()
                prop:value=value on:input=move |event| value.set(event_target_value(&event))/>
            <p id=note class="field-hint">{hint}</p>
        </div>
    }
    .into_any()
}

fn asset(
    id: &'static str,
    label: &'static str,
    chosen: RwSignal<Option<Asset>>,
    assets: Memo<Vec<(Asset, String)>>,
    value: Signal<Option<Asset>>,
) -> AnyView {
    let choose = move |event: leptos::ev::Event| chosen.set(event_target_value(&event).parse().ok());
    let option = move |(asset, symbol): &(Asset, String)| {
        let (asset, symbol) = (*asset, symbol.clone());
        view! { <option value=asset.to_string() prop:selected=move || value.get() == Some(asset)>{symbol}</option> }
            .into_any()
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <select id=id class="select" data-testid=id on:change=choose>
                {move || assets.with(|assets| assets.iter().map(option).collect_view())}
            </select>
        </div>
    }
    .into_any()
}

/// What would happen, to be looked at before it does.
fn review(form: Form) -> AnyView {
    let live = form.live;
    let Some((asked, quote)) = form.quoted.get_untracked() else { return ().into_any() };
    let line = |name: &'static str, help: &'static str, value: String| {
        view! { <Line name=name help=help>{value}</Line> }.into_any()
    };
    let (chain, plan) = (asked.chain, &quote.plan);
    let (exact_asset, exact_units, other, is_sale) = match asked.exact {
        Exact::Sell(units) => (asked.sell, units, asked.buy, true),
        Exact::Buy(units) => (asked.buy, units, asked.sell, false),
    };
    let exact = live.amount(chain, exact_asset, exact_units);
    let (base_expected, base_limit) = (plan.expected.to_string(), plan.limit.to_string());
    let (expected, limit) = (live.amount(chain, other, plan.expected), live.amount(chain, other, plan.limit));
    let (sold, got, bound) = if is_sale {
        ("You sell", "You get, as quoted", "At least")
    } else {
        ("You buy", "You pay, as quoted", "At most")
    };
    let button = if is_sale {
        ["Send for real: sell ", &exact, " for at least ", &limit].concat()
    } else {
        ["Send for real: buy ", &exact, " for at most ", &limit].concat()
    };
    let impact = quote.impact_ppm.map_or_else(|| number::UNKNOWN.to_owned(), |ppm| number::ppm_parts(i64::from(ppm)));
    let ours = quote.offers.iter().find(|offer| offer.is_ours && offer.by == asked.strategy.name());
    let gas = quote.gas.saturating_add(quote.approval_gas.unwrap_or(0));
    let measured = if quote.is_tried { later!(" (tried)") } else { later!(" (estimated)") };
    let costs = ours.map(|ours| {
        let most = gas.saturating_mul(100 + MARGIN_PERCENT) / 100;
        view! {
            {line("Gas", later!("Units of gas: tried on the chain as it is now, or estimated from the way where an approval comes first."), [&number::whole(gas), measured].concat())}
            {line("Gas costs", later!("At the next block’s base fee and our tip."), coins(cost(ours.pays, gas)))}
            {line("Gas costs at most", later!("All the gas it may use, at the most it offers."), coins(cost(ours.fees.max_fee, most)))}
        }
        .into_any()
    });
    let against = quote.offers.iter().filter(|offer| !offer.is_ours).map(|offer: &Offer| {
        let name = ["By ", &offer_name(offer)].concat();
        let shown = coins(cost(offer.pays, gas));
        view! { <Line name=name>{shown}</Line> }.into_any()
    });
    let approval = quote.approval_gas.map(|_| {
        view! { <p class="small">{later!("An approval of exactly this amount is signed first: the router may take no more.")}</p> }.into_any()
    });
    let trouble = quote.trouble.as_ref().map(|words| {
        view! { <p class="note note-loss" role="alert" data-testid="live-trouble">{["It would not be done as things are: ", words, "."].concat()}</p> }.into_any()
    });
    let is_stuck = quote.trouble.is_some();
    let now = live.now();
    let as_of = quote.as_of;
    let is_old = Memo::new(move |_| now.get().since(as_of) > STALE_MS);
    let quoted = text(move || ["Quoted ", &age(now.get().since(as_of)), " ago"].concat());
    let send = move |_| {
        if !is_stuck && !is_old.get_untracked() {
            form.send();
        }
    };
    let change = move || {
        form.quoted.set(None);
        request_animation_frame(|| focus("live-amount"));
    };
    let back = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            change();
        }
    };
    view! {
        <div class="live-review" data-testid="live-review" on:keydown=back>
            <h3 id="live-review" tabindex="-1">{words_of(live, &asked)}</h3>
            <dl class="figures">
                {line(sold, later!("Exactly."), exact)}
                <Line name=got><span data-testid="live-expected" data-units=base_expected>{expected}</span></Line>
                <Line name=bound help=later!("By this quote and your tolerance. It is quoted once more when it is signed; that quote’s limit holds, and the exchange refuses anything worse.")><span data-testid="live-limit" data-units=base_limit>{limit}</span></Line>
                {line("Way", later!("The best after gas, of all that were quoted."), route(live, chain, plan))}
                {line("Price impact", later!("How much worse it is, for each unit, than a thousandth of it would be."), impact)}
                {costs}
            </dl>
            <h3>{later!("The same gas, measured against")}</h3>
            <dl class="figures" data-testid="live-against">{against.collect_view()}</dl>
            {approval}
            {trouble}
            <p class="faint small" role="status">{move || is_old.get().then_some(later!("This quote is old. Quote it again."))}</p>
            <div class="live-send">
                <button type="button" class="button button-large button-live" data-testid="live-send"
                    aria-disabled=text(move || (is_stuck || is_old.get()).to_string()) on:click=send>{button}</button>
                <button type="button" class="button" data-testid="live-requote" on:click=move |_| { form.quoted.set(None); form.ask(); }>"Quote it again"</button>
                <button type="button" class="button" data-testid="live-back" on:click=move |_| change()>"Change it"</button>
                <span class="faint small">{quoted}</span>
            </div>
        </div>
    }
    .into_any()
}
