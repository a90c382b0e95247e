//! How figures, times and addresses read. Nothing here computes: exact text in, readable text out.
//!
//! Every figure is cut from the core's own decimal text, never passed through a binary float, so what
//! is shown is a prefix of what is kept. Unknown is `-`, and never zero.

pub mod address;
pub mod marks;
pub mod number;
pub mod time;
pub mod typed;
pub mod words;

pub use address::{short_address, short_hash};
pub use number::{compact_usd, gwei, percent, ppm, price, quantity, signed_usd, units, usd, usd_fine};
pub use time::{age, date_time, relative};
pub use typed::{an_amount, editable};
