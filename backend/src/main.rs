//! The binary: reads its arguments and runs the command they name.

use std::process::ExitCode;

use backend::cli::Cli;
use clap::Parser as _;

/// Most of what a request allocates is gone with its answer, and most of what sockets hold is gone with them: the
/// system's allocator is slow with the one and keeps the other for good.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
