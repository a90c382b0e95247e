//! The server as a process of its own, for stories that kill it: the same as the `foolscap` binary, without the app.

use std::process::ExitCode;

use backend::cli::Cli;
use clap::Parser as _;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
