//! `foolscap`'s subcommands, a file each. They call the same functions as the page.

pub mod breakers;
mod ledger;
mod lines;
pub mod prices;
mod quote;
mod remote;
mod replay;
mod schemas;
mod serve;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Flags;

/// A paper-trading desk for decentralised exchanges.
#[derive(Debug, Parser)]
#[command(name = "foolscap", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Flags,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, once a process")]
enum Command {
    /// Serve the desk and its API (this is what happens without a subcommand)
    Serve(Flags),
    /// Fill trade requests from standard input, JSON a line
    Simulate(simulate::Args),
    /// Quote what pools give for an amount
    Quote(quote::Args),
    /// Verify a journal and show the account it makes
    Replay(replay::Args),
    /// Book plain fills and show what they left, line by line
    Ledger(ledger::Args),
    /// Look after the prices of a running server
    #[command(subcommand)]
    Prices(prices::Action),
    /// Look after what holds new transactions back at a running server
    #[command(subcommand)]
    Breakers(breakers::Action),
    /// Write the API's description and the schemas of every command's input and output
    Schemas(schemas::Args),
}

/// How a command ended, for the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything went well.
    Ok = 0,
    /// Something outside went wrong: a port, a file, the network.
    Failed = 1,
    /// The flags or settings do not fit.
    Usage = 2,
    /// The input cannot be read, or does not verify.
    BadInput = 3,
    /// The input was read, and some of it was refused.
    Refused = 4,
}

impl Exit {
    /// The one that weighs more, of two lines of input: what cannot be read weighs more than what is refused.
    fn or(self, other: Exit) -> Exit {
        match (self, other) {
            (Exit::BadInput, _) | (_, Exit::BadInput) => Exit::BadInput,
            (Exit::Ok, other) => other,
            (this, _) => this,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Exit {
        match self.command.unwrap_or(Command::Serve(self.serve)) {
            Command::Serve(flags) => serve::run(&flags),
            Command::Simulate(args) => simulate::run(&args),
            Command::Quote(args) => quote::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Ledger(args) => ledger::run(&args),
            Command::Prices(action) => prices::run(&action),
            Command::Breakers(action) => breakers::run(action),
            Command::Schemas(args) => schemas::run(&args),
        }
    }
}

/// Says on standard error why a command ended.
fn complain(error: &dyn std::error::Error, exit: Exit) -> Exit {
    eprintln!("foolscap: {error}");
    exit
}
