//! How the live side is: what gas costs now, and the circuit breakers that hold new transactions back.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::chain::Chain;
use shared::wire::transactions::BreakerInfo;
use shared::wire::wallet::Offer;

use crate::components::common::Line;
use crate::desk::Tone;
use crate::desk::live::Live;
use crate::format::words::sentence;
use crate::format::{age, gwei};
use crate::later::later;

/// Wei per gas as gwei.
pub fn per_gas(wei: u128) -> String {
    gwei(u64::try_from(wei).unwrap_or(u64::MAX))
}

/// What gas would be offered for now.
pub fn gas(live: Live) -> AnyView {
    let known = Memo::new(move |_| {
        live.wallet.with(|told| {
            let chains = told.iter().flat_map(|told| &told.chains);
            chains.map(|on| (on.chain, on.gas.clone())).collect::<Vec<(Chain, Vec<Offer>)>>()
        })
    });
    let row = |offer: &Offer| {
        let name = offer_name(offer);
        let most = ["at most ", &per_gas(offer.fees.max_fee), ", tip ", &per_gas(offer.fees.priority_fee)].concat();
        let pays = per_gas(offer.pays);
        view! { <Line name=name><span title=most>{pays}</span></Line> }.into_any()
    };
    view! {
        <section aria-labelledby="live-gas" data-testid="live-gas">
            <h2 id="live-gas">"Gas now"</h2>
            <p class="faint small">{later!("What a unit of gas would cost in the next block: by our strategies, and by those they are measured against.")}</p>
            {move || known.with(|known| known.iter().map(|(chain, offers)| view! {
                <h3>{chain.name()}</h3>
                <dl class="figures">{offers.iter().map(row).collect_view()}</dl>
            }.into_any()).collect_view())}
        </section>
    }
    .into_any()
}

/// Who offers it, in words.
pub fn offer_name(offer: &Offer) -> String {
    if offer.is_ours {
        return sentence(&offer.by.replace('_', " "));
    }
    match &*offer.by {
        "geth" => "geth’s suggestion",
        "alloy" => "alloy’s default",
        _ => "MetaMask’s medium",
    }
    .to_owned()
}

/// The breakers.
pub fn breakers(live: Live) -> AnyView {
    view! {
        <section aria-labelledby="live-breakers" data-testid="live-breakers">
            <h2 id="live-breakers">"Circuit breakers"</h2>
            <p class="faint small">{later!("They hold back what is new after failures in a row. What is out already is never held.")}</p>
            {move || live.breakers.with(|all| view! { <ul class="rows">{all.iter().map(|breaker| one(live, breaker)).collect_view()}</ul> }.into_any())}
        </section>
    }
    .into_any()
}

fn one(live: Live, breaker: &BreakerInfo) -> AnyView {
    let name = [breaker.chain.name(), ": ", &breaker.name.replace('_', " ")].concat();
    let (class, state) = match &*breaker.state {
        "closed" => ("badge badge-good", "nothing is held".to_owned()),
        "half_open" => ("badge badge-stale", "one is trying".to_owned()),
        _ => ("badge badge-bad", ["next try in ", &age(breaker.wait_ms.unwrap_or(0))].concat()),
    };
    let label = ["Close the breaker ", &name].concat();
    let known = breaker.clone();
    let reset = move |_| {
        let known = known.clone();
        spawn_local(async move {
            if let Err(refused) = live.reset(&known).await {
                say_refused(live, later!("The breaker stays as it is"), &refused.to_string());
            }
        });
    };
    let button = (breaker.state != "closed").then(|| {
        view! { <button type="button" class="button" aria-label=label data-testid="live-reset" on:click=reset>"Close it"</button> }.into_any()
    });
    view! {
        <li class="row" data-testid="live-breaker" data-state=breaker.state.clone()>
            <span>{name}" "<span class=class>{breaker.state.replace('_', " ")}</span>" "<span class="faint small">{state}</span></span>
            {button}
        </li>
    }
    .into_any()
}

/// Says that the server did not do it.
pub fn say_refused(live: Live, title: &str, cause: &str) {
    live.say(Tone::Bad, title, &[&sentence(cause), "."].concat());
}
