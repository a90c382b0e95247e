//! The ticket: what to trade, what comes of it, and one button that says exactly what will happen.
//!
//! Enter reviews, Enter again confirms, Escape backs out. [`draft`] holds what was entered and asks the
//! simulator. The fields are [`pair`], [`amount`] and [`tolerance`]; [`preview`] shows the simulator's
//! answer line by line, [`consent`] asks for what only a person can agree to, and [`button`] says what will
//! happen, or why not.

mod amount;
mod button;
mod consent;
mod draft;
mod form;
mod pair;
mod preview;
mod rate;
mod shares;
mod tolerance;

pub use form::Ticket;
