//! One file a route.

mod accounts;
mod conventions;
mod diagnostics;
mod history;
mod more;
mod not_found;
mod portfolio;
mod prices;
mod settings;
mod trade;

pub use accounts::Accounts;
pub use conventions::Conventions;
pub use diagnostics::Diagnostics;
pub use history::History;
pub use more::More;
pub use not_found::NotFound;
pub use portfolio::Portfolio;
pub use prices::Prices;
pub use settings::Settings;
pub use trade::Trade;
