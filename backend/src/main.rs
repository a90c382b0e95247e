//! The binary: reads its arguments and runs the command they name.

use std::process::ExitCode;

use backend::cli::Cli;
use clap::Parser as _;

/// Most of what a request allocates is gone with its answer, and some of it is larger than what the system's
/// allocator has at hand.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
