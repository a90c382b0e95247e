//! The ticket: what to trade, what comes of it, and one button that says exactly what will happen.
//!
//! Enter reviews, Enter again confirms, Escape backs out. [`draft`] holds what was entered and asks the
//! simulator; [`preview`] shows its answer line by line.

pub mod draft;
pub mod form;
pub mod preview;

pub use form::Ticket;
