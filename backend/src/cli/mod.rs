//! `foolscap`'s subcommands, a file each. They call the same functions as the page.

mod serve;

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
enum Command {
    /// Serve the desk and its API (this is what happens without a subcommand)
    Serve(Flags),
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
        }
    }
}
