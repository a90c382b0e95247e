//! Widgets of the desk. Each reads the desk's signals and calls its commands; `common` knows no domain.

pub mod account_menu;
pub mod account_summary;
pub mod badges;
pub mod banner;
pub mod chart;
pub mod common;
pub mod equity_curve;
pub mod history_table;
pub mod keys;
pub mod looks;
pub mod market_list;
pub mod positions_table;
pub mod price;
pub mod receipt;
pub mod shell;
pub mod theme;
pub mod ticket;
pub mod toasts;
pub mod token_head;
pub mod trade_words;
pub mod transfer;

pub use account_menu::AccountMenu;
pub use account_summary::AccountSummary;
pub use badges::Badges;
pub use banner::Banner;
pub use chart::Chart;
pub use equity_curve::EquityCurve;
pub use history_table::HistoryTable;
pub use market_list::MarketList;
pub use positions_table::PositionsTable;
pub use receipt::ReceiptSheet;
pub use shell::Shell;
pub use ticket::Ticket;
pub use toasts::ToastList;
pub use token_head::TokenHead;
