//! One file a route.

mod accounts;
mod branches;
mod conventions;
mod diagnostics;
mod history;
mod live;
mod more;
mod not_found;
mod portfolio;
mod prices;
mod settings;
mod thoughts;
mod trade;
mod watch;

pub use accounts::Accounts;
pub use branches::BranchesPage;
pub use conventions::Conventions;
pub use diagnostics::Diagnostics;
pub use history::History;
pub use live::LivePage;
pub use more::More;
pub use not_found::NotFound;
pub use portfolio::Portfolio;
pub use prices::Prices;
pub use settings::Settings;
pub use thoughts::Thoughts;
pub use trade::Trade;
pub use watch::WatchPage;
