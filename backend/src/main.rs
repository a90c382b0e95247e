//! The binary: reads its arguments and runs the command they name.

use std::process::ExitCode;

use backend::cli::Cli;
use clap::Parser as _;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
